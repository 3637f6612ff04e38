package supervise

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"bantam/lifecycle"
)

func TestNoExitStatusOfTwoThousandQuickChildrenIsLost(t *testing.T) {
	if !asInit(t) {
		return
	}
	r := supervise(t)
	var wrong sync.Map
	var group sync.WaitGroup
	for worker := range 20 {
		group.Go(func() {
			for i := range 100 {
				want := (worker*100 + i) % 256
				status, _, err := r.RunOnce(context.Background(), Definition{Argv: shell(fmt.Sprintf("exit %d", want))})
				if err != nil || !status.Exited() || status.ExitStatus() != want {
					wrong.Store(fmt.Sprintf("%v %v, want %d", status, err, want), true)
				}
			}
		})
	}
	group.Wait()
	wrong.Range(func(key, _ any) bool { t.Error(key); return false })
}

func TestAStormOfFiveThousandOrphansLeavesNoZombie(t *testing.T) {
	if !asInit(t) {
		return
	}
	r := supervise(t)
	script := `i=0; while [ $i -lt 5000 ]; do ( : & ) ; i=$((i+1)); done`
	status, tail, err := r.RunOnce(context.Background(), Definition{Argv: shell(script)})
	if err != nil || status != 0 {
		t.Fatalf("%v %v %s", status, err, tail)
	}
	r.nothingLeft()
	r.must(r.do(func() {
		if r.orphans < 5000 {
			t.Errorf("%d orphans reaped, want 5000", r.orphans)
		}
		if len(r.pids)+len(r.dying)+len(r.current) != 0 {
			t.Errorf("processes still on the books: %v %v %v", r.pids, r.dying, r.current)
		}
	}))
}

func TestServicesStartAndStopInTheOrderOfTheirRelations(t *testing.T) {
	if !asInit(t) {
		return
	}
	r := supervise(t)
	list := r.dir + "/list"
	service := func(name string, needs ...string) Definition {
		script := fmt.Sprintf(`trap 'sleep 0.1; echo -%s >> %s; exit 0' TERM; echo +%s >> %s; echo >&$NOTIFY_FD; while :; do sleep 0.02; done`, name, list, name, list)
		return Definition{Name: name, Argv: shell(script), Needs: needs, Ready: lifecycle.ReadyNotify}
	}
	r.must(r.Define([]Definition{service("ui", "web"), service("web", "db"), service("db"), service("log")}))
	r.must(r.Start(ByPlan, "ui"))
	r.await(lifecycle.PhaseReady, "ui")
	r.must(r.Restart(ByPlan, "web"))
	r.within("the restart is over", func() bool { return read(list) == "+db +web +ui -ui -web +web +ui" })
	r.await(lifecycle.PhaseReady, "ui", "web")
	if err := r.StopAll(context.Background()); err != nil {
		t.Fatal(err)
	}
	if got, want := read(list), "+db +web +ui -ui -web +web +ui -ui -web -db"; got != want {
		t.Errorf("order %q, want %q", got, want)
	}
}

func read(file string) string {
	text, _ := os.ReadFile(file)
	return strings.Join(strings.Fields(string(text)), " ")
}

func TestHostileServicesAreStoppedToTheLastProcess(t *testing.T) {
	if !asInit(t) {
		return
	}
	r := supervise(t)
	for _, c := range []struct {
		name  string
		argv  []string
		says  string // once it is hostile
		times int
		notes string // must occur
	}{
		{"ignores-every-signal", self("ignore"), "ignoring", 1, "still there after 300ms: killed"},
		{"daemonises-a-grandchild-that-ignores-TERM", self("daemon"), "ignoring", 1, "stopped: signal 15"},
		{"forks-to-the-seventh-power-of-two", self("bomb", "6"), "ticking", 127, "still there after 300ms: killed"},
		{"floods-its-output", self("flood"), strings.TrimSuffix(floodLine, "\n"), 10, "stopped: signal 15"},
		{"closes-all-descriptors", self("close"), "closing", 1, "stopped: signal 15"},
		{"is-stopped-by-SIGSTOP", shell("trap 'exit 3' TERM; echo pausing; kill -STOP $$; sleep 1"), "pausing", 1, "stopped: exit status 3"},
	} {
		t.Run(c.name, func(t *testing.T) {
			patience := 300 * time.Millisecond
			if strings.Contains(c.notes, "exit status") { // it ends by itself, however slow the machine is
				patience = time.Minute
			}
			r.run(Definition{Name: c.name, Argv: c.argv, StopTimeout: patience})
			r.within("it is hostile", func() bool {
				count := 0
				for _, line := range r.output(c.name) {
					if line == c.says {
						count++
					}
				}
				return count >= c.times
			})
			if c.name == "is-stopped-by-SIGSTOP" { // what comes before that is not meant here
				r.within("it is stopped", func() bool {
					states, _ := r.States()
					return slices.ContainsFunc(states, func(s State) bool {
						return s.Name == c.name && strings.Contains(read(fmt.Sprintf("/proc/%d/stat", s.PID)), ") T ")
					})
				})
			}
			r.must(r.Stop(ByPlan, c.name))
			r.await(lifecycle.PhaseDown, c.name)
			r.nothingLeft()
			if notes := r.notes(c.name); !strings.Contains(notes, c.notes) {
				t.Errorf("notes %q, want %q", notes, c.notes)
			}
		})
	}
}

func TestWhatACrashLeavesBehindDiesBeforeTheRestart(t *testing.T) {
	if !asInit(t) {
		return
	}
	r := supervise(t)
	r.run(Definition{Name: "crash", Argv: self("leave")})
	r.within("it crashed three times", func() bool { return r.state("crash").Restarts >= 3 })
	r.must(r.Stop(ByPlan, "crash"))
	r.await(lifecycle.PhaseDown, "crash")
	r.nothingLeft()
}

func TestWithoutCgroupsTheProcessGroupIsStoppedAndTheStatusSaysSo(t *testing.T) {
	if !asInit(t) {
		return
	}
	r := superviseWith(t, Options{Cgroup: t.TempDir() + "/none"})
	if err := r.Cgroup(); err == nil || !strings.Contains(err.Error(), "no cgroup v2") {
		t.Errorf("cgroup fault %v", err)
	}
	r.run(Definition{Name: "family", Argv: shell("trap '' TERM; sleep 1000 & sleep 1000 & wait; sleep 1000"), StopTimeout: 200 * time.Millisecond},
		Definition{Name: "crash", Argv: shell("sleep 1000 & exit 1")},
		Definition{Name: "port", Argv: self("listen", "7001"), Ready: "tcp/7001"})
	r.await(lifecycle.PhaseReady, "family", "port")
	if r.state("family").Cgroup {
		t.Error("the state claims a cgroup")
	}
	r.within("the crash is repeated", func() bool { return r.state("crash").Restarts >= 2 })
	if err := r.StopAll(context.Background()); err != nil {
		t.Error(err)
	}
	r.nothingLeft()
}

func TestWhyAServiceDoesNotRunIsTold(t *testing.T) {
	if !asInit(t) {
		return
	}
	r := supervise(t)
	os.WriteFile(r.dir+"/notes.txt", []byte("text"), 0o644)
	os.WriteFile(r.dir+"/garbage", []byte("\x00garbage"), 0o755)
	defs := map[string]Definition{
		"exec /nowhere: no such file or directory":        {Argv: []string{"/nowhere"}},
		"exec no-such-command: no such file or directory": {Argv: []string{"no-such-command"}},
		"exec " + r.dir + "/notes.txt: permission denied": {Argv: []string{r.dir + "/notes.txt"}},
		"exec " + r.dir + "/garbage: exec format error":   {Argv: []string{r.dir + "/garbage"}},
		"chdir /nowhere: no such file or directory":       {Argv: []string{"true"}, Dir: "/nowhere"},
		"tty /dev/nowhere: no such file or directory":     {Argv: []string{"true"}, TTY: "/dev/nowhere"},
		"exit status 7":                         {Argv: shell("exit 7")},
		"signal 9 (killed)":                     {Argv: shell("kill -9 $$")},
		"signal 11 (segmentation fault)":        {Argv: shell("kill -11 $$")},
		"exec " + r.dir + ": permission denied": {Argv: []string{r.dir}},
	}
	want := map[string]string{}
	var all []Definition
	for reason, d := range defs {
		d.Name = fmt.Sprintf("s%d", len(all))
		d.Restart = lifecycle.RestartNever
		want[d.Name] = reason
		all = append(all, d)
	}
	r.run(all...)
	for name, reason := range want {
		r.await(lifecycle.PhaseFailed, name)
		if got := r.state(name); got.LastExit.String() != reason || got.Reason != reason || !got.Stuck {
			t.Errorf("last exit %q, reason %q, stuck %v, want %q", got.LastExit, got.Reason, got.Stuck, reason)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := r.Wait(ctx, lifecycle.PhaseReady, all[0].Name); err == nil || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("waiting for a failed service: %v, want its reason at once", err)
	}
}

func TestAServiceThatMayEndAndHasEndedWellWasStarted(t *testing.T) {
	if !asInit(t) {
		return
	}
	r := supervise(t)
	r.must(r.Define([]Definition{{Name: "job", Argv: self("exit", "0"), Restart: lifecycle.RestartNever}, {Name: "bad", Argv: self("exit", "1"), Restart: lifecycle.RestartNever}}))
	for range 20 {
		r.must(r.Start(ByPerson, "job"))
		r.await(lifecycle.PhaseReady, "job")
	}
	r.within("it has ended", func() bool { return r.state("job").Phase == lifecycle.PhaseDown })
	r.await(lifecycle.PhaseReady, "job") // also for whoever looks late
	r.must(r.Start(ByPerson, "bad"))
	r.await(lifecycle.PhaseFailed, "bad")
	if err := r.Wait(context.Background(), lifecycle.PhaseReady, "bad"); err == nil {
		t.Error("one that has failed counts as started")
	}
	r.must(r.Stop(ByPerson, "job"))
	soon, cancel := context.WithTimeoutCause(context.Background(), 50*time.Millisecond, errors.New("not within 50ms"))
	defer cancel()
	err := r.Wait(soon, lifecycle.PhaseReady, "job")
	if want := "not within 50ms: service job: down: exit status 0"; err == nil || err.Error() != want {
		t.Errorf("waiting for one that was stopped: got %v, want %s", err, want)
	}
}

func TestAnExecutableThatAppearsIsPickedUp(t *testing.T) {
	if !asInit(t) {
		return
	}
	r := supervise(t)
	file := r.dir + "/late"
	r.run(Definition{Name: "late", Argv: []string{file}})
	r.within("it is missed", func() bool { return r.state("late").Restarts > 0 })
	os.WriteFile(file, []byte("#!/bin/sh\nexec sleep 1000\n"), 0o755)
	r.await(lifecycle.PhaseReady, "late")
}

func TestOneThatIsNeverReadyIsStoppedAndTriedAgain(t *testing.T) {
	if !asInit(t) {
		return
	}
	r := supervise(t)
	r.run(Definition{Name: "mute", Argv: self("notify", "no newline"), Ready: lifecycle.ReadyNotify, StartTimeout: 300 * time.Millisecond},
		Definition{Name: "babble", Argv: self("notify", strings.Repeat("x", 5000), "\n"), Ready: lifecycle.ReadyNotify, StartTimeout: 300 * time.Millisecond},
		Definition{Name: "after", Argv: shell("sleep 1000"), Needs: []string{"mute"}})
	for _, name := range []string{"mute", "babble"} {
		r.within("it is tried again", func() bool { return r.state(name).Restarts >= 2 })
		if notes := r.notes(name); !strings.Contains(notes, "not ready within 300ms; again in") || strings.Contains(notes, "ready after") {
			t.Error(notes)
		}
	}
	if st := r.state("after"); st.Phase != lifecycle.PhaseDown || !strings.HasPrefix(st.Reason, "waits for mute: ") {
		t.Errorf("%+v", st)
	}
}

func TestANewlineOnTheDescriptorMakesReady(t *testing.T) {
	if !asInit(t) {
		return
	}
	r := supervise(t)
	r.run(Definition{Name: "polite", Argv: self("notify", "READY=", "1\n", "STATUS=more\n", "and more\n"), Ready: lifecycle.ReadyNotify})
	r.await(lifecycle.PhaseReady, "polite")
	pid := r.state("polite").PID
	time.Sleep(300 * time.Millisecond)
	if st := r.state("polite"); st.Phase != lifecycle.PhaseReady || st.PID != pid {
		t.Errorf("saying more than a line ended it: %+v", st)
	}
}

func TestOnlyTheServicesOwnListenerMakesItReady(t *testing.T) {
	if !asInit(t) {
		return
	}
	r := supervise(t)
	r.run(Definition{Name: "thief", Argv: self("listen", "7002")},
		Definition{Name: "victim", Argv: shell("sleep 1000"), Ready: "tcp/7002", StartTimeout: 500 * time.Millisecond},
		Definition{Name: "honest", Argv: self("listen", "7003"), Ready: "tcp/7003"})
	r.await(lifecycle.PhaseReady, "thief", "honest")
	r.within("the victim has timed out", func() bool { return r.state("victim").Restarts > 0 })
	if notes := r.notes("victim"); strings.Contains(notes, "ready after") {
		t.Error(notes)
	}
}

func TestStopAllKillsWhatDoesNotStopInTime(t *testing.T) {
	if !asInit(t) {
		return
	}
	r := supervise(t)
	r.run(Definition{Name: "deaf", Argv: self("ignore"), StopTimeout: time.Hour})
	r.within("it ignores", func() bool { return slices.Contains(r.output("deaf"), "ignoring") })
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	err := r.StopAll(ctx)
	if err == nil || !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "deaf") {
		t.Errorf("%v, want a deadline and the name", err)
	}
	r.await(lifecycle.PhaseDown, "deaf")
}

func TestARunForTheResultReturnsStatusAndEndOfOutput(t *testing.T) {
	if !asInit(t) {
		return
	}
	r := supervise(t)
	for _, c := range []struct {
		name   string
		def    Definition
		status syscall.WaitStatus
		tail   string // end of the output
		fault  string
	}{
		{"success", Definition{Argv: shell("echo out; echo err >&2")}, 0, "out\nerr\n", ""},
		{"failure", Definition{Argv: shell("echo no; exit 3")}, 3 << 8, "no\n", ""},
		{"a signal", Definition{Argv: shell("kill -9 $$")}, 9, "", ""},
		{"long output", Definition{Argv: shell("seq 100000")}, 0, "99999\n100000\n", ""},
		{"a missing program", Definition{Argv: []string{"/nowhere"}}, 0, "", "exec /nowhere: no such file or directory"},
		{"leftovers that hold the output open are killed", Definition{Argv: self("daemon-parent")}, 0, "", ""},
		{"as another user", Definition{Argv: []string{"id", "-u"}, UID: 65534, GID: 65534}, 0, "65534\n", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, tail, err := r.RunOnce(context.Background(), c.def)
			if (err == nil) != (c.fault == "") || err != nil && !strings.Contains(err.Error(), c.fault) {
				t.Fatalf("error %v, want %q", err, c.fault)
			}
			if status != c.status || !strings.HasSuffix(string(tail), c.tail) || len(tail) > tailMost {
				t.Errorf("status %v, %d bytes ending in %q, want %v, %q", status, len(tail), tail[max(0, len(tail)-40):], c.status, c.tail)
			}
		})
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	begun := filepath.Join(r.dir, "begun")
	go func() {
		for _, err := os.Stat(begun); err != nil; _, err = os.Stat(begun) {
			time.Sleep(time.Millisecond)
		}
		cancel()
	}()
	_, tail, err := r.RunOnce(ctx, Definition{Argv: shell("echo begun; : >" + begun + "; sleep 1000")})
	if !errors.Is(err, context.Canceled) || string(tail) != "begun\n" {
		t.Errorf("%v %q, want its end and the output so far", err, tail)
	}
	r.nothingLeft()
}

func TestTheLoopFeedsTheWatchdogAndSurvivesAKillOfEverything(t *testing.T) {
	if !asInit(t) {
		return
	}
	fed := make(chan bool, 100)
	r := superviseWith(t, Options{Cgroup: mountCgroup(t), Tick: func() { fed <- true }})
	r.run(Definition{Name: "a", Argv: shell("sleep 1000")}, Definition{Name: "b", Argv: shell("sleep 1000")})
	r.await(lifecycle.PhaseReady, "a", "b")
	<-fed
	syscall.Kill(-1, syscall.SIGKILL)
	r.within("both are back", func() bool {
		return r.state("a").Restarts == 1 && r.state("b").Restarts == 1
	})
	r.await(lifecycle.PhaseReady, "a", "b")
	select {
	case <-fed:
	case <-time.After(time.Minute):
		t.Error("not fed within a minute")
	}
}

func TestCallsFromManyGoroutinesWhileServicesComeAndGo(t *testing.T) {
	if !asInit(t) {
		return
	}
	r := supervise(t)
	defs := func(n int) []Definition {
		var list []Definition
		for i := range n {
			d := Definition{Name: fmt.Sprintf("s%d", i), Argv: shell("echo up; sleep 0.05")}
			if i > 0 {
				d.Wants = []string{fmt.Sprintf("s%d", i-1)}
			}
			list = append(list, d)
		}
		return list
	}
	r.must(r.Define(defs(6)))
	var group sync.WaitGroup
	for worker := range 8 {
		group.Go(func() {
			for i := range 40 {
				name := fmt.Sprintf("s%d", (worker+i)%6)
				switch (worker + i) % 5 {
				case 0:
					r.Start(ByPerson, name)
				case 1:
					r.Stop(ByPerson, name)
				case 2:
					r.Restart(ByPlan, name)
				case 3:
					r.Define(defs(3 + i%4))
				case 4:
					r.States()
					r.Log(name, 10)
				}
			}
		})
	}
	group.Wait()
	r.must(r.Define(defs(6)))
	r.must(r.Start(ByPerson, "s0", "s1", "s2", "s3", "s4", "s5"))
	r.within("all have run", func() bool {
		for i := range 6 {
			if !slices.Contains(r.output(fmt.Sprintf("s%d", i)), "up") {
				return false
			}
		}
		return true
	})
}

func TestAServiceMayBeCalledLikeAFileOfTheKernel(t *testing.T) {
	if !asInit(t) {
		return
	}
	r := supervise(t)
	r.run(Definition{Name: "cgroup.procs", Argv: self("daemon")}, Definition{Name: "getty@ttyS0", Argv: shell("sleep 1000")})
	r.await(lifecycle.PhaseReady, "cgroup.procs", "getty@ttyS0")
	r.must(r.Stop(ByPlan, "cgroup.procs", "getty@ttyS0"))
	r.await(lifecycle.PhaseDown, "cgroup.procs", "getty@ttyS0")
	r.nothingLeft()
}

func TestUnknownNamesAndFaultyDefinitionsChangeNothing(t *testing.T) {
	if !asInit(t) {
		return
	}
	r := supervise(t)
	r.run(Definition{Name: "a", Argv: shell("sleep 1000")})
	r.await(lifecycle.PhaseReady, "a")
	if err := r.Stop(ByPlan, "a", "x", "y"); err == nil || err.Error() != "no such service: x, y; not part of the running generation" {
		t.Error(err)
	}
	if err := r.Define([]Definition{{Name: "b", Argv: []string{"b"}, Needs: []string{"b"}}}); err == nil {
		t.Error("a cycle was accepted")
	}
	if st := r.state("a"); st.Phase != lifecycle.PhaseReady {
		t.Errorf("%+v", st)
	}
}

func TestAPanicInTheLoopReachesTheGuard(t *testing.T) {
	if !asInit(t) {
		return
	}
	caught := make(chan string, 1)
	before := Guard
	defer func() { Guard = before }()
	Guard = func(task string, f func()) {
		defer func() {
			if fault := recover(); fault != nil {
				caught <- fmt.Sprint(task, ": ", fault)
			}
		}()
		f()
	}
	s := New(Options{Tick: func() { panic("bitten") }})
	s.Run(context.Background())
	if got, want := <-caught, "supervisor: bitten"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if _, err := s.States(); err != ErrEnded {
		t.Errorf("got %v, want %v", err, ErrEnded)
	}
}
