package dnsforward

import "time"

// Status is how the forwarder is, for people.
type Status struct {
	Servers []ServerStatus `json:"servers"`
	Nets    []string       `json:"nets"`
	Domain  string         `json:"domain,omitempty"`
	Hosts   int            `json:"hosts"` // names of this network
	Cache   CacheStatus    `json:"cache"`
	Counts  Counts         `json:"counts"`
	Waiting int            `json:"waiting"` // questions that no server has answered yet
}

// ServerStatus is one server; one of two zones is told twice.
type ServerStatus struct {
	Server   string        `json:"server"`         // as system.toml names it
	Zone     string        `json:"zone,omitempty"` // "" for all that no zone has
	State    string        `json:"state"`          // one of those below
	Why      string        `json:"why,omitempty"`  // the last failure
	Asked    int           `json:"asked"`
	Answered int           `json:"answered"`
	Failures int           `json:"failures"`
	Took     time.Duration `json:"took,omitempty"` // its last answer, in nanoseconds
}

// States of a server.
const (
	ServerUnasked = "not asked yet"
	ServerAnswers = "answers"
	ServerFails   = "fails"
	ServerDown    = "down" // others are asked first
)

// CacheStatus is what the cache takes, and may take.
type CacheStatus struct {
	Entries    int `json:"entries"`
	Bytes      int `json:"bytes"`
	MaxEntries int `json:"max_entries"`
	MaxBytes   int `json:"max_bytes"`
}

// Counts are since the start.
type Counts struct {
	Questions  int `json:"questions"`
	Local      int `json:"local"`       // answered with names of this network and those that mean nothing outside
	Cached     int `json:"cached"`      // answered from the cache
	Forwarded  int `json:"forwarded"`   // asked of a server
	Merged     int `json:"merged"`      // that waited for the answer to another's
	Unanswered int `json:"unanswered"`  // that no server has answered
	Refused    int `json:"refused"`     // of clients from elsewhere, and for what is not given
	Malformed  int `json:"malformed"`   // no questions
	Overload   int `json:"overload"`    // answered with SERVFAIL, as too many were under way
	Rebind     int `json:"rebind"`      // answers with an address of this network for a public name
	Unwanted   int `json:"unwanted"`    // answers to what was not asked
	BadAnswers int `json:"bad_answers"` // malformed ones
	Late       int `json:"late"`        // answers after the end
}

// Status tells how things are at that time.
func (f *Forwarder) Status(now time.Duration) Status {
	s := Status{Domain: f.config.Domain, Hosts: len(f.local.names), Counts: f.counts, Waiting: len(f.queries),
		Cache: CacheStatus{len(f.cache.entries), f.cache.bytes, f.cache.limit, f.cache.volume}}
	for _, n := range f.config.Nets {
		s.Nets = append(s.Nets, n.Name)
	}
	for _, z := range append([]Zone{{Servers: f.config.Servers}}, f.config.Zones...) {
		for _, server := range z.Servers {
			state := f.servers[server]
			told := ServerStatus{Server: server.String(), Zone: z.Name, State: ServerUnasked, Why: state.why,
				Asked: state.asked, Answered: state.answered, Failures: state.failures, Took: state.took}
			switch {
			case state.downUntil > now:
				told.State = ServerDown
			case state.why != "":
				told.State = ServerFails
			case state.answered > 0:
				told.State = ServerAnswers
			}
			s.Servers = append(s.Servers, told)
		}
	}
	return s
}
