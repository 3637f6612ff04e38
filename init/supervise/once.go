package supervise

import (
	"context"
	"fmt"
	"os"
	"syscall"
	"time"

	"bantam/boottime"
	"bantam/lifecycle"
)

// tailMost is how much of a one-off's output is kept: the end says what failed.
const tailMost = 8 << 10

// Files are the descriptors of a process that is run once. What is nil is /dev/null.
type Files struct {
	In, Out, Err *os.File
	Line         *os.File // descriptor 3; nil: it is closed
	Spare        bool     // what the process leaves behind is the caller's: HangUp, Kill. Else it is killed with the process's end
}

// Once is a process that is run for somebody, to its end.
type Once struct {
	s      *Supervisor
	p      *process
	spare  bool
	failed error
	exited chan struct{}
	done   chan struct{}
}

// exit is when the process has ended, which others of its group need not have.
func (o *Once) exit(p *process) {
	if p.failed != nil {
		o.failed = fmt.Errorf("%s: %w", p.failed.Stage, p.failed.Errno)
	}
	close(o.exited)
}

// Begin starts def.Argv as def says, in a group of its own, with these files, which stay open here. Names, relations, Ready and Restart do not count.
func (s *Supervisor) Begin(def Definition, files Files) (*Once, error) {
	if len(def.Argv) == 0 {
		return nil, fmt.Errorf("%s: no command", def.Name)
	}
	def.Ready = lifecycle.ReadyExited
	def = def.resolved()
	o := &Once{s: s, spare: files.Spare, exited: make(chan struct{}), done: make(chan struct{})}
	o.p = &process{once: o}
	var forked error
	err := s.do(func() {
		s.onces++
		forked = s.fork(o.p, def, fmt.Sprintf("once.%d", s.onces), files)
	})
	if err == nil {
		err = forked
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", def.Argv[0], err)
	}
	return o, nil
}

// Done is closed when nothing of it is left.
func (o *Once) Done() <-chan struct{} { return o.done }

// Exited is closed when the process itself has ended.
func (o *Once) Exited() <-chan struct{} { return o.exited }

// Result is how it ended, after Exited; the error is why it did not become its program.
func (o *Once) Result() (syscall.WaitStatus, error) { return o.p.status, o.failed }

// Signal sends a signal to the process and those of its process group.
func (o *Once) Signal(sig syscall.Signal) {
	o.s.post(func() {
		if !o.p.reaped { // a reaped number may be somebody else's by now
			syscall.Kill(-o.p.pid, sig)
		}
	})
}

// HangUp tells the process and all that it has started that whoever sat there is gone.
func (o *Once) HangUp() {
	o.s.post(func() {
		select {
		case <-o.done:
			return // the numbers may be others' by now
		default:
		}
		for _, pid := range o.s.groups.members(o.p) {
			syscall.Kill(pid, syscall.SIGHUP)
			syscall.Kill(pid, syscall.SIGCONT)
		}
	})
}

// Kill ends it and all that it has started.
func (o *Once) Kill() { o.s.post(func() { o.s.groups.kill(o.p) }) }

// RunOnce is Begin for a program that reads nothing: it waits for the end and returns how that was, and
// the last 8 KiB of what was put out. When ctx ends
// first everything is killed, and the error is ctx's cause.
func (s *Supervisor) RunOnce(ctx context.Context, def Definition) (syscall.WaitStatus, []byte, error) {
	read, write, err := pipe()
	if err != nil {
		return 0, nil, err
	}
	o, err := s.Begin(def, Files{Out: write, Err: write})
	write.Close()
	if err != nil {
		read.Close()
		return 0, nil, err
	}
	output := make(chan []byte, 1)
	go Guard("output of "+def.Argv[0], func() {
		var tail []byte
		defer func() { output <- tail }() // also in a panic: it is waited for
		tail = readTail(read, &s.logs.intake, o.done)
	})
	select {
	case <-o.done:
		err = o.failed
	case <-s.ended:
		err = ErrEnded
	case <-ctx.Done():
		err = context.Cause(ctx)
		s.do(func() { s.groups.kill(o.p) })
		select {
		case <-o.done:
		case <-time.After(killPatience):
			err = fmt.Errorf("%w, and cannot be killed", err)
		}
	}
	// Outside a cgroup a process that has escaped may hold the output open.
	read.SetReadDeadline(time.Now().Add(time.Second))
	tail := <-output
	read.Close()
	if err != nil {
		return 0, tail, err
	}
	return o.p.status, tail, nil
}

// readTail reads to the end and returns the last tailMost bytes. It reads as
// slowly as a log is read, until ended is closed.
func readTail(r *os.File, intake *intake, ended <-chan struct{}) []byte {
	var tail []byte
	buf := make([]byte, lineMost)
	for {
		n, err := r.Read(buf)
		tail = append(tail, buf[:n]...)
		if len(tail) > 2*tailMost || err != nil {
			tail = append(tail[:0], tail[max(0, len(tail)-tailMost):]...)
		}
		if err != nil {
			return tail // io.EOF, or os.ErrDeadlineExceeded
		}
		select {
		case <-time.After(intake.charge(boottime.Now(), n)):
		case <-ended:
		}
	}
}
