package shell

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"syscall"

	"mvdan.cc/sh/v3/syntax"
)

// runBackground runs a statement that ends in &. A program gets a job of its own, any
// other list one that runs inside this process.
func (e *env) runBackground(stmt *syntax.Stmt) {
	list := *stmt
	list.Background = false
	c := e.clone()
	c.condition = 0
	if e.sh.terminal == nil {
		c.detach() // as POSIX wants it without job control
	}
	text := oneLine(stmt)
	call, simple := stmt.Cmd.(*syntax.CallExpr)
	if simple && len(call.Args) > 0 && !stmt.Negated && c.spawn(call, stmt.Redirs, text) {
		e.status, e.background = c.status, c.background
		releaseFiles(c.fds)
		return
	}
	if c.flow != onward { // its words could not be expanded
		releaseFiles(c.fds)
		e.status = 0
		return
	}
	j := e.sh.jobs.new(text)
	j.list = true
	e.sh.jobs.add(j)
	if e.sh.terminal != nil {
		fmt.Fprintf(os.Stderr, "[%d]\n", j.id)
	}
	e.background, e.status = "%"+strconv.Itoa(j.id), 0
	c.job = j
	go func() {
		c.guard(func() { c.stmt(&list) })
		c.finish()
		e.sh.endList(j, c.status)
	}()
}

// detach makes /dev/null the input.
func (e *env) detach() {
	if null, err := os.Open(os.DevNull); err == nil {
		e.replace(0, newFile(null))
	}
}

// spawn starts a program in the background. It refuses what is none, before anything
// is expanded twice.
func (e *env) spawn(call *syntax.CallExpr, redirs []*syntax.Redirect, text string) bool {
	name := call.Args[0].Lit()
	_, isBuiltin := builtins[name]
	if name == "" || isBuiltin || e.funcs[name] != nil || e.aliases[name] != "" || slices.ContainsFunc(redirs, e.waits) {
		return false
	}
	args, err := e.fields(call.Args)
	if err == nil {
		_, _, err = e.redirect(redirs)
	}
	if err == nil {
		err = e.assignAll(call.Assigns, true, map[string]*variable{}, false)
	}
	if err != nil {
		e.complain("sh: %v", err)
		e.flow = exiting
		return false
	}
	j := e.sh.jobs.new(text)
	p, err := e.start(j, args)
	if err != nil {
		// Who waits for it shall learn the status.
		e.startFailed(args[0], err)
		j.list, j.listDone, j.status = true, true, e.status
		e.sh.jobs.add(j)
		e.background, e.status = "%"+strconv.Itoa(j.id), 0
		return true
	}
	e.sh.jobs.add(j)
	if e.sh.terminal != nil {
		fmt.Fprintf(os.Stderr, "[%d] %d\n", j.id, p.pid)
	}
	e.background, e.status = strconv.Itoa(p.pid), 0
	return true
}

// waits tells a redirection that is not done before somebody opens the other end of a
// FIFO. The shell itself must not wait for that.
func (e *env) waits(r *syntax.Redirect) bool {
	if hasCommands(r.Word) {
		return true
	}
	name, err := e.literal(r.Word)
	info, statErr := os.Stat(e.path(name))
	return err == nil && statErr == nil && info.Mode()&os.ModeNamedPipe != 0
}

func (sh *shell) endList(j *job, status int) {
	sh.jobs.Lock()
	defer sh.jobs.Unlock()
	j.listDone, j.status = true, status
	j.signalChange()
}

// killerOf is the signal that a background list was sent, if any.
func (sh *shell) killerOf(j *job) (syscall.Signal, bool) {
	if j == nil {
		return 0, false
	}
	sh.jobs.Lock()
	defer sh.jobs.Unlock()
	return j.killer, j.killed
}

// revive lets a list live on that has a trap for what it was sent.
func (sh *shell) revive(j *job) {
	sh.jobs.Lock()
	defer sh.jobs.Unlock()
	j.killed = false
}
