package dhcp4serve

import "time"

// limit lets rate events a second pass in the long run, and burst of them at once after some quiet.
type limit struct {
	rate, burst int
	left        float64
	at          time.Duration
	begun       bool
}

// take says whether one more may pass at now.
func (l *limit) take(now time.Duration) bool {
	if !l.begun {
		l.begun, l.left, l.at = true, float64(l.burst), now
	}
	l.left = min(l.left+max(now-l.at, 0).Seconds()*float64(l.rate), float64(l.burst))
	l.at = now
	if l.left < 1 {
		return false
	}
	l.left--
	return true
}
