package pid1

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"bantam/init/secret"
	"bantam/init/supervise"
	"bantam/lifecycle"
	"bantam/netcfg/pppoe"
	"bantam/netcfg/pppoe/dial"
	"bantam/netcfg/wifi"
	"bantam/netcfg/wifi/radio"
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

func TestARadioIsAServiceWithAUserOfItsOwn(t *testing.T) {
	const text = `[net.wlan0]
wifi = { mode = "ap", ssid = "house", passphrase = { secret = "house" }, country = "DE" }
[net.guest]
wifi = { radio = "wlan0", ssid = "guests", passphrase = { secret = "guests" } }
`
	sys, problems := system.Parse("f", []byte(text))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	var defs []supervise.Definition
	for _, d := range definitions(sys, nil, nil) {
		if system.IsSession(d.Name) {
			defs = append(defs, d)
		}
	}
	if len(defs) != 1 || defs[0].Name != "wifi-wlan0" || defs[0].UID != wifiUser || defs[0].Argv[0] != WifiName || len(defs[0].Caps) != 2 || !slices.Contains(defs[0].Hide, statePath) {
		t.Fatalf("%+v", defs)
	}
	if got := defs[0].Secrets; len(got) != 2 || got["WIFI_SECRET_house"] != "house" || got["WIFI_SECRET_guests"] != "guests" {
		t.Errorf("%v", got)
	}
	i := slices.IndexFunc(defs[0].Env, func(v string) bool { return strings.HasPrefix(v, radio.ConfigVariable+"=") })
	var c wifi.Config
	if err := json.Unmarshal([]byte(strings.TrimPrefix(defs[0].Env[max(i, 0)], radio.ConfigVariable+"=")), &c); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(c, wifi.Of(sys.Net, "wlan0")) || len(c.Links) != 2 || c.Links[1].Name != "guest" {
		t.Errorf("%+v", c)
	}
	m := &Machine{secrets: secret.Open(t.TempDir())}
	before := m.sessionFingerprint(defs[0])
	if err := m.secrets.Set("guests", []byte("welcome-here")); err != nil {
		t.Fatal(err)
	}
	if m.sessionFingerprint(defs[0]) == before {
		t.Error("another passphrase of guests changes nothing")
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
