package pid1

import (
	"errors"
	"testing"
	"time"
)

// A mount whose server is gone keeps the thread that asks it. It must keep
// neither the plan nor, after many plans, all of PID 1's threads.
func TestAFileSystemThatDoesNotAnswerHoldsUpNothing(t *testing.T) {
	places := make(chan struct{}, 2)
	never := make(chan struct{})
	hang := func() (string, error) { <-never; return "late", nil }
	for range 3 {
		if got, err := inTime(places, time.Millisecond, hang); got != "" || !errors.Is(err, errNoAnswer) {
			t.Errorf("got %q, %v", got, err)
		}
	}
	if len(places) != 2 {
		t.Errorf("%d threads wait, want 2", len(places))
	}
	close(never)
	for range 2 { // they come back when it answers
		places <- struct{}{}
	}
	<-places
	if got, err := inTime(places, time.Minute, func() (string, error) { return "there", nil }); got != "there" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}
