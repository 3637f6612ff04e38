package supervise

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"bantam/boottime"
	"bantam/lifecycle"
)

// Guard runs each goroutine of this package, with what it does. PID 1 sets it,
// before New, to a function that recovers from a panic.
var Guard = func(task string, f func()) { f() }

// ErrEnded is returned by calls to a supervisor whose Run has returned.
var ErrEnded = errors.New("the supervisor of services has ended: the machine is going down")

// ErrHalted is returned by requests after StopAll.
var ErrHalted = errors.New("all services have been stopped for good")

// tickMost is the longest time between two calls of Options.Tick.
const tickMost = 2 * time.Second

// Options are what a Supervisor takes from its surroundings. All may be left
// out. The functions are called from the loop: they must neither block nor call
// the Supervisor, which would wait for itself.
type Options struct {
	Cgroup  string           // directory of a cgroup v2 hierarchy below which each service gets its own; "" is /sys/fs/cgroup/bantam
	SIGCHLD <-chan os.Signal // of one slot; nil: the supervisor registers its own
	Tick    func()           // called at least every 5 s: feed the watchdog
	Random  func() float64   // in [0, 1), for the jitter of back-off
	Echo    func(Line)       // gets every note of the supervisor
	// Complete gives the variables of a definition's secrets, which nobody else is told, before each start of its
	// process. With an error, a Lack, it is not started, but tried again as one that has failed.
	Complete func(Definition) (env []string, err error)
}

// Supervisor runs services. All methods may be called from any goroutine, once
// Run is running; they wait for it.
type Supervisor struct {
	options Options
	engine  *Engine
	groups  groups
	logs    Logs
	calls   chan func()
	ended   chan struct{} // closed when Run returns
	sigchld <-chan os.Signal
	null    *os.File

	// What follows belongs to the loop.
	pids    map[int]*process
	current map[string]*process // by service
	pipes   map[string]*logPipe
	dying   map[*process]bool // main process gone, group not yet empty
	sweepIn time.Duration     // pause before the next look at dying
	onces   uint64
	orphans uint64
	pages   pageWriter

	mu      sync.Mutex
	changed chan struct{} // closed at the next change of a state
}

// New returns a supervisor without services; see Run.
func New(options Options) *Supervisor {
	if options.Random == nil {
		options.Random = rand.Float64
	}
	if options.Tick == nil {
		options.Tick = func() {}
	}
	if options.Echo == nil {
		options.Echo = func(Line) {}
	}
	if options.Complete == nil {
		options.Complete = func(Definition) ([]string, error) { return nil, nil }
	}
	s := &Supervisor{
		options: options,
		engine:  NewEngine(options.Random),
		groups:  openGroups(options.Cgroup),
		calls:   make(chan func()),
		ended:   make(chan struct{}),
		sigchld: options.SIGCHLD,
		pids:    map[int]*process{},
		current: map[string]*process{},
		pipes:   map[string]*logPipe{},
		dying:   map[*process]bool{},
		changed: make(chan struct{}),
	}
	if s.sigchld == nil {
		own := make(chan os.Signal, 1)
		signal.Notify(own, syscall.SIGCHLD)
		s.sigchld = own
	}
	return s
}

// Cgroup returns nil when each service has its own cgroup, and otherwise why
// only process groups hold them together.
func (s *Supervisor) Cgroup() error { return s.groups.fault }

// Lacks says, a sentence for each, which limits on services this kernel cannot keep.
func (s *Supervisor) Lacks() []string { return s.groups.lacks() }

// do runs f in the loop and waits for its end.
func (s *Supervisor) do(f func()) error {
	done := make(chan struct{})
	select {
	case s.calls <- func() { defer close(done); f() }:
		<-done
		return nil
	case <-s.ended:
		return ErrEnded
	}
}

// post runs f in the loop some time later, unless the loop has ended.
func (s *Supervisor) post(f func()) {
	select {
	case s.calls <- f:
	case <-s.ended:
	}
}

// Define replaces all definitions. Unknown and doubled names and cycles are
// refused, all at once, and nothing changes. A running service keeps its old
// definition until it is restarted; one that is no longer defined is stopped.
func (s *Supervisor) Define(defs []Definition) error {
	if _, err := startOrder(defs); err != nil {
		return err
	}
	defs = slices.Clone(defs)
	return s.do(func() { s.step(Define{defs}) })
}

// Start asks for services and all they need and want. See Wait for the outcome.
func (s *Supervisor) Start(by By, names ...string) error {
	return s.ask(names, Start{names, by})
}

// Stop asks for services to end, after those that need them.
func (s *Supervisor) Stop(by By, names ...string) error {
	return s.ask(names, Stop{names, by})
}

// Restart asks for services to end and start with their present definition.
func (s *Supervisor) Restart(by By, names ...string) error {
	return s.ask(names, Restart{names, by})
}

// Reload sends the reload signal to the services that run.
func (s *Supervisor) Reload(names ...string) error {
	return s.ask(names, Reload{names})
}

func (s *Supervisor) ask(names []string, event Event) error {
	var unknown []string
	var halting bool
	err := s.do(func() {
		halting = s.engine.halting
		for _, name := range names {
			if service := s.engine.services[name]; service == nil || service.removed {
				unknown = append(unknown, name)
			}
		}
		if unknown == nil {
			s.step(event)
		}
	})
	switch {
	case unknown != nil:
		return fmt.Errorf("no such service: %s; not part of the running generation", strings.Join(unknown, ", "))
	case halting:
		return ErrHalted
	}
	return err
}

// States lists all services by name.
func (s *Supervisor) States() ([]State, error) { return s.StatesIn(nil) }

// StatesIn is States in the memory of a list that is not needed any more, for who asks at each change of a service.
func (s *Supervisor) StatesIn(spare []State) (states []State, err error) {
	err = s.do(func() { states = s.states(spare) })
	return states, err
}

// Halting says whether all services are stopped for good, or are about to be.
func (s *Supervisor) Halting() bool {
	halting := false
	return s.do(func() { halting = s.engine.halting }) != nil || halting
}

// Held lists what a person stopped and is not defined any more, and so is not
// in States either: if it is defined again, it still stays stopped.
func (s *Supervisor) Held() ([]string, error) {
	var names []string
	err := s.do(func() { names = s.engine.Held() })
	return names, err
}

// State is that of one service by its name, the zero value if it is not there.
func (s *Supervisor) State(name string) (st State, err error) {
	err = s.do(func() {
		known := false
		if st, known = s.engine.State(name, boottime.Now()); known {
			s.complete(&st)
		}
	})
	return st, err
}

func (s *Supervisor) states(spare []State) []State {
	states := s.engine.States(spare, boottime.Now())
	for i := range states {
		s.complete(&states[i])
	}
	return states
}

// complete adds what the engine does not know.
func (s *Supervisor) complete(st *State) {
	st.Cgroup = s.groups.fault == nil
	if p := s.pipes[st.Name]; p != nil {
		st.LogHeld = time.Duration(p.held.Load())
	}
}

// Changed returns a channel that is closed at the next change of any state. Get
// it before States, and no change is missed.
func (s *Supervisor) Changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}

// Wait returns nil once all named services are in phase. It returns early with
// the reason when one is stuck, unless that is the phase waited for. One that
// has ended well, and whose policy is to leave it so, has been ready. Without
// names it waits for all that are wanted.
func (s *Supervisor) Wait(ctx context.Context, phase lifecycle.Phase, names ...string) error {
	var states []State
	for {
		changed := s.Changed()
		var err error
		if states, err = s.StatesIn(states); err != nil {
			return err
		}
		var missing []error
		known := map[string]bool{}
		stuck := false
		for _, st := range states {
			known[st.Name] = true
			if st.Phase == phase || phase == lifecycle.PhaseReady && st.endedWell() || len(names) == 0 && !st.Wanted || len(names) > 0 && !slices.Contains(names, st.Name) {
				continue
			}
			missing = append(missing, st.fault())
			stuck = stuck || st.Stuck && phase != lifecycle.PhaseDown || st.Phase == lifecycle.PhaseFailed
		}
		for _, name := range names {
			if !known[name] && phase != lifecycle.PhaseDown {
				return fmt.Errorf("no such service: %s", name)
			}
		}
		if missing == nil {
			return nil
		}
		if stuck {
			return errors.Join(missing...)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", context.Cause(ctx), errors.Join(missing...))
		}
	}
}

// endedWell holds when the service has ended by itself with status 0 and is not
// started again.
func (st State) endedWell() bool {
	return st.Phase == lifecycle.PhaseDown && st.Done && st.LastExit.Clean()
}

// fault says in one line where the service is instead of where it should be.
func (st State) fault() error {
	if st.Reason == "" {
		return fmt.Errorf("service %s: %s", st.Name, st.Phase)
	}
	return fmt.Errorf("service %s: %s: %s", st.Name, st.Phase, st.Reason)
}

// Log returns the last n lines of a service, or of all services for "".
func (s *Supervisor) Log(name string, n int) []Line { return s.logs.last(name, n) }

// HasLog reports whether anything is kept of a service, also of one that is not defined any more.
func (s *Supervisor) HasLog(name string) bool { return len(s.logs.last(name, 1)) > 0 }

// OpenLog is a file whose lines go to the log of that name, for as long as the supervisor is there.
func (s *Supervisor) OpenLog(name string) (*os.File, error) {
	p, err := openLogPipe(name, &s.logs)
	if err != nil {
		return nil, err
	}
	return p.write, nil
}

// Follow sends the last n lines of a service ("" is all), then each new one,
// until ctx ends and the channel is closed. A reader slower than the log's
// turnover finds a gap in Line.Seq.
func (s *Supervisor) Follow(ctx context.Context, name string, n int) <-chan Line {
	out := make(chan Line)
	go Guard("following "+name, func() {
		defer close(out)
		lines, changed := s.logs.since(name, 0)
		var seq uint64
		if len(lines) > 0 {
			seq = lines[len(lines)-1].Seq
		}
		lines = lines[max(0, len(lines)-n):]
		for {
			for _, line := range lines {
				select {
				case out <- line:
				case <-ctx.Done():
					return
				}
				seq = line.Seq
			}
			select {
			case <-changed:
			case <-ctx.Done():
				return
			}
			lines, changed = s.logs.since(name, seq)
		}
	})
	return out
}

// Note puts a line into a service's log, marked as the supervisor's.
func (s *Supervisor) Note(name, text string) {
	line := Line{Service: name, Text: text, Note: true}
	s.logs.add(&line)
	s.options.Echo(line)
}

// StopAll stops every service in order, for good, and refuses all later
// starts. When ctx ends first it kills what is left and names it.
func (s *Supervisor) StopAll(ctx context.Context) error {
	if err := s.do(func() { s.step(Halt{}) }); err != nil {
		return err
	}
	for {
		changed := s.Changed()
		var idle bool
		var left []string
		if err := s.do(func() { idle, left = s.engine.Idle(), s.engine.alive() }); err != nil {
			return err
		}
		if idle {
			if left != nil {
				return fmt.Errorf("unkillable: %s", strings.Join(left, ", "))
			}
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			s.do(s.killAll)
			return fmt.Errorf("stop all services: %w; killed: %s", context.Cause(ctx), strings.Join(left, ", "))
		}
	}
}
