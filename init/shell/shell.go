// Package shell is sh: a shell as POSIX.1-2024 has it, with what OpenWrt's and Debian's
// scripts take from bash ([[ ]], ${x/a/b}, <<<, local). mvdan.cc/sh parses; expansion,
// evaluation, processes, job control and a line editor for slow serial lines are here.
//
// Go cannot fork, so subshells run inside this process: an env each, and a goroutine
// where they run beside something. Limits. Background lists that are more than one
// command have a job number but no process id, so $! is %N. What is the process's own is
// shared with them: its id, the traps of signals, ulimit. A stopped (Ctrl-Z) command ends
// the line that it was part of.
package shell

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"

	"mvdan.cc/sh/v3/syntax"
)

// shell is one running sh.
type shell struct {
	name     string // $0
	main     *env   // the environment that is no subshell
	jobs     *jobTable
	terminal *terminal   // nil unless interactive with job control
	history  historyList // nil unless interactive
	exited   bool        // the program has ended
	arrived  arrivals
	signals  chan os.Signal
	alsoSent chan struct{} // a SIGINT while a command ran, which the terminal may have sent to both
	maskLock sync.Mutex    // of the process's umask

	background context.Context           // of what runs outside any statement
	foreground atomic.Pointer[job]       // what a process without a job of its own joins
	stopLine   atomic.Pointer[stopCause] // ends the statement that runs now
}

// historyList is what the history builtin needs of the line editor.
type historyList interface {
	Lines() []string
	Clear()
}

// stopCause cancels one statement and says why.
type stopCause struct{ cancel context.CancelCauseFunc }

var (
	errInterrupted = errors.New("interrupted")
	errStopped     = errors.New("stopped")
	errGivenUp     = errors.New("given up")
)

// newShell prepares a shell; stdin is what commands read.
func newShell(name string, params []string, stdin *os.File) *shell {
	sh := &shell{name: name, jobs: newJobTable(), background: context.Background(), signals: make(chan os.Signal, 16), alsoSent: make(chan struct{}, 1)}
	sh.arrived.traps, sh.arrived.wake = map[syscall.Signal]bool{}, make(chan struct{}, 1)
	sh.main = newEnv(sh, params)
	sh.main.inherit(stdin)
	return sh
}

const defaultPath = "/bin:/sbin:/usr/bin:/usr/sbin"

// environment is the process's, completed for a console that starts with none.
func environment() []string {
	env := os.Environ()
	for _, assignment := range []string{"PATH=" + defaultPath, "HOME=/root", "EDITOR=edit", "VISUAL=edit"} {
		name, _, _ := strings.Cut(assignment, "=")
		if os.Getenv(name) == "" {
			env = append(env, assignment)
		}
	}
	return env
}

// runStmt runs one top-level statement as a foreground job and returns its exit
// status. An interrupt ends the statement, not the shell; so does, where a person
// types, an error that ends a script.
func (sh *shell) runStmt(stmt *syntax.Stmt) (status int, err error) {
	ctx, cancel := context.WithCancelCause(context.Background())
	job := sh.jobs.new(oneLine(stmt))
	job.foreground = true
	sh.foreground.Store(job)
	sh.stopLine.Store(&stopCause{cancel})

	e := sh.main
	e.ctx = ctx
	e.guard(func() { e.stmt(stmt) })

	sh.stopLine.Store(nil)
	sh.foreground.Store(nil)
	sh.afterForeground(job)
	// cancel is not called here: a background list that the statement left
	// behind lives under the same context.
	cause := context.Cause(ctx)
	given := e.flow != onward
	sh.settle()
	switch {
	case errors.Is(cause, errInterrupted):
		e.status, err = 130, errInterrupted
	case errors.Is(cause, errStopped):
		e.status, err = 128+int(syscall.SIGTSTP), errStopped
	case given:
		err = errGivenUp
	}
	return e.status, err
}

// settle ends what only concerned one line.
func (sh *shell) settle() {
	e := sh.main
	sh.exited = sh.exited || e.flow == exiting
	e.flow, e.condition, e.loops, e.depth, e.calls, e.ctx = onward, 0, 0, 0, 0, sh.background
}

// interrupt ends the statement that runs now, as Ctrl-C does.
func (sh *shell) interrupt(cause error) {
	if stop := sh.stopLine.Load(); stop != nil {
		stop.cancel(cause)
	}
}

// variable is the value of a shell variable.
func (sh *shell) variable(name string) string { return sh.main.value(name) }

// oneLine prints a statement for messages about its job.
func oneLine(stmt *syntax.Stmt) string {
	var text strings.Builder
	syntax.NewPrinter(syntax.SingleLine(true)).Print(&text, stmt)
	line, _, _ := strings.Cut(strings.TrimSuffix(strings.TrimSpace(text.String()), " &"), "\n")
	return line
}
