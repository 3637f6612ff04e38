package pid1

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"bantam/system"
	"bantam/tty"
)

// Rescue is what an early failure ends in: a shell on every console, never a
// kernel panic. It feeds the watchdog and reaps every child; nothing else may.
type Rescue struct {
	Reason   error
	Signals  Signals
	Watchdog func() *Watchdog        // the one that is armed by now, drivers may still be coming; nil: none
	Consoles []string                // below /dev; nil finds them
	Argv     []string                // of the shell; nil is sh. PID 1's own binary is executed under this name
	Actions  <-chan Action           // how the machine can be ended from elsewhere, e.g. by its power button; may be nil
	Login    func(tty string) string // who may work there, a value of system.Console.Login; nil: everybody is root

	dev string // /dev, replaced by tests
}

// A shell that ended sooner than this has not been used by anybody.
const shortest = 2 * time.Second

// rescueKick is how often the watchdog is fed, as by the supervisor's loop.
const rescueKick = 2 * time.Second

// rescueShell is a console and the shell on it.
type rescueShell struct {
	console string
	started time.Time
	delay   time.Duration // before the next start
}

// Run serves the consoles until somebody leaves: by reboot, poweroff or halt,
// which send a signal, or by leaving the shell, which restarts.
func (r Rescue) Run() Action {
	Logf(Warning, "rescue console: %v", r.Reason)
	names := r.Consoles
	if names == nil {
		names = Consoles()
	}
	if len(names) == 0 {
		names = []string{"console"}
	}
	running := map[int]*rescueShell{}
	again := make(chan *rescueShell, len(names)) // each shell is in it at most once
	for _, name := range names {
		again <- &rescueShell{console: name}
	}
	kick := time.NewTicker(rescueKick)
	defer kick.Stop()
	for {
		select {
		case shell := <-again:
			pid, err := r.start(shell.console)
			shell.started = time.Now()
			if err != nil {
				Logf(Error, "rescue console %s: %v", shell.console, err)
				shell.again(again)
				continue
			}
			running[pid] = shell
		case <-r.Signals.Child:
			for pid, status := range reaped() {
				shell := running[pid]
				if shell == nil {
					continue // an orphan
				}
				delete(running, pid)
				if status.Exited() && !r.hungUp(shell.console, status) && time.Since(shell.started) >= shortest {
					return Restart
				}
				shell.again(again)
			}
		case action := <-r.Actions:
			return action
		case s := <-r.Signals.Other:
			if action, ok := ActionOf(s); ok {
				return action
			}
		case <-kick.C:
			if r.Watchdog != nil {
				r.Watchdog().Kick()
			}
		}
	}
}

// again asks for a new shell: at once if the last one was in use, later and
// later if shells die young, as on a line that hangs up.
func (s *rescueShell) again(queue chan<- *rescueShell) {
	if time.Since(s.started) >= shortest {
		s.delay = 0
	}
	delay := s.delay
	go Guard("rescue console", func() {
		time.Sleep(delay)
		queue <- s
	})
	s.delay = min(max(2*s.delay, time.Second), 30*time.Second)
}

// hungUp says whether a shell ended because its line did, as that of an
// unplugged adapter. Nobody has left it then.
func (r Rescue) hungUp(console string, status syscall.WaitStatus) bool {
	fd, err := r.open(console)
	if err == nil {
		unix.Close(fd)
	}
	return err != nil || status.ExitStatus() == 128+int(unix.SIGHUP)
}

func (r Rescue) open(console string) (fd int, err error) {
	path := cmp.Or(r.dev, "/dev") + "/" + console
	// Without O_NONBLOCK the open waits for a carrier, and the greeting for a
	// terminal that somebody stopped.
	fd, err = unix.Open(path, unix.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0, fmt.Errorf("open %s: %w", path, err)
	}
	return fd, nil
}

// start says why on the console and puts a shell there.
func (r Rescue) start(console string) (pid int, err error) {
	fd, err := r.open(console)
	if err != nil {
		return 0, err
	}
	defer unix.Close(fd)
	tty.Reset(fd)
	_, _ = unix.Write(fd, []byte(r.greeting()))
	if err := unix.SetNonblock(fd, false); err != nil {
		return 0, fmt.Errorf("fcntl %s: %w", console, err)
	}
	argv := r.Argv
	if argv == nil {
		argv = []string{"sh"}
	}
	if r.Login != nil && r.Login(console) != system.LoginRoot {
		argv = []string{ConsoleName, console, RescueLogin}
	}
	exe := "/proc/self/exe"
	if _, err := os.Stat(exe); err != nil {
		exe = "/init" // /proc is what failed
	}
	pid, err = syscall.ForkExec(exe, argv, &syscall.ProcAttr{
		Dir:   "/",
		Env:   []string{"PATH=/bin", "HOME=/root", "USER=root", "TERM=" + term(console), "BANTAM_RESCUE=1"},
		Files: []uintptr{uintptr(fd), uintptr(fd), uintptr(fd)},
		Sys:   &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 0},
	})
	if err != nil {
		return 0, fmt.Errorf("exec %s as %s: %w", exe, strings.Join(argv, " "), err)
	}
	return pid, nil
}

func (r Rescue) greeting() string {
	return fmt.Sprintf("\nBantam could not start the system:\n  %s\n\n"+
		"This is a rescue shell. dmesg shows what happened before.\n"+
		"reboot, poweroff or exit (which reboots) leave it.\n\n",
		strings.ReplaceAll(fmt.Sprint(r.Reason), "\n", "\n  "))
}

func term(console string) string {
	if virtual(console) {
		return "linux"
	}
	return "vt100"
}

// reaped collects every child that has ended.
func reaped() map[int]syscall.WaitStatus {
	ended := map[int]syscall.WaitStatus{}
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil || pid <= 0:
			return ended
		default:
			ended[pid] = status
		}
	}
}
