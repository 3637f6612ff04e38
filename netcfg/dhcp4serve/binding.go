package dhcp4serve

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"time"
)

// mostBindings bounds what is remembered, whatever pools there were before.
const mostBindings = 8192

// find is where the binding of an address is, or would be.
func (s *Server) find(a netip.Addr) (int, bool) {
	return slices.BinarySearchFunc(s.bindings, a, func(b *Binding, a netip.Addr) int { return b.Address.Compare(a) })
}

// at is the binding of an address, nil for none.
func (s *Server) at(a netip.Addr) *Binding {
	if i, found := s.find(a); found {
		return s.bindings[i]
	}
	return nil
}

func (s *Server) enter(b Binding) {
	kept := b
	i, _ := s.find(b.Address)
	s.bindings = append(s.bindings, nil)
	copy(s.bindings[i+1:], s.bindings[i:])
	s.bindings[i], s.byClient[b.Client] = &kept, &kept
	s.revision++
}

func (s *Server) forget(b *Binding) {
	if i, found := s.find(b.Address); found {
		s.bindings = append(s.bindings[:i], s.bindings[i+1:]...)
	}
	delete(s.byClient, b.Client)
	s.revision++
}

// bind gives an address to a client for some time, in the place of what either had.
func (s *Server) bind(b Binding) {
	s.withdraw(b.Client)
	if o := s.offerOf(b.Address); o != nil {
		s.withdraw(o.request.client)
	}
	before := s.byClient[b.Client]
	if before != nil && before.Address == b.Address && before.Name == b.Name && before.MAC == b.MAC {
		before.Until = b.Until
		s.renewals++
		return
	}
	if before != nil {
		s.forget(before)
	}
	if other := s.at(b.Address); other != nil {
		s.forget(other)
	}
	s.enter(b)
}

// free says whether client may get a: nobody else has it, or was offered it just now. Whose it was before gets it whoever
// it was offered to, or a flood of strangers who only ask would keep him out.
func (s *Server) free(a netip.Addr, client string) bool {
	b := s.at(a)
	if b != nil && b.Client == client {
		return true
	}
	if b != nil && b.Until > s.now {
		return false
	}
	if o := s.offerOf(a); o != nil && o.request.client != client {
		return false
	}
	for _, b := range s.barred {
		if b.address == a {
			return false
		}
	}
	return true
}

// barred is an address that nobody gets for a while.
type barred struct {
	address netip.Addr
	until   time.Duration
}

// mostBarred bounds how many addresses are barred: who declines one after the other must not have the whole pool. One that
// is let go too early answers again before it is offered.
const mostBarred = 64

// bar takes an address out of the pool for a while, because somebody uses it.
func (s *Server) bar(a netip.Addr) {
	if !s.pooled(a) {
		return
	}
	if len(s.barred) >= min(max(s.size()/2, 1), mostBarred) {
		s.barred = s.barred[1:]
	}
	s.barred = append(s.barred, barred{a, s.now + barredFor})
}

func number(a netip.Addr) uint32 { b := a.As4(); return binary.BigEndian.Uint32(b[:]) }

func address(n uint32) netip.Addr {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], n)
	return netip.AddrFrom4(b)
}

// size of the pool, with what is in it of hosts and of the server.
func (s *Server) size() int {
	if !s.config.First.IsValid() {
		return 0
	}
	return int(number(s.config.Last)-number(s.config.First)) + 1
}

// choose finds an address for a client: the one of a host, the one that it had, the one that it wants, one that nobody
// ever had, beginning at a place that depends on the client alone, and at last the one that nobody has for the longest.
// The zero value: there is none.
func (s *Server) choose(client string, mac [6]byte, wanted netip.Addr) netip.Addr {
	if h := s.hostOf(mac); h != nil {
		if b := s.at(h.Address); b == nil || b.Client == client || b.Until <= s.now {
			return h.Address
		}
		return netip.Addr{} // who has it from before it was a host's keeps it until it asks again
	}
	if b := s.byClient[client]; b != nil && s.pooled(b.Address) && s.free(b.Address, client) {
		return b.Address
	}
	if wanted.IsValid() && s.pooled(wanted) && s.free(wanted, client) && s.at(wanted) == nil {
		return wanted
	}
	var oldest netip.Addr
	size := s.size()
	for i, at := 0, int(hash(client)); i < size; i++ {
		a := address(number(s.config.First) + uint32((at+i)%size))
		if !s.pooled(a) || !s.free(a, client) {
			continue
		}
		b := s.at(a)
		if b == nil {
			return a
		}
		if !oldest.IsValid() || b.Until < s.at(oldest).Until {
			oldest = a
		}
	}
	return oldest
}

// hash is FNV-1a, without its highest bit.
func hash(text string) uint32 {
	h := uint32(2166136261)
	for i := range len(text) {
		h = (h ^ uint32(text[i])) * 16777619
	}
	return h >> 1
}
