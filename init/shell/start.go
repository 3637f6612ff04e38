package shell

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// start forks and executes a command as part of a job. With job control the
// processes of a job share a process group, and the foreground job's has the
// terminal.
//
// os/exec is not used because it cannot tell that a process stopped.
func (e *env) start(j *job, args []string) (p *process, err error) {
	sh := e.sh
	path, err := e.lookPath(args[0])
	if err != nil {
		return nil, err
	}
	attr := &syscall.ProcAttr{Dir: e.dir, Env: e.exports(), Files: e.childFiles(), Sys: &syscall.SysProcAttr{}}

	sh.jobs.Lock()
	defer sh.jobs.Unlock()
	program := path
	if strings.Contains(args[0], "/") {
		program = args[0] // as it was typed, which becomes the $0 of a script
	}
	if len(e.limits) > 0 {
		args = append([]string{"sh", "-c", strings.Join(e.limits, " && ") + ` && exec "$@"`, "sh"}, args...)
		program = "/proc/self/exe"
	}
	var pid int
	for try := 0; ; try++ {
		attr.Sys.Setpgid, attr.Sys.Pgid = sh.terminal != nil, j.pgid
		e.withMask(func() { pid, err = syscall.ForkExec(program, args, attr) })
		switch {
		case errors.Is(err, syscall.EPERM) && j.pgid != 0, errors.Is(err, syscall.ESRCH) && j.pgid != 0:
			j.pgid = 0 // the group died just now; begin a new one
			continue
		case errors.Is(err, syscall.ETXTBSY) && try < 8:
			time.Sleep(time.Millisecond << try) // another fork holds the new file for a moment
			continue
		case errors.Is(err, syscall.ENOEXEC):
			if !isText(path) {
				break
			}
			// A script without #! line is ours to run.
			args = append([]string{"sh", program}, args[1:]...)
			program = "/proc/self/exe"
			continue
		}
		break
	}
	if err != nil {
		return nil, err
	}
	p = &process{pid: pid, name: args[0], begun: time.Now()}
	j.processes = append(j.processes, p)
	if sh.terminal != nil && j.pgid == 0 {
		j.pgid = pid
		if j.foreground {
			sh.terminal.give(j.pgid)
		}
	}
	go sh.watch(j, p)
	return p, nil
}

// watch waits for one process. A thread blocked in wait4 is cheaper to get
// right than a shared SIGCHLD loop.
func (sh *shell) watch(j *job, p *process) {
	for {
		var status syscall.WaitStatus
		_, err := syscall.Wait4(p.pid, &status, syscall.WUNTRACED, nil)
		if err == syscall.EINTR {
			continue
		}
		sh.jobs.Lock()
		switch {
		case err == nil && status.Stopped():
			early := status.StopSignal() == syscall.SIGTTIN || status.StopSignal() == syscall.SIGTTOU
			if early && j.foreground && sh.terminal != nil && sh.terminal.owner() == j.pgid {
				// It touched the terminal before that was handed over.
				syscall.Kill(-j.pgid, syscall.SIGCONT)
				break
			}
			p.stopped, p.status = true, status
		default:
			p.done, p.stopped, p.status = true, false, status
			alive := false
			for _, other := range j.processes {
				alive = alive || !other.done
			}
			if !alive {
				j.pgid = 0
				if j.foreground && sh.terminal != nil {
					// Between two commands Ctrl-C must reach the shell itself.
					sh.terminal.take()
				}
			}
		}
		done := p.done
		j.signalChange()
		sh.jobs.Unlock()
		if done {
			return
		}
	}
}

// childFiles are the descriptors of a child, by number.
func (e *env) childFiles() []uintptr {
	most := 2
	for n := range e.fds {
		most = max(most, n)
	}
	files := make([]uintptr, most+1)
	for n := range files {
		switch f := e.fds[n]; {
		case f == nil:
			files[n] = ^uintptr(0)
		case terminalInput.Load() == f.File:
			files[n] = os.Stdin.Fd() // ours is non-blocking
		default:
			files[n] = f.Fd()
		}
	}
	return files
}

// dupAbove copies a descriptor to the lowest free number from least on.
func dupAbove(fd, least int) (int, error) {
	return unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, least)
}

// isText tells a script from a binary of another machine: no NUL in the first line.
func isText(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	start := make([]byte, 256)
	n, _ := f.Read(start)
	line, _, _ := bytes.Cut(start[:n], []byte("\n"))
	return bytes.IndexByte(line, 0) < 0
}
