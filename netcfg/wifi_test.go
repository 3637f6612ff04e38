package netcfg

import (
	"slices"
	"strings"
	"testing"
	"time"

	"bantam/netcfg/session"
	"bantam/system"
)

// air is a bridge with an access point, guests beside it, and a station.
var air = map[string]system.Net{
	"lan":   {IPv4: "static", IPv6: "off", Addresses: []string{"192.168.1.1/24"}, Bridge: &system.Bridge{Ports: []string{"wlan0"}}},
	"wlan0": {IPv4: "off", IPv6: "static", Wifi: &system.Wifi{Mode: "ap", SSID: "house"}},
	"guest": {IPv4: "static", IPv6: "off", Addresses: []string{"192.168.2.1/24"}, Wifi: &system.Wifi{Mode: "ap", SSID: "guests", Radio: "wlan0"}},
	"wlan1": {IPv4: "dhcp", IPv6: "off", Wifi: &system.Wifi{Mode: "station", SSID: "far"}},
}

// carriedOut is what is done where sessions are so, and how things are then.
func carriedOut(t *testing.T, k *fakeKernel, facts map[string]session.Fact) (done []string, s Status) {
	t.Helper()
	w := Desired(air, system.DNS{}, Facts{Links: k.Links, Sessions: facts})
	for range 4 {
		have, _ := k.Observe()
		if err := k.ReadRoutes(&have, w.State, interest{}, nil); err != nil {
			t.Fatal(err)
		}
		ops, problems := Plan(w.State, have, newOwned())
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		for _, o := range ops {
			if err := k.Apply(o); err != nil {
				t.Fatalf("%v: %v", o, err)
			}
			done = append(done, o.String())
		}
		w = Desired(air, system.DNS{}, Facts{Links: k.Links, Sessions: facts})
	}
	have, _ := k.Observe()
	if err := k.ReadRoutes(&have, w.State, interest{}, nil); err != nil {
		t.Fatal(err)
	}
	return done, report(w, have, nil, nil, func(time.Duration) time.Time { return time.Time{} })
}

func TestAnAccessPointIsItsProgramsUntilItIsOne(t *testing.T) {
	k := newFakeKernel("wlan0", "wlan1")
	waiting := func(s Status, port string) string {
		i := slices.IndexFunc(s.Ports, func(p PortStatus) bool { return p.Name == port })
		return s.Ports[i].Waiting
	}
	facts := map[string]session.Fact{"wlan0": {Reason: "Wi-Fi: listens"}, "wlan1": {Reason: "Wi-Fi: the access point refuses the passphrase"}}
	done, s := carriedOut(t, k, facts)
	for _, o := range done {
		if strings.Contains(o, "wlan0") || strings.Contains(o, "guest") {
			t.Errorf("%s: hostapd has it", o)
		}
	}
	if !k.Links["wlan1"].Up {
		t.Errorf("the station is not set up: %q", done)
	}
	for port, want := range map[string]string{"wlan0": "Wi-Fi: listens", "guest": "Wi-Fi: listens", "wlan1": "Wi-Fi: the access point refuses the passphrase"} {
		if got := waiting(s, port); got != want {
			t.Errorf("%s: waits for %q, want %q", port, got, want)
		}
	}

	// It is one now, and hostapd has made the link for guests.
	up := k.Links["wlan0"]
	up.Up, up.Carrier = true, true
	k.Links["wlan0"] = up
	up.Index, up.MAC[0] = 77, 6
	k.Links["guest"] = up
	facts["wlan0"] = session.Fact{Up: true, AP: true}
	if _, s = carriedOut(t, k, facts); k.Links["wlan0"].Master != "lan" || waiting(s, "wlan0") != "" || waiting(s, "guest") != "" {
		t.Errorf("%+v, %q, %q", k.Links["wlan0"], waiting(s, "wlan0"), waiting(s, "guest"))
	}
	if len(s.Ports) != 4 || k.Links["guest"].Master != "" {
		t.Errorf("%+v", s.Ports)
	}

	// It ends: the bridge lets go, so that the next begin finds a link that can be made an access point.
	facts["wlan0"] = session.Fact{Reason: "Wi-Fi: hostapd was killed (signal 9)"}
	if done, s = carriedOut(t, k, facts); k.Links["wlan0"].Master != "" || waiting(s, "wlan0") != "Wi-Fi: hostapd was killed (signal 9)" {
		t.Errorf("%+v, %q", k.Links["wlan0"], waiting(s, "wlan0"))
	}
	// Nor is it set down: the next hostapd may have set it up already, and would take that for a person's word.
	if !k.Links["wlan0"].Up || !k.Links["guest"].Up {
		t.Errorf("wlan0 %+v, guest %+v: %q", k.Links["wlan0"], k.Links["guest"], done)
	}
}
