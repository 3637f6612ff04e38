// Package timesync asks time servers and decides what becomes of the clock: SNTP
// as RFC 4330 describes it, with the checks on answers, the vote among several
// servers and the manners of RFC 5905's clients. It has no clock, sockets or
// files: Step takes an event and says what to do. timesync/daemon does it.
//
// It serves nobody, and knows no authentication (NTS, or keys): a lie is found
// out by asking several servers.
package timesync

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Server is one that was named, or a pool.
type Server struct {
	Name string // as it was named, e.g. ntp.example.org or 192.0.2.1
	Host string // of it, without a port
	Port uint16
}

// Source is one address of a server, and what is known of it.
type Source struct {
	Server    string        `json:"server"`  // the name by which it was found
	Address   string        `json:"address"` // with port
	State     string        `json:"state"`   // one of those below, or why it has none
	Offset    time.Duration `json:"offset"`  // of its last good answer, which the clock was behind it
	Delay     time.Duration `json:"delay"`
	Distance  time.Duration `json:"distance"`
	Stratum   int           `json:"stratum"`
	Silent    int           `json:"silent,omitempty"`     // rounds without a good answer
	Gone      string        `json:"gone,omitempty"`       // the kiss by which it has sent us away for good
	Interval  time.Duration `json:"interval,omitempty"`   // that it asks for
	NotBefore time.Duration `json:"not_before,omitempty"` // boottime
}

// States of a source.
const (
	SourceUsed     = "used"     // its time was taken
	SourceAgrees   = "agrees"   // it says the same
	SourceOutvoted = "outvoted" // more than half say otherwise
	SourceDisagree = "disagrees"
	SourceSilent   = "no answer"
)

// State is what is kept from one round to the next, and what there is to tell. Times are boottimes.
type State struct {
	Synchronized bool          `json:"synchronized"` // in this boot, once at least
	SyncedAt     time.Duration `json:"synced_at"`    // when a round last found the clock's error
	Set          time.Duration `json:"set"`          // the offset by which it was set when that was last done
	Offset       time.Duration `json:"offset"`       // of the last round: what the clock was behind
	Distance     time.Duration `json:"distance"`
	Failure      string        `json:"failure,omitempty"` // why the last round found nothing, "" if it did
	Problem      string        `json:"problem,omitempty"` // why what it found has not been acted on
	Sources      []Source      `json:"sources"`

	Frequency   float64       `json:"frequency"` // correction, parts per million
	CorrectedAt time.Duration `json:"corrected_at"`
	Led         time.Duration `json:"led"` // the last correction that was led, not set
	Spike       time.Duration `json:"spike,omitempty"`
	Poll        time.Duration `json:"poll"`
	Failures    int           `json:"failures,omitempty"`
	Next        time.Duration `json:"next"`
}

// Now is a moment by both clocks.
type Now struct {
	Boot time.Duration // since the kernel began
	Wall time.Time     // the clock that is to be right
}

// Event is what has happened: one of the types below, or nil for the passing of time.
type Event any

type (
	// Resolved answers Resolve.
	Resolved struct {
		Host      string
		Addresses []netip.Addr
		Err       error
	}
	// Received is a packet that came from To of a Send, with the boottimes at which that was sent and this came.
	Received struct {
		From           netip.AddrPort
		Data           []byte
		Sent, Received time.Duration
	}
	// Hurry: the network has changed, so that it may be worth to ask again.
	Hurry struct{}
)

// Action is what is to be done: one of the types below.
type Action any

type (
	// Resolve finds the addresses of a name.
	Resolve struct{ Host string }
	// Send sends from a port of its own; nothing that comes for an earlier Send to this address counts any more.
	Send struct {
		To   netip.AddrPort
		Data []byte
	}
	// Ended: the round has, and State has what came of it. Last: so has the client's work.
	Ended struct{ Last bool }
)

// Limits of what names can make us do.
const (
	mostOfOne    = 4 // addresses of one name
	mostSources  = 12
	mostAttempts = 3
	mostSilent   = 3 // rounds, until a name is asked for other addresses
)

const (
	answerTime = 2 * time.Second
	roundTime  = 10 * time.Second
	hurryPause = 2 * time.Second
)

// Config is what a Client goes by.
type Config struct {
	Servers []Server
	Built   time.Time     // no time is before it
	Random  func() uint64 // not to be guessed
	Once    bool          // one round; else until the clock is set
	Set     bool          // a person asks for the clock to be set to the right time
}

// Client asks the servers in rounds.
type Client struct {
	Config
	State State

	queries   []*query
	resolving map[string]bool
	rounds    bool // one is under way
	deadline  time.Duration
	over      time.Duration // when the last one ended
	out       []Action
}

// query is of one source in this round.
type query struct {
	to       netip.AddrPort
	server   string
	cookie   Timestamp
	attempts int
	until    time.Duration
	ended    bool
	fault    error
	sample   Sample
	good     bool
}

// NewClient goes on from state, the zero value at boot.
func NewClient(config Config, state State) *Client {
	config.Built = NotBefore(config.Built)
	c := &Client{Config: config, State: state, resolving: map[string]bool{}}
	c.State.Sources = slices.DeleteFunc(c.State.Sources, func(s Source) bool {
		_, err := netip.ParseAddrPort(s.Address)
		return err != nil || !slices.ContainsFunc(config.Servers, func(server Server) bool { return server.Name == s.Server })
	})
	c.State.Next = 0
	return c
}

// Deadline is when Step is to be called with nil, if nothing else happens before.
func (c *Client) Deadline() time.Duration {
	if !c.rounds {
		return c.State.Next
	}
	next := c.deadline
	for _, q := range c.queries {
		if !q.ended {
			next = min(next, q.until)
		}
	}
	return next
}

// Step takes an event. correct is what to do with the clock before the actions, nil: nothing.
func (c *Client) Step(now Now, event Event) (correct *Correction, actions []Action) {
	c.out = nil
	switch ev := event.(type) {
	case Resolved:
		c.resolved(now, ev)
	case Received:
		c.received(ev)
	case Hurry:
		if !c.rounds && now.Boot >= c.over+hurryPause {
			c.State.Next, c.State.Failures = now.Boot, 0
		}
	}
	if !c.rounds && c.State.Next <= now.Boot {
		c.begin(now)
	}
	if c.rounds {
		c.attempt(now)
		if c.complete() || now.Boot >= c.deadline {
			correct = c.end(now)
		}
	}
	return correct, c.out
}

func (c *Client) begin(now Now) {
	c.rounds, c.deadline, c.queries = true, now.Boot+roundTime, nil
	clear(c.resolving)
	for _, server := range c.Servers {
		if a, err := netip.ParseAddr(server.Host); err == nil {
			c.source(server, a)
			continue
		}
		found := false
		for _, s := range c.State.Sources {
			found = found || s.Server == server.Name && s.Gone == "" && s.Silent < mostSilent
		}
		if found || c.resolving[server.Host] {
			continue
		}
		c.State.Sources = slices.DeleteFunc(c.State.Sources, func(s Source) bool { return s.Server == server.Name && s.Gone == "" })
		c.resolving[server.Host] = true
		c.out = append(c.out, Resolve{server.Host})
	}
	for i := range c.State.Sources {
		c.ask(now, &c.State.Sources[i])
	}
}

// source finds an address among the sources, or adds it; nil: there are too many.
func (c *Client) source(server Server, a netip.Addr) *Source {
	to := netip.AddrPortFrom(a.Unmap(), server.Port).String()
	for i := range c.State.Sources {
		if c.State.Sources[i].Address == to {
			return &c.State.Sources[i]
		}
	}
	if len(c.State.Sources) >= mostSources {
		return nil
	}
	c.State.Sources = append(c.State.Sources, Source{Server: server.Name, Address: to, State: "not asked yet"})
	return &c.State.Sources[len(c.State.Sources)-1]
}

// ask begins a query, unless the source does not want to be asked.
func (c *Client) ask(now Now, s *Source) {
	to, err := netip.ParseAddrPort(s.Address)
	if err != nil || s.Gone != "" || s.NotBefore > now.Boot {
		return
	}
	if s.Interval > 0 {
		s.NotBefore = now.Boot + s.Interval
	}
	c.queries = append(c.queries, &query{to: to, server: s.Server})
}

func (c *Client) resolved(now Now, ev Resolved) {
	if !c.rounds || !c.resolving[ev.Host] {
		return
	}
	delete(c.resolving, ev.Host)
	for _, server := range c.Servers {
		if server.Host != ev.Host {
			continue
		}
		n := 0
		for _, a := range ev.Addresses {
			if n == mostOfOne {
				break
			}
			if s := c.source(server, a); s != nil && s.Server == server.Name {
				n++
				c.ask(now, s)
			}
		}
		if len(ev.Addresses) == 0 {
			c.State.Failure = fmt.Sprintf("%s: %v", server.Name, cmp.Or(ev.Err, errors.New("no address")))
		}
	}
}

// attempt sends what is to be sent, also again.
func (c *Client) attempt(now Now) {
	for _, q := range c.queries {
		if q.ended || now.Boot < q.until {
			continue
		}
		if q.attempts == mostAttempts {
			q.ended = true
			continue
		}
		q.attempts++
		q.until = now.Boot + answerTime
		q.cookie = Timestamp(c.Random())
		c.out = append(c.out, Send{q.to, request(q.cookie)})
	}
}

func (c *Client) received(ev Received) {
	for _, q := range c.queries {
		if q.to != ev.From || q.ended || q.attempts == 0 {
			continue
		}
		sample, err := readAnswer(ev.Data, q.cookie, ev.Sent, ev.Received, c.Built)
		switch {
		case err == nil:
			q.sample, q.good, q.ended = sample, true, true
		case errors.Is(err, errNotOurs):
		default:
			q.fault, q.ended = err, true
		}
	}
}

// complete says whether the round has an outcome that no further answer can change.
func (c *Client) complete() bool {
	if len(c.resolving) > 0 {
		return false
	}
	var samples []Sample
	open := 0
	for _, q := range c.queries {
		if !q.ended {
			open++
		} else if q.good {
			samples = append(samples, q.sample)
		}
	}
	return open == 0 || 2*len(agreed(samples)) > len(samples)+open
}

// end says what came of the round.
func (c *Client) end(now Now) *Correction {
	c.rounds, c.over = false, now.Boot
	s := &c.State
	samples, of := []Sample{}, []*Source{}
	for _, q := range c.queries {
		source := s.find(q.to.String())
		if source == nil {
			continue
		}
		if q.good {
			source.State, source.Silent = SourceDisagree, 0
			source.Offset, source.Delay, source.Distance, source.Stratum = q.sample.offset(now), q.sample.Delay, q.sample.Distance, q.sample.Stratum
			samples, of = append(samples, q.sample), append(of, source)
			continue
		}
		if !q.ended && now.Boot < c.deadline {
			continue // it may still answer, but the others are enough
		}
		source.Silent++
		source.State = SourceSilent
		if q.fault != nil {
			source.State = q.fault.Error()
		}
		var k kiss
		if errors.As(q.fault, &k) {
			source.obey(k, now.Boot, s.Poll)
		}
	}
	unresolved := s.Failure
	s.Failure, s.Problem = "", ""
	group := agreed(samples)
	var correct *Correction
	fine := false
	switch {
	case len(group) > 0:
		for _, source := range of {
			source.State = SourceOutvoted
		}
		for _, i := range group {
			of[i].State = SourceAgrees
		}
		best := nearest(samples, group)
		of[best].State = SourceUsed
		offset := samples[best].offset(now)
		s.SyncedAt, s.Offset, s.Distance = now.Boot, offset, samples[best].Distance
		correction, none := s.discipline(now.Boot, offset, samples[best].Distance, c.Set)
		if none == "" {
			correct = &correction
			if correction.Set {
				s.Set = offset
			}
		}
		s.Problem, fine = none, none == "" && offset.Abs() < steady
	case len(samples) > 0:
		s.Failure = fmt.Sprintf("%d servers disagree, and no time is that of more than half of them", len(samples))
	default:
		s.Failure = cmp.Or(c.faults(), unresolved, "there is nobody to ask")
	}
	s.plan(now.Boot, fine, float64(c.Random()>>11)/(1<<53))
	c.out = append(c.out, Ended{c.Once || c.Set || s.Synchronized})
	return correct
}

// faults says what is wrong with each source, in one line.
func (c *Client) faults() string {
	var list []string
	for _, s := range c.State.Sources {
		text := s.Server
		if !strings.HasPrefix(s.Address, s.Server) {
			text += " (" + s.Address + ")"
		}
		if list = append(list, text+": "+s.State); len(list) == 3 {
			break
		}
	}
	return strings.Join(list, "; ")
}

func (s *State) find(address string) *Source {
	for i := range s.Sources {
		if s.Sources[i].Address == address {
			return &s.Sources[i]
		}
	}
	return nil
}

// obey does what a server asks for that will not serve.
func (s *Source) obey(k kiss, now, poll time.Duration) {
	switch k {
	case kissRate:
		s.Interval = min(2*max(s.Interval, poll, pollLeast), rateMost)
		s.NotBefore = now + s.Interval
	case kissDeny, kissRestricted:
		s.Gone = string(k)
	}
}

// offset is what the clock is behind.
func (s Sample) offset(now Now) time.Duration { return s.Zero.Sub(now.Wall.Add(-now.Boot)) }
