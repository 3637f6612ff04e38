package shell

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
	"mvdan.cc/sh/v3/interp"
)

// start forks and executes a command as part of a job. With job control the
// processes of a job share a process group, and the foreground job's has the
// terminal. copied must be called once the process is done: it waits until all
// output for a writer that is not a file has arrived.
//
// os/exec is not used because it cannot tell that a process stopped.
func (sh *shell) start(hc interp.HandlerContext, j *job, args []string) (p *process, copied func(), err error) {
	path, err := lookPath(hc.Dir, hc.Env, args[0])
	if err != nil {
		return nil, nil, err
	}
	files, closeOurs, copied, err := childFiles(hc)
	if err != nil {
		return nil, nil, err
	}
	defer closeOurs()
	attr := &syscall.ProcAttr{Dir: hc.Dir, Env: exported(hc.Env), Files: files, Sys: &syscall.SysProcAttr{}}

	sh.jobs.Lock()
	defer sh.jobs.Unlock()
	program := path
	if strings.Contains(args[0], "/") {
		program = args[0] // as it was typed, which becomes the $0 of a script
	}
	var pid int
	for try := 0; ; try++ {
		attr.Sys.Setpgid, attr.Sys.Pgid = sh.terminal != nil, j.pgid
		pid, err = syscall.ForkExec(program, args, attr)
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
		return nil, nil, err
	}
	p = &process{pid: pid, name: args[0]}
	j.processes = append(j.processes, p)
	if sh.terminal != nil && j.pgid == 0 {
		j.pgid = pid
		if j.foreground {
			sh.terminal.give(j.pgid)
		}
	}
	go sh.watch(j, p)
	return p, copied, nil
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

// childFiles are the descriptors 0 to 2 of a child. Writers that are no files,
// as in command substitutions, get a pipe and a copying goroutine, for which
// copied waits. closeOurs is to be called once the child has its copies.
func childFiles(hc interp.HandlerContext) (files []uintptr, closeOurs, copied func(), err error) {
	var ours []*os.File
	var copies sync.WaitGroup
	closeOurs = func() {
		for _, f := range ours {
			f.Close()
		}
	}
	defer func() {
		if err != nil {
			closeOurs()
		}
	}()
	null := func(flag int) (*os.File, error) {
		f, err := os.OpenFile(os.DevNull, flag, 0)
		if err == nil {
			ours = append(ours, f)
		}
		return f, err
	}
	output := func(w io.Writer) (*os.File, error) {
		if lent, ok := w.(keepOpen); ok {
			w = lent.Writer
		}
		switch w := w.(type) {
		case *os.File:
			return w, nil
		case nil:
			return null(os.O_WRONLY)
		}
		if w == io.Discard {
			return null(os.O_WRONLY)
		}
		r, f, err := os.Pipe()
		if err != nil {
			return nil, err
		}
		ours = append(ours, f)
		copies.Go(func() {
			io.Copy(w, r)
			r.Close()
		})
		return f, nil
	}

	var stdin *os.File
	switch in := hc.Stdin.(type) {
	case *os.File:
		if in == nil {
			stdin, err = null(os.O_RDONLY)
		} else if terminalInput.Load() == in {
			stdin = os.Stdin // ours is non-blocking
		} else {
			stdin = in
		}
	default:
		stdin, err = null(os.O_RDONLY)
	}
	if err != nil {
		return nil, nil, nil, err
	}
	stdout, err := output(hc.Stdout)
	if err != nil {
		return nil, nil, nil, err
	}
	stderr := stdout
	if hc.Stderr != hc.Stdout {
		if stderr, err = output(hc.Stderr); err != nil {
			return nil, nil, nil, err
		}
	}
	return []uintptr{stdin.Fd(), stdout.Fd(), stderr.Fd()}, closeOurs, copies.Wait, nil
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
