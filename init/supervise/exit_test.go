package supervise

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"bantam/lifecycle"
)

// told plays a script and returns what the engine then says of a.
func told(t *testing.T, script string) State {
	t.Helper()
	e := NewEngine(func() float64 { return 0.5 })
	now := time.Hour
	for _, line := range strings.Split(strings.TrimSpace(script), "\n") {
		for _, event := range events(t, e, strings.TrimSpace(line)) {
			if d, ok := event.(time.Duration); ok {
				now += d
				event = Tick{}
			}
			e.Step(now, event)
		}
	}
	for _, st := range e.States(nil, now) {
		if st.Name == "a" {
			return st
		}
	}
	t.Fatal("there is no a")
	return State{}
}

func TestHowTheLastProcessEndedIsTold(t *testing.T) {
	for _, c := range []struct {
		name, script string
		want         lifecycle.Exit
	}{
		{"nothing has ended", "define a\nstart a\nborn a", lifecycle.Exit{}},
		{"with a status", "define a\nstart a\nborn a\nexit a 3", lifecycle.Exit{Cause: lifecycle.Exited, Status: 3}},
		{"by a signal", "define a\nstart a\nborn a\nsignal a 11", lifecycle.Exit{Cause: lifecycle.Signalled, Signal: syscall.SIGSEGV}},
		{"for lack of memory", "define a\nstart a\nborn a\noom a", lifecycle.Exit{Cause: lifecycle.OutOfMemory}},
		{"without a program", "define a\nstart a\nexec a", lifecycle.Exit{Cause: lifecycle.Unborn, Stage: "exec a", Errno: syscall.ENOENT}},
		{"without a process", "define a\nstart a\nfork a", lifecycle.Exit{Cause: lifecycle.Unborn, Stage: "fork", Errno: syscall.EAGAIN}},
		{"not ready in time, and then well", "define a notify\nstart a\nborn a\npass 30s\nexit a 0", lifecycle.Exit{Cause: lifecycle.TimedOut, Limit: 30 * time.Second}},
	} {
		if got := told(t, c.script).LastExit; got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

func TestWhenAServiceLastWentDownByItselfIsTold(t *testing.T) {
	const up = "define a\nstart a\nborn a\npass 1s\n"
	for _, c := range []struct {
		name, script string
		want         time.Duration
	}{
		{"it has not", up, 0},
		{"with a failure", up + "exit a 1\npass 1s", time.Hour + time.Second},
		{"soon and well, and again", up + "exit a 0\npass 1s", time.Hour + time.Second},
		{"up again", up + "exit a 1\npass 1s\nborn a\npass 1h", time.Hour + time.Second},
		{"well, after long", up + "pass 1m\nexit a 0", 0},
		{"because it was stopped", up + "stop a\nexit a 1", 0},
		{"it was asked for anew", up + "exit a 1\npass 1s\nborn a\nhand restart a\nexit a 0\nborn a", 0},
		{"it was asked for while it was ending", up + "exit a 1\npass 1s\nborn a\nstop a\nstart a\nexit a 0\nborn a", 0},
	} {
		if got := told(t, c.script).Fell; got != c.want {
			t.Errorf("%s: at %v, want %v", c.name, got, c.want)
		}
	}
}

func TestWhenAProcessWasLastReloadedIsTold(t *testing.T) {
	const up = "define a\nstart a\nborn a\npass 1s\n"
	if got := told(t, up+"reload a\npass 1s").Reloaded; got != time.Hour+time.Second {
		t.Errorf("after a reload: %v", got)
	}
	if got := told(t, up+"reload a\nhand restart a\nexit a 0\nborn a").Reloaded; got != 0 {
		t.Errorf("of the next process: %v", got)
	}
}

func TestOnlyWhatEndedByItselfForGoodIsDone(t *testing.T) {
	for script, want := range map[string]bool{
		"define a onfailure\nstart a\nborn a\nexit a 0":         true,
		"define a onfailure\nstart a\nborn a\nstop a\nexit a 0": false,
		"define a\nstart a\nborn a\nexit a 0":                   false,
	} {
		if got := told(t, script); got.Done != want || got.endedWell() != want {
			t.Errorf("%s: %+v", script, got)
		}
	}
}
