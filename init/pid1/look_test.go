package pid1

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// A mount whose server is gone keeps the thread that asks it. It must keep
// neither the plan nor, after many plans, all of PID 1's threads.
func TestAFileSystemThatDoesNotAnswerHoldsUpNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, never := newLooks(2), make(chan struct{})
		ask := func(what string, f func() (string, error)) (string, error) {
			ctx, cancel := context.WithTimeoutCause(t.Context(), time.Minute, errNoAnswer)
			defer cancel()
			return look(ctx, l, what, f)
		}
		hang := func() (string, error) { <-never; return "late", nil }
		there := func() (string, error) { return "there", nil }
		began := time.Now()
		for what, waits := range map[string]time.Duration{"/mnt/a": time.Minute, "/mnt/b": time.Minute} {
			for range 10 { // the second one hears at once what the first one waited for
				if got, err := ask(what, hang); got != "" || !errors.Is(err, errNoAnswer) {
					t.Errorf("%s: got %q, %v", what, got, err)
				}
			}
			if took := time.Since(began); took != waits {
				t.Errorf("%s: ten questions took %v, want %v", what, took, waits)
			}
			began = time.Now()
			if what, err := ask("/bin/sh", there); len(l.places) == 1 && (what != "there" || err != nil) {
				t.Errorf("while one hangs: %q, %v", what, err)
			}
		}
		if got, err := ask("/bin/sh", there); got != "" || !errors.Is(err, errNoAnswer) || time.Since(began) != 0 {
			t.Errorf("with every place kept: %q, %v after %v", got, err, time.Since(began))
		}
		if len(l.places) != 2 {
			t.Errorf("%d threads wait, want 2", len(l.places))
		}
		close(never)
		synctest.Wait()
		for _, what := range []string{"/mnt/a", "/mnt/b", "/bin/sh"} { // they answer again
			if got, err := ask(what, there); got != "there" || err != nil {
				t.Errorf("%s: %q, %v", what, got, err)
			}
		}
	})
}

func TestALookWaitsForAPlaceThatComesFree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLooks(1)
		slow := func() (string, error) { time.Sleep(time.Second); return "there", nil }
		go look(t.Context(), l, "/a", slow)
		synctest.Wait()
		if got, err := look(t.Context(), l, "/b", slow); got != "there" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
	})
}
