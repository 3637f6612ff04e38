package system

import (
	"slices"
	"strings"
	"testing"
)

const houseAir = `[net.lan]
bridge = { ports = ["wlan0"] }
[net.wlan0]
wifi = { mode = "ap", ssid = "house", passphrase = { secret = "house" }, country = "DE", band = "5" }
[net.guest]
wifi = { radio = "wlan0", ssid = "guests", passphrase = { secret = "guests" } }
[net.wlan1]
wifi = { ssid = "far", passphrase = { secret = "far" }, networks = [{ ssid = "other", passphrase = { secret = "house" } }] }
`

func TestWhatWifiNeeds(t *testing.T) {
	s, problems := Parse("f", []byte(houseAir))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	w := s.Net["wlan0"].Wifi
	if w.Channel != 36 || w.Width != 80 || w.Standard != "ac" || w.Security != "wpa2+wpa3" || s.Net["guest"].Wifi.Mode != WifiAP || s.Net["wlan1"].Wifi.Mode != "station" {
		t.Errorf("%+v", w)
	}
	if n := s.Net["guest"]; n.IPv4 != "off" || n.IPv6 != "static" {
		t.Errorf("%+v", n)
	}
	if n := s.Net["wlan1"]; n.IPv4 != "dhcp" || n.IPv6 != "auto" {
		t.Errorf("%+v", n)
	}
	if got, want := s.Sessions(), []Session{{"wlan0", "wifi"}, {"wlan1", "wifi"}}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got, want := s.AllPackages(), []string{"hostapd", "wireless-regdb", "wpasupplicant"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := strings.Join(s.AllModules(), " "); got != "cfg80211 mac80211 ccm ctr cmac gcm bridge" {
		t.Errorf("got %q", got)
	}
	var uses []string
	for _, u := range s.Secrets() {
		uses = append(uses, u.Secret+" "+u.Path+" "+u.Session)
		if !u.Wifi {
			t.Errorf("%+v", u)
		}
	}
	if got, want := strings.Join(uses, "\n"), "guests net.guest.wifi.passphrase wlan0\nhouse net.wlan0.wifi.passphrase wlan0\nfar net.wlan1.wifi.passphrase wlan1\nhouse net.wlan1.wifi.networks[0].passphrase wlan1"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestWhatEndsARadio(t *testing.T) {
	for _, tt := range []struct{ name, from, to, want string }{
		{"nothing", "", "", ""},
		{"another channel", `band = "5"`, `band = "5", channel = 40`, "wlan0: its radio begins anew, and who is connected by it connects again"},
		{"another name for guests", `"guests"`, `"visitors"`, "wlan0: its radio begins anew, and who is connected by it connects again"},
		{"another secret", `secret = "far"`, `secret = "near"`, "wlan1: its radio begins anew, and who is connected by it connects again"},
		{"another bridge", `["wlan0"]`, `["wlan0", "eth0"]`, ""},
		{"no guests", houseAir[strings.Index(houseAir, "[net.guest]"):strings.Index(houseAir, "[net.wlan1]")], "", "guest, a wifi, is deleted\nwlan0: its radio begins anew, and who is connected by it connects again"},
		{"a port like any other", houseAir[strings.Index(houseAir, "wifi = { ssid = \"far\""):], "", "wlan1: its radio falls silent"},
	} {
		a, problems := Parse("a", []byte(houseAir))
		b, more := Parse("b", []byte(strings.Replace(houseAir, tt.from, tt.to, 1)))
		if len(problems)+len(more) > 0 {
			t.Fatal(tt.name, problems, more)
		}
		if got := strings.Join(Interruptions(a.Net, b.Net), "\n"); got != tt.want {
			t.Errorf("%s: got\n%s\nwant\n%s", tt.name, got, tt.want)
		}
	}
}

// The numbers are those of IEEE 802.11, annex E.
func TestTheMiddleOfAChannel(t *testing.T) {
	for _, tt := range []struct {
		band           string
		channel, width int
		center         int
		upper          bool
	}{
		{"2.4", 1, 20, 1, false}, {"2.4", 1, 40, 3, false}, {"2.4", 13, 40, 11, true}, {"2.4", 14, 20, 0, false}, {"2.4", 6, 80, 0, false},
		{"5", 36, 20, 36, false}, {"5", 36, 40, 38, false}, {"5", 40, 40, 38, true}, {"5", 48, 80, 42, true}, {"5", 52, 160, 50, false},
		{"5", 100, 80, 106, false}, {"5", 128, 160, 114, true}, {"5", 132, 80, 138, false}, {"5", 132, 160, 0, false}, {"5", 144, 40, 142, true},
		{"5", 149, 80, 155, false}, {"5", 165, 20, 165, false}, {"5", 165, 40, 0, false}, {"5", 38, 20, 0, false}, {"5", 68, 20, 0, false}, {"5", 0, 20, 0, false},
		{"6", 1, 80, 7, false}, {"6", 5, 160, 15, true}, {"6", 229, 40, 227, true}, {"6", 233, 20, 233, false}, {"6", 233, 40, 0, false}, {"6", 2, 20, 0, false},
	} {
		if center, upper := WifiCenter(tt.band, tt.channel, tt.width); center != tt.center || center != 0 && tt.width == 40 && upper != tt.upper {
			t.Errorf("%s GHz, channel %d, %d MHz: %d, upper %v; want %d, %v", tt.band, tt.channel, tt.width, center, upper, tt.center, tt.upper)
		}
	}
}

func TestAnOpenNetworkIsRemarkedOn(t *testing.T) {
	remarks := Remarks("f", []byte("[net.wlan0]\nwifi = { ssid = \"cafe\", security = \"open\" }\n"))
	if len(remarks) != 1 || !strings.Contains(remarks[0].String(), `f:2:8: remark: net.wlan0.wifi: "cafe" is open`) {
		t.Errorf("%v", remarks)
	}
}
