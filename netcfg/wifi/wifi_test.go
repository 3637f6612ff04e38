package wifi

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"bantam/netcfg/session"
	"bantam/system"
)

var update = flag.Bool("update", false, "rewrite golden files")

// odd is a passphrase of everything that one may have.
const odd = `# it's "s3cr3t" \ `

func passphrase(string) string { return odd }

// configs are what radios are told, as system.toml has it.
var configs = map[string]string{
	"ap": `[net.wlan0]
wifi = { mode = "ap", ssid = "house", passphrase = { secret = "house" }, country = "DE" }
[net.guest]
wifi = { radio = "wlan0", ssid = "Gäste \"1\"", security = "open", isolate = true, hidden = true }
[net.things]
wifi = { radio = "wlan0", ssid = "things", security = "wpa2", passphrase = { secret = "things" } }
`,
	"wide":  "[net.wlan0]\nwifi = { mode = \"ap\", ssid = \"house\", passphrase = { secret = \"house\" }, country = \"US\", band = \"5\", channel = 104, width = 160, standard = \"ax\" }\n",
	"upper": "[net.wlan0]\nwifi = { mode = \"ap\", ssid = \"house\", passphrase = { secret = \"house\" }, country = \"US\", channel = 11, width = 40 }\n",
	"six":   "[net.wlan0]\nwifi = { mode = \"ap\", ssid = \"house\", passphrase = { secret = \"house\" }, country = \"US\", band = \"6\" }\n",
	"station": `[net.wlan0]
wifi = { ssid = "#\"home\"", passphrase = { secret = "home" }, country = "DE", networks = [
    { ssid = "office", security = "wpa3", hidden = true, passphrase = { secret = "office" } },
    { ssid = "old", security = "wpa2", passphrase = { secret = "old" } },
    { ssid = "café", security = "open" },
] }
`,
}

func configOf(t *testing.T, text string) Config {
	t.Helper()
	sys, problems := system.Parse("f", []byte(text))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return Of(sys.Net, "wlan0")
}

// text is what a radio's program reads.
func (c Config) text() string {
	if c.Links[0].AP() {
		return c.Hostapd(passphrase, [6]byte{0x52, 0x54, 0, 0, 0, 1})
	}
	return c.Supplicant(passphrase)
}

func TestWhatARadioIsTold(t *testing.T) {
	for name, text := range configs {
		file := filepath.Join("testdata", name+".golden")
		got := []byte(configOf(t, text).text())
		if *update {
			os.WriteFile(file, got, 0o644)
		}
		want, err := os.ReadFile(file)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s, %v: got\n%s\nwant\n%s", name, err, got, want)
		}
	}
}

// A network's name is anybody's to choose, and a generation may come from anywhere.
func TestNoNameBeginsALineOfItsOwn(t *testing.T) {
	for _, name := range []string{"a\npsk=\"x\"\n}", "\"", "#", "a\\", "\xff\x00", strings.Repeat("x", 32), " "} {
		for _, ap := range []string{"ap", "station"} {
			c := Config{Links: []Link{{"wlan0", system.Wifi{Mode: ap, SSID: name, Security: "wpa2", Passphrase: system.Value{Secret: "s"}, Band: "2.4", Channel: 1, Width: 20}}}}
			usual := c
			usual.Links = []Link{c.Links[0]}
			usual.Links[0].SSID = "usual"
			if got, want := strings.Count(c.text(), "\n"), strings.Count(usual.text(), "\n"); got != want || strings.Contains(c.text(), name) && name != "\"" && name != " " && name != "#" {
				t.Errorf("%q: %d lines, want %d:\n%s", name, got, want, c.text())
			}
		}
	}
}

// hostapd and wpa_supplicant themselves read what they are told, where they are installed: with a driver that knows no radio.
func TestTheProgramsReadWhatTheyAreToldAsItIsMeant(t *testing.T) {
	for name, text := range configs {
		c := configOf(t, text)
		program, args := "hostapd", []string{"-t", "-dd", "-K"}
		told := strings.Replace(c.text(), "driver=nl80211", "driver=none", 1)
		if !c.Links[0].AP() {
			program = "wpa_supplicant"
			args = []string{"-dd", "-K", "-D", "none", "-i", "lo", "-c"}
		}
		path, err := exec.LookPath(program)
		if err != nil {
			t.Fatal("no " + program + ": apt-get install hostapd wpasupplicant")
		}
		file := filepath.Join(t.TempDir(), "config")
		if err := os.WriteFile(file, []byte(told), 0o600); err != nil {
			t.Fatal(err)
		}
		// With such a driver hostapd waits for ever, and wpa_supplicant ends.
		out, _ := exec.Command("timeout", append(append([]string{"--preserve-status", "2", path}, args...), file)...).CombinedOutput()
		if bytes.Contains(out, []byte("Line ")) || bytes.Contains(out, []byte("errors found")) || bytes.Contains(out, []byte("Failed to read")) {
			t.Errorf("%s: %s", name, out)
		}
		want := "wlan0: interface state UNINITIALIZED->"
		if program == "wpa_supplicant" {
			want = fmt.Sprintf("PSK (ASCII passphrase) - hexdump_ascii(len=%d)", len(odd))
			for _, ssid := range []string{`id=0 ssid='#\"home\"'`, `id=1 ssid='office'`, `id=2 ssid='old'`, `id=3 ssid='caf\xc3\xa9'`} {
				if !bytes.Contains(out, []byte(ssid)) {
					t.Errorf("%s: no %s in\n%s", name, ssid, out)
				}
			}
		}
		if !bytes.Contains(out, []byte(want)) {
			t.Errorf("%s: no %q in\n%s", name, want, out)
		}
	}
}

func TestWhatARadioSaysIsUnderstood(t *testing.T) {
	lost := func(text string) session.Event { return session.Lost{Text: text} }
	for _, c := range []struct {
		name  string
		lines []string
		want  session.Event // of the last line
		ended string
	}{
		{"let in", []string{"wlan1: CTRL-EVENT-CONNECTED - Connection to 02:00:00:00:00:00 completed [id=0 id_str=]"}, session.Told{}, "wpa_supplicant ended with status 1"},
		{"an access point", []string{"wlan0: interface state COUNTRY_UPDATE->ENABLED", "wlan0: AP-ENABLED "}, session.Told{Fact: session.Fact{AP: true}}, "wpa_supplicant ended with status 1"},
		{"wrong passphrase", []string{`wlan1: CTRL-EVENT-SSID-TEMP-DISABLED id=0 ssid="ho"me" auth_failures=1 duration=10 reason=WRONG_KEY`},
			lost(`the access point refuses the passphrase of "ho"me"`), `the access point refuses the passphrase of "ho"me"`},
		{"wrong passphrase, and what follows from it", []string{`wlan1: CTRL-EVENT-SSID-TEMP-DISABLED id=0 ssid="x" auth_failures=1 duration=10 reason=WRONG_KEY`,
			"wlan1: CTRL-EVENT-DISCONNECTED bssid=02:00:00:00:00:00 reason=3"}, lost(`the access point refuses the passphrase of "x"`), `the access point refuses the passphrase of "x"`},
		{"it is right now", []string{"wlan1: WPA: 4-Way Handshake failed - pre-shared key may be incorrect", "wlan1: CTRL-EVENT-CONNECTED - x", "wlan1: CTRL-EVENT-DISCONNECTED bssid=x reason=3"},
			lost("the access point has let go, or is out of reach"), "the access point has let go, or is out of reach"},
		{"nobody", []string{"wlan1: CTRL-EVENT-NETWORK-NOT-FOUND "}, lost("no network of that name is in reach"), "no network of that name is in reach"},
		{"a terminal is not commanded", []string{"wlan1: CTRL-EVENT-SSID-TEMP-DISABLED id=0 ssid=\"a\x1b[2J\" auth_failures=1 reason=WRONG_KEY"},
			lost(`the access point refuses the passphrase of "a\x1b[2J"`), `the access point refuses the passphrase of "a\x1b[2J"`},
		{"a channel that is not allowed", []string{"Frequency 5180 (primary) not allowed for AP mode, flags: 0x853", "wlan0: IEEE 802.11 Configured channel (36) or frequency (5180) (secondary_channel=0) not found from the channel list of the current mode (2) IEEE 802.11a",
			"wlan0: IEEE 802.11 Hardware does not support configured channel", "Could not select hw_mode and channel. (-3)", "wlan0: interface state COUNTRY_UPDATE->DISABLED", "wlan0: AP-DISABLED "},
			lost("the card does not have this channel, or the country does not allow it"), "the card does not have this channel, or the country does not allow it"},
		{"nothing known", []string{"Successfully initialized wpa_supplicant"}, nil, "wpa_supplicant ended with status 1"},
	} {
		l := Listener{Program: "wpa_supplicant"}
		var got session.Event
		for _, line := range c.lines {
			got = l.Hear(line)
		}
		if got != nil && c.want != nil {
			if a, b := describe(got), describe(c.want); a != b {
				t.Errorf("%s: got %s, want %s", c.name, a, b)
			}
		} else if got != c.want {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
		if got := l.Ended(1); got.Text != c.ended {
			t.Errorf("%s: ended: %q, want %q", c.name, got.Text, c.ended)
		}
	}
}

func describe(e session.Event) string {
	switch e := e.(type) {
	case session.Told:
		return "told " + string(e.Fact.Text())
	case session.Lost:
		return "lost " + e.Text
	}
	return "?"
}

func TestASecretThatIsNoPassphraseIsNamed(t *testing.T) {
	c := configOf(t, configs["station"])
	for value, want := range map[string]string{
		"8 bytes.": "", strings.Repeat("x", 63): "",
		"7 bytes": "it has 7 bytes, and a passphrase has 8 to 63", strings.Repeat("x", 64): "it has 64 bytes, and a passphrase has 8 to 63",
		"pass\nword": "it has something else than letters, digits, blanks and signs of ASCII", "passwörter": "it has something else than letters, digits, blanks and signs of ASCII",
	} {
		err := c.Fault(func(name string) string {
			if name == "office" {
				return value
			}
			return odd
		})
		if want == "" && err != nil || want != "" && (err == nil || err.Error() != "secret office is no passphrase: "+want+": `bantam secret set office`") {
			t.Errorf("%q: %v", value, err)
		}
	}
}
