package dnsforward

import (
	"strconv"
	"time"
)

// serverState is what is known of a server.
type serverState struct {
	asked, answered, failures int
	took                      time.Duration // the last answer
	why                       string        // the last failure; "" when it has answered since
	row                       int           // failures without an answer between
	downUntil                 time.Duration // others are asked first until then
	plainUntil                time.Duration // it is asked without EDNS until then
}

const (
	firstDown = 5 * time.Second // doubled with every failure
	maxDown   = 2 * time.Minute
	plainTime = time.Hour
)

// A server that is no longer configured has no state; what is still under way to it counts for nothing.

func (s *serverState) good(took time.Duration) {
	if s != nil {
		s.answered++
		s.took, s.row, s.downUntil, s.why = took, 0, 0, ""
	}
}

func (s *serverState) bad(now time.Duration, why string) {
	if s != nil {
		s.failures++
		s.row++
		s.downUntil, s.why = now+min(firstDown<<min(s.row-1, 5), maxDown), why
	}
}

// silent is one that has not answered in time; it may be the question's fault, so it takes two.
func (s *serverState) silent(now time.Duration) {
	if s != nil && s.row == 0 {
		s.failures++
		s.row, s.why = 1, "it does not answer"
	} else {
		s.bad(now, "it does not answer")
	}
}

// refused is one that is there and does not want to, or cannot: that is no reason to ask it less.
func (s *serverState) refused(code int) {
	if s != nil {
		s.failures++
		s.why = "it answered " + rcodeName(code)
	}
}

func rcodeName(code int) string {
	switch code {
	case rcodeFormErr:
		return "FORMERR"
	case rcodeServFail:
		return "SERVFAIL"
	case rcodeNotImp:
		return "NOTIMP"
	case rcodeRefused:
		return "REFUSED"
	}
	return "with code " + strconv.Itoa(code)
}

// choose is the server that a query asks next: the first that is well and was not asked, then the first that was not
// asked, then those that only were silent once more.
func (f *Forwarder) choose(q *query) (Server, bool) {
	asked := map[Server]int{}
	live := map[Server]bool{}
	for _, a := range q.attempts {
		asked[a.server]++
		live[a.server] = live[a.server] || f.asked[a.ask] == a
	}
	for _, wellOnly := range []bool{true, false} {
		for _, server := range q.servers {
			s := f.servers[server]
			if asked[server] == 0 && (!wellOnly || s == nil || s.downUntil <= f.now) {
				return server, true
			}
		}
	}
	for round := 1; round < maxAttempts; round++ {
		for _, server := range q.servers {
			if live[server] && asked[server] == round && server.TLS == "" { // a connection loses nothing
				return server, true
			}
		}
	}
	return Server{}, false
}
