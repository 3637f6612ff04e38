package netcfg

import (
	"encoding/hex"
	"encoding/json"
	"maps"
	"net"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

	"bantam/regular"
)

// remembered is what is to be known after a reboot: what the machine calls itself by DHCPv6, and what each port asks for
// first, if it is still the same card. Nothing else of a lease outlives the clock that it counts by. PID 1 keeps the
// text, which means nothing to it, on the state volume; it changes only with an address, so that renewals wear no flash.
type remembered struct {
	DUID  string `json:",omitempty"` // in hex
	Ports map[string]had
}

// had is what a port had.
type had struct {
	MAC     string         // e.g. "02:00:00:00:00:01"
	Address netip.Addr     `json:",omitzero"`  // by DHCPv4
	Leased6 []netip.Prefix `json:",omitempty"` // by DHCPv6: addresses, as /128, and prefixes
}

const (
	maxRemembered = 128 // ports

	// MaxRemembered bounds the text of what is remembered, in bytes.
	MaxRemembered = 32 << 10

	rememberedFile = "remembered" // in the folder of the reports' receiver
)

// readRemembered reads what was kept; what cannot be read was nothing.
func readRemembered(path string) remembered {
	var m remembered
	// An earlier process of ours may have been made to leave anything in it.
	text, err := regular.Read(path, unix.O_NOFOLLOW, MaxRemembered)
	if err == nil {
		err = json.Unmarshal(text, &m)
	}
	if err == nil && m.Ports == nil { // as it was before there was DHCPv6
		err = json.Unmarshal(text, &m.Ports)
	}
	if err != nil || m.Ports == nil {
		m.Ports = map[string]had{}
	}
	return m
}

// report is what is to be remembered now. It is "" while there has never been anything: PID 1 writes at once
// and then not for a minute, and nothing would be what a machine has that is switched off in its first minute.
func (m *remembered) report(ever *bool, online bool) string {
	*ever = *ever || len(m.Ports) > 0 || m.DUID != "" && online
	if !*ever {
		return ""
	}
	return m.text()
}

func (m *remembered) text() string {
	text, err := json.Marshal(m)
	if err != nil {
		return "" // addresses of strings and no cycle: it cannot be
	}
	return string(text)
}

// of is what the port had; nothing with another card.
func (m *remembered) of(port string, mac [6]byte) had {
	if h := m.Ports[port]; h.MAC == net.HardwareAddr(mac[:]).String() {
		return h
	}
	return had{}
}

// duid is the machine's. One that cannot be read is made anew of a card.
func (m *remembered) duid(mac [6]byte) []byte {
	duid, err := hex.DecodeString(m.DUID)
	if err != nil || len(duid) < 3 || len(duid) > maxDUID {
		return hardwareDUID(mac)
	}
	return duid
}

const maxDUID = 130 // RFC 8415, 11.1

// note takes down what the port has now; an invalid address: nothing that may be asked for again.
func (m *remembered) note(port string, mac [6]byte, a netip.Addr) {
	m.change(port, mac, func(h *had) { h.Address = a })
}

// note6 takes down what the port has by DHCPv6.
func (m *remembered) note6(port string, mac [6]byte, leased []netip.Prefix) {
	var some []netip.Prefix // one of each sort is enough to be known again
	for _, single := range []bool{true, false} {
		if i := slices.IndexFunc(leased, func(p netip.Prefix) bool { return p.IsSingleIP() == single }); i >= 0 {
			some = append(some, leased[i])
		}
	}
	m.change(port, mac, func(h *had) { h.Leased6 = some })
}

func (m *remembered) change(port string, mac [6]byte, change func(*had)) {
	h := m.of(port, mac)
	known := h.MAC != ""
	h.MAC = net.HardwareAddr(mac[:]).String()
	change(&h)
	switch {
	case h.Address.IsValid() || len(h.Leased6) > 0:
		m.Ports[port] = h
	case known:
		delete(m.Ports, port)
	}
	for _, other := range slices.Sorted(maps.Keys(m.Ports))[:max(len(m.Ports)-maxRemembered, 0)] {
		delete(m.Ports, other)
	}
}
