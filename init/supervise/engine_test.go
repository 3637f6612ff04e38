package supervise

import (
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"bantam/lifecycle"
)

// The scripts below have one step a line: an event, "->", and the actions that
// it must cause, sorted, without notes. "? web backoff exit status 1" looks at a state.
//
//	define db; web needs db  the definitions
//	start, stop, restart, reload NAMES   by plan; with "hand" before it by a person
//	forked db       but not executed yet    born db                   executed as well
//	fork db         which fails             exec db ENOENT            which fails
//	exit db 1       gone with this status   signal db 9               gone by signal
//	exit db 1 leaving children              empty db                  ... and now they are gone
//	oom db          killed for memory       ready db                  it says so itself
//	pass 1s         time passes             halt
func TestEngine(t *testing.T) {
	for _, c := range []struct{ name, script string }{
		{"a service that needs another starts when that is ready and stops before it", `
			define db; web needs db
			start web -> spawn db
			? web down waits for db: starting
			born db -> spawn web
			born web
			? web ready
			stop db -> TERM web
			? db stopping stopped
			? web stopping lost db
			exit web 0 -> TERM db
			exit db 0
			? db down stopped
			? web down waits for db: stopped stuck
			start db -> spawn db
			born db -> spawn web`},
		{"services that do not depend on each other start at once", `
			define a; b; c needs a b
			start c -> spawn a, spawn b
			born a
			born b -> spawn c`},
		{"losing a need stops its dependents, and they return with it", `
			define db; web needs db; ui needs web
			start ui -> spawn db
			born db -> spawn web
			born web -> spawn ui
			born ui
			signal db 11 -> TERM ui
			? db backoff signal 11 (segmentation fault)
			exit ui 0 -> TERM web
			pass 100ms -> spawn db
			born db
			exit web 0 -> spawn web
			born web -> spawn ui`},
		{"what is wanted may fail, but its outcome is waited for", `
			define log; web wants log
			start web -> spawn log
			exec log ENOENT -> spawn web
			? log backoff exec log: no such file or directory`},
		{"what is wanted and held back by something that failed is not waited for", `
			define disk oneshot; log needs disk; web wants log
			start web -> spawn disk
			exit disk 1 -> spawn web
			? disk failed exit status 1 stuck
			? log down waits for disk: exit status 1 stuck`},
		{"order alone starts nothing", `
			define log; web after log
			start web -> spawn web`},
		{"order holds between services that start anyway, and backwards when they stop", `
			define log; web after log
			start web log -> spawn log
			born log -> spawn web
			born web
			halt -> TERM web
			exit web 0 -> TERM log`},
		{"the wanted outlives the loss of what wants it", `
			define log; web wants log
			start web -> spawn log
			born log -> spawn web
			born web
			exit log 1
			? web ready`},
		{"a one-shot is ready when it has ended well, and has no process", `
			define mount oneshot; web needs mount
			start web -> spawn mount
			born mount
			? mount up
			exit mount 0 -> spawn web
			? mount ready`},
		{"a one-shot's leftovers are killed before it counts as done", `
			define mount oneshot; web needs mount
			start web -> spawn mount
			born mount
			exit mount 0 leaving -> KILL mount
			empty mount -> spawn web`},
		{"a one-shot that has done its work stops after its dependents, without a signal", `
			define mount oneshot; web needs mount
			start web -> spawn mount
			exit mount 0 -> spawn web
			born web
			stop mount -> TERM web
			exit web 0
			? mount down stopped`},
		{"a one-shot that fails is not started again", `
			define mount oneshot
			start mount -> spawn mount
			exit mount 3
			? mount failed exit status 3 stuck
			pass 1h
			start mount -> spawn mount`},
		{"back-off doubles from 100 ms to 30 s and never gives up", `
			define a
			start a -> spawn a
			exit a 1
			pass 99ms
			pass 1ms -> spawn a
			exit a 1
			pass 200ms -> spawn a
			exit a 1
			pass 400ms -> spawn a
			exit a 1
			pass 800ms -> spawn a
			exit a 1
			pass 1600ms -> spawn a
			exit a 1
			pass 3200ms -> spawn a
			exit a 1
			pass 6400ms -> spawn a
			exit a 1
			pass 12800ms -> spawn a
			exit a 1
			pass 25600ms -> spawn a
			exit a 1
			pass 29s
			pass 1s -> spawn a
			exit a 1
			pass 30s -> spawn a`},
		{"30 s up make the next failure a first one", `
			define a
			start a -> spawn a
			exit a 1
			pass 100ms -> spawn a
			born a
			pass 30s
			exit a 1
			pass 100ms -> spawn a
			born a
			pass 29s
			exit a 1
			pass 100ms
			pass 100ms -> spawn a`},
		{"a clean end is restarted always, and with on-failure never", `
			define a; b onfailure
			start a b -> spawn a, spawn b
			born a
			born b
			exit a 0
			exit b 0
			? a backoff exit status 0
			? b down exit status 0 stuck
			pass 100ms -> spawn a`},
		{"restart never ends in failed", `
			define a never
			start a -> spawn a
			born a
			exit a 1
			? a failed exit status 1 stuck
			pass 1h`},
		{"a fork that fails is tried again whatever the policy", `
			define a never
			start a -> spawn a
			fork a
			? a backoff fork: resource temporarily unavailable
			pass 100ms -> spawn a`},
		{"an executable that appears is picked up", `
			define a
			start a -> spawn a
			exec a ENOENT
			pass 100ms -> spawn a
			born a
			? a ready`},
		{"three falls are a crash loop, however often it was ready; 10 s ready end it for now", `
			define a
			start a -> spawn a
			born a
			exit a 1
			pass 100ms -> spawn a
			born a
			exit a 0
			? a backoff exit status 0
			pass 200ms -> spawn a
			born a
			? a ready
			exit a 1
			? a backoff exit status 1 looping
			pass 400ms -> spawn a
			born a
			? a ready looping
			pass 9s
			? a ready looping
			pass 1s
			? a ready
			exit a 1
			? a backoff exit status 1 looping`},
		{"what fell after some time is looping until it has been ready for twice as long, 30 s at most", `
			define a
			start a -> spawn a
			born a
			pass 8s
			exit a 1
			pass 100ms -> spawn a
			born a
			exit a 1
			pass 200ms -> spawn a
			born a
			exit a 1
			pass 400ms -> spawn a
			born a
			pass 15s
			? a ready looping
			pass 1s
			? a ready
			pass 9s
			exit a 1
			? a backoff exit status 1 looping
			pass 800ms -> spawn a
			born a
			pass 29s
			? a ready looping
			pass 1s
			? a ready`},
		{"falls that are minutes apart are no crash loop", `
			define a
			start a -> spawn a
			born a
			exit a 1
			pass 3m -> spawn a
			born a
			exit a 1
			pass 3m -> spawn a
			born a
			exit a 1
			? a backoff exit status 1`},
		{"who asks for a service anew begins to count anew", `
			define a
			start a -> spawn a
			exit a 1
			pass 1s -> spawn a
			exit a 1
			pass 1s -> spawn a
			exit a 1
			pass 1s -> spawn a
			born a
			? a ready looping
			hand restart a -> TERM a
			exit a 0 -> spawn a
			born a
			? a ready`},
		{"what has to stop is not crash-looping, and losing a need is no fall", `
			define db; web needs db
			start web -> spawn db
			born db -> spawn web
			born web
			exit db 1 -> TERM web
			exit web 0
			pass 1s -> spawn db
			born db -> spawn web
			born web
			exit db 1 -> TERM web
			exit web 0
			pass 1s -> spawn db
			born db -> spawn web
			born web
			exit db 1 -> TERM web
			exit web 0
			? db backoff exit status 1 looping
			? web down waits for db: exit status 1
			stop db
			? db down stopped`},
		{"who waits says for what in the end, and why that is not there", `
			define db notify; web needs db; ui needs web; late after ui
			start late ui -> spawn db
			? ui down waits for web, and that for db: starting
			born db
			? ui down waits for web, and that for db: it is not ready yet
			? late down waits for ui, and that for db: it is not ready yet
			exit db 7 -> spawn late
			? ui down waits for web, and that for db: exit status 7
			hand stop db
			? ui down waits for web, and that for db: stopped by hand stuck`},
		{"one that does not stop is killed after its time, and with all its children", `
			define a
			start a -> spawn a
			born a
			stop a -> TERM a
			pass 9s
			pass 1s -> KILL a
			signal a 9
			? a down stopped`},
		{"a main process that stops and leaves children has them killed", `
			define a
			start a -> spawn a
			born a
			stop a -> TERM a
			exit a 0 leaving -> KILL a
			? a stopping stopped
			empty a
			? a down stopped`},
		{"an unkillable process is passed over, and no second copy is started", `
			define a; b needs a
			start b -> spawn a
			born a -> spawn b
			born b
			stop a -> TERM b
			pass 10s -> KILL b
			pass 5s -> TERM a
			? b failed unkillable stuck
			exit a 0
			start a b -> spawn a
			born a
			signal b 9 -> spawn b`},
		{"children that a crash left behind delay the restart until they are gone", `
			define a
			start a -> spawn a
			born a
			exit a 1 leaving -> KILL a
			pass 4s
			empty a
			pass 100ms -> spawn a`},
		{"one that is not ready in time is stopped and tried again", `
			define a notify
			start a -> spawn a
			born a
			pass 30s -> TERM a
			? a stopping not ready within 30s
			exit a 0
			? a backoff not ready within 30s
			pass 100ms -> spawn a`},
		{"a slow exec counts as part of the start", `
			define a
			start a -> spawn a
			forked a
			pass 30s -> TERM a
			pass 10s -> KILL a
			signal a 9
			pass 100ms -> spawn a`},
		{"readiness may be told before the exec is seen", `
			define a notify; b needs a
			start b -> spawn a
			ready a -> spawn b
			born a
			? a ready`},
		{"a service is not ready before it says so", `
			define a notify; b needs a
			start b -> spawn a
			born a
			? a up
			ready a -> spawn b`},
		{"readiness of an earlier process means nothing", `
			define a notify
			start a -> spawn a
			born a
			exit a 1
			pass 100ms -> spawn a
			late ready a
			? a starting`},
		{"what a person stopped stays stopped until a person starts it", `
			define db; web needs db
			start web -> spawn db
			born db -> spawn web
			born web
			hand stop db -> TERM web
			exit web 0 -> TERM db
			exit db 0
			? db down stopped by hand
			start web db
			define db; web needs db
			start web db
			restart db
			? web down waits for db: stopped by hand stuck
			hand start web -> spawn db`},
		{"what a person stopped stays stopped over a removal and return", `
			define a; b
			start a b -> spawn a, spawn b
			born a
			hand stop a -> TERM a
			exit a 0
			define b -> forget a
			define a; b
			start a
			? a down stopped by hand`},
		{"a running service keeps its definition until it is restarted", `
			define a
			start a -> spawn a
			born a
			define a notify
			? a ready stale
			restart a -> TERM a
			exit a 0 -> spawn a
			born a
			? a up`},
		{"a restart takes the dependents with it, in order", `
			define db; web needs db
			start web -> spawn db
			born db -> spawn web
			born web
			restart db -> TERM web
			exit web 0 -> TERM db
			exit db 0 -> spawn db
			born db -> spawn web`},
		{"a restart of both is one stop and one start of each", `
			define db; web needs db
			start web -> spawn db
			born db -> spawn web
			born web
			restart web db -> TERM web
			exit web 0 -> TERM db
			exit db 0 -> spawn db
			born db -> spawn web
			born web
			? web ready`},
		{"a restart runs a one-shot again", `
			define mount oneshot
			start mount -> spawn mount
			exit mount 0
			restart mount -> spawn mount`},
		{"a restart by plan does not touch what is not wanted", `
			define a
			restart a
			hand restart a -> spawn a`},
		{"a restart ends a back-off", `
			define a
			start a -> spawn a
			exit a 1
			restart a -> spawn a`},
		{"reload signals what runs and nothing else", `
			define a; b
			start a -> spawn a
			born a
			reload a b -> HUP a`},
		{"a removed service stops after those that still need it", `
			define db; web needs db
			start web -> spawn db
			born db -> spawn web
			born web
			define web -> TERM web
			exit web 0 -> TERM db, spawn web
			exit db 0 -> forget db`},
		{"a service that is removed and returns while it stops can be started", `
			define a
			start a -> spawn a
			born a
			define -> TERM a
			define a
			start a
			exit a 0 -> spawn a`},
		{"a service removed during its fork is stopped when the fork is answered", `
			define a
			start a -> spawn a
			define
			born a -> TERM a
			exit a 0 -> forget a`},
		{"a service stopped in back-off is not started", `
			define a
			start a -> spawn a
			exit a 1
			stop a
			pass 1m
			? a down stopped`},
		{"old and new definitions that together make a cycle still stop", `
			define a after b; b
			start a b -> spawn b
			born b -> spawn a
			born a
			define a; b after a
			restart b -> TERM b
			exit b 0 -> spawn b
			born b
			halt -> TERM b
			exit b 0 -> TERM a
			exit a 0`},
		{"lack of memory is named", `
			define a
			start a -> spawn a
			born a
			oom a
			? a backoff killed: out of memory`},
		{"a failed service that is stopped is down, with its last exit known", `
			define a never
			start a -> spawn a
			exit a 1
			? a failed exit status 1 stuck
			stop a
			? a down stopped`},
		{"a start while a failure is being cleaned up counts", `
			define a never notify
			start a -> spawn a
			born a
			pass 30s -> TERM a
			start a
			exit a 0 -> spawn a`},
		{"a failed service is removed at once", `
			define a never
			start a -> spawn a
			exit a 1
			define -> forget a`},
		{"after halt nothing starts", `
			define a; b needs a
			start b -> spawn a
			halt
			born a -> TERM a
			start a b
			exit a 0
			pass 1h
			? a down shutdown stuck`},
		{"events about unknown services change nothing", `
			define a
			start x
			stop x
			restart x
			reload x
			late ready a`},
		{"a definition with a cycle is refused", `
			define a
			define a needs b; b needs a
			start a -> spawn a`},
	} {
		t.Run(c.name, func(t *testing.T) { play(t, c.script) })
	}
}

// play runs a script; see TestEngine.
func play(t *testing.T, script string) {
	t.Helper()
	e := NewEngine(func() float64 { return 0.5 })
	now := time.Hour
	var expect []string
	for _, line := range strings.Split(strings.TrimSpace(script), "\n") {
		line = strings.TrimSpace(line)
		text, want, _ := strings.Cut(line, " -> ")
		if look, ok := strings.CutPrefix(text, "? "); ok {
			if got := stateOf(e, now, strings.Fields(look)[0]); got != look {
				t.Fatalf("state %q, want %q", got, look)
			}
			continue
		}
		var got []string
		for _, event := range events(t, e, text) {
			if d, ok := event.(time.Duration); ok {
				now += d
				event = Tick{}
			}
			for _, a := range e.Step(now, event) {
				if s := show(a); s != "" {
					got = append(got, s)
				}
			}
		}
		slices.Sort(got)
		expect = append(expect, line)
		if got := strings.Join(got, ", "); got != want {
			t.Fatalf("after\n%s\nactions %q, want %q", strings.Join(expect, "\n"), got, want)
		}
	}
}

func stateOf(e *Engine, now time.Duration, name string) string {
	for _, st := range e.States(now) {
		if st.Name != name {
			continue
		}
		words := []string{st.Name, string(st.Phase)}
		if st.Reason != "" {
			words = append(words, st.Reason)
		}
		if st.Stuck {
			words = append(words, "stuck")
		}
		if st.Stale {
			words = append(words, "stale")
		}
		if st.Looping {
			words = append(words, "looping")
		}
		return strings.Join(words, " ")
	}
	return name + " gone"
}

func show(a Action) string {
	switch a := a.(type) {
	case Spawn:
		return "spawn " + a.Definition.Name
	case Signal:
		if a.Signal == syscall.SIGTERM && a.Continue {
			return "TERM " + a.Name
		}
		if a.Signal == syscall.SIGHUP && !a.Continue {
			return "HUP " + a.Name
		}
		return fmt.Sprintf("%v %s", a.Signal, a.Name)
	case Kill:
		return "KILL " + a.Name
	case Forget:
		return "forget " + a.Name
	}
	return ""
}

// events reads the left side of a script line. A time.Duration stands for its passing.
func events(t *testing.T, e *Engine, text string) []Event {
	t.Helper()
	word := strings.Fields(text)
	by := ByPlan
	if word[0] == "hand" {
		by, word = ByPerson, word[1:]
	}
	serial := func() uint64 {
		if s := e.services[word[1]]; s != nil {
			return s.serial
		}
		return 0
	}
	status := func() int {
		var n int
		fmt.Sscan(word[2], &n)
		return n
	}
	switch word[0] {
	case "define":
		return []Event{Define{definitions(strings.TrimPrefix(text, "define"))}}
	case "start":
		return []Event{Start{word[1:], by}}
	case "stop":
		return []Event{Stop{word[1:], by}}
	case "restart":
		return []Event{Restart{word[1:], by}}
	case "reload":
		return []Event{Reload{word[1:]}}
	case "halt":
		return []Event{Halt{}}
	case "born":
		return []Event{Spawned{word[1], serial(), 100}, Executed{word[1], serial()}}
	case "forked":
		return []Event{Spawned{word[1], serial(), 100}}
	case "fork":
		return []Event{SpawnFailed{word[1], serial(), "fork", syscall.EAGAIN}}
	case "exec":
		return []Event{Spawned{word[1], serial(), 100}, SpawnFailed{word[1], serial(), "exec " + word[1], syscall.ENOENT}}
	case "exit":
		return []Event{Exited{Name: word[1], Serial: serial(), Status: syscall.WaitStatus(status() << 8), Empty: len(word) == 3}}
	case "signal":
		return []Event{Exited{Name: word[1], Serial: serial(), Status: syscall.WaitStatus(status()), Empty: true}}
	case "oom":
		return []Event{Exited{Name: word[1], Serial: serial(), Status: syscall.WaitStatus(9), OOM: true, Empty: true}}
	case "empty":
		return []Event{Empty{word[1], serial()}}
	case "ready":
		return []Event{Ready{word[1], serial()}}
	case "late":
		word = word[1:]
		return []Event{Ready{word[1], serial() - 1}}
	case "pass":
		d, err := time.ParseDuration(word[1])
		if err != nil {
			t.Fatal(err)
		}
		return []Event{d}
	}
	t.Fatalf("no such event: %s", text)
	return nil
}

// definitions reads "db; web needs db log wants x oneshot".
func definitions(text string) []Definition {
	var defs []Definition
	for _, part := range strings.Split(text, ";") {
		word := strings.Fields(part)
		if len(word) == 0 {
			continue
		}
		d := Definition{Name: word[0], Argv: []string{word[0]}}
		var list *[]string
		for _, w := range word[1:] {
			switch w {
			case "needs":
				list = &d.Needs
			case "wants":
				list = &d.Wants
			case "after":
				list = &d.After
			case "oneshot":
				d.Ready = lifecycle.ReadyExited
			case "notify":
				d.Ready = lifecycle.ReadyNotify
			case "onfailure":
				d.Restart = lifecycle.RestartOnFailure
			case "never":
				d.Restart = lifecycle.RestartNever
			default:
				*list = append(*list, w)
			}
		}
		defs = append(defs, d)
	}
	return defs
}

func TestWhatAPersonStoppedIsKnownWithoutADefinition(t *testing.T) {
	e, a := NewEngine(func() float64 { return 0 }), []Definition{{Name: "a", Argv: []string{"a"}}}
	held := func(want ...string) {
		t.Helper()
		if got := e.Held(); !slices.Equal(got, want) {
			t.Errorf("held %q, want %q", got, want)
		}
	}
	e.Step(0, Define{a})
	e.Step(0, Stop{[]string{"a"}, ByPerson})
	held() // its State says it
	e.Step(0, Define{nil})
	e.Step(0, Start{[]string{"a"}, ByPerson}) // which there is nothing to start of
	held("a")
	e.Step(0, Define{a})
	held()
	e.Step(0, Start{[]string{"a"}, ByPerson})
	e.Step(0, SpawnFailed{"a", e.services["a"].serial, "fork", syscall.EAGAIN})
	e.Step(0, Define{nil})
	held()
}

func TestDefinitionsAreRefusedWithAllTheirFaults(t *testing.T) {
	for _, c := range []struct{ name, defs, want string }{
		{"a cycle is shown with its path", "a needs b; b wants c; c after a; d needs a", "services wait for each other: a -> b -> c -> a"},
		{"a service that needs itself", "a needs a", "services wait for each other: a -> a"},
		{"an unknown name", "a needs x", `service a: follows "x", which is not defined`},
		{"a doubled name", "a; a", "service a: defined twice"},
		{"two faults are both told", "a needs x; b wants y", "service a: follows \"x\", which is not defined\nservice b: follows \"y\", which is not defined"},
		{"a name that leaves its directory", "../x", `service "../x": not a name; use letters, digits and _ - . @, starting with a letter or digit, at most 64`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := startOrder(definitions(c.defs))
			if err == nil || err.Error() != c.want {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

func TestJitterStaysWithinATenth(t *testing.T) {
	for _, c := range []struct {
		random float64
		want   time.Duration
	}{{0, 900 * time.Millisecond}, {0.5, time.Second}, {1, 1100 * time.Millisecond}} {
		if got := jittered(time.Second, c.random); got != c.want {
			t.Errorf("jittered(1s, %v) = %v, want %v", c.random, got, c.want)
		}
	}
}
