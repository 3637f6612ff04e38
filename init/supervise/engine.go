package supervise

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"bantam/lifecycle"
)

// killPatience is how long a process may outlive SIGKILL before it is called
// unkillable: in uninterruptible sleep, usually on a dead disk.
const killPatience = 5 * time.Second

// stopStep is how far the end of a process has come.
type stopStep int

const (
	stopNot        stopStep = iota
	stopWaits               // for services that stop before it
	stopSignalled           // until StopTimeout
	stopKilled              // until killPatience
	stopUnkillable          // for as long as it takes; counted as gone by all but itself
)

type service struct {
	def     Definition // for the next start
	run     Definition // of the current or last process
	stale   bool       // that process is one of another definition than the next
	serial  uint64     // of the current or last process
	told    string     // fingerprint of the definition for which run's process got the reload signal
	pid     int
	alive   bool // from Spawn until its last process is gone
	exited  bool // the main process has ended
	clean   bool // with status 0
	unborn  bool // there was no process at all: fork failed, or it is short
	short   bool // of something that its process would need; see Lack
	wanted  bool
	removed bool
	again   bool // a restart was asked for, or a start while it was ending
	done    bool // ended by itself and its policy is not to start it again
	pending bool // see foresee
	stuck   bool
	held    bool

	phase    lifecycle.Phase
	since    time.Duration
	reason   string
	lastExit lifecycle.Exit
	step     stopStep
	cause    string // why it has to stop; "" when it ended by itself
	timedOut bool   // the cause is a failure of its own
	deadline time.Duration
	delay    time.Duration // the last back-off
	restarts int
	falls    []fall // its last ends by itself; see looping
	readyAt  time.Duration
	reloaded time.Duration // when its process was last told to reload
	spawnAt  time.Duration
}

// Engine decides what runs. It does nothing itself; see Step.
type Engine struct {
	services map[string]*service
	order    []string        // dependencies first; see startOrder
	byHand   map[string]bool // stopped by a person; outlives a definition, so that a rollback does not start it
	serial   uint64
	halting  bool
	random   func() float64
	now      time.Duration
	actions  []Action
	changed  bool
}

// NewEngine returns an engine without services. random gives numbers in [0, 1).
func NewEngine(random func() float64) *Engine {
	return &Engine{services: map[string]*service{}, byHand: map[string]bool{}, random: random}
}

// Step takes an event that happens at now, a time that never runs backwards,
// and returns what has to be done for it, in that order.
func (e *Engine) Step(now time.Duration, event Event) []Action {
	e.now, e.actions = max(now, e.now), nil
	switch ev := event.(type) {
	case Define:
		e.define(ev.Definitions)
	case Start:
		for _, name := range ev.Names {
			e.want(name, ev.By, map[string]bool{})
		}
	case Stop:
		e.stop(ev)
	case Restart:
		e.restart(ev)
	case Reload:
		e.reload(ev.Names)
	case Halt:
		e.halting, e.changed = true, true
	case Spawned:
		if s := e.current(ev.Name, ev.Serial); s != nil {
			s.pid = ev.PID
			e.note(s, "started, pid %d", ev.PID)
		}
	case SpawnFailed:
		if s := e.current(ev.Name, ev.Serial); s != nil {
			s.short = strings.HasPrefix(ev.Stage, stageLack)
			s.unborn = ev.Stage == stageFork || ev.Stage == stageFrozen || s.short
			s.lastExit = lifecycle.Exit{Cause: lifecycle.Unborn, Stage: ev.Stage, Errno: ev.Errno}
			e.ended(s)
		}
	case Executed:
		if s := e.current(ev.Name, ev.Serial); s != nil && s.phase == lifecycle.PhaseStarting {
			e.enter(s, lifecycle.PhaseUp, "")
			s.deadline = s.spawnAt + s.run.StartTimeout
			if s.run.Ready == lifecycle.ReadyStarted {
				e.ready(s)
			}
		}
	case Ready:
		// It may come before Executed: two descriptors, read in any order.
		if s := e.current(ev.Name, ev.Serial); s != nil && (s.phase == lifecycle.PhaseStarting || s.phase == lifecycle.PhaseUp) && s.run.Ready != lifecycle.ReadyExited {
			e.ready(s)
		}
	case Exited:
		if s := e.current(ev.Name, ev.Serial); s != nil && !s.exited {
			e.exited(s, ev)
		}
	case Empty:
		if s := e.current(ev.Name, ev.Serial); s != nil && s.exited {
			e.ended(s)
		}
	case Tick:
		for _, name := range e.names() {
			if s := e.services[name]; s.deadline != 0 && e.now >= s.deadline {
				e.expired(s)
			}
		}
	}
	e.settle()
	return e.actions
}

// Deadline is when the engine next wants a Tick; 0 is never.
func (e *Engine) Deadline() time.Duration {
	var soonest time.Duration
	for _, s := range e.services {
		if s.deadline != 0 && (soonest == 0 || s.deadline < soonest) {
			soonest = s.deadline
		}
	}
	return soonest
}

// Idle reports whether no process is left that could still end.
func (e *Engine) Idle() bool {
	for _, s := range e.services {
		if s.alive && s.step != stopUnkillable {
			return false
		}
	}
	return true
}

// current finds the service that a report with serial is about.
func (e *Engine) current(name string, serial uint64) *service {
	if s := e.services[name]; s != nil && s.alive && s.serial == serial {
		return s
	}
	return nil
}

// names lists all services, dependencies first, those no longer defined last.
func (e *Engine) names() []string {
	names := slices.Clip(e.order) // which nobody writes to: what is appended goes to a copy
	for name, s := range e.services {
		if s.removed {
			names = append(names, name)
		}
	}
	slices.Sort(names[len(e.order):])
	return names
}

func (e *Engine) enter(s *service, phase lifecycle.Phase, reason string) {
	s.phase, s.reason, s.since, s.deadline = phase, reason, e.now, 0
	e.changed = true
}

func (e *Engine) act(a Action) { e.actions = append(e.actions, a) }

func (e *Engine) note(s *service, format string, args ...any) {
	e.act(Note{s.def.Name, fmt.Sprintf(format, args...)})
}

func (e *Engine) define(defs []Definition) {
	order, err := startOrder(defs)
	if err != nil {
		return // the supervisor has refused it with the same check
	}
	e.order, e.changed = order, true
	for _, s := range e.services {
		s.removed = true
	}
	for _, d := range defs {
		s := e.services[d.Name]
		if s == nil {
			s = &service{phase: lifecycle.PhaseDown, since: e.now}
			e.services[d.Name] = s
		}
		s.def, s.removed = d.resolved(), false
		s.stale = !s.run.same(s.def)
	}
	for _, s := range e.services {
		if s.removed {
			s.wanted = false
		}
	}
}

// want marks name and all that it needs and wants as wanted, except for those seen.
func (e *Engine) want(name string, by By, seen map[string]bool) {
	s := e.services[name]
	if seen[name] || s == nil || s.removed || e.halting || e.byHand[name] && by == ByPlan {
		return
	}
	seen[name] = true
	delete(e.byHand, name)
	s.wanted, s.done, e.changed = true, false, true
	switch {
	case s.runs():
	case s.alive:
		s.forgive()
		s.again = true // once it has ended, whatever its policy
	default:
		s.forgive()
		e.enter(s, lifecycle.PhaseDown, "")
	}
	for _, need := range s.def.Needs {
		e.want(need, by, seen)
	}
	for _, wish := range s.def.Wants {
		e.want(wish, ByPlan, seen) // it may stay down, so a person's word holds
	}
}

func (e *Engine) stop(ev Stop) {
	for _, name := range ev.Names {
		s := e.services[name]
		if s == nil {
			continue
		}
		s.wanted, s.again, e.changed = false, false, true
		if ev.By == ByPerson {
			e.byHand[name] = true
		}
	}
}

func (e *Engine) restart(ev Restart) {
	for _, name := range ev.Names {
		s := e.services[name]
		if s == nil || ev.By == ByPlan && !s.wanted {
			continue
		}
		e.want(name, ev.By, map[string]bool{})
		s.forgive()
		s.again = s.alive || s.phase == lifecycle.PhaseReady
	}
}

func (e *Engine) reload(names []string) {
	for _, name := range names {
		if s := e.services[name]; s != nil && (s.phase == lifecycle.PhaseUp || s.phase == lifecycle.PhaseReady) && s.alive {
			s.told = s.def.Fingerprint
			e.note(s, "reload")
			s.reloaded, e.changed = e.now, true
			e.act(Signal{Name: name, Serial: s.serial, Signal: s.run.ReloadSignal})
		}
	}
}

func (e *Engine) spawn(s *service) {
	e.serial++
	s.run, s.stale, s.serial, s.told = s.def, false, e.serial, ""
	s.alive, s.pid, s.exited, s.clean, s.unborn, s.short = true, 0, false, false, false, false
	s.step, s.cause, s.timedOut, s.again = stopNot, "", false, false
	e.enter(s, lifecycle.PhaseStarting, "")
	s.spawnAt, s.readyAt, s.reloaded = e.now, 0, 0
	s.deadline = e.now + s.run.StartTimeout
	e.act(Spawn{s.serial, s.run})
}

func (e *Engine) ready(s *service) {
	e.enter(s, lifecycle.PhaseReady, "")
	s.readyAt = e.now
	e.note(s, "ready after %v", (e.now - s.spawnAt).Round(time.Millisecond))
}

// exited takes the end of the main process. What it left behind is killed.
func (e *Engine) exited(s *service, ev Exited) {
	s.exited, s.pid, s.clean = true, 0, ev.Status.Exited() && ev.Status.ExitStatus() == 0
	s.lastExit = ExitOf(ev.Status, ev.OOM)
	if s.timedOut { // that it obeyed when it was stopped for that does not matter
		s.lastExit = lifecycle.Exit{Cause: lifecycle.TimedOut, Limit: s.run.StartTimeout}
	}
	if ev.Empty {
		e.ended(s)
		return
	}
	if s.step < stopKilled {
		e.enter(s, lifecycle.PhaseStopping, cmp.Or(s.cause, s.lastExit.String()))
		e.kill(s)
	}
}

func (e *Engine) kill(s *service) {
	s.step, s.deadline = stopKilled, e.now+killPatience
	e.act(Kill{s.def.Name, s.serial})
}

// ended takes the end of the last process and decides what comes next.
func (e *Engine) ended(s *service) {
	asked := s.cause != "" && !s.timedOut || s.again
	failed := !s.clean || s.timedOut
	reason := cmp.Or(s.cause, s.lastExit.String())
	s.alive, s.pid, s.step, s.cause, s.timedOut = false, 0, stopNot, "", false
	switch {
	case asked:
		e.note(s, "stopped: %s", s.lastExit)
		e.enter(s, lifecycle.PhaseDown, reason)
	case s.run.Ready == lifecycle.ReadyExited && !failed:
		e.ready(s)
	case s.run.Restart == lifecycle.RestartAlways || s.run.Restart == lifecycle.RestartOnFailure && failed || s.unborn:
		lasted := s.readyAt != 0 && e.now-s.readyAt >= backoffReset
		if lasted {
			s.delay = 0
		}
		s.delay = nextBackoff(s.delay)
		s.restarts++
		if failed || !lasted { // a shell that somebody has left well has not fallen
			s.fell(e.now)
		}
		pause := jittered(s.delay, e.random())
		e.note(s, "%s; again in %v", reason, pause.Round(time.Millisecond))
		e.enter(s, lifecycle.PhaseBackoff, reason)
		s.deadline = e.now + pause
	case failed:
		s.done = true
		e.note(s, "%s; failed", reason)
		e.enter(s, lifecycle.PhaseFailed, reason)
	default:
		s.done = true
		e.note(s, "%s; ended", reason)
		e.enter(s, lifecycle.PhaseDown, reason)
	}
}

// expired takes the passing of a service's deadline.
func (e *Engine) expired(s *service) {
	s.deadline = 0
	switch s.phase {
	case lifecycle.PhaseStarting, lifecycle.PhaseUp:
		s.timedOut = true
		e.halt(s, fmt.Sprintf("not ready within %v", s.run.StartTimeout))
	case lifecycle.PhaseBackoff:
		e.enter(s, lifecycle.PhaseDown, s.reason)
	case lifecycle.PhaseStopping:
		if s.step == stopSignalled {
			e.note(s, "still there after %v: killed", s.run.StopTimeout)
			e.kill(s)
			return
		}
		s.step = stopUnkillable
		e.note(s, "unkillable: still there %v after SIGKILL", killPatience)
		e.enter(s, lifecycle.PhaseFailed, "unkillable")
	}
}

// halt begins to stop s. The signal follows once nothing must stop before it.
func (e *Engine) halt(s *service, cause string) {
	e.note(s, "stopping: %s", cause)
	e.enter(s, lifecycle.PhaseStopping, cause)
	s.step, s.cause, s.again = stopWaits, cause, false
}

// alive lists the services that have processes.
func (e *Engine) alive() []string {
	var names []string
	for name, s := range e.services {
		if s.alive {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
