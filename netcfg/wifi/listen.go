package wifi

import (
	"strings"

	"bantam/netcfg/session"
	"bantam/printable"
	"bantam/system"
)

// Listener hears what hostapd or wpa_supplicant says of one radio.
type Listener struct {
	Program string // e.g. "hostapd"

	cause string // why it is not up
	rank  int    // of two causes the one that says more has the larger
}

// heard are their words, and what they mean. What has the same rank is true of later moments, and takes the place of the other.
var heard = []struct {
	words, means string
	says         int
	lost         bool // it is not up with that
}{
	// wpa_supplicant
	{words: "reason=WRONG_KEY", means: "the access point refuses the passphrase of %", says: 5, lost: true},
	{words: "pre-shared key may be incorrect", means: "the access point refuses the passphrase", says: 4, lost: true},
	{words: "auth_type=3 auth_transaction=2 status_code=15", means: "the access point refuses the passphrase", says: 4, lost: true},
	{words: "auth_type=3 auth_transaction=2 status_code=1", means: "the access point refuses the passphrase", says: 4, lost: true},
	{words: "CTRL-EVENT-ASSOC-REJECT", means: "the access point refuses this station", says: 2, lost: true},
	{words: "CTRL-EVENT-AUTH-REJECT", means: "the access point refuses this station", says: 2, lost: true},
	{words: "CTRL-EVENT-NETWORK-NOT-FOUND", means: "no network of that name is in reach", says: 2, lost: true},
	{words: "CTRL-EVENT-DISCONNECTED", means: "the access point has let go, or is out of reach", says: 1, lost: true},

	// hostapd
	{words: "DFS-CAC-START", means: "listens for radar for a minute or more, as its channel asks for", says: 2, lost: true},
	{words: "not allowed for AP mode", means: "the country or the card allows no access point on this channel", says: 4},
	{words: "not found from the channel list", means: "the card does not have this channel, or the country does not allow it", says: 4},
	{words: "Hardware does not support configured channel", means: "the card does not have this channel, or the country does not allow it", says: 4},
	{words: "Hardware does not support configured mode", means: "the card does not have this band", says: 4},
	{words: "Driver does not support configured HT capability [HT40", means: "the card has no channels of 40 MHz: write width = 20", says: 4},
	{words: "Failed to set beacon parameters", means: "the card refuses to be an access point so: a smaller width or an older standard may help", says: 3},
	{words: "Could not select hw_mode and channel", means: "the card refuses this channel, width or standard", says: 3},
	{words: "nl80211 driver initialization failed", means: "the card cannot be an access point", says: 2},
	{words: "Failed to create interface", means: "the card has not as many networks", says: 3},
	{words: "AP-DISABLED", means: "the access point has ended", says: 1, lost: true},
	{words: "INTERFACE-DISABLED", means: "somebody has set the link down", says: 1, lost: true},
	{words: "errors found in configuration file", means: "the program of this image does not know what it is told", says: 1},
}

// up are the words with which a radio is up.
var up = []string{"CTRL-EVENT-CONNECTED ", enabled}

const enabled = "AP-ENABLED"

// Hear takes a line.
func (l *Listener) Hear(line string) session.Event {
	for _, words := range up {
		if strings.Contains(line, words) {
			l.cause, l.rank = "", 0
			return session.Told{Fact: session.Fact{AP: words == enabled}}
		}
	}
	for _, h := range heard {
		if !strings.Contains(line, h.words) {
			continue
		}
		if h.says >= l.rank {
			l.rank, l.cause = h.says, strings.Replace(h.means, "%", network(line), 1)
		}
		if !h.lost {
			return nil // the end tells it
		}
		return session.Lost{Text: l.cause}
	}
	return nil
}

// network is the one that a line names, as it has it between quotes.
func network(line string) string {
	_, name, found := strings.Cut(line, `ssid="`)
	end := strings.LastIndexByte(name, '"')
	if !found || end < 0 {
		return "the network"
	}
	return `"` + printable.Escape(name[:min(end, 4*system.MostSSID)]) + `"`
}

// Ended is why a radio is silent whose program ended with a status; below zero is a signal's number.
func (l *Listener) Ended(status int) session.Cause {
	if l.cause != "" {
		return session.Cause{Text: l.cause}
	}
	return session.Cause{Text: session.EndOf(l.Program, status)}
}
