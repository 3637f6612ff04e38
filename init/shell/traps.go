package shell

import (
	"fmt"
	"io"
	"maps"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"bantam/init/applet"
	"bantam/init/sigaction"
)

// arrivals are the signals that wait for their trap to run, and who is told of them.
type arrivals struct {
	sync.Mutex
	waiting []syscall.Signal
	traps   map[syscall.Signal]bool // that have a command, for the goroutine that gets signals
	wake    chan struct{}
}

func (a *arrivals) add(sig syscall.Signal) {
	a.Lock()
	a.waiting = append(a.waiting, sig)
	a.Unlock()
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

func (a *arrivals) take() (syscall.Signal, bool) {
	a.Lock()
	defer a.Unlock()
	if len(a.waiting) == 0 {
		return 0, false
	}
	sig := a.waiting[0]
	a.waiting = a.waiting[1:]
	return sig, true
}

// first is the signal whose trap runs next.
func (a *arrivals) first() (syscall.Signal, bool) {
	a.Lock()
	defer a.Unlock()
	if len(a.waiting) == 0 {
		return 0, false
	}
	return a.waiting[0], true
}

// trap tells whether the shell itself has a trap for a signal, and if it is to ignore it.
func (sh *shell) trap(sig syscall.Signal) (ignored, ok bool) {
	sh.arrived.Lock()
	defer sh.arrived.Unlock()
	runs, ok := sh.arrived.traps[sig]
	return ok && !runs, ok
}

// signalTraps runs the traps of the signals that came, between two commands.
func (e *env) signalTraps() {
	if e.outside || e.trapDepth > 0 || e.flow != onward {
		return
	}
	for e.flow == onward {
		sig, ok := e.sh.arrived.take()
		if !ok {
			return
		}
		if command := e.traps[trapName(sig)]; command != "" {
			e.runTrap(command)
		}
	}
}

// runTrap runs a trap's command, which leaves $? as it was.
func (e *env) runTrap(command string) {
	status, condition := e.status, e.condition
	e.trapped, e.trapCalls = status, e.calls+1
	e.trapDepth++
	e.eval(command)
	e.trapDepth--
	e.condition = condition
	if e.flow == onward {
		e.status = status
	}
}

// exitTrap runs the EXIT trap at the end of an environment, whose status is
// what it was unless the trap exits with another.
func (e *env) exitTrap() {
	command := e.traps["EXIT"]
	if command == "" {
		return
	}
	delete(e.traps, "EXIT")
	status := e.status
	e.flow, e.loops, e.condition = onward, 0, 0
	if e.ctx.Err() != nil {
		e.ctx = e.sh.background
	}
	e.trapped, e.trapCalls = status, e.calls+1
	e.trapDepth++
	e.guard(func() { e.eval(command) })
	e.trapDepth--
	if e.flow != exiting {
		e.status = status
	}
	e.flow = exiting
}

// trapName is a signal's name as traps are kept by it.
func trapName(sig syscall.Signal) string {
	if name := unix.SignalName(sig); name != "" {
		return strings.TrimPrefix(name, "SIG")
	}
	return strconv.Itoa(int(sig))
}

func trapBuiltin(e *env, out io.Writer, args []string) int {
	opts, args, err := letterOptions(args, "lp")
	if err != nil {
		return e.fatal("trap: %v", err)
	}
	if strings.Contains(opts, "l") {
		code, _ := applet.Run("kill", []string{"-l"}, applet.Stdio{In: strings.NewReader(""), Out: out, Err: e.stderr()})
		return code
	}
	if len(args) == 0 || strings.Contains(opts, "p") {
		return e.listTraps(out, args)
	}
	command, names := "-", args
	if _, err := strconv.Atoi(args[0]); err != nil && len(args) > 1 {
		command, names = args[0], args[1:]
	}
	status := 0
	for _, name := range names {
		name, sig, ok := trapOf(name)
		if !ok {
			e.complain("trap: %s: unknown signal", applet.PrintableLine(name))
			status = 1
			continue
		}
		e.shown = nil
		if command == "-" {
			delete(e.traps, name)
		} else {
			e.traps[name] = command
		}
		if sig != 0 && !e.outside {
			e.sh.setTrap(sig, command)
		}
	}
	return status
}

// trapOf resolves what a trap is for: 0 and EXIT, ERR, or a signal.
func trapOf(name string) (canonical string, sig syscall.Signal, ok bool) {
	switch upper := strings.ToUpper(name); upper {
	case "0", "EXIT":
		return "EXIT", 0, true
	case "ERR":
		return upper, 0, true
	}
	sig, ok = applet.SignalNumber(name)
	if !ok || sig == 0 {
		return name, 0, false
	}
	return trapName(sig), sig, true
}

func (e *env) listTraps(out io.Writer, only []string) int {
	traps := e.traps
	if e.shown != nil {
		traps = e.shown
	}
	if len(only) == 0 {
		only = slices.Sorted(maps.Keys(traps))
		if i := slices.Index(only, "EXIT"); i > 0 {
			only = append([]string{"EXIT"}, slices.Delete(only, i, i+1)...)
		}
	}
	for _, name := range only {
		name, _, ok := trapOf(name)
		if command, set := traps[name]; ok && set {
			fmt.Fprintf(out, "trap -- %s %s\n", singleQuoted(command), name)
		}
	}
	return 0
}

// setTrap makes the process catch, ignore or leave alone a signal.
func (sh *shell) setTrap(sig syscall.Signal, command string) {
	if sig == syscall.SIGKILL || sig == syscall.SIGSTOP {
		return
	}
	sh.arrived.Lock()
	if command == "-" {
		delete(sh.arrived.traps, sig)
	} else {
		sh.arrived.traps[sig] = command != ""
	}
	sh.arrived.Unlock()
	switch {
	case sh.history != nil:
		if command != "-" {
			sh.catch(sig)
		}
	case command == "":
		signal.Ignore(sig) // commands ignore it too
	case command == "-" && sig != syscall.SIGINT:
		leaveAlone(sig)
	default:
		sh.catch(sig)
	}
}

// catch makes the process get a signal. Go's runtime puts its handler back, which leaveAlone
// may have taken away, for a signal that was ignored alone.
func (sh *shell) catch(sig syscall.Signal) {
	if slices.Contains(swallowed, sig) {
		signal.Ignore(sig)
	}
	signal.Notify(sh.signals, sig)
}

// swallowed are the signals that end a process, but of which Go's runtime does nothing, or
// for SIGQUIT writes stacks.
var swallowed = []syscall.Signal{syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGALRM, syscall.SIGVTALRM, syscall.SIGIO, syscall.SIGXCPU, syscall.SIGXFSZ, syscall.SIGPWR}

// leaveAlone gives a signal its own action.
func leaveAlone(sig syscall.Signal) {
	signal.Reset(sig)
	if slices.Contains(swallowed, sig) {
		sigaction.Default(sig)
	}
}
