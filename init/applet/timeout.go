package applet

import (
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"bantam/init/sigaction"
)

// What timeout and nohup end with where the command itself has no say.
const (
	exitTimedOut = 124
	exitOwnFault = 125 // timeout or nohup itself cannot
	exitNotRun   = 126
)

// timeout runs a command in a process group of its own, so that its children
// end with it; with --foreground in ours, so that it can read the terminal.
func timeout(c *call, args []string) int {
	opts, command, err := parseOptions("+s:k:pfv",
		map[string]byte{"signal": 's', "kill-after": 'k', "preserve-status": 'p', "foreground": 'f', "verbose": 'v'}, args)
	if err != nil {
		return max(c.misuse("%v", err), exitOwnFault)
	}
	if len(command) < 2 {
		return max(c.misuse("needs a time and a command"), exitOwnFault)
	}
	limit, err := duration(command[0])
	patience, err2 := duration(opts.value('k', "0"))
	if err := errors.Join(err, err2); err != nil {
		return max(c.misuse("%v", err), exitOwnFault)
	}
	sig, ok := SignalNumber(opts.value('s', "TERM"))
	if !ok {
		return max(c.misuse("%s is not a signal", opts.value('s', "")), exitOwnFault)
	}
	command = command[1:]
	path, code := c.lookCommand(command[0])
	if code != 0 {
		return code
	}
	foreground := opts.has('f')
	if !foreground {
		// Fails for the leader of a session, whose group is its own already.
		syscall.Setpgid(0, 0)
	}
	received := make(chan os.Signal, 8)
	for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, sig} {
		if !signal.Ignored(s) {
			signal.Notify(received, s)
		}
	}
	c.out.Flush()
	cmd := &exec.Cmd{Path: path, Args: command, Stdin: c.in, Stdout: c.rawOut, Stderr: c.err}
	if err := cmd.Start(); err != nil {
		c.fail(command[0], err)
		return exitNotRun
	}
	signal.Ignore(syscall.SIGTTIN, syscall.SIGTTOU) // the terminal is not for us, but for the command
	send := func(s syscall.Signal) {
		if opts.has('v') {
			c.warn("sending signal %s to command %s", signalName(s), command[0])
		}
		syscall.Kill(cmd.Process.Pid, s)
		if foreground {
			return
		}
		if s != syscall.SIGKILL {
			signal.Ignore(s) // it is for the others of our group
		}
		syscall.Kill(0, s) // SIGKILL ends us too: who waits sees 137
		if s != syscall.SIGKILL && s != syscall.SIGCONT {
			syscall.Kill(0, syscall.SIGCONT) // a stopped process would keep the signal for later
		}
	}
	ended := make(chan struct{})
	go func() { cmd.Wait(); close(ended) }()
	after := func(d time.Duration) <-chan time.Time {
		if d <= 0 {
			return nil // without end
		}
		return time.After(d)
	}
	timer := after(limit)
	timedOut, killing := false, false
	for waiting := true; waiting; {
		select {
		case <-ended:
			waiting = false
		case s := <-received:
			send(s.(syscall.Signal))
			if !killing && patience > 0 {
				killing, timer = true, after(patience)
			}
		case <-timer:
			timer = nil
			if killing {
				sig = syscall.SIGKILL
			} else {
				timedOut = true
			}
			send(sig)
			if !killing && patience > 0 {
				killing, timer = true, after(patience)
			}
		}
	}
	status, _ := cmd.ProcessState.Sys().(syscall.WaitStatus)
	code = status.ExitStatus()
	killed := timedOut && status.Signaled() && status.Signal() == syscall.SIGKILL
	if status.Signaled() {
		code = 128 + int(status.Signal())
		if !timedOut {
			return endBySignal(status.Signal(), code)
		}
	}
	if timedOut && !killed && !opts.has('p') {
		return exitTimedOut
	}
	return code
}

// endBySignal ends the process as its command ended, without a second core dump,
// or returns code if that signal does not end it.
func endBySignal(sig syscall.Signal, code int) int {
	unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{})
	sigaction.Default(sig)
	syscall.Kill(os.Getpid(), sig)
	return code
}

// nohup runs a command that outlives the terminal: SIGHUP is ignored, and what
// is connected to a terminal is connected to something else.
func nohup(c *call, args []string) int {
	_, command, err := parseOptions("+", nil, args)
	if err != nil {
		return max(c.misuse("%v", err), exitOwnFault)
	}
	if len(command) == 0 {
		return max(c.misuse("needs a command"), exitOwnFault)
	}
	path, code := c.lookCommand(command[0])
	if code != 0 {
		return code
	}
	if err := leaveTerminal(c); err != nil {
		c.fail("", err)
		return exitOwnFault
	}
	signal.Ignore(syscall.SIGHUP)
	c.out.Flush()
	err = syscall.Exec(path, command, os.Environ())
	c.fail(command[0], err)
	return exitNotRun
}

// leaveTerminal connects descriptors 0 to 2 to what stays when the terminal goes.
func leaveTerminal(c *call) error {
	const in, out, errs = 0, 1, 2
	ignoring := isTerminal(os.Stdin)
	if ignoring {
		// For writing alone: who reads it nevertheless gets an error instead of an end.
		null, err := os.OpenFile("/dev/null", os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		if err := unix.Dup3(int(null.Fd()), in, 0); err != nil {
			return os.NewSyscallError("dup3 /dev/null", err)
		}
	}
	errsSeen := isTerminal(os.Stderr)
	if isTerminal(os.Stdout) {
		const name = "nohup.out"
		path := name
		f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil && os.Getenv("HOME") != "" {
			path = os.Getenv("HOME") + "/" + name
			f, err = os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		}
		if err != nil {
			return err
		}
		c.warn("output goes to the end of %s", PrintableLine(path))
		if err := unix.Dup3(int(f.Fd()), out, 0); err != nil {
			return os.NewSyscallError("dup3 "+path, err)
		}
	} else if ignoring {
		c.warn("input is not read")
	}
	if errsSeen {
		if err := unix.Dup3(out, errs, 0); err != nil {
			return os.NewSyscallError("dup3 standard error", err)
		}
	}
	return nil
}
