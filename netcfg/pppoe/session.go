package pppoe

import "time"

// Pauses before a session is tried again. They double from the first to the last. pppd itself has asked for 35 s where
// nobody answers. Who was refused waits longer: the fault does not go away by itself, and some providers lock who insists.
const (
	firstPause, lastPause     = time.Second, time.Minute
	refusedFirst, refusedLast = 15 * time.Second, 5 * time.Minute

	stable = time.Minute // a session that has stood so long was a good one
)

// Forever is the time of what does not happen.
const Forever = time.Duration(1<<63 - 1)

// Session says when pppd is to be started, and how things are. It knows no clock and starts nothing.
type Session struct {
	Fact Fact

	port    string
	looked  bool // at the cable
	cable   bool
	runs    bool // pppd does
	since   time.Duration
	again   time.Duration // when it is tried next; Forever while it runs, or has no cable
	tries   int           // in a row without a good session
	refused bool
}

// New is a session at a port that has not been opened yet.
func New(port string) *Session {
	return &Session{port: port, again: Forever, Fact: Fact{Reason: Opening}}
}

// Opening is the reason while nothing has gone wrong yet.
const Opening = "PPPoE: is being opened"

func (s *Session) noCable() string { return "PPPoE: no carrier at " + s.port }

// Deadline is when Step wants to be called though nothing happens.
func (s *Session) Deadline() time.Duration { return s.again }

// Event is what happens to a session.
type Event interface{ event() }

type (
	Cable struct{ There bool } // the port is there, and has a carrier, or not any more
	Told  struct{ Fact Fact }  // pppd has IPv4, or IPv6 alone, where the Fact has no address
	Ended struct{ Cause Cause }
	Time  struct{} // the deadline may be over
)

func (Cable) event() {}
func (Told) event()  {}
func (Ended) event() {}
func (Time) event()  {}

// Step takes an event at a time and tells whether pppd is to be started now. random spreads the tries of many machines
// that lost one provider.
func (s *Session) Step(now time.Duration, random uint32, event Event) (start bool) {
	switch e := event.(type) {
	case Cable:
		if s.looked && e.There == s.cable {
			break
		}
		s.looked, s.cable = true, e.There
		switch {
		case s.runs: // nothing is taken away: it may be back before the provider has noticed
		case !s.cable:
			s.again, s.Fact = Forever, Fact{Reason: s.noCable()}
		case s.refused: // another cable changes no password
			s.again = now + s.pause(random)
		default: // what there was of failures, the cable was
			s.tries, s.again = 0, now
			s.Fact = Fact{Reason: Opening}
		}
	case Told:
		if !s.runs {
			break
		}
		e.Fact.Up, e.Fact.Reason = true, ""
		if s.Fact.Up && !e.Fact.Local.IsValid() { // IPv6, after IPv4
			break
		}
		if !s.Fact.Up {
			s.since = now
		}
		s.Fact, s.refused = e.Fact, false
	case Ended:
		if s.Fact.Up && now-s.since >= stable {
			s.tries = 0
		}
		s.runs, s.refused = false, e.Cause.Refused
		s.tries++
		s.Fact = Fact{Reason: "PPPoE: " + e.Cause.Text}
		s.again = now + s.pause(random)
		if !s.cable {
			s.again, s.Fact.Reason = Forever, s.noCable()
		}
	}
	if s.runs || s.again > now {
		return false
	}
	s.runs, s.again = true, Forever
	return true
}

// pause is how long it is waited after a failure: more by up to a quarter.
func (s *Session) pause(random uint32) time.Duration {
	pause, last := firstPause, lastPause
	if s.refused {
		pause, last = refusedFirst, refusedLast
	}
	for range min(s.tries-1, 30) {
		pause = min(2*pause, last)
	}
	return pause + time.Duration(random%256)*(pause/4)/256
}
