package supervise

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"bantam/lifecycle"
	"bantam/order"
)

// settle compares what is with what should be and moves everything that can
// move, until nothing can. It works from levels, not from edges: an event only
// records a fact, and whatever follows from all facts together follows here, so
// no order of events can leave a service behind.
func (e *Engine) settle() {
	names := e.names()
	for again := true; again; {
		again = false
		// All that must stop is marked before the first signal, or a
		// dependency would not know that its dependents are going too.
		for marked := true; marked; {
			marked = false
			for _, name := range names {
				if s := e.services[name]; s != nil && s.runs() {
					if cause := e.mustStop(s); cause != "" {
						e.halt(s, cause)
						marked = true
					}
				}
			}
		}
		e.foresee()
		for _, name := range names {
			if s := e.services[name]; s != nil && e.move(s) {
				again = true
			}
		}
	}
}

// runs holds while s is meant to run or has done its one-shot work.
func (s *service) runs() bool {
	return s.phase == lifecycle.PhaseStarting || s.phase == lifecycle.PhaseUp || s.phase == lifecycle.PhaseReady
}

// idle says why s should not run, or "".
func (e *Engine) idle(s *service) string {
	switch {
	case e.halting:
		return "shutdown"
	case s.removed:
		return "removed"
	case e.byHand[s.def.Name]:
		return "stopped by hand"
	case !s.wanted:
		return "stopped"
	}
	return ""
}

// mustStop says why s, which runs, has to stop, or "".
func (e *Engine) mustStop(s *service) string {
	if cause := e.idle(s); cause != "" {
		return cause
	}
	if s.again {
		return "restart"
	}
	for _, need := range s.run.Needs {
		if !e.isReady(need) {
			return "lost " + need
		}
	}
	return ""
}

func (e *Engine) isReady(name string) bool {
	s := e.services[name]
	return s != nil && s.phase == lifecycle.PhaseReady
}

// move takes s one step on and reports whether it did.
func (e *Engine) move(s *service) bool {
	switch s.phase {
	case lifecycle.PhaseStopping:
		if s.step != stopWaits || e.blocked(s) || s.alive && s.pid == 0 && !s.exited {
			return false // in the last case the fork has not been answered yet
		}
		if !s.alive { // a one-shot that had done its work
			s.step, s.cause = stopNot, ""
			e.enter(s, lifecycle.PhaseDown, s.reason)
			return true
		}
		s.step = stopSignalled
		s.deadline = e.now + s.run.StopTimeout
		e.act(Signal{s.def.Name, s.serial, s.run.StopSignal, true})
		return true
	case lifecycle.PhaseBackoff, lifecycle.PhaseFailed, lifecycle.PhaseDown:
		if s.alive {
			return false // unkillable
		}
		if why := e.idle(s); why != "" && s.phase != lifecycle.PhaseDown {
			e.enter(s, lifecycle.PhaseDown, why)
			return true
		}
		if s.removed {
			delete(e.services, s.def.Name)
			e.act(Forget{s.def.Name})
			e.changed = true
			return true
		}
		if s.phase == lifecycle.PhaseDown && !s.done && e.idle(s) == "" && e.waitsFor(s) == "" {
			e.spawn(s)
			return true
		}
	}
	return false
}

// blocked reports whether a service that stops before s has not ended yet.
// Those that need s are stopping by now, because s no longer is ready.
//
// Only later processes count, and those that have had their signal: old and
// new definitions may both be running, and together they can make a cycle that
// neither has. Starting order has none.
func (e *Engine) blocked(s *service) bool {
	for _, other := range e.services {
		if other != s && other.phase == lifecycle.PhaseStopping &&
			(other.serial > s.serial || other.step >= stopSignalled) &&
			slices.Contains(other.run.follows(), s.def.Name) {
			return true
		}
	}
	return false
}

// waitsFor names the first service that must have an outcome before s starts, or "".
func (e *Engine) waitsFor(s *service) string {
	for _, need := range s.def.Needs {
		if !e.isReady(need) {
			return need
		}
	}
	for _, other := range slices.Concat(s.def.Wants, s.def.After) {
		if o := e.services[other]; o != nil && o.pending {
			return other
		}
	}
	return ""
}

// waiting says that a service waits for other, and why that is not there: by
// what other waits for itself, if it does.
func (e *Engine) waiting(other string) string {
	text := "waits for " + other
	root := e.services[other]
	for root.phase == lifecycle.PhaseDown && !root.done && e.idle(root) == "" && e.waitsFor(root) != "" {
		root = e.services[e.waitsFor(root)] // ends: relations have no cycle
	}
	if root.def.Name != other {
		text += ", and that for " + root.def.Name
	}
	why := root.reason
	if root.phase == lifecycle.PhaseDown {
		why = cmp.Or(e.idle(root), why)
	}
	if root.phase == lifecycle.PhaseUp {
		why = "it is not ready yet"
	}
	if lack, ok := strings.CutPrefix(why, stageLack); ok {
		return text + ", and that for " + lack
	}
	return text + ": " + cmp.Or(why, string(root.phase))
}

// foresee works out for every service whether it is pending and whether it is
// stuck. Dependencies come first in the order, so one pass is enough.
//
// Pending: a start is under way, neither done nor failed nor held back by
// something that has failed. Stuck: nothing will make it ready by itself.
// Held: a person stopped it, or what it needs.
func (e *Engine) foresee() {
	for _, name := range e.order {
		s := e.services[name]
		s.pending, s.stuck, s.held = false, false, e.byHand[name]
		for _, need := range s.def.Needs {
			s.held = s.held || e.services[need].held
		}
		if s.done || e.idle(s) != "" {
			s.stuck = true
			continue
		}
		switch s.phase {
		case lifecycle.PhaseStarting, lifecycle.PhaseUp, lifecycle.PhaseStopping:
			s.pending = true
		case lifecycle.PhaseFailed:
			s.stuck = true
		case lifecycle.PhaseDown:
			s.pending = true
			for _, need := range s.def.Needs {
				n := e.services[need]
				s.pending = s.pending && (n.phase == lifecycle.PhaseReady || n.pending)
				s.stuck = s.stuck || n.stuck
			}
		}
	}
}

// Held lists, sorted, what a person stopped and is not defined any more: if it
// is defined again, it still stays stopped.
func (e *Engine) Held() []string {
	var names []string
	for name := range e.byHand {
		if e.services[name] == nil {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// States lists all services by name, as they are at now, in the memory of states.
func (e *Engine) States(states []State, now time.Duration) []State {
	e.foresee()
	states = slices.Grow(states[:0], len(e.services))
	for name, s := range e.services {
		states = append(states, e.state(name, s, now))
	}
	order.By(states, func(a, b State) int { return strings.Compare(a.Name, b.Name) })
	return states
}

// State is that of one service, and whether there is one.
func (e *Engine) State(name string, now time.Duration) (State, bool) {
	s := e.services[name]
	if s == nil {
		return State{}, false
	}
	e.foresee()
	return e.state(name, s, now), true
}

func (e *Engine) state(name string, s *service, now time.Duration) State {
	st := State{
		Name: name, Phase: s.phase, PID: s.pid, Since: s.since, Restarts: s.restarts,
		LastExit: s.lastExit, Reason: s.reason, Wanted: s.wanted, ByHand: e.byHand[name],
		Done:     s.wanted && s.done,
		Fell:     s.fellAt(),
		Reloaded: s.reloaded,

		Stuck:   s.wanted && s.stuck,
		Held:    s.held,
		Looping: s.looping(max(now, e.now)),
		Stale:   (s.alive || s.phase == lifecycle.PhaseReady) && s.stale,
		MayFail: s.def.MayFail,
		Defined: s.def.Fingerprint,
	}
	if s.alive || s.phase == lifecycle.PhaseReady {
		st.Fingerprint, st.Told = s.run.Fingerprint, s.told
	}
	if s.phase == lifecycle.PhaseDown && !s.done {
		if why := e.idle(s); why != "" {
			st.Reason = why
		} else if other := e.waitsFor(s); other != "" {
			st.Reason = e.waiting(other)
		}
	}
	return st
}
