// Package wifi is what is known of a radio's networks, and pure: what hostapd or wpa_supplicant is told, and what they say
// means. Package radio is the process that runs one of them for each radio.
//
// hostapd makes the radio an access point, and a link for each further network; wpa_supplicant joins a network. Neither has
// a control socket, writes a file or puts a link into a bridge: addresses, bridges and routes are the network
// configurator's. Enterprise networks (802.1X), mesh and repeaters are not done.
package wifi

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"bantam/netcfg/session"
	"bantam/system"
)

// Words are what is said of a radio.
func Words(radio string) session.Words {
	return session.Words{Kind: Kind, Opening: Opening, Absent: "waiting for port " + radio, Ends: true}
}

const (
	Kind    = "Wi-Fi"
	Opening = "is being set up"
)

// Folder is where the Facts of radios lie.
const Folder = session.Folder + "/wifi"

// Config is what a radio does, but for the passphrases.
type Config struct {
	Links []Link // the radio's own first; of a station there is no other
}

// Link is a link of a radio, and its network.
type Link struct {
	Name string
	system.Wifi
}

// Of is what a radio does by the tables of a system.
func Of(net map[string]system.Net, radio string) (c Config) {
	for _, name := range system.WifiLinks(net, radio) {
		c.Links = append(c.Links, Link{name, *net[name].Wifi})
	}
	return c
}

// Secrets are the names of those that the networks are opened with, each once.
func (c Config) Secrets() (names []string) {
	had := map[string]bool{"": true}
	for _, l := range c.Links {
		for _, n := range l.All() {
			if s := n.Passphrase.Secret; !had[s] {
				had[s] = true
				names = append(names, s)
			}
		}
	}
	return names
}

// Radio is the name of the port.
func (c Config) Radio() string { return c.Links[0].Name }

// Fault says of which secret the value is no passphrase.
func (c Config) Fault(passphrase func(secret string) string) error {
	for _, name := range c.Secrets() {
		if fault := system.PassphraseFault([]byte(passphrase(name))); fault != "" {
			return fmt.Errorf("secret %s is no passphrase: %s: `bantam secret set %s`", name, fault, name)
		}
	}
	return nil
}

// lines is a configuration as it is being written.
type lines []byte

// add adds a line. Neither hostapd nor wpa_supplicant knows an escape for a line end: whoever adds text of others has
// written it in hexadecimal digits, or knows that it has none.
//
//go:noinline
func (l *lines) add(key, value string) {
	*l = append(append(append(*l, key...), '='), value...)
	*l = append(*l, '\n')
}

func (l *lines) number(key string, value int) { l.add(key, strconv.Itoa(value)) }

// text adds lines as they are.
func (l *lines) text(lines string) { *l = append(append(*l, lines...), '\n') }

func (l *lines) when(yes bool, lines string) {
	if yes {
		l.text(lines)
	}
}

// Supplicant is what wpa_supplicant reads. Of two networks in reach the first is joined.
func (c Config) Supplicant(passphrase func(secret string) string) string {
	station := c.Links[0]
	var l lines
	if station.Country != "" {
		l.add("country", station.Country)
	}
	l.text("sae_pwe=2") // both ways that there are to begin SAE
	networks := station.All()
	for i, n := range networks {
		l.text("network={")
		l.add("ssid", hex.EncodeToString([]byte(n.SSID)))
		l.when(n.Hidden, "scan_ssid=1")
		l.number("priority", len(networks)-i)
		switch n.Security {
		case system.WifiOpen:
			l.text("key_mgmt=NONE")
		case "wpa2":
			l.text("key_mgmt=WPA-PSK WPA-PSK-SHA256\nieee80211w=1")
		case "wpa3":
			l.text("key_mgmt=SAE\nieee80211w=2")
		default:
			l.text("key_mgmt=WPA-PSK WPA-PSK-SHA256 SAE\nieee80211w=1")
		}
		if n.Security != system.WifiOpen {
			l.text("proto=RSN\npairwise=CCMP\ngroup=CCMP TKIP")
			l.add("psk", `"`+passphrase(n.Passphrase.Secret)+`"`) // it ends at the last quote of the line
		}
		l.text("}")
	}
	return string(l)
}

// Hostapd is what hostapd reads. mac is the radio's own address, of which those of further networks are made.
func (c Config) Hostapd(passphrase func(secret string) string, mac [6]byte) string {
	var l lines
	radio := c.Links[0]
	for i, link := range c.Links {
		if i == 0 {
			l.add("interface", link.Name)
			l.text("driver=nl80211\nlogger_syslog=0\nlogger_stdout=-1\nlogger_stdout_level=2")
			radio.channel(&l)
		} else {
			l.add("bss", link.Name)
			l.add("bssid", address(mac, i))
		}
		link.network(&l, passphrase, radio.Band == "6")
	}
	return string(l)
}

// address is the MAC address of a further network: one of those that are nobody's.
func address(mac [6]byte, i int) string {
	mac[0] = (mac[0] | 2) ^ byte(i<<2)
	var b []byte
	for _, c := range mac {
		b = append(hex.AppendEncode(b, []byte{c}), ':')
	}
	return string(b[:len(b)-1])
}

// channel is what holds for all networks of a radio.
func (w Link) channel(l *lines) {
	l.add("country_code", w.Country)
	l.text("ieee80211d=1")
	l.when(w.Band == "5", "ieee80211h=1") // channels on which radar is listened for
	if w.Band == "2.4" {
		l.text("hw_mode=g")
	} else {
		l.text("hw_mode=a")
	}
	l.number("channel", w.Channel)
	center, _ := system.WifiCenter(w.Band, w.Channel, w.Width)
	_, upper := system.WifiCenter(w.Band, w.Channel, 40)
	wide := 0
	switch w.Width {
	case 80:
		wide = 1
	case 160:
		wide = 2
	}
	if w.Band == "6" {
		l.number("op_class", map[int]int{20: 131, 40: 132, 80: 133, 160: 134}[w.Width]) // IEEE 802.11, table E-4
	} else {
		l.text("ieee80211n=1")
		if w.Width > 20 && upper {
			l.text("ht_capab=[HT40-]")
		} else {
			l.when(w.Width > 20, "ht_capab=[HT40+]")
		}
	}
	if w.Band == "5" && w.Standard != "n" {
		l.text("ieee80211ac=1")
		l.number("vht_oper_chwidth", wide)
		if wide > 0 {
			l.number("vht_oper_centr_freq_seg0_idx", center)
		}
	}
	if w.Standard == "ax" {
		l.text("ieee80211ax=1")
		if w.Band != "2.4" {
			l.number("he_oper_chwidth", wide)
			l.number("he_oper_centr_freq_seg0_idx", center)
		}
	}
}

// network is what holds for one network.
func (w Link) network(l *lines, passphrase func(secret string) string, sixGHz bool) {
	l.add("ssid2", hex.EncodeToString([]byte(w.SSID)))
	l.when(utf8.ValidString(w.SSID) && strings.ContainsFunc(w.SSID, func(c rune) bool { return c > '~' }), "utf8_ssid=1")
	l.when(w.Hidden, "ignore_broadcast_ssid=1")
	l.when(w.Isolate, "ap_isolate=1")
	l.text("wmm_enabled=1\nauth_algs=1")
	switch w.Security {
	case system.WifiOpen:
		return
	case "wpa2":
		l.text("wpa_key_mgmt=WPA-PSK")
	case "wpa3":
		l.text("wpa_key_mgmt=SAE\nieee80211w=2")
	default:
		l.text("wpa_key_mgmt=WPA-PSK SAE\nieee80211w=1\nsae_require_mfp=1")
	}
	switch {
	case sixGHz:
		l.text("sae_pwe=1")
	case w.Security != "wpa2":
		l.text("sae_pwe=2")
	}
	l.text("wpa=2\nrsn_pairwise=CCMP")
	l.add("wpa_passphrase", passphrase(w.Passphrase.Secret))
}
