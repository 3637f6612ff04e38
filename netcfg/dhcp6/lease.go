package dhcp6

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net/netip"
	"slices"
	"time"

	"bantam/netcfg/dnsname"
)

// Forever is the time of things that do not happen.
const Forever = time.Duration(1<<63 - 1)

const (
	infinity   = 0xffffffff
	shortestT1 = time.Minute
	maxServers = 4 // name servers, and time servers
	maxSearch  = 6

	// Of what is no lease (RFC 8415, 7.6): when it is asked for anew.
	refreshTime     = 24 * time.Hour
	shortestRefresh = 10 * time.Minute
)

// Lease is what a server has granted and told, every field checked. Times are on the clock of Step.
type Lease struct {
	ServerID  []byte
	Server    netip.Addr // where its answer came from
	Addresses []Binding
	Prefixes  []Binding
	DNS       []netip.Addr
	Search    []string
	NTP       []netip.Addr

	Start  time.Duration // when the message was sent that the server answered
	Renew  time.Duration // T1; of a lease without bindings: when to ask anew
	Rebind time.Duration // T2

	Dropped int // options that were present but unusable

	preference byte
}

// Binding is a leased address, as /128, or a delegated prefix.
type Binding struct {
	Prefix    netip.Prefix
	Preferred time.Duration // until when
	Valid     time.Duration
}

func (l *Lease) binds() bool { return l != nil && len(l.Addresses)+len(l.Prefixes) > 0 }

func (l *Lease) all() []Binding {
	if l == nil {
		return nil
	}
	return slices.Concat(l.Addresses, l.Prefixes)
}

func (l *Lease) bindings() (list []netip.Prefix) {
	for _, b := range l.all() {
		list = append(list, b.Prefix)
	}
	return list
}

func (l *Lease) has(p netip.Prefix) bool { return slices.Contains(l.bindings(), p) }

// ends is when the first of the bindings ends.
func (l *Lease) ends() time.Duration {
	end := Forever
	for _, b := range l.all() {
		end = min(end, b.Valid)
	}
	return end
}

// filter is the lease with those bindings alone that are kept; nil stays nil.
func (l *Lease) filter(keep func(Binding) bool) *Lease {
	if l == nil {
		return nil
	}
	some := *l
	some.Addresses, some.Prefixes = nil, nil
	for _, b := range l.all() {
		if keep(b) {
			some.add(b)
		}
	}
	return &some
}

// At is the lease without what has ended at now; nil where that is all of it.
func (l *Lease) At(now time.Duration) *Lease {
	some := l.filter(func(b Binding) bool { return now < b.Valid })
	if l.binds() && !some.binds() {
		return nil
	}
	return some
}

func (l *Lease) without(p netip.Prefix) *Lease {
	return l.filter(func(b Binding) bool { return b.Prefix != p })
}

// only is the lease without what is not wanted; nil where then nothing of it is left.
func (l *Lease) only(w Wants) *Lease {
	some := l.filter(func(b Binding) bool {
		if b.Prefix.IsSingleIP() {
			return w.Address
		}
		return w.Prefix
	})
	if l.binds() && !some.binds() || w == (Wants{}) {
		return nil
	}
	return some
}

func (l *Lease) add(b Binding) {
	list := &l.Prefixes
	if b.Prefix.IsSingleIP() {
		list = &l.Addresses
	}
	if len(*list) == maxBindings {
		l.Dropped++
		return
	}
	*list = append(*list, b)
}

// satisfies counts what a lease has of what is wanted.
func (l *Lease) satisfies(w Wants) (n int) {
	if w.Address && len(l.Addresses) > 0 {
		n++
	}
	if w.Prefix && len(l.Prefixes) > 0 {
		n++
	}
	return n
}

// readLease checks what a message grants, counted from start, and adds what of a lease before is not mentioned in it
// and lasts (RFC 8415, 18.2.10.1). Told are the associations' refusals.
func readLease(m message, from netip.Addr, before *Lease, wants Wants, start time.Duration) (l *Lease, told error) {
	l = &Lease{ServerID: bytes.Clone(m.server), Server: from, Start: start, Dropped: m.unusable, preference: m.preference}
	l.readNames(m)
	mentioned := map[netip.Prefix]bool{}
	t1, t2 := Forever, Forever
	for of, a := range m.associations {
		if a.status != success {
			told = errors.Join(told, refusal(a.status))
			continue
		}
		if of == addresses && !wants.Address || of == prefixes && !wants.Prefix {
			continue
		}
		for _, b := range a.bindings {
			if mentioned[b.prefix] {
				continue
			}
			mentioned[b.prefix] = true
			if b.valid == 0 {
				continue // it is taken back
			}
			l.add(Binding{b.prefix, after(start, b.preferred), after(start, b.valid)})
			t1, t2 = min(t1, after(start, a.t1)), min(t2, after(start, a.t2))
		}
	}
	shortest := l.shortest()
	for _, b := range before.all() {
		if !mentioned[b.Prefix] && start < b.Valid {
			l.add(b)
		}
	}
	if shortest == Forever {
		shortest = l.shortest()
	}
	if !l.binds() {
		l.Renew, l.Rebind = start+refreshTime, Forever
		if m.refresh > 0 {
			l.Renew = after(start, max(m.refresh, uint32(shortestRefresh/time.Second)))
		}
		return l, told
	}
	l.Renew, l.Rebind = timers(start, shortest, t1, t2)
	return l, told
}

// shortest is when the first of the bindings is no longer preferred; where none is any more, when the first ends.
func (l *Lease) shortest() time.Duration {
	end, preferred := l.ends(), Forever
	for _, b := range l.all() {
		if b.Preferred > l.Start {
			preferred = min(preferred, b.Preferred)
			end = preferred
		}
	}
	return end
}

// timers are T1 and T2 where they make sense, else half and four fifths of the way to the first end (RFC 8415, 21.4).
func timers(start, shortest, t1, t2 time.Duration) (renew, rebind time.Duration) {
	if shortest == Forever {
		return Forever, Forever
	}
	length := shortest - start
	half, late := start+length/2, start+length/5*4
	if t1 <= start || t1 >= shortest || t1 < min(half, start+shortestT1) {
		t1 = half
	}
	if t2 <= t1 || t2 >= shortest {
		t2 = late
	}
	if t1 >= t2 {
		t1, t2 = half, late
	}
	return t1, t2
}

// after is so many seconds after start.
func after(start time.Duration, seconds uint32) time.Duration {
	if seconds == infinity {
		return Forever
	}
	return start + time.Duration(seconds)*time.Second
}

func (l *Lease) readNames(m message) {
	put := func(list *[]netip.Addr, a netip.Addr) {
		switch {
		case !usableAddress(a):
			l.Dropped++
		case len(*list) < maxServers && !slices.Contains(*list, a):
			*list = append(*list, a)
		}
	}
	if len(m.dns)%16 != 0 {
		l.Dropped++
	} else {
		for raw := range slices.Chunk(m.dns, 16) {
			put(&l.DNS, netip.AddrFrom16([16]byte(raw)))
		}
	}
	for _, a := range m.ntp {
		put(&l.NTP, a)
	}
	names, ok := dnsname.List(m.search, false)
	if !ok {
		l.Dropped++
	}
	search, dropped := dnsname.Merge(l.Search, names, maxSearch)
	l.Search, l.Dropped = search, l.Dropped+dropped
}

// Encode is the lease as a message of its server, for Restore.
func (l *Lease) Encode(id Identity) []byte {
	m := writer(binary.BigEndian.AppendUint32(nil, reply<<24))
	m.option(optClientID, id.DUID)
	m.option(optServerID, l.ServerID)
	var bindings []binding
	for _, b := range l.all() {
		bindings = append(bindings, binding{b.Prefix, l.seconds(b.Preferred), l.seconds(b.Valid)})
	}
	for of := range 2 {
		m.association(of, id.IAID, l.seconds(l.Renew), l.seconds(l.Rebind), bindings)
	}
	var dns, ntp, search writer
	for _, a := range l.DNS {
		dns = append(dns, a.AsSlice()...)
	}
	for _, a := range l.NTP {
		ntp.option(1, a.AsSlice())
	}
	for _, name := range l.Search {
		search = append(search, dnsname.Wire(name)...)
	}
	m.option(optDNS, dns)
	m.option(optNTP, ntp)
	m.option(optSearch, search)
	return m
}

func (l *Lease) seconds(until time.Duration) uint32 {
	if until == Forever {
		return infinity
	}
	return uint32(min(max(until-l.Start, 0)/time.Second, infinity-1))
}

// Restore reads a lease from what Encode made of it, with its Start and Server, checking it like any answer.
func Restore(encoded []byte, start time.Duration, server netip.Addr, id Identity) (*Lease, error) {
	m, err := parse(encoded, id.IAID)
	if err != nil {
		return nil, err
	}
	if m.kind != reply || !bytes.Equal(m.client, id.DUID) || len(m.server) == 0 {
		return nil, errors.New("no lease of this client")
	}
	l, err := readLease(m, server, nil, Wants{Address: true, Prefix: true}, start)
	if err == nil && !l.binds() {
		err = errors.New("nothing is leased")
	}
	return l, err
}
