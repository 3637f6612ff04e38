package session

import (
	"fmt"
	"time"
)

// Pauses before a session is tried again. They double from the first to the last. pppd itself has asked for 35 s where
// nobody answers. Who was refused waits longer: the fault does not go away by itself, and some providers lock who insists.
const (
	firstPause, lastPause     = time.Second, time.Minute
	refusedFirst, refusedLast = 15 * time.Second, 5 * time.Minute

	stable = time.Minute // a session that has stood so long was a good one
)

// Forever is the time of what does not happen.
const Forever = time.Duration(1<<63 - 1)

// Cause is why a session is not, or is no more.
type Cause struct {
	Text    string // in words
	Refused bool   // of who we are: asking again at once would be no better, and some providers lock who does
}

// EndOf says how a program ended that said nothing of why; a status below zero is a signal's number.
func EndOf(program string, status int) string {
	if status < 0 {
		return fmt.Sprintf("%s was killed (signal %d)", program, -status)
	}
	return fmt.Sprintf("%s ended with status %d", program, status)
}

// Words are what is said of a session of some kind.
type Words struct {
	Kind    string // e.g. "PPPoE"
	Opening string // while nothing has gone wrong yet, e.g. "is being opened"
	Absent  string // while what it is over is not there, e.g. "no carrier at eth0"
	Ends    bool   // it has no sense without that
}

// Say is a reason as a Fact has it.
func (w Words) Say(reason string) string { return w.Kind + ": " + reason }

// Session says when the program is to be started, and how things are. It knows no clock and starts nothing.
type Session struct {
	Fact Fact

	words   Words
	looked  bool // at what it is over
	below   bool
	runs    bool // the program does
	since   time.Duration
	again   time.Duration // when it is tried next; Forever while it runs, or what it is over is not there
	tries   int           // in a row without a good session
	refused bool
}

// New is a session that has not been opened yet.
func New(words Words) *Session {
	return &Session{words: words, again: Forever, Fact: Fact{Reason: words.Say(words.Opening)}}
}

// Deadline is when Step wants to be called though nothing happens.
func (s *Session) Deadline() time.Duration { return s.again }

// Event is what happens to a session.
type Event interface{ event() }

type (
	Below struct{ There bool }  // what it is over is there, e.g. a port with a carrier, or not any more
	Told  struct{ Fact Fact }   // the session is up; without an address it says nothing of a better one that is known
	Lost  struct{ Text string } // it is not any more, or not yet, though the program runs
	Ended struct{ Cause Cause }
	Time  struct{} // the deadline may be over
)

func (Below) event() {}
func (Told) event()  {}
func (Lost) event()  {}
func (Ended) event() {}
func (Time) event()  {}

// Act is what is to be done with the program.
type Act int

const (
	Rest Act = iota
	Start
	Stop
)

// Step takes an event at a time and tells what is to be done now. random spreads the tries of many machines that lost one
// provider.
func (s *Session) Step(now time.Duration, random uint32, event Event) Act {
	switch e := event.(type) {
	case Below:
		if s.looked && e.There == s.below {
			break
		}
		s.looked, s.below = true, e.There
		switch {
		case s.runs && s.words.Ends && !s.below:
			return Stop
		case s.runs: // nothing is taken away: it may be back before the other end has noticed
		case !s.below:
			s.again, s.Fact = Forever, s.not(s.words.Absent)
		case s.refused: // another cable changes no password
			s.again = now + s.pause(random)
		default: // what there was of failures, the cable was
			s.tries, s.again = 0, now
			s.Fact = s.not(s.words.Opening)
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
	case Lost:
		if s.runs {
			s.Fact = s.not(e.Text)
		}
	case Ended:
		if s.Fact.Up && now-s.since >= stable {
			s.tries = 0
		}
		s.runs, s.refused = false, e.Cause.Refused
		s.tries++
		s.Fact = s.not(e.Cause.Text)
		s.again = now + s.pause(random)
		if !s.below {
			s.again, s.Fact = Forever, s.not(s.words.Absent)
		}
	}
	if s.runs || s.again > now {
		return Rest
	}
	s.runs, s.again = true, Forever
	return Start
}

func (s *Session) not(reason string) Fact { return Fact{Reason: s.words.Say(reason)} }

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
