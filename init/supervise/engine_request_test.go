package supervise

import (
	"slices"
	"syscall"
	"testing"
)

func TestRequestsAndDefinitions(t *testing.T) {
	playAll(t, []scripted{
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
	})
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
