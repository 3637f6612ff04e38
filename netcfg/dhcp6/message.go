package dhcp6

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// Our own reading and writing of messages: the whole of the format is a type, 24 bits and options within options, of
// which fifteen matter here. The library's codec, which knows all of them, is the oracle of the tests; on the device it would
// take 40 kB, packed, of the flash, more than all of this package.

// Types of messages (RFC 8415, 7.3).
const (
	solicit            = 1
	advertise          = 2
	requestLease       = 3
	confirm            = 4
	renew              = 5
	rebind             = 6
	reply              = 7
	release            = 8
	decline            = 9
	informationRequest = 11
)

// Codes of options (RFC 8415, 21; RFC 3646; RFC 5908).
const (
	optClientID    = 1
	optServerID    = 2
	optAddresses   = 3 // IA_NA
	optAddress     = 5
	optRequested   = 6
	optPreference  = 7
	optElapsed     = 8
	optStatus      = 13
	optRapidCommit = 14
	optDNS         = 23
	optSearch      = 24
	optPrefixes    = 25 // IA_PD
	optPrefix      = 26
	optRefresh     = 32
	optNTP         = 56
	optSolMax      = 82
	optInfMax      = 83
)

// Status codes (RFC 8415, 21.13).
const (
	success   = 0
	noBinding = 3
	notOnLink = 4
)

var statusNames = [...]string{"success", "unspecified failure", "no addresses available", "no binding", "not on link", "use multicast", "no prefixes available"}

// refusal is what a server says of a message, or of a part of it; nil for success.
func refusal(status uint16) error {
	switch {
	case status == success:
		return nil
	case int(status) < len(statusNames):
		return errors.New(statusNames[status])
	}
	return fmt.Errorf("status %d", status)
}

// message is what matters of a server's.
type message struct {
	kind           byte
	xid            uint32
	client, server []byte
	preference     byte
	rapid          bool
	status         uint16
	associations   [2]association // of addresses, of prefixes
	dns, search    []byte
	ntp            []netip.Addr
	refresh        uint32 // of what is no lease; 0: not said
	solMax, infMax uint32 // 0: not said
	unusable       int    // options that were present but not usable
}

// association is an identity association: what is leased, by one number of ours.
type association struct {
	there    bool
	t1, t2   uint32
	status   uint16
	bindings []binding
}

// binding is one address, as /128, or prefix. Lifetimes are in seconds.
type binding struct {
	prefix           netip.Prefix
	preferred, valid uint32
}

const (
	addresses = 0
	prefixes  = 1

	maxBindings = 8   // of a kind that are kept
	maxRead     = 256 // of a kind that are looked at
)

var errTruncated = errors.New("truncated")

// options is what is left to be read of a list of options.
type options []byte

// next takes an option off; ok is false at the end, and where the rest is no option.
func (o *options) next() (code uint16, value []byte, ok bool) {
	b := *o
	if len(b) < 4 || len(b) < 4+int(binary.BigEndian.Uint16(b[2:])) {
		return 0, nil, false
	}
	n := 4 + int(binary.BigEndian.Uint16(b[2:]))
	*o = b[n:]
	return binary.BigEndian.Uint16(b), b[4:n], true
}

// parse reads a message; of associations only those of one number.
func parse(payload []byte, iaid uint32) (m message, err error) {
	if len(payload) < 4 {
		return m, errTruncated
	}
	m.kind, m.xid = payload[0], binary.BigEndian.Uint32(payload)&0xffffff
	rest := options(payload[4:])
	for code, v, ok := rest.next(); ok; code, v, ok = rest.next() {
		switch code {
		case optClientID:
			m.client = v
		case optServerID:
			m.server = v
		case optAddresses:
			m.associations[addresses].read(v, iaid, optAddress, &m.unusable)
		case optPrefixes:
			m.associations[prefixes].read(v, iaid, optPrefix, &m.unusable)
		case optPreference:
			if len(v) == 1 {
				m.preference = v[0]
			}
		case optStatus:
			m.status = readStatus(v)
		case optRapidCommit:
			m.rapid = true
		case optDNS:
			m.dns = v
		case optSearch:
			m.search = v
		case optNTP:
			m.ntp = append(m.ntp, readNTP(v)...)
		case optRefresh:
			m.refresh = number(v)
		case optSolMax:
			m.solMax = number(v)
		case optInfMax:
			m.infMax = number(v)
		}
	}
	if len(rest) > 0 {
		return m, errTruncated
	}
	return m, nil
}

// number reads an option of 32 bits; 0 for one of another length.
func number(v []byte) uint32 {
	if len(v) != 4 {
		return 0
	}
	return binary.BigEndian.Uint32(v)
}

func readStatus(v []byte) uint16 {
	if len(v) < 2 {
		return success
	}
	return binary.BigEndian.Uint16(v)
}

// readNTP reads the addresses among the time servers (RFC 5908).
func readNTP(v []byte) (servers []netip.Addr) {
	rest := options(v)
	for code, v, ok := rest.next(); ok; code, v, ok = rest.next() {
		if a, good := netip.AddrFromSlice(v); code == 1 && good {
			servers = append(servers, a)
		}
	}
	return servers
}

// read takes an association of ours, the first of its kind.
func (a *association) read(v []byte, iaid uint32, each uint16, unusable *int) {
	if len(v) < 12 || binary.BigEndian.Uint32(v) != iaid || a.there {
		*unusable++
		return
	}
	a.there, a.t1, a.t2 = true, binary.BigEndian.Uint32(v[4:]), binary.BigEndian.Uint32(v[8:])
	rest := options(v[12:])
	for code, v, ok := rest.next(); ok; code, v, ok = rest.next() {
		switch code {
		case optStatus:
			a.status = readStatus(v)
		case each:
			if b, ok := readBinding(v, each); ok && len(a.bindings) < maxRead {
				a.bindings = append(a.bindings, b)
			} else {
				*unusable++
			}
		}
	}
	if len(rest) > 0 || a.t1 > a.t2 && a.t2 > 0 { // as if it were not there (RFC 8415, 21.4 and 21.21)
		*unusable++
		*a = association{there: true}
	}
}

// readBinding reads an address or a prefix that may be used.
func readBinding(v []byte, kind uint16) (b binding, ok bool) {
	var raw, life, nested []byte
	bits := 128
	switch {
	case kind == optAddress && len(v) >= 24:
		raw, life, nested = v[:16], v[16:24], v[24:]
	case kind == optPrefix && len(v) >= 25:
		raw, life, nested, bits = v[9:25], v[:8], v[25:], int(v[8])
	default:
		return b, false
	}
	b.preferred, b.valid = binary.BigEndian.Uint32(life), binary.BigEndian.Uint32(life[4:])
	b.prefix = netip.PrefixFrom(netip.AddrFrom16([16]byte(raw)), bits).Masked()
	rest := options(nested)
	for code, v, more := rest.next(); more; code, v, more = rest.next() {
		if code == optStatus && readStatus(v) != success {
			b.preferred, b.valid = 0, 0
		}
	}
	return b, usable(b.prefix) && (kind == optAddress) == (bits == 128) && b.preferred <= b.valid && b.valid != 1
}

// shortestPrefix is that of nobody's customer any more.
const shortestPrefix = 16

// usable tells whether an address or a prefix may be a machine's own.
func usable(p netip.Prefix) bool {
	return p.IsValid() && p.Bits() >= shortestPrefix && usableAddress(p.Addr()) && !p.Addr().IsLinkLocalUnicast()
}

func usableAddress(a netip.Addr) bool {
	return a.Is6() && !a.Is4In6() && !a.IsUnspecified() && !a.IsLoopback() && !a.IsMulticast()
}

// writer makes a message.
type writer []byte

func (w *writer) option(code uint16, value []byte) {
	*w = binary.BigEndian.AppendUint16(*w, code)
	*w = binary.BigEndian.AppendUint16(*w, uint16(len(value)))
	*w = append(*w, value...)
}

// association adds one with its bindings, of which those of the kind are taken.
func (w *writer) association(kind int, iaid, t1, t2 uint32, bindings []binding) {
	body := make(writer, 12)
	binary.BigEndian.PutUint32(body, iaid)
	binary.BigEndian.PutUint32(body[4:], t1)
	binary.BigEndian.PutUint32(body[8:], t2)
	for _, b := range bindings {
		raw := b.prefix.Addr().As16()
		life := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, b.preferred), b.valid)
		switch {
		case kind == addresses && b.prefix.IsSingleIP():
			body.option(optAddress, append(raw[:], life...))
		case kind == prefixes && !b.prefix.IsSingleIP():
			body.option(optPrefix, append(append(life, byte(b.prefix.Bits())), raw[:]...))
		}
	}
	w.option([...]uint16{optAddresses, optPrefixes}[kind], body)
}

// message makes the one of the phase.
func (c *Client) message() []byte {
	kind, bindings, named := byte(0), c.hints, (*Lease)(nil)
	switch c.phase {
	case Soliciting:
		kind = solicit
	case Requesting:
		kind, bindings, named = requestLease, c.offer.bindings(), c.offer
	case Verifying:
		kind, bindings = confirm, c.lease.bindings()
		if len(c.lease.Prefixes) > 0 {
			kind = rebind
		}
	case Renewing:
		kind, bindings, named = renew, c.lease.bindings(), c.lease
	case Rebinding:
		kind, bindings = rebind, c.lease.bindings()
	case Declining:
		kind, bindings, named = decline, []netip.Prefix{netip.PrefixFrom(c.declined, 128)}, c.released
	case Releasing:
		kind, bindings, named = release, c.released.bindings(), c.released
	case Informing:
		kind = informationRequest
	}
	m := writer(binary.BigEndian.AppendUint32(nil, uint32(kind)<<24|c.xid))
	m.option(optClientID, c.id.DUID)
	if named != nil {
		m.option(optServerID, named.ServerID)
	}
	m.option(optElapsed, binary.BigEndian.AppendUint16(nil, uint16(min((c.now-c.begun)/(10*time.Millisecond), 0xffff))))
	associated := c.wants
	switch kind {
	case informationRequest:
		m.option(optRequested, []byte{0, optDNS, 0, optSearch, 0, optNTP, 0, optRefresh, 0, optInfMax})
		return m
	case confirm:
		associated.Prefix = false
	case release, decline:
		single := func(p netip.Prefix) bool { return p.IsSingleIP() }
		associated.Address = slices.ContainsFunc(bindings, single)
		associated.Prefix = slices.ContainsFunc(bindings, func(p netip.Prefix) bool { return !single(p) })
	default:
		m.option(optRequested, []byte{0, optDNS, 0, optSearch, 0, optNTP, 0, optSolMax})
	}
	if kind == solicit {
		m.option(optRapidCommit, nil)
	}
	var list []binding
	for _, p := range bindings {
		list = append(list, binding{prefix: p})
	}
	if associated.Address {
		m.association(addresses, c.id.IAID, 0, 0, list)
	}
	if associated.Prefix {
		m.association(prefixes, c.id.IAID, 0, 0, list)
	}
	return m
}
