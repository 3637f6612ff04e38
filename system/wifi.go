package system

import (
	"cmp"
	"slices"
	"strconv"

	"bantam/system/syntax"
)

// Wifi is a radio's network: that of others, of which the link is a station, or one of its own (IEEE 802.11).
type Wifi struct {
	Mode       string `toml:"mode" values:"station,ap" doc:"\"station\" (it joins a network) or \"ap\" (it is an access point)" default:"station, or ap with radio"`
	SSID       string `toml:"ssid" doc:"name of the network, 1 to 32 bytes, e.g. \"home\""`
	Passphrase Value  `toml:"passphrase" doc:"its passphrase, which only a secret can be: { secret = \"wifi\" }"`
	Security   string `toml:"security" values:"wpa2+wpa3,wpa2,wpa3,open" doc:"\"wpa2+wpa3\" (what the other end can), \"wpa2\" (PSK), \"wpa3\" (SAE) or \"open\" (everybody may join and listen)" default:"wpa2+wpa3, or wpa3 at 6 GHz"`
	Hidden     bool   `toml:"hidden" doc:"true: its name is not announced, and has to be asked for" default:"false"`
	Country    string `toml:"country" doc:"where the machine is, whose rules for radio hold, e.g. \"DE\""`

	Networks []WifiNetwork `toml:"networks" doc:"of a station: further networks, of which the first in reach is used, e.g. [{ ssid = \"office\", ... }]"`

	Radio    string `toml:"radio" doc:"of an access point: makes this a further network of that one's radio, e.g. \"wlan0\""`
	Isolate  bool   `toml:"isolate" doc:"true: its stations do not reach each other" default:"false"`
	Band     string `toml:"band" values:"2.4,5,6" doc:"of an access point, in GHz: \"2.4\" (which all devices have), \"5\" (faster, less far) or \"6\" (Wi-Fi 6E alone)" default:"2.4"`
	Channel  int    `toml:"channel" doc:"number of the channel, e.g. 11" default:"1, 36 at 5 GHz, 5 at 6 GHz"`
	Width    int    `toml:"width" doc:"of the channel in MHz: 20, 40, 80 or 160" default:"20 at 2.4 GHz, else up to 80 as the channel allows"`
	Standard string `toml:"standard" values:"n,ac,ax" doc:"\"n\" (Wi-Fi 4), \"ac\" (Wi-Fi 5) or \"ax\" (Wi-Fi 6): the newest that the card can" default:"n, ac at 5 GHz, ax at 6 GHz"`
}

// WifiNetwork is a further network that a station may join.
type WifiNetwork struct {
	SSID       string `toml:"ssid" doc:"name of the network, 1 to 32 bytes"`
	Passphrase Value  `toml:"passphrase" doc:"its passphrase, which only a secret can be: { secret = \"office\" }"`
	Security   string `toml:"security" values:"wpa2+wpa3,wpa2,wpa3,open" doc:"\"wpa2+wpa3\" (what the other end can), \"wpa2\" (PSK), \"wpa3\" (SAE) or \"open\" (everybody may listen)" default:"wpa2+wpa3"`
	Hidden     bool   `toml:"hidden" doc:"true: its name is not announced" default:"false"`
}

// Values of Wifi.Mode and Wifi.Security.
const (
	WifiAP   = "ap"
	WifiOpen = "open"
)

// LeastPassphrase and MostPassphrase bound a passphrase, in bytes (IEEE 802.11, J.4.1); MostSSID a network's name.
const (
	LeastPassphrase, MostPassphrase = 8, 63

	MostSSID = 32
)

// PassphraseFault says why a text is no passphrase of a network; "" for one that is. A passphrase is of printable ASCII, which
// every device can type.
func PassphraseFault(text []byte) string {
	if len(text) < LeastPassphrase || len(text) > MostPassphrase {
		return "it has " + strconv.Itoa(len(text)) + " bytes, and a passphrase has " + strconv.Itoa(LeastPassphrase) + " to " + strconv.Itoa(MostPassphrase)
	}
	for _, c := range text {
		if c < ' ' || c > '~' {
			return "it has something else than letters, digits, blanks and signs of ASCII"
		}
	}
	return ""
}

// AP tells whether it is an access point, and not a station.
func (w *Wifi) AP() bool { return w.Mode == WifiAP }

// IsAP tells whether the link is an access point.
func (n Net) IsAP() bool { return n.Wifi != nil && n.Wifi.AP() }

// RadioOf is the port whose radio a link's network is on: its own name or that of another table.
func RadioOf(name string, w *Wifi) string { return cmp.Or(w.Radio, name) }

// WifiLinks are the links on a radio, itself first.
func WifiLinks(net map[string]Net, radio string) []string {
	links := []string{radio}
	for _, name := range sortedKeys(net) {
		if w := net[name].Wifi; w != nil && w.Radio == radio && name != radio {
			links = append(links, name)
		}
	}
	return links
}

// All are the networks that are meant, in the order in which a station wants them.
func (w *Wifi) All() []WifiNetwork {
	return append([]WifiNetwork{{SSID: w.SSID, Passphrase: w.Passphrase, Security: w.Security, Hidden: w.Hidden}}, w.Networks...)
}

// secretsOf adds the uses of secrets in a link's table.
func (w *Wifi) secretsOf(name string, uses []SecretUse) []SecretUse {
	at := syntax.Join("net", name) + ".wifi"
	for i, n := range w.All() {
		if i > 0 {
			at = syntax.Join("net", name) + ".wifi.networks[" + strconv.Itoa(i-1) + "]"
		}
		if n.Passphrase.Secret != "" {
			uses = append(uses, SecretUse{Secret: n.Passphrase.Secret, Path: at + ".passphrase", Session: RadioOf(name, w), Wifi: true})
		}
	}
	return uses
}

// wifiBlocks are the channels of a band, each four numbers from the next, in runs that wider channels do not leave.
var wifiBlocks = map[string][]struct{ first, count int }{
	"5": {{36, 8}, {100, 12}, {149, 5}},
	"6": {{1, 59}},
}

// WifiCenter is the number of the middle of a channel that is so many MHz wide; upper: it is the upper half of its 40 MHz.
// Without such a channel it is zero.
func WifiCenter(band string, channel, width int) (center int, upper bool) {
	if band == "2.4" {
		switch {
		case channel < 1 || channel > 13 || width != 20 && width != 40:
			return 0, false
		case width == 20:
			return channel, false
		case channel > 7:
			return channel - 2, true
		}
		return channel + 2, false
	}
	n := width / 20
	for _, b := range wifiBlocks[band] {
		i := (channel - b.first) / 4
		if channel < b.first || i >= b.count || (channel-b.first)%4 != 0 {
			continue
		}
		if start := i - i%n; start+n <= b.count {
			return b.first + 4*start + 2*(n-1), i%2 == 1
		}
	}
	return 0, false
}

// wifiWidths are the widths of channels by standard, the usual first.
var wifiWidths = map[string][]int{"n": {40, 20}, "ac": {80, 40, 20, 160}, "ax": {80, 40, 20, 160}}

// wifiBands is what holds in a band where nothing is said, and which standards it has.
var wifiBands = map[string]struct {
	channel   int
	standards []string
}{
	"2.4": {1, []string{"n", "ax"}},
	"5":   {36, []string{"ac", "n", "ax"}},
	"6":   {5, []string{"ax"}},
}

func (w *Wifi) applyDefaults() {
	if w.Mode == "" && w.Radio != "" {
		w.Mode = WifiAP
	}
	w.Mode = cmp.Or(w.Mode, "station")
	ap := w.AP()
	if w.Security == "" && ap && w.Band == "6" {
		w.Security = "wpa3"
	}
	w.Security = cmp.Or(w.Security, usualSecurity)
	for i := range w.Networks {
		w.Networks[i].Security = cmp.Or(w.Networks[i].Security, usualSecurity)
	}
	if !ap || w.Radio != "" {
		return
	}
	w.Band = cmp.Or(w.Band, "2.4")
	band, known := wifiBands[w.Band]
	if !known {
		return // said
	}
	w.Channel = cmp.Or(w.Channel, band.channel)
	w.Standard = cmp.Or(w.Standard, band.standards[0])
	if w.Width == 0 && w.Band == "2.4" {
		w.Width = 20
	}
	for _, width := range wifiWidths[w.Standard] {
		if center, _ := WifiCenter(w.Band, w.Channel, width); w.Width == 0 && center != 0 {
			w.Width = width
		}
	}
}

const usualSecurity = "wpa2+wpa3"

// WPA3 tells whether a network has to be one of WPA3 alone.
func (n WifiNetwork) WPA3() bool { return n.Security == "wpa3" }

// HasStandard tells whether a band has a standard.
func hasStandard(band, standard string) bool {
	return slices.Contains(wifiBands[band].standards, standard)
}
