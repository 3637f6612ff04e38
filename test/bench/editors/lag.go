package editors

import (
	"context"
	"os"
	"time"
)

// The repeated key of a keyboard on a slow line.
const (
	wire       = 960 // bytes a second: 9600 baud with a start and a stop bit
	repeats    = 60
	repeatRate = 30 // a second
)

// Lag is what happens when somebody holds Down for two seconds.
type Lag struct {
	Seconds float64 `json:"seconds"` // from the last key to the last byte on the screen
	Bytes   int     `json:"bytes"`   // in all
}

// MeasureLag holds Down on a line of 960 bytes a second until the cursor is in line 61.
func MeasureLag(ctx context.Context, e Editor, file string, t Terminal) (r Lag, err error) {
	if err := os.WriteFile(file, []byte(original), 0o644); err != nil {
		return r, err
	}
	s, err := start(ctx, e, file, t, wire)
	if err != nil {
		return r, err
	}
	defer s.close()
	if _, err := s.opened(firstWords); err != nil {
		return r, err
	}
	s.settle()
	from, _ := s.count()
	begin := time.Now()
	for i := range repeats {
		time.Sleep(time.Until(begin.Add(time.Duration(i) * time.Second / repeatRate)))
		s.send(e.Down)
	}
	released := time.Now()
	r.Bytes = s.still(from, rest, rest)
	_, last := s.count()
	r.Seconds = max(0, last.Sub(released).Seconds())
	return r, nil
}
