// Package dhcp4serve is a DHCPv4 server for one port, without input and output
// (RFC 2131, 2132, 6842): Step takes the time and an event, and returns what to
// send. Who calls it owns sockets, clock and disk.
//
// It is the one server of its network, and says so: what it knows to be wrong it
// refuses (NAK), also to clients of which it has no record. A client without a
// record that asks for an address of the pool that nobody has gets it, where the
// RFC wants silence: so a record that a power cut took costs nobody his address.
// It is silent about addresses of the network that are not in the pool: they may
// be another server's.
//
// An address that was nobody's is looked for by ARP before it is offered, twice
// in half a second. What answers keeps it, and the pool has one less for ten
// minutes; a DECLINE does the same.
//
// Memory is bounded by the pool: one binding an address, which stays after its
// lease has ended, so that its client gets the same again, until another one has
// more need of it. Offers are bounded by themselves and never take a binding
// away: only who requests gets an address.
//
// Not done: relays (giaddr), BOOTP, leases without end, and forced renewals.
package dhcp4serve

import (
	"net/netip"
	"time"
)

// Config is what the server gives, and to whom.
type Config struct {
	Own         netip.Prefix // the port's address in its network, e.g. 192.168.1.1/24
	First, Last netip.Addr   // of the pool, both given away; invalid: hosts alone
	Lease       time.Duration
	Router      netip.Addr // invalid: none is told
	DNS, NTP    []netip.Addr
	Domain      string           // "" tells none
	Options     map[uint8][]byte // further ones, by number
	Hosts       []Host
	Taken       []string // names that no client may have, e.g. this machine's
}

// Host always gets the same address.
type Host struct {
	Name    string
	MAC     [6]byte
	Address netip.Addr
}

// Binding is an address and whose it is, also after its lease has ended.
type Binding struct {
	Address netip.Addr
	Client  string // who it is for the server: its identifier, or its card; any bytes
	MAC     [6]byte
	Name    string        // cleaned; "" has none
	Until   time.Duration // the end of its lease
}

// Event is one of the types below; nil only lets time pass.
type Event any

type (
	// Datagram is the payload of a UDP datagram that arrived at port 67 of the port.
	Datagram struct{ Payload []byte }
	// ARP says that somebody has answered for an address.
	ARP struct {
		MAC     [6]byte
		Address netip.Addr
	}
)

// Action is one of the types below.
type Action any

type (
	// Send sends Payload to To:68. With a MAC the client may have no address yet,
	// and the frame goes to that card; To may be 255.255.255.255.
	Send struct {
		To      netip.Addr
		MAC     [6]byte // all zeros: whoever has To
		Payload []byte
	}
	// Probe asks by ARP who has an address.
	Probe struct{ Address netip.Addr }
	// Note is a line for the log; there are not more than a few a second.
	Note struct{ Text string }
)

const (
	barredFor     = 10 * time.Minute
	offerTime     = 30 * time.Second // to request what was offered
	probeInterval = 250 * time.Millisecond
	probeCount    = 2
	mostTries     = 4   // of addresses, where others answer
	mostOffers    = 256 // at a time
	shortestLease = 2 * time.Minute
)

// Forever is a time that never comes.
const Forever = time.Duration(1<<63 - 1)

// Server is the state of one DHCP server. Make it with New.
type Server struct {
	config Config

	bindings []*Binding // by address
	byClient map[string]*Binding
	barred   []barred // the oldest first
	offers   []*offer // few, so that they are looked through

	strangers, regulars, notes limit

	revision int // of the bindings, without the ends of leases
	renewals int // of the ends of leases
	counts   Counts

	now time.Duration
	out []Action
}

// Counts is what the server did, and did not do.
type Counts struct {
	Acknowledged int // requests
	Refused      int // by NAK
	Declined     int // addresses, by clients
	Conflicts    int // addresses that answered before they were offered
	Exhausted    int // DISCOVERs for which there was no address
	Overload     int // messages beyond what is answered a second, or offers beyond what are kept
	Ignored      int // messages that make no sense, of a relay, or for another server
}

// New returns a server with the bindings of before; those that do not fit are left out. One whose end is not known any
// more, Forever, ends a whole lease from now.
func New(now time.Duration, config Config, bindings []Binding) *Server {
	s := &Server{
		byClient:  map[string]*Binding{},
		strangers: limit{rate: 100, burst: 200}, regulars: limit{rate: 2000, burst: 4000}, notes: limit{rate: 2, burst: 40},
	}
	s.Configure(config)
	for _, b := range bindings {
		if len(b.Client) > maxClient || b.Client == "" || !s.mine(b.Address) || len(s.bindings) >= mostBindings {
			continue
		}
		if b.Until == Forever {
			b.Until = now + config.Lease
		}
		if s.at(b.Address) == nil && s.byClient[b.Client] == nil {
			s.enter(b)
		}
	}
	return s
}

// Configure changes what is given. Bindings stay; one that is no longer possible ends with the next request for it.
func (s *Server) Configure(config Config) {
	s.config = config
	s.config.Hosts = nil
	for _, h := range config.Hosts {
		if s.mine(h.Address) {
			s.config.Hosts = append(s.config.Hosts, h)
		}
	}
	s.offers = nil // they are asked for again
	bindings := s.bindings
	s.bindings = nil
	for _, b := range bindings {
		if s.mine(b.Address) {
			s.bindings = append(s.bindings, b)
		} else {
			delete(s.byClient, b.Client)
		}
	}
}

// hostOf is the host of a card, nil for none; hostAt that of an address.
func (s *Server) hostOf(mac [6]byte) *Host {
	for i := range s.config.Hosts {
		if s.config.Hosts[i].MAC == mac {
			return &s.config.Hosts[i]
		}
	}
	return nil
}

func (s *Server) hostAt(a netip.Addr) *Host {
	for i := range s.config.Hosts {
		if s.config.Hosts[i].Address == a {
			return &s.config.Hosts[i]
		}
	}
	return nil
}

// mine says whether a is a host's address in the network, and not the server's own.
func (s *Server) mine(a netip.Addr) bool {
	return a.Is4() && s.config.Own.Contains(a) && a != s.config.Own.Addr()
}

// pooled says whether a is of the pool and no host's.
func (s *Server) pooled(a netip.Addr) bool {
	return s.config.First.IsValid() && !a.Less(s.config.First) && !s.config.Last.Less(a) && s.mine(a) && s.hostAt(a) == nil
}

// Bindings are all that the server remembers, by address; a lease is one that has not ended.
func (s *Server) Bindings() []Binding {
	list := make([]Binding, 0, len(s.bindings))
	for _, b := range s.bindings {
		list = append(list, *b)
	}
	return list
}

// Revision counts changes of who has which address and name, and of the ends of leases.
func (s *Server) Revision() (bindings, ends int) { return s.revision, s.renewals }

// Counts is what was done since New.
func (s *Server) Counts() Counts { return s.counts }

// Probing are the addresses that are being looked for.
func (s *Server) Probing() bool {
	for _, o := range s.offers {
		if o.probing {
			return true
		}
	}
	return false
}

// Deadline returns when Step wants to be called though nothing happens, Forever for never.
func (s *Server) Deadline() time.Duration {
	d := Forever
	for _, o := range s.offers {
		d = min(d, o.due)
	}
	return d
}

// Step tells the server what happened and returns what is to be sent.
func (s *Server) Step(now time.Duration, ev Event) []Action {
	s.now, s.out = now, nil
	for len(s.barred) > 0 && now >= s.barred[0].until {
		s.barred = s.barred[1:]
	}
	for _, o := range s.offers {
		if now >= o.due {
			s.tick(o)
		}
	}
	switch ev := ev.(type) {
	case Datagram:
		s.receive(ev.Payload)
	case ARP:
		s.heard(ev)
	}
	return s.out
}
