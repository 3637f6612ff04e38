package supervise

import (
	"time"

	"bantam/lifecycle"
)

const (
	backoffFirst = 100 * time.Millisecond
	backoffMost  = 30 * time.Second
	backoffReset = 30 * time.Second // so long ready, and the next failure is a first one again
)

// nextBackoff follows delay (0 at first) in the series 100 ms, 200 ms, ... 30 s.
func nextBackoff(delay time.Duration) time.Duration {
	if delay == 0 {
		return backoffFirst
	}
	return min(2*delay, backoffMost)
}

// A service that went down by itself so often, within so long, is crash-looping:
// that it is ready just now means little. The back-off never grows so far that a
// loop would not be seen.
const (
	loopFalls  = 3
	loopWindow = 5 * time.Minute
	loopCalm   = 10 * time.Second
)

// fall is one time that a service went down by itself.
type fall struct {
	at    time.Duration
	lived time.Duration // it had been ready for so long; 0: it never was
	short bool          // of what it waits for: no process of it went down
}

// fell notes that the service went down by itself at now.
func (s *service) fell(now time.Duration) {
	f := fall{at: now, short: s.short}
	if s.readyAt != 0 {
		f.lived = now - s.readyAt
	}
	s.falls = append(s.falls[max(0, len(s.falls)-loopFalls+1):], f)
}

// looping says whether the service keeps going down. One that has been ready for much longer than it was before any of
// these falls, or for as long as ends a back-off, is not called so, until it goes down again; nor one that was not started,
// because it waits for something.
func (s *service) looping(now time.Duration) bool {
	calm := loopCalm
	for _, f := range s.falls {
		if f.short {
			return false
		}
		calm = max(calm, 2*f.lived)
	}
	if s.phase == lifecycle.PhaseReady && now-s.since >= min(calm, backoffReset) {
		return false
	}
	return s.wanted && !s.done && len(s.falls) == loopFalls && now-s.falls[0].at < loopWindow
}

// fellAt is when the service last went down by itself, 0 if it has not since it was asked for.
func (s *service) fellAt() time.Duration {
	if len(s.falls) == 0 {
		return 0
	}
	return s.falls[len(s.falls)-1].at
}

// forgive lets the next failure be a first one: somebody has asked for the service anew.
func (s *service) forgive() { s.delay, s.restarts, s.falls = 0, 0, nil }

// jittered moves delay by up to a tenth either way, so that services that fell
// together do not rise together. random is in [0, 1).
func jittered(delay time.Duration, random float64) time.Duration {
	return delay + time.Duration(float64(delay)*(random-0.5)/5)
}
