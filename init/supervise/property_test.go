package supervise

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"bantam/lifecycle"
)

// FuzzEngine plays random days of an engine against a model of the world and
// checks after every event that
//
//   - a service never has two copies, children of an earlier one included;
//   - none is told to stop while a later one that needs it runs and has not been told;
//   - a service starts only when what it needs is ready;
//   - what a person stopped does not start;
//   - the pause before a restart lies between 90 ms and 33 s;
//
// and at the end, when the world behaves, that everything comes to rest:
// wanted services are ready, every process that was spawned has an end, and a
// halt leaves nothing alive.
func FuzzEngine(f *testing.F) {
	for seed := uint64(0); seed < 300; seed++ {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		w := newWorld(t, seed)
		w.define()
		for range 150 {
			w.happen()
		}
		w.calm()
		w.halt()
	})
}

// copyOf a service is its process in the model, with its children.
type copyOf struct {
	def      Definition
	serial   uint64
	answered bool // the fork
	main     bool // lives
	children bool // live
	stubborn bool // ignores the stop signal
	dead     bool // in uninterruptible sleep: ignores SIGKILL too
	told     bool // has had the stop signal or SIGKILL
	killed   bool // has had SIGKILL
	done     bool // its end has been reported
}

type world struct {
	t       *testing.T
	r       *rand.Rand
	e       *Engine
	now     time.Duration
	copies  map[string]*copyOf // the latest of each service
	defs    []Definition
	held    map[string]bool // stopped by a person
	kind    bool            // nothing fails any more
	journal []string
}

func newWorld(t *testing.T, seed uint64) *world {
	r := rand.New(rand.NewPCG(seed, 1))
	return &world{t: t, r: r, e: NewEngine(r.Float64), now: time.Minute, copies: map[string]*copyOf{}, held: map[string]bool{}}
}

func (w *world) chance(percent int) bool { return w.r.IntN(100) < percent }

func (w *world) fail(format string, args ...any) {
	w.t.Helper()
	from := max(0, len(w.journal)-60)
	w.t.Fatalf("%s\n%s", fmt.Sprintf(format, args...), strings.Join(w.journal[from:], "\n"))
}

// define makes a random acyclic set out of eight names.
func (w *world) define() {
	names := []string{"a", "b", "c", "d", "e", "f", "g", "h"}
	w.r.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	names = names[:w.r.IntN(len(names)+1)]
	w.defs = nil
	for i, name := range names {
		d := Definition{Name: name, Argv: []string{name}}
		for _, other := range names[:i] {
			switch {
			case w.chance(25):
				d.Needs = append(d.Needs, other)
			case w.chance(10):
				d.Wants = append(d.Wants, other)
			case w.chance(10):
				d.After = append(d.After, other)
			}
		}
		d.Ready = []string{lifecycle.ReadyStarted, lifecycle.ReadyNotify, lifecycle.ReadyExited}[w.r.IntN(3)]
		d.Restart = []string{lifecycle.RestartAlways, lifecycle.RestartAlways, lifecycle.RestartOnFailure, lifecycle.RestartNever}[w.r.IntN(4)]
		w.defs = append(w.defs, d)
	}
	w.step(Define{w.defs})
}

// someNames picks from all names, defined or not.
func (w *world) someNames() []string {
	var names []string
	for _, name := range []string{"a", "b", "c", "d", "e", "f", "g", "h", "nobody"} {
		if w.chance(30) {
			names = append(names, name)
		}
	}
	return names
}

// happen lets one random thing happen.
func (w *world) happen() {
	by := By(w.r.IntN(2))
	switch n := w.r.IntN(100); {
	case n < 4:
		w.define()
	case n < 20:
		names := w.someNames()
		if by == ByPerson {
			w.release(names)
		}
		w.step(Start{names, by})
	case n < 26:
		names := w.someNames()
		if by == ByPerson {
			for _, name := range names {
				if w.e.services[name] != nil {
					w.held[name] = true
				}
			}
		}
		w.step(Stop{names, by})
	case n < 32:
		names := w.someNames()
		if by == ByPerson {
			w.release(names)
		}
		w.step(Restart{names, by})
	case n < 34:
		w.step(Reload{w.someNames()})
	case n < 50:
		w.pass(time.Duration(w.r.Int64N(int64(12 * time.Second))))
	case n < 55:
		w.step(Ready{"a", w.r.Uint64N(20)}) // a late or early report
	default:
		w.live()
	}
}

// release is the model's own idea of what a person's start frees: the named
// and all they need, unless they are not defined.
func (w *world) release(names []string) {
	for _, name := range names {
		for _, d := range w.defs {
			if d.Name == name {
				delete(w.held, name)
				w.release(d.Needs)
			}
		}
	}
}

// pass lets time go by, stopping at every deadline as the loop does.
func (w *world) pass(d time.Duration) {
	end := w.now + d
	for {
		at := w.e.Deadline()
		if at == 0 || at > end {
			break
		}
		w.now = max(w.now, at)
		w.step(Tick{})
		if next := w.e.Deadline(); next != 0 && next <= at {
			w.fail("deadline %v is not used up by a tick at %v", next, w.now)
		}
	}
	w.now = end
	w.step(Tick{})
}

// live lets a random process do something.
func (w *world) live() {
	var names []string
	for name, c := range w.copies {
		if !c.done && c.answered {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return
	}
	slices.Sort(names)
	w.act(w.copies[names[w.r.IntN(len(names))]])
}

func (w *world) act(c *copyOf) {
	name := c.def.Name
	if c.dead {
		if w.kind || w.chance(5) {
			c.dead = false // the disk answers at last, and signals arrive
			switch {
			case c.told && c.main:
				c.children = false
				w.exit(c, syscall.WaitStatus(9))
			case c.told:
				c.children = false
				w.finish(c)
			}
		}
		return
	}
	switch n := w.r.IntN(100); {
	case !c.main:
		if w.kind || w.chance(50) {
			c.children = false
			w.finish(c)
		}
	case n < 40:
		w.step(Executed{name, c.serial})
	case n < 70 && c.def.Ready == lifecycle.ReadyNotify:
		w.step(Ready{name, c.serial})
	case w.kind && c.def.Ready != lifecycle.ReadyExited:
	case n < 75 && !w.kind:
		c.main = false
		c.done = true
		w.step(SpawnFailed{name, c.serial, "exec " + name, syscall.ENOENT})
	case n < 80 && !w.kind:
		c.children = true
	default:
		status := 0
		if !w.kind && w.chance(50) {
			status = 1
		}
		w.exit(c, syscall.WaitStatus(status<<8))
	}
}

func (w *world) exit(c *copyOf, status syscall.WaitStatus) {
	c.main = false
	c.done = !c.children
	w.step(Exited{Name: c.def.Name, Serial: c.serial, Status: status, Empty: c.done})
}

func (w *world) finish(c *copyOf) {
	if !c.done {
		c.done = true
		w.step(Empty{c.def.Name, c.serial})
	}
}

// step gives an event to the engine, obeys its actions and checks them.
func (w *world) step(event Event) {
	before := map[string]State{}
	for _, st := range w.e.States(nil, w.now) {
		before[st.Name] = st
	}
	w.journal = append(w.journal, fmt.Sprintf("%v %T%v", w.now, event, event))
	actions := w.e.Step(w.now, event)
	var answers []Event
	var kills []*copyOf
	for _, action := range actions {
		w.journal = append(w.journal, fmt.Sprintf("    %T%v", action, action))
		switch a := action.(type) {
		case Spawn:
			if answer := w.spawn(a, before[a.Definition.Name]); answer != nil {
				answers = append(answers, answer)
			}
		case Signal:
			c := w.copies[a.Name]
			if c == nil || c.serial != a.Serial || !c.answered {
				w.fail("signal to %s, which has no such process", a.Name)
			}
			if a.Continue {
				w.stopsInOrder(c)
				c.told = true
				if !c.stubborn && !c.dead && c.main {
					kills = append(kills, c)
				}
			}
		case Kill:
			c := w.copies[a.Name]
			if c == nil || c.serial != a.Serial {
				w.fail("kill of %s, which has no such process", a.Name)
			}
			c.told, c.killed = true, true
			if !c.dead {
				kills = append(kills, c)
			}
		case Forget:
			if c := w.copies[a.Name]; c != nil && !c.done {
				w.fail("%s forgotten while it lives", a.Name)
			}
		}
	}
	for _, st := range w.e.States(nil, w.now) {
		if alone, known := w.e.State(st.Name, w.now); !known || alone != st {
			w.fail("%s alone is %+v, in the list %+v", st.Name, alone, st)
		}
		if st.Phase == lifecycle.PhaseBackoff && before[st.Name].Phase != lifecycle.PhaseBackoff {
			if pause := w.e.services[st.Name].deadline - w.now; pause < 90*time.Millisecond || pause > 33*time.Second {
				w.fail("%s: back-off of %v", st.Name, pause)
			}
		}
	}
	for _, answer := range answers {
		w.step(answer)
	}
	for _, c := range kills {
		if c.done {
			continue
		}
		if c.told && c.main {
			c.children = c.children && !c.killed
			w.exit(c, syscall.WaitStatus(15))
		} else if !c.main {
			w.finish(c)
		}
	}
}

func (w *world) spawn(a Spawn, before State) Event {
	name := a.Definition.Name
	if old := w.copies[name]; old != nil && !old.done {
		w.fail("second copy of %s", name)
	}
	if w.held[name] {
		w.fail("%s started, which a person has stopped", name)
	}
	for _, need := range a.Definition.Needs {
		if s := w.e.services[need]; s == nil || s.phase != lifecycle.PhaseReady {
			w.fail("%s started without %s", name, need)
		}
	}
	c := &copyOf{def: a.Definition, serial: a.Serial, answered: true, main: true}
	w.copies[name] = c
	if !w.kind {
		c.stubborn, c.dead, c.children = w.chance(10), w.chance(3), w.chance(20)
		if w.chance(5) {
			c.done = true
			return SpawnFailed{name, a.Serial, "fork", syscall.EAGAIN}
		}
	}
	return Spawned{name, a.Serial, int(a.Serial) + 1000}
}

// stopsInOrder checks that nothing that needs c and started after it runs on.
func (w *world) stopsInOrder(c *copyOf) {
	for name, other := range w.copies {
		s := w.e.services[name]
		if s == nil || s.step == stopUnkillable {
			continue
		}
		if !other.done && !other.told && other.main && other.serial > c.serial && slices.Contains(other.def.Needs, c.def.Name) {
			w.fail("%s is told to stop before %s, which needs it", c.def.Name, name)
		}
	}
}

// calm lets a friendly world run until nothing happens any more.
func (w *world) calm() {
	w.journal = append(w.journal, "calm")
	w.kind = true
	w.define()
	var names []string
	for _, d := range w.defs {
		names = append(names, d.Name)
	}
	w.release(names)
	w.step(Start{names, ByPerson})
	ready := func() bool {
		for _, st := range w.e.States(nil, w.now) {
			if d := slices.IndexFunc(w.defs, func(d Definition) bool { return d.Name == st.Name }); d < 0 {
				return false // still going away
			}
			if st.Phase != lifecycle.PhaseReady {
				return false
			}
		}
		return true
	}
	for range 300 {
		if ready() {
			return
		}
		for _, name := range []string{"a", "b", "c", "d", "e", "f", "g", "h"} {
			if c := w.copies[name]; c != nil && !c.done {
				w.act(c)
			}
		}
		for _, st := range w.e.States(nil, w.now) {
			if st.Phase == lifecycle.PhaseFailed { // its policy was never to try again, and its time ran out before the calm
				w.step(Start{[]string{st.Name}, ByPerson})
			}
		}
		w.pass(time.Second)
	}
	for _, st := range w.e.States(nil, w.now) {
		w.journal = append(w.journal, fmt.Sprintf("%+v", st))
	}
	w.fail("not everything becomes ready in a friendly world")
}

// halt stops everything. Processes may be stubborn, and some are in
// uninterruptible sleep: the halt must come to an end without them.
func (w *world) halt() {
	for _, c := range w.copies {
		c.stubborn, c.dead = w.chance(50), w.chance(20)
	}
	w.step(Halt{})
	for range 500 {
		if w.e.Idle() {
			break
		}
		w.pass(time.Second)
	}
	if !w.e.Idle() || w.e.Deadline() != 0 {
		w.fail("the halt has no end: idle %v, deadline %v", w.e.Idle(), w.e.Deadline())
	}
	for name, c := range w.copies {
		if c.dead && !c.done {
			w.act(c) // wakes it
		}
		if !c.done {
			w.fail("%s is left after the halt", name)
		}
	}
	w.step(Start{[]string{"a", "b", "c"}, ByPerson})
	if left := w.e.alive(); left != nil {
		w.fail("%v live after the halt", left)
	}
}
