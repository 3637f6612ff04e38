// Package dnsforward is a DNS forwarder without input and output (RFC 1035, 2308, 5452, 6303, 6761, 6891, 7766, 9520):
// Step takes the time and an event and returns what to send. Who calls it owns sockets and clock; package dnssockets does.
//
// Answers are passed on as they came, so that record types nobody thought of survive: of a message only the frame is
// read, every name in it followed to its end, times to live counted down. DNSSEC's records and bits pass; nothing is
// validated here, that is left to upstream and to clients.
//
// Not done: recursion from the root, zone transfers, updates, 0x20; answers past their time are never given.
package dnsforward

import (
	"net/netip"
	"time"
)

// Event is one of the event types below; a nil Event only lets time pass.
type Event any

type (
	// Configure replaces what is served, and where it is asked for. Questions under way go on; what is cached is forgotten
	// if other servers are asked now.
	Configure struct{ Config }
	// FromClient is one message, without the length before it that TCP has.
	FromClient struct {
		Client Client
		Data   []byte
	}
	// FromUpstream is what came in answer to an Ask, without TCP's length.
	FromUpstream struct {
		Ask  uint64
		Data []byte
	}
	// Failed says that an Ask cannot be answered, e.g. as the connection was refused.
	Failed struct {
		Ask uint64
		Why string // for people
	}
)

// Client is where a question came from, and the answer goes.
type Client struct {
	Net   string         // the net on which it came in, e.g. "lan"; "lo" is the machine itself
	Addr  netip.AddrPort // of the client
	Local netip.Addr     // to which it sent the question: the answer comes from there
	TCP   uint64         // number of the connection; 0: UDP
}

// Action is one of the types below.
type Action any

type (
	// Answer goes to a client.
	Answer struct {
		To   Client
		Data []byte
	}
	// Ask sends a question to a server: over UDP from a port that nothing else uses, so that only who sees the question
	// knows where to answer; over TCP or TLS where it says so.
	Ask struct {
		Ask  uint64 // what the answer is to name
		To   Server
		TCP  bool
		Data []byte
	}
	// Forget says that an Ask needs no answer any more.
	Forget struct{ Ask uint64 }
)

// Bounds: what strangers may make us keep.
const (
	maxQueries   = 256  // asked of servers at one time, each over a socket of its own
	maxWaiting   = 1024 // clients' questions that wait for these
	maxPerClient = 64   // of one client
	maxAttempts  = 6    // asks for one question
	maxUnwanted  = 20   // wrong answers to one question; then it is asked over TCP, where nobody can guess

	cacheEntries = 4000
	cacheBytes   = 1 << 20
	cacheLargest = 8 << 10 // larger answers are not kept
)

// Times to live.
const (
	maxTTL         = 24 * time.Hour
	maxNegativeTTL = 3 * time.Hour
	failureTTL     = 2 * time.Second // RFC 9520: a failure is not asked for again at once
	blockedTTL     = time.Minute
	localTTL       = 60 // seconds, of names of this network
)

// EDNS: what an answer over UDP may have without being cut into fragments (DNS flag day 2020).
const udpSize = 1232

// Forwarder answers questions. Make it with New.
type Forwarder struct {
	random func() uint64
	config Config
	local  local
	nets   map[string][]netip.Prefix
	own    []netip.Prefix // of all nets

	servers map[Server]*serverState
	cache   cache
	queries map[question]*query
	asked   map[uint64]*attempt
	ids     map[uint16]bool // of attempts under way
	waiting map[netip.Addr]int
	waits   int // the sum of waiting
	lastAsk uint64
	wake    time.Duration // no query has anything to do before

	counts Counts
	now    time.Duration
	out    []Action
}

// New makes a forwarder that serves nobody before it was told whom. random must be unforeseeable.
func New(random func() uint64) *Forwarder {
	return &Forwarder{random: random, servers: map[Server]*serverState{}, cache: newCache(cacheEntries, cacheBytes),
		queries: map[question]*query{}, asked: map[uint64]*attempt{}, ids: map[uint16]bool{}, waiting: map[netip.Addr]int{}, wake: Never}
}

// Step does what an event asks for. now counts on without jumps (CLOCK_BOOTTIME). Slices of the event may be used again
// afterwards.
func (f *Forwarder) Step(now time.Duration, event Event) []Action {
	f.now, f.out = now, nil
	switch e := event.(type) {
	case Configure:
		f.configure(e.Config)
	case FromClient:
		f.fromClient(e.Client, e.Data)
	case FromUpstream:
		f.fromUpstream(e.Ask, e.Data)
	case Failed:
		if a := f.asked[e.Ask]; a != nil {
			f.failed(a, e.Why)
		}
	}
	f.expire()
	return f.out
}

// Deadline is when Step wants to be called at the latest; Never if nothing is under way.
func (f *Forwarder) Deadline() time.Duration {
	if len(f.queries) == 0 {
		return Never
	}
	return f.wake
}

// Never is a deadline that does not come.
const Never = time.Duration(1<<63 - 1)

// allowed says whether a client is on the network that it comes in by: nobody else is served.
func (f *Forwarder) allowed(c Client) bool {
	prefixes, served := f.nets[c.Net]
	addr := c.Addr.Addr().Unmap().WithZone("")
	if !served {
		return false
	}
	if addr.IsLinkLocalUnicast() && addr.Is6() {
		return true // no router passes it on
	}
	return contains(prefixes, addr)
}

func contains(prefixes []netip.Prefix, a netip.Addr) bool {
	for _, p := range prefixes {
		if p.Contains(a) {
			return true
		}
	}
	return false
}
