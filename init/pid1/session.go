package pid1

import (
	"context"
	"encoding/json"
	"io/fs"

	"golang.org/x/sys/unix"

	"bantam/init/supervise"
	"bantam/lifecycle"
	"bantam/netcfg/pppoe"
	"bantam/netcfg/pppoe/dial"
	"bantam/switcher"
	"bantam/system"
)

// sessionFolder is where it is told how sessions are, below the folder of the network's status.
const sessionFolder = "pppoe"

// sessionDefinition is the process of one session with a provider, which is not the network configurator's child: what
// becomes of that leaves the session alone.
func sessionDefinition(name string, n system.Net) supervise.Definition {
	p := n.PPPoE
	config, _ := json.Marshal(pppoe.Config{ // texts and numbers: it has no error
		Link: name, Port: p.Port, User: p.User, Service: p.Service, Concentrator: p.Concentrator,
		MTU: n.SessionMTU(), IPv4: n.IPv4 != "off", IPv6: n.IPv6 != "off",
	})
	return supervise.Definition{
		Name:        system.SessionPrefix + name,
		Argv:        []string{SessionName, name},
		Env:         environment("root", "/", map[string]string{dial.ConfigVariable: string(config)}),
		Secrets:     map[string]string{dial.PasswordVariable: p.Password.Secret},
		Caps:        []int{unix.CAP_NET_ADMIN, unix.CAP_NET_RAW},
		Hide:        []string{statePath, "/root", "/mnt"},
		Vital:       true,
		OOMScoreAdj: -900, // as the network configurator
		MayFail:     true, // the network's own state says what it lacks
	}
}

// sessionFingerprint is that of a session as it would be opened now, with the password that its secret has.
func (m *Machine) sessionFingerprint(def supervise.Definition) string {
	password, _ := m.secrets.Known(def.Secrets[dial.PasswordVariable])
	nowhere := func(string) (string, error) { return "", fs.ErrNotExist } // its program is this machine's own
	return lifecycle.WithFiles(supervise.Fingerprint(def, nowhere), switcher.Keyed(password), "")
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
		for _, name := range m.runs().Sessions() {
			name = system.SessionPrefix + name
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
