package pid1

import (
	"testing"
	"time"
)

func TestConsolesWaitForTheChoiceAndForALittleMoreButNeverForLong(t *testing.T) {
	open, closed := make(chan struct{}), make(chan struct{})
	close(closed)
	const never, once = time.Hour, time.Nanosecond
	for _, c := range []struct {
		claim           string
		chosen, started <-chan struct{}
		latest, little  time.Duration
	}{
		{"started is enough", open, closed, never, never},
		{"chosen, and started soon after", closed, closed, never, never},
		{"chosen, and being proven for long", closed, open, never, once},
		{"a choice that hangs", open, open, once, never},
	} {
		returned := make(chan struct{})
		go func() {
			awaitChoice(c.chosen, c.started, c.latest, c.little)
			close(returned)
		}()
		select {
		case <-returned:
		case <-time.After(30 * time.Second):
			t.Errorf("%s: still waiting", c.claim)
		}
	}

	chosen := make(chan struct{})
	returned := make(chan struct{})
	go func() {
		awaitChoice(chosen, open, never, once)
		close(returned)
	}()
	select {
	case <-returned:
		t.Error("consoles start before the choice")
	case <-time.After(50 * time.Millisecond):
	}
	close(chosen)
	<-returned
}
