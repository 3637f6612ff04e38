package pid1

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"bantam/system"
)

// A mount whose server is gone keeps the thread that asks it. It must keep
// neither the plan nor, after many plans, all of PID 1's threads.
func TestAFileSystemThatDoesNotAnswerHoldsUpNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, never := newLooks(2), make(chan struct{})
		l.mountinfo = func() string { return "" }
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
		if got, err := ask("/bin/sh", there); got != "" || !errors.Is(err, errBusy) || time.Since(began) != 0 {
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

// Of a hundred programs on a server that is gone one is waited for; those elsewhere are looked at.
func TestOneFileOfAMountThatHangsIsEnough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, never := newLooks(2), make(chan struct{})
		defer close(never)
		l.mountinfo = func() string {
			return "1 0 0:1 / / rw - ext4 /dev/vda2 rw\n2 1 0:2 / /srv rw - ext4 /dev/vda3 rw\n3 2 0:3 / /srv/far\\040away rw - nfs server:/ rw\n4 1 0:4 / /far rw - nfs server:/ rw\n"
		}
		began := time.Now()
		for i, what := range []string{"/far/a", "/far/b", "/bin/sh /far/c", "/far/b /srv", "/far"} {
			ctx, cancel := context.WithTimeoutCause(t.Context(), time.Minute, errNoAnswer)
			defer cancel()
			_, err := look(ctx, l, what, func() (string, error) { <-never; return "", nil })
			if took := time.Since(began); !errors.Is(err, errNoAnswer) || took != time.Minute {
				t.Errorf("%d, %s: %v after %v", i, what, err, took)
			}
		}
		for _, what := range []string{"/farther/a", "/srv/x", "/bin/sh", "/bin/sh /srv"} {
			if got, err := look(t.Context(), l, what, func() (string, error) { return "there", nil }); got != "there" || err != nil {
				t.Errorf("%s: %q, %v", what, got, err)
			}
		}
	})
}

func TestOnWhichMountsAPathLiesByItsName(t *testing.T) {
	const mountinfo = "1 0 0:1 / / rw - ext4 a rw\n2 1 0:2 / /srv rw - ext4 b rw\n3 2 0:3 / /srv/far\\040off rw - nfs c rw\n4 2 0:4 / /srv/near rw - nfs d rw\n"
	for what, want := range map[string]string{
		"/bin/sh": "map[]", "sh": "map[]", "/srv": "map[/srv:true]", "/srvx/y": "map[]", "/srv/near/x": "map[/srv/near:true]",
		"/srv/a /srv/near": "map[/srv:true /srv/near:true]", "": "map[]",
	} {
		if got := fmt.Sprint(mountsOf(mountinfo, what)); got != want {
			t.Errorf("%q: %s, want %s", what, got, want)
		}
	}
}

// What others hang at is a note about a service that could not be looked at; what hangs itself refuses the switch.
func TestOtherFilesThatHangRefuseNoService(t *testing.T) {
	m := &Machine{looks: newLooks(1)}
	m.looks.mountinfo = func() string { return "" }
	m.looks.hanging["/far/app "] = 1
	notes, err := m.CanStart(system.Service{Command: []string{"/bin/sh"}}, nil)
	if err != nil || len(notes) != 1 || !strings.HasPrefix(notes[0], "/bin/sh: not looked at, because ") {
		t.Errorf("%q, %v", notes, err)
	}
	if _, err := m.CanStart(system.Service{Command: []string{"/far/app"}}, nil); !errors.Is(err, errNoAnswer) {
		t.Error(err)
	}
}
