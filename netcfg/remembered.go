package netcfg

import (
	"encoding/json"
	"maps"
	"net"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

	"bantam/regular"
)

// remembered is what a port asks for first after a reboot: the address that it
// had, if it is still the same card. Nothing else of a lease outlives the clock
// that it counts by. PID 1 keeps the text, which means nothing to it, on the
// state volume; it changes only with an address, so that renewals wear no flash.
type remembered map[string]struct { // by port
	MAC     string // e.g. "02:00:00:00:00:01"
	Address netip.Addr
}

const (
	maxRemembered = 128 // ports

	// MaxRemembered bounds the text of what is remembered, in bytes.
	MaxRemembered = 16 << 10

	rememberedFile = "remembered" // in the folder of the reports' receiver
)

// readRemembered reads what was kept; what cannot be read was nothing.
func readRemembered(path string) remembered {
	m := remembered{}
	// An earlier process of ours may have been made to leave anything in it.
	text, err := regular.Read(path, unix.O_NOFOLLOW, MaxRemembered)
	if err != nil || json.Unmarshal(text, &m) != nil || m == nil {
		return remembered{}
	}
	return m
}

// report is what is to be remembered now. It is "" while there has never been anything: PID 1 writes at once
// and then not for a minute, and nothing would be what a machine has that is switched off in its first minute.
func (m remembered) report(ever *bool) string {
	*ever = *ever || len(m) > 0
	if !*ever {
		return ""
	}
	return m.text()
}

func (m remembered) text() string {
	text, err := json.Marshal(m)
	if err != nil {
		return "" // an address of two strings and no cycle: it cannot be
	}
	return string(text)
}

// address is what the port had; invalid for nothing, or with another card.
func (m remembered) address(port string, mac [6]byte) netip.Addr {
	had := m[port]
	if had.MAC != net.HardwareAddr(mac[:]).String() {
		return netip.Addr{}
	}
	return had.Address
}

// note takes down what the port has now; an invalid address: nothing that may be asked for again.
func (m remembered) note(port string, mac [6]byte, a netip.Addr) {
	switch {
	case a.IsValid():
		m[port] = struct {
			MAC     string
			Address netip.Addr
		}{net.HardwareAddr(mac[:]).String(), a}
	case m.address(port, mac).IsValid():
		delete(m, port)
	}
	for _, other := range slices.Sorted(maps.Keys(m))[:max(len(m)-maxRemembered, 0)] {
		delete(m, other)
	}
}
