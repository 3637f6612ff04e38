package shell

import (
	"context"
	"io"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"bantam/init/applet"
)

// waitBuiltin ends early on Ctrl-C and when a signal comes that has a trap.
func waitBuiltin(e *env, out io.Writer, args []string) int {
	sh, args := e.sh, afterDashes(args)
	var jobs []*job
	if len(args) == 0 {
		jobs = sh.jobs.all()
	}
	status := 0
	for _, spec := range args {
		j, err := sh.jobs.find(spec)
		if err != nil {
			e.complain("wait: %s is not a child of this shell", applet.PrintableLine(spec))
			status = 127
			continue
		}
		jobs = append(jobs, j)
	}
	ctx, cancel := context.WithCancel(e.ctx)
	defer cancel()
	if !e.outside {
		go func() {
			for {
				select {
				case <-sh.arrived.wake:
				case <-ctx.Done():
					return
				}
				if _, ok := sh.arrived.first(); ok {
					cancel()
				}
			}
		}()
	}
	for _, j := range jobs {
		if j == e.job {
			continue // a list does not wait for itself
		}
		if sh.jobs.wait(ctx, j, func() bool { return j.state() != "running" }) != nil {
			if sig, ok := sh.arrived.first(); ok {
				return 128 + int(sig)
			}
			return 130
		}
		sh.jobs.Lock()
		state := j.state()
		if len(args) > 0 {
			status = j.result()
		}
		j.notified = state == "done"
		sh.jobs.Unlock()
		if state == "done" && sh.terminal != nil {
			sh.jobs.remove(j)
		}
	}
	return status
}

func killBuiltin(e *env, out io.Writer, args []string) int {
	if len(args) > 0 && args[0] == "-l" || len(args) == 0 {
		code, _ := applet.Run("kill", args, applet.Stdio{In: strings.NewReader(""), Out: out, Err: e.stderr()})
		return code
	}
	sig := syscall.SIGTERM
	if strings.HasPrefix(args[0], "-") && len(args[0]) > 1 && args[0] != "--" {
		name := args[0][1:]
		args = args[1:]
		if (name == "s" || name == "n") && len(args) > 0 {
			name, args = args[0], args[1:]
		}
		var ok bool
		if sig, ok = applet.SignalNumber(name); !ok {
			return e.fail("kill: %s: unknown signal", applet.PrintableLine(name))
		}
	}
	args = afterDashes(args)
	if len(args) == 0 {
		e.complain("kill: needs a process or a job")
		return 2
	}
	status := 0
	for _, spec := range args {
		// The kernel takes 32 bits: 4294967295 would be -1, which is everybody.
		pid, err := strconv.ParseInt(spec, 10, 32)
		switch {
		case err == nil && int(pid) == os.Getpid():
			err = e.sh.signalSelf(e, sig)
		case err == nil:
			err = syscall.Kill(int(pid), sig)
		case strings.HasPrefix(spec, "%"):
			var j *job
			if j, err = e.sh.jobs.find(spec); err == nil {
				err = e.sh.jobs.signal(j, sig)
			}
		default:
			err = errorText("is neither a process number nor a job")
		}
		if err != nil {
			status = e.fail("kill: %s: %v", applet.PrintableLine(spec), err)
		}
	}
	return status
}

// signalSelf sends the shell a signal that has come when it returns, as kill(2) to
// oneself has where there is but one thread.
func (sh *shell) signalSelf(e *env, sig syscall.Signal) error {
	if ignored, trapped := sh.trap(sig); trapped {
		if !ignored {
			sh.arrived.add(sig)
		}
		return nil
	}
	if err := syscall.Kill(os.Getpid(), sig); err != nil || sig == 0 || signal.Ignored(sig) {
		return err
	}
	switch sig {
	case syscall.SIGCHLD, syscall.SIGCONT, syscall.SIGURG, syscall.SIGWINCH, syscall.SIGSTOP, syscall.SIGTSTP, syscall.SIGTTIN, syscall.SIGTTOU:
		return nil
	}
	select { // it ends the process, or this statement
	case <-e.ctx.Done():
	case <-time.After(time.Second):
	}
	return nil
}
