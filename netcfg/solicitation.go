package netcfg

import "time"

// RFC 4861, section 10.
const (
	maxSolicitations     = 3
	solicitationInterval = 4 * time.Second
	maxSolicitationDelay = time.Second
)

// solicitation is the schedule by which one link asks routers to advertise
// (RFC 4861, 6.3.7). The kernel asks too, but only when the link comes up, and
// does not keep the name servers of the answer; we ask when we come to a link
// that is up already, or that had advertisements off. The random delay at the
// start mostly lets the kernel be first, and its answer makes ours needless.
//
// next is when step has something to do, forever for never.
type solicitation struct {
	next  time.Duration
	sent  int
	last  time.Duration
	asked bool // whether last means anything
}

func newSolicitation(now time.Duration, random uint64) solicitation {
	return solicitation{next: now + time.Duration(random%uint64(maxSolicitationDelay))}
}

// step tells whether to send a solicitation now, and whether we are done.
func (s *solicitation) step(now time.Duration) (send, done bool) {
	if now < s.next {
		return false, false
	}
	if s.sent == maxSolicitations {
		s.next = forever // no router, or none that speaks to us
		return false, true
	}
	s.sent++
	s.last, s.asked = now, true
	s.next = now + solicitationInterval
	return true, false
}

// heard ends the asking: a router has advertised.
func (s *solicitation) heard() { s.next = forever }

// again starts over, because what was advertised may have been lost. However
// often it is called, solicitations stay their interval apart.
func (s *solicitation) again(now time.Duration, random uint64) {
	if s.next != forever {
		return // still asking
	}
	fresh := newSolicitation(now, random)
	if s.asked {
		fresh.next = max(fresh.next, s.last+solicitationInterval)
	}
	fresh.last, fresh.asked = s.last, s.asked
	*s = fresh
}

// canSolicit tells whether a link can send solicitations: they come from a
// link-local address, once the kernel has seen that nobody else has it.
func (s *State) canSolicit(link string) bool {
	if l := s.Links[link]; !l.Up || !l.Carrier {
		return false
	}
	for k, a := range s.Addresses {
		if k.Link == link && k.Prefix.Addr().Is6() && k.Prefix.Addr().IsLinkLocalUnicast() && !a.Tentative && !a.Duplicate {
			return true
		}
	}
	return false
}
