package timesync

import (
	"fmt"
	"time"
)

const (
	// A clock that is set jumps over times or has them twice. So one that is nearly right is led there.
	stepLeast = 100 * time.Millisecond
	// What a clock that was right is wrong by in one answer, and not in the next, was a network's fault.
	spikeLeast = 128 * time.Millisecond
	// Leading takes 2,000 times as long; beyond that, two weeks, a person decides.
	slewMost = 10 * time.Minute

	slewRate      = 500e-6          // how fast the kernel leads: half a millisecond a second
	frequencyMost = 500.0           // parts per million, all that the kernel takes
	frequencyGain = 0.25            // of what was seen, as a network's delays are in it
	frequencySpan = time.Minute - 1 // less says too little of it
)

// Correction is what is to be done to the clock.
type Correction struct {
	Set       bool          // at once, by Offset
	Offset    time.Duration // to be led there, or set; what is added
	Frequency float64       // in parts per million; positive is faster
	Error     time.Duration // so far it may be from the true time then
}

// discipline decides what becomes of a clock that was found to be wrong by
// offset, at a boottime. Set: a person asks for it. None: nothing is done, and why.
func (s *State) discipline(now, offset, distance time.Duration, set bool) (c Correction, none string) {
	if !s.Synchronized || set {
		c = Correction{Set: set || offset.Abs() > stepLeast, Offset: offset, Frequency: s.Frequency, Error: distance}
		s.corrected(now, c)
		return c, ""
	}
	if limit := max(spikeLeast, 4*distance); (offset - s.ahead(now)).Abs() > limit {
		if s.Spike == 0 || (offset-s.Spike).Abs() > limit {
			s.Spike = offset
			return c, fmt.Sprintf("it seems to be wrong by %v; that is looked at again", offset.Round(time.Millisecond))
		}
		if offset.Abs() > slewMost {
			return c, fmt.Sprintf("it is wrong by %v, which is too much to be led back; `bantam time step` sets it", offset.Round(time.Second))
		}
	}
	if span := now - s.CorrectedAt; s.Spike == 0 && span >= frequencySpan && s.ahead(now) == 0 {
		drift := float64(offset) / float64(span) * 1e6
		s.Frequency = min(max(s.Frequency+frequencyGain*drift, -frequencyMost), frequencyMost)
	}
	c = Correction{Offset: offset, Frequency: s.Frequency, Error: distance}
	s.corrected(now, c)
	return c, ""
}

// ahead is how much of the last correction the kernel has still to lead.
func (s *State) ahead(now time.Duration) time.Duration {
	done := time.Duration(slewRate * float64(now-s.CorrectedAt))
	if s.Led < 0 {
		return min(s.Led+done, 0)
	}
	return max(s.Led-done, 0)
}

func (s *State) corrected(now time.Duration, c Correction) {
	s.Synchronized, s.Spike, s.CorrectedAt, s.Led = true, 0, now, c.Offset
	if c.Set {
		s.Led = 0
	}
}

// Pauses between rounds of requests.
const (
	pollLeast  = 64 * time.Second // what the operators of pools ask for
	pollMost   = 2048 * time.Second
	firstRetry = 4 * time.Second // while the clock is not set
	rateMost   = 36 * time.Hour
)

// steady is when a clock may be left alone for longer.
const steady = 50 * time.Millisecond

// plan says when the next round is: later and later while the clock is right, or nobody answers.
func (s *State) plan(now time.Duration, fine bool, random float64) {
	switch {
	case fine:
		s.Failures = 0
		s.Poll = min(max(2*s.Poll, pollLeast), pollMost)
	case s.Failure == "": // something is to be looked at again
		s.Failures, s.Poll = 0, pollLeast
	default:
		first := pollLeast
		if !s.Synchronized {
			first = firstRetry
		}
		s.Poll = min(first<<min(s.Failures, 8), pollMost/2)
		s.Failures++
	}
	jitter := time.Duration((random - 0.5) * 0.2 * float64(s.Poll))
	s.Next = now + max(s.Poll+jitter, firstRetry)
	if s.Synchronized {
		s.Next = now + max(s.Poll+jitter.Abs(), pollLeast)
	}
	for _, source := range s.Sources { // a round without anybody to ask is none
		if source.Gone == "" && source.NotBefore <= s.Next {
			return
		}
	}
	var soonest time.Duration
	for _, source := range s.Sources {
		if source.Gone == "" && (soonest == 0 || source.NotBefore < soonest) {
			soonest = source.NotBefore
		}
	}
	s.Next = max(s.Next, soonest)
}
