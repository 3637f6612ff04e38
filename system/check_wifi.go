package system

import (
	"fmt"
	"strconv"
	"strings"

	"bantam/spelling"
	"bantam/system/syntax"
)

// mostOnRadio is how many networks a radio may have: few cards can more.
const mostOnRadio = 8

// Keys of a table with wifi that say what only one of the two modes can, or only the table of the radio.
var (
	ofAP    = []string{"radio", "isolate", "band", "channel", "width", "standard"}
	ofRadio = []string{"country", "band", "channel", "width", "standard"}
)

// checkWifi checks a radio's network by itself and beside the others.
func (l *linkCheck) checkWifi(name string, n *syntax.Node, path string, table *syntax.Node, net Net) {
	w := net.Wifi
	own := w.All()[0]
	l.checkNetwork(table, path, own, w.Band == "6")
	if !w.AP() {
		l.checkStation(table, path, w)
	} else {
		l.checkAP(name, table, path, w)
		l.checkAPPort(n, syntax.Join("net", name), net)
	}
	if country := table.Get("country"); ok(country) && !isCountry(w.Country) {
		suggestion := `write the two letters of ISO 3166, e.g. "DE"`
		if upper := strings.ToUpper(w.Country); isCountry(upper) {
			suggestion = "write " + syntax.Quote(upper)
		}
		l.fail(country, suggestion, "%s.country: %q is not the code of a country", path, w.Country)
	}
}

func isCountry(code string) bool {
	return len(code) == 2 && code[0] >= 'A' && code[0] <= 'Z' && code[1] >= 'A' && code[1] <= 'Z'
}

// checkNetwork checks the name of a network and what opens it.
func (l *linkCheck) checkNetwork(table *syntax.Node, path string, w WifiNetwork, sixGHz bool) {
	switch ssid := table.Get("ssid"); {
	case ssid == nil:
		l.fail(table, "name the network as it calls itself", "%s: ssid is missing", path)
	case !ok(ssid):
	case w.SSID == "" || len(w.SSID) > MostSSID:
		l.fail(ssid, "", "%s.ssid: it has %d bytes, and a network's name has 1 to %d", path, len(w.SSID), MostSSID)
	case strings.ContainsFunc(w.SSID, func(c rune) bool { return c < ' ' || c == 0x7f }):
		l.fail(ssid, "remove it", "%s.ssid: it has a control character", path)
	}
	passphrase, security := table.Get("passphrase"), table.Get("security")
	switch {
	case reported(security):
	case w.Security == WifiOpen && passphrase != nil:
		l.fail(passphrase, "remove one of the lines", "%s.passphrase: a network that is open has none", path)
	case w.Security == WifiOpen && sixGHz:
		l.fail(security, `write "wpa3"`, "%s.security: at 6 GHz there is WPA3 alone", path)
	case w.Security == WifiOpen:
	case passphrase == nil:
		l.fail(table, `add passphrase = { secret = "wifi" }`, "%s: passphrase is missing", path)
	case ok(passphrase) && w.Passphrase.Secret == "":
		l.fail(passphrase, `write { secret = "wifi" }`, "%s.passphrase: a generation may be sent anywhere, so it holds no passphrase", path)
	case sixGHz && !w.WPA3() && ok(security):
		l.fail(security, `write "wpa3"`, "%s.security: at 6 GHz there is WPA3 alone", path)
	}
}

func (l *linkCheck) checkStation(table *syntax.Node, path string, w *Wifi) {
	for _, key := range ofAP {
		if k := table.Get(key); ok(k) {
			suggestion := `remove it, or write mode = "ap"`
			if key == "radio" {
				suggestion = `a radio has one station: write its networks as networks of that one, or mode = "ap" there and here`
			}
			l.failKey(k, suggestion, "%s.%s: a station has what its access point says", path, key)
		}
	}
	had := map[string]string{w.SSID: path}
	list := table.Get("networks")
	for i, other := range w.Networks {
		item, at := list.Item(i), path+".networks["+strconv.Itoa(i)+"]"
		if item == nil || item.Kind != syntax.TableKind {
			continue
		}
		l.checkNetwork(item, at, other, false)
		if ssid := item.Get("ssid"); ok(ssid) && had[other.SSID] != "" {
			l.fail(ssid, "leave one of them out", "%s.ssid: %q is in %s already", at, other.SSID, had[other.SSID])
		}
		had[other.SSID] = at
	}
}

func (l *linkCheck) checkAP(name string, table *syntax.Node, path string, w *Wifi) {
	if k := table.Get("networks"); ok(k) {
		l.failKey(k, `write a table [net.NAME] with wifi = { radio = "`+name+`", ... } for each`, "%s.networks: they are of a station", path)
	}
	radio := table.Get("radio")
	if ok(table.Get("ssid")) {
		l.only(table.Get("ssid"), path+".ssid", fmt.Sprintf("the network %q of %s", w.SSID, RadioOf(name, w)), "give one of them another name")
	}
	if radio != nil {
		for _, key := range ofRadio {
			if k := table.Get(key); ok(k) {
				l.failKey(k, "write it there", "%s.%s: it is that of the radio, of which net.%s says it", path, key, w.Radio)
			}
		}
		l.checkRadio(name, table, path, w)
		return
	}
	if table.Get("country") == nil {
		l.fail(table, `add e.g. country = "DE"`, "%s: country is missing: which channels an access point may use is the law of where it stands", path)
	}
	if links := WifiLinks(l.system.Net, name); len(links) > mostOnRadio {
		l.fail(table, "", "%s: %d networks on one radio, more than %d", path, len(links), mostOnRadio)
	}
	l.checkChannel(table, path, w)
}

// checkRadio checks that a further network is on the radio of another access point.
func (l *linkCheck) checkRadio(name string, table *syntax.Node, at string, w *Wifi) {
	radio, path := table.Get("radio"), at+".radio"
	if !l.linkName(radio, path, w.Radio, name) {
		return
	}
	switch of, named := l.system.Net[w.Radio]; {
	case !named || of.Wifi == nil:
		var radios []string
		for _, other := range sortedKeys(l.system.Net) {
			if o := l.system.Net[other]; o.IsAP() && o.Wifi.Radio == "" {
				radios = append(radios, other)
			}
		}
		suggestion := "write the name of a table with wifi = { mode = \"ap\", ... }"
		if near := spelling.Nearest(w.Radio, radios); near != "" {
			suggestion = "did you mean " + syntax.Quote(near) + "?"
		} else if len(radios) == 1 {
			suggestion = "write " + syntax.Quote(radios[0])
		}
		l.fail(radio, suggestion, "%s: net.%s has no wifi", path, w.Radio)
	case !of.Wifi.AP():
		l.fail(radio, "", "%s: %s is a station, which keeps its radio to itself", path, w.Radio)
	case of.Wifi.Radio != "":
		l.fail(radio, "write "+syntax.Quote(of.Wifi.Radio), "%s: %s is itself on the radio of %s", path, w.Radio, of.Wifi.Radio)
	case of.Wifi.Band == "6" && w.Security != "wpa3" && table.Get("security") == nil:
		l.fail(table, `add security = "wpa3"`, "%s: at 6 GHz there is WPA3 alone", at)
	case of.Wifi.Band == "6" && w.Security != "wpa3":
		l.fail(table.Get("security"), `write "wpa3"`, "%s.security: at 6 GHz there is WPA3 alone", at)
	}
}

func (l *linkCheck) checkChannel(table *syntax.Node, path string, w *Wifi) {
	for _, key := range ofRadio {
		if reported(table.Get(key)) {
			return
		}
	}
	if !hasStandard(w.Band, w.Standard) {
		l.fail(table.Get("standard"), "write one of "+strings.Join(wifiBands[w.Band].standards, ", "), "%s.standard: %q is not used at %s GHz", path, w.Standard, w.Band)
		return
	}
	channel, width := table.Get("channel"), table.Get("width")
	if center, _ := WifiCenter(w.Band, w.Channel, 20); center == 0 {
		l.fail(channel, channelsOf[w.Band], "%s.channel: %d is no channel at %s GHz", path, w.Channel, w.Band)
		return
	}
	var can []string
	for _, known := range wifiWidths[w.Standard] {
		if center, _ := WifiCenter(w.Band, w.Channel, known); center == 0 {
			continue
		}
		if known == w.Width {
			return
		}
		can = append(can, strconv.Itoa(known))
	}
	l.fail(width, "write one of "+strings.Join(can, ", "), "%s.width: channel %d at %s GHz with standard %q is not %d MHz wide", path, w.Channel, w.Band, w.Standard, w.Width)
}

var channelsOf = map[string]string{
	"2.4": "write 1 to 13",
	"5":   "write one of 36, 40, 44 and so on to 64, 100 to 144, or 149 to 165",
	"6":   "write one of 1, 5, 9 and so on to 233",
}

// checkAPPort checks what else the table of an access point says: who could tell it something is behind it.
func (l *linkCheck) checkAPPort(n *syntax.Node, at string, net Net) {
	if m := n.Get("ipv4"); ok(m) && net.IPv4 == "dhcp" {
		l.fail(m, `give it addresses, or make it a port of a bridge that asks`, "%s.ipv4: an access point has nobody to ask", at)
	}
	if m := n.Get("ipv6"); ok(m) && net.LearnsIPv6() {
		l.fail(m, "remove the line, or make it a port of a bridge", "%s.ipv6: an access point has no router to learn from", at)
	}
	if m := n.Get("prefix"); ok(m) {
		l.failKey(m, "write it in the table of the port that leads to the provider", "%s.prefix: an access point has nobody to ask", at)
	}
	if m := n.Get("match"); ok(m) && net.Wifi.Radio != "" {
		l.failKey(m, "remove it", "%s.match: the link is made, so there is no port to give the name to", at)
	}
}

// wifiRemarks says of a network what most people want otherwise.
func wifiRemarks(net Net) (remarks []remark) {
	for _, w := range net.Wifi.All() {
		if w.Security != WifiOpen {
			continue
		}
		text := fmt.Sprintf("%q is open: whoever is in reach joins it", w.SSID)
		if !net.IsAP() {
			text = fmt.Sprintf("%q is open: whoever calls himself so is joined", w.SSID)
		}
		remarks = append(remarks, remark{text + ", and reads what is not encrypted", `write a passphrase, unless that is meant`})
	}
	return remarks
}
