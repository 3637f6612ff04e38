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

// scripted is a test of the engine. Its script has one step a line: an event, "->", and the actions that
// it must cause, sorted, without notes. "? web backoff exit status 1" looks at a state.
//
//	define db; web needs db  the definitions
//	start, stop, restart, reload NAMES   by plan; with "hand" before it by a person
//	forked db       but not executed yet    born db                   executed as well
//	fork db         which fails             exec db ENOENT            which fails
//	lack db         of secret x
//	exit db 1       gone with this status   signal db 9               gone by signal
//	exit db 1 leaving children              empty db                  ... and now they are gone
//	oom db          killed for memory       ready db                  it says so itself
//	pass 1s         time passes             halt
type scripted struct{ name, script string }

func playAll(t *testing.T, all []scripted) {
	t.Helper()
	for _, c := range all {
		t.Run(c.name, func(t *testing.T) { play(t, c.script) })
	}
}

// play runs a script; see scripted.
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
	for _, st := range e.States(nil, now) {
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
	case "lack":
		return []Event{SpawnFailed{word[1], serial(), Lack("secret x").Error(), 0}}
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
