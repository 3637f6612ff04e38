package flash

import (
	"fmt"
	"time"
)

// A Meter makes lines of progress out of bytes: "writing: 12.3 MB of 31.9 GB, 18.2 MB/s, 29m12s left".
type Meter struct {
	Every time.Duration // between two lines of a stage; 0: each is told

	stage      Stage
	began, now time.Time // of the stage; of its last line
}

// Line gives the line at a time; "" when it is too early for another.
func (m *Meter) Line(now time.Time, stage Stage, done, total int64) string {
	if stage != m.stage {
		m.stage, m.began, m.now = stage, now, now.Add(-m.Every)
	}
	if now.Sub(m.now) < m.Every {
		return ""
	}
	m.now = now
	line := fmt.Sprintf("%s: %s", stage, Size(done))
	if total > 0 {
		line += " of " + Size(total)
	}
	passed := now.Sub(m.began)
	if passed < time.Second || done == 0 { // what it says of speed is chance
		return line
	}
	speed := float64(done) / passed.Seconds()
	line += fmt.Sprintf(", %s/s", Size(int64(speed)))
	if total > done {
		line += fmt.Sprintf(", %v left", time.Duration(float64(total-done)/speed*float64(time.Second)).Round(time.Second))
	}
	return line
}
