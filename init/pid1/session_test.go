package pid1

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"bantam/init/secret"
	"bantam/init/supervise"
	"bantam/lifecycle"
	"bantam/netcfg/pppoe"
	"bantam/netcfg/pppoe/dial"
	"bantam/system"
)

const sessionText = `[net.wan]
pppoe = { port = "eth0", user = "a@b", password = { secret = "isp" } }
ipv6 = "off"
`

func TestASessionIsAServiceOfItsOwn(t *testing.T) {
	sys, problems := system.Parse("f", []byte(sessionText))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	defs := definitions(sys, nil, nil)
	i := slices.IndexFunc(defs, func(d supervise.Definition) bool { return d.Name == "pppoe-wan" })
	if i < 0 {
		t.Fatalf("%+v", defs)
	}
	def := defs[i]
	if len(def.Caps) != 2 || def.UID != 0 || def.Secrets[dial.PasswordVariable] != "isp" || !slices.Contains(def.Hide, statePath) {
		t.Errorf("%+v", def)
	}
	var c pppoe.Config
	for _, v := range def.Env {
		if text, ok := strings.CutPrefix(v, dial.ConfigVariable+"="); ok {
			if err := json.Unmarshal([]byte(text), &c); err != nil {
				t.Fatal(err)
			}
		}
	}
	if want := (pppoe.Config{Link: "wan", Port: "eth0", User: "a@b", MTU: 1492, IPv4: true}); c != want {
		t.Errorf("got %+v, want %+v", c, want)
	}

	m := &Machine{secrets: secret.Open(t.TempDir())}
	prints := map[string]bool{}
	for _, password := range []string{"", "one", "two"} {
		if password != "" {
			if err := m.secrets.Set("isp", []byte(password)); err != nil {
				t.Fatal(err)
			}
		}
		print := m.sessionFingerprint(def)
		if print != m.sessionFingerprint(def) || strings.Contains(print, "two") {
			t.Errorf("%q", print)
		}
		prints[print] = true
	}
	if len(prints) != 3 {
		t.Errorf("%d fingerprints of three passwords", len(prints))
	}
}

func TestASessionIsOpenedAnewWhereSomethingOfItHasChanged(t *testing.T) {
	for _, tt := range []struct {
		name    string
		service supervise.State
		want    sessionAct
	}{
		{"it is not there yet", supervise.State{}, sessionRest},
		{"it is not wanted yet", supervise.State{Name: "pppoe-wan"}, sessionStart},
		{"it runs", supervise.State{Name: "pppoe-wan", Wanted: true, PID: 7, Fingerprint: "a", Defined: "a"}, sessionRest},
		{"it runs with another password", supervise.State{Name: "pppoe-wan", Wanted: true, PID: 7, Fingerprint: "a", Defined: "b"}, sessionRestart},
		{"it ends already, to run with another password", supervise.State{Name: "pppoe-wan", Phase: lifecycle.PhaseStopping, Wanted: true, PID: 7, Fingerprint: "a", Defined: "b"}, sessionRest},
		{"it waits for its password", supervise.State{Name: "pppoe-wan", Wanted: true, Defined: "b"}, sessionRest},
		{"a person stopped it", supervise.State{Name: "pppoe-wan", ByHand: true, Defined: "b"}, sessionRest},
	} {
		if got := decideSession(tt.service); got != tt.want {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
	}
}
