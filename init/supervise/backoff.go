package supervise

import "time"

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

// jittered moves delay by up to a tenth either way, so that services that fell
// together do not rise together. random is in [0, 1).
func jittered(delay time.Duration, random float64) time.Duration {
	return delay + time.Duration(float64(delay)*(random-0.5)/5)
}
