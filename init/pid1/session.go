package pid1

import (
	"context"
	"encoding/json"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"bantam/init/supervise"
	"bantam/lifecycle"
	"bantam/netcfg/pppoe"
	"bantam/netcfg/pppoe/dial"
	"bantam/netcfg/wifi"
	"bantam/netcfg/wifi/radio"
	"bantam/switcher"
	"bantam/system"
)

// wifiUser runs hostapd and wpa_supplicant and who starts them. It is beyond the numbers of system.toml; no account has it.
const wifiUser = 65538

// sessionDefinition is the process of one session, which is not the network configurator's child: what becomes of that
// leaves the session alone.
func sessionDefinition(s system.Session, net map[string]system.Net) supervise.Definition {
	def := supervise.Definition{
		Name:        s.Service(),
		Argv:        []string{SessionName, s.Port},
		Secrets:     map[string]string{},
		Caps:        []int{unix.CAP_NET_ADMIN, unix.CAP_NET_RAW},
		Hide:        []string{statePath, "/root", "/mnt"},
		Vital:       true,
		OOMScoreAdj: -900, // as the network configurator
		MayFail:     true, // the network's own state says what it lacks
	}
	user, variable := "root", ""
	var config any
	n := net[s.Port]
	switch p := n.PPPoE; {
	case p != nil:
		variable, config = dial.ConfigVariable, pppoe.Config{
			Link: s.Port, Port: p.Port, User: p.User, Service: p.Service, Concentrator: p.Concentrator,
			MTU: n.SessionMTU(), IPv4: n.IPv4 != "off", IPv6: n.IPv6 != "off",
		}
		def.Secrets[dial.PasswordVariable] = p.Password.Secret
	default:
		user, def.Argv[0], def.UID, def.GID = "wifi", WifiName, wifiUser, wifiUser
		c := wifi.Of(net, s.Port)
		for _, name := range c.Secrets() {
			def.Secrets[radio.SecretVariable+name] = name
		}
		variable, config = radio.ConfigVariable, c
	}
	text, _ := json.Marshal(config) // texts and numbers: it has no error
	def.Env = environment(user, "/", map[string]string{variable: string(text)})
	return def
}

// sessionFingerprint is that of a session as it would be opened now, with the values that its secrets have.
func (m *Machine) sessionFingerprint(def supervise.Definition) string {
	var secrets strings.Builder
	for _, variable := range slices.Sorted(maps.Keys(def.Secrets)) {
		value, _ := m.secrets.Known(def.Secrets[variable])
		secrets.WriteString(switcher.Keyed(value))
	}
	nowhere := func(string) (string, error) { return "", fs.ErrNotExist } // its program is this machine's own
	return lifecycle.WithFiles(supervise.Fingerprint(def, nowhere), secrets.String(), "")
}

// sessionAct is what is to be done about a session.
type sessionAct int

const (
	sessionRest sessionAct = iota
	sessionStart
	sessionRestart
)

// decideSession says what is to be done. One that is not wanted any more the supervisor ends by itself.
func decideSession(service supervise.State) sessionAct {
	switch {
	case service.Name == "" || service.ByHand:
		return sessionRest
	case !service.Wanted:
		return sessionStart
	case service.PID != 0 && service.Phase != lifecycle.PhaseStopping && service.Fingerprint != service.Defined:
		return sessionRestart
	}
	return sessionRest
}

// keepSessions looks after the sessions of what runs until ctx ends.
func (m *Machine) keepSessions(ctx context.Context) {
	for ctx.Err() == nil {
		services, network := m.changes()
		for _, s := range m.runs().Sessions() {
			name := s.Service()
			switch decideSession(m.service(name)) {
			case sessionStart:
				_ = m.sup.Start(supervise.ByPlan, name) // it fails when PID 1 is going down
			case sessionRestart:
				_ = m.sup.Restart(supervise.ByPlan, name)
			}
		}
		select {
		case <-services:
		case <-network:
		case <-ctx.Done():
		}
	}
}
