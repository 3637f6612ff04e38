package shell

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"bantam/init/applet"
)

// runForeground starts a program and waits until it ends or stops.
func (e *env) runForeground(args []string) {
	sh := e.sh
	j := e.job
	if j == nil {
		j = sh.foreground.Load()
	}
	if j == nil {
		j = sh.jobs.new(args[0]) // profile and prompts run outside any job
	}
	select {
	case <-sh.alsoSent: // it was meant for a command before
	default:
	}
	p, err := e.start(j, args)
	if err != nil {
		e.startFailed(args[0], err)
		return
	}
	if errors.Is(context.Cause(e.ctx), errInterrupted) {
		syscall.Kill(p.pid, syscall.SIGINT) // it came when there was no process yet to get it too
	}
	sh.jobs.wait(context.Background(), j, func() bool { return p.done || (p.stopped && j.foreground) })
	sh.jobs.Lock()
	done, status := p.done, p.status
	sh.jobs.Unlock()
	if !done {
		sh.interrupt(errStopped)
	}
	if j.foreground && done && status.Signaled() {
		switch sig := status.Signal(); sig {
		case syscall.SIGINT, syscall.SIGQUIT:
			if _, trapped := sh.trap(sig); !trapped && (sh.history != nil || sh.wasSent(sig)) {
				sh.interrupt(errInterrupted)
			}
		case syscall.SIGPIPE:
		default:
			fmt.Fprintf(os.Stderr, "%s: %s: %v\n", sh.name, args[0], sig)
		}
	}
	e.status = waitCode(status)
}

// wasSent tells whether a script got the SIGINT that ended its command. Both come from the
// terminal at once, but the command's end may be known first.
func (sh *shell) wasSent(sig syscall.Signal) bool {
	if sig != syscall.SIGINT {
		return false
	}
	select {
	case <-sh.alsoSent:
		return true
	case <-time.After(300 * time.Millisecond):
		return false
	}
}

// execBuiltin is exec: the command replaces the shell, or where this is a subshell, ends it.
// It tells whether the redirections stay.
func (e *env) execBuiltin(args []string) bool {
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	e.status = 0
	if len(args) == 0 {
		return true
	}
	if strings.HasPrefix(args[0], "-") && len(args[0]) > 1 {
		e.fatal("exec: unknown option %s", args[0])
		return false
	}
	if e.outside {
		e.runForeground(args)
		e.flow = exiting
		return false
	}
	e.become(args)
	if e.sh.history == nil {
		e.flow = exiting // only a person gets the shell back
	}
	return false
}

// become replaces the shell by a program.
func (e *env) become(args []string) {
	path, err := e.lookPath(args[0])
	if err != nil {
		e.startFailed(args[0], err)
		return
	}
	if strings.Contains(args[0], "/") {
		path = args[0] // the $0 of a script
	}
	if e.sh.terminal != nil {
		e.sh.terminal.release()
	}
	if err := os.Chdir(e.dir); err != nil {
		e.startFailed(args[0], err)
		return
	}
	syscall.Umask(e.mask)
	// The descriptors may be each other's targets (2>&1 >file), so move them
	// out of the way first.
	files := e.childFiles()
	moved := make([]int, len(files))
	for i, fd := range files {
		moved[i] = -1
		if int(fd) < 0 {
			continue
		}
		if moved[i], err = dupAbove(int(fd), max(10, len(files))); err != nil {
			e.startFailed(args[0], err)
			return
		}
	}
	for i, fd := range moved {
		if fd < 0 {
			syscall.Close(i)
		} else if err := syscall.Dup3(fd, i, 0); err != nil {
			e.startFailed(args[0], err)
			return
		}
	}
	err = syscall.Exec(path, args, e.exports())
	if errors.Is(err, syscall.ENOEXEC) && isText(path) {
		err = syscall.Exec("/proc/self/exe", append([]string{"sh", path}, args[1:]...), e.exports())
	}
	e.startFailed(args[0], err)
}

// startFailed reports why a command did not start: 127 not found, 126 not runnable.
func (e *env) startFailed(name string, err error) {
	if errors.Is(err, errNotFound) {
		e.complain("sh: %s: not found%s", applet.PrintableLine(name), suggestion(name))
		e.status = 127
		return
	}
	e.complain("sh: %s: %v", applet.PrintableLine(name), errnoOf(err))
	e.status = 126
}

var errNotFound = errors.New("not found")

// lookPath finds the executable for name: in PATH, or this binary for a command
// that it has built in, should its link be missing.
func (e *env) lookPath(name string) (string, error) {
	if strings.Contains(name, "/") {
		return executable(e.path(name))
	}
	refused := errNotFound
	if name != "" {
		for _, folder := range filepath.SplitList(e.value("PATH")) {
			path, err := executable(e.path(folder + "/" + name))
			if folder == "" {
				path, err = executable(e.path(name))
			}
			if err == nil {
				return path, nil
			}
			if errors.Is(err, syscall.EACCES) {
				refused = err
			}
		}
		if applet.Has(name) {
			return "/proc/self/exe", nil
		}
	}
	return "", refused
}

func executable(path string) (string, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return "", errNotFound
	case info.IsDir():
		return "", syscall.EACCES
	case info.Mode()&0o111 == 0:
		return "", syscall.EACCES
	}
	return path, nil
}
