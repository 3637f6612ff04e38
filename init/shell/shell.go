// Package shell is sh: the language of mvdan.cc/sh with what that library
// leaves to its user, namely processes, job control, a line editor for slow
// serial lines, and the builtins that need them.
//
// Limits. Descriptors above 2 can be written to (echo ready >&3) when they were
// inherited, but not opened or read. A signal trap runs its command and then
// ends the script. Background lists that are more than one command run inside
// the shell process; they have a job number but no process id, so $! is %N.
// A stopped (Ctrl-Z) command ends the line that it was part of.
package shell

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"
)

// shell is one running sh.
type shell struct {
	name     string // $0
	runner   *interp.Runner
	jobs     *jobTable
	terminal *terminal // nil unless interactive with job control
	history  historyList
	onTrap   func(syscall.Signal) // a trap for this signal was set
	declared sync.Map             // names of functions that statements declared; the interpreter's own map is not for other goroutines
	trapLock sync.Mutex
	traps    map[syscall.Signal]string

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
)

// newShell prepares an interpreter; stdin is what commands read.
func newShell(name string, params []string, interactive bool, stdin io.Reader) (*shell, error) {
	sh := &shell{name: name, jobs: newJobTable(), traps: map[syscall.Signal]string{}}
	runner, err := interp.New(
		interp.Env(expand.ListEnviron(environment()...)),
		interp.StdIO(stdin, os.Stdout, os.Stderr),
		interp.Params(append([]string{"--"}, params...)...),
		interp.Interactive(interactive),
		interp.CallHandler(sh.call),
		interp.OpenHandler(sh.openFile),
		interp.ExecHandlers(func(interp.ExecHandlerFunc) interp.ExecHandlerFunc { return sh.exec }),
	)
	if err != nil {
		return nil, err
	}
	sh.runner = runner
	quoted, err := syntax.Quote(name, syntax.LangBash)
	if err != nil {
		quoted = "sh"
	}
	sh.runText(nameVariable + "=" + quoted)
	return sh, nil
}

// environment is the process's, completed for a console that starts with none.
func environment() []string {
	env := os.Environ()
	for _, assignment := range []string{"PATH=/bin:/sbin:/usr/bin:/usr/sbin", "HOME=/root", "EDITOR=edit", "VISUAL=edit"} {
		name, _, _ := strings.Cut(assignment, "=")
		if os.Getenv(name) == "" {
			env = append(env, assignment)
		}
	}
	return env
}

// runText runs the shell's own text, outside any job, and returns its status.
func (sh *shell) runText(text string) int {
	file, err := syntax.NewParser().Parse(strings.NewReader(text), sh.name)
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", sh.name, err)
		return 2
	}
	status := 0
	for _, stmt := range file.Stmts {
		status = sh.exitStatus(sh.runner.Run(context.Background(), stmt))
		if sh.runner.Exited() {
			break
		}
	}
	return status
}

// runStmt runs one top-level statement as a foreground job and returns its exit
// status. An interrupt ends the statement, not the shell.
func (sh *shell) runStmt(stmt *syntax.Stmt) (status int, err error) {
	text := oneLine(stmt)
	for name := range rewrite(stmt, sh.isFunction) {
		sh.declared.Store(name, true)
	}
	markExec(stmt)
	ctx, cancel := context.WithCancelCause(context.Background())
	job := sh.jobs.new(text)
	job.foreground = true
	sh.foreground.Store(job)
	sh.stopLine.Store(&stopCause{cancel})

	runErr := sh.runner.Run(ctx, stmt)

	sh.stopLine.Store(nil)
	sh.foreground.Store(nil)
	sh.afterForeground(job)
	// cancel is not called here: a background list that the statement left
	// behind lives under the same context.
	cause := context.Cause(ctx)
	switch {
	case errors.Is(cause, errInterrupted):
		return 130, errInterrupted
	case errors.Is(cause, errStopped):
		return 128 + int(syscall.SIGTSTP), errStopped
	}
	return sh.exitStatus(runErr), nil
}

func (sh *shell) exitStatus(err error) int {
	var status interp.ExitStatus
	switch {
	case err == nil:
		return 0
	case errors.As(err, &status):
		return int(status)
	default:
		fmt.Fprintf(os.Stderr, "%s: %v\n", sh.name, err)
		return 1
	}
}

// interrupt ends the statement that runs now, as Ctrl-C does.
func (sh *shell) interrupt(cause error) {
	if stop := sh.stopLine.Load(); stop != nil {
		stop.cancel(cause)
	}
}

func (sh *shell) isFunction(name string) bool { return sh.runner.Funcs[name] != nil }

// variable is the value of a shell variable as it was after the last statement.
func (sh *shell) variable(name string) string { return sh.runner.Vars[name].String() }

// oneLine prints a statement for messages about its job.
func oneLine(stmt *syntax.Stmt) string {
	var text strings.Builder
	syntax.NewPrinter(syntax.SingleLine(true)).Print(&text, stmt)
	line, _, _ := strings.Cut(strings.TrimSuffix(strings.TrimSpace(text.String()), " &"), "\n")
	return line
}
