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

// once is a child that is run for its result.
type once struct {
	failed error
	output chan []byte // gets the tail once the output has ended
	done   chan struct{}
}

func (o *once) end(p *process) {
	if p.failed != nil {
		o.failed = fmt.Errorf("%s: %w", p.failed.Stage, p.failed.Errno)
	}
	close(o.done)
}

// RunOnce runs def.Argv as def says, to its end, and returns how it ended and
// the last 8 KiB of its output. What it leaves behind is killed. When ctx ends
// first everything is killed, and the error is ctx's cause. Names, relations, Ready and Restart do not count.
func (s *Supervisor) RunOnce(ctx context.Context, def Definition) (syscall.WaitStatus, []byte, error) {
	if len(def.Argv) == 0 {
		return 0, nil, fmt.Errorf("%s: no command", def.Name)
	}
	def.Ready = lifecycle.ReadyExited
	def = def.resolved()
	read, write, err := pipe()
	if err != nil {
		return 0, nil, err
	}
	o := &once{output: make(chan []byte, 1), done: make(chan struct{})}
	p := &process{once: o}
	var forked error
	err = s.do(func() {
		s.onces++
		forked = s.fork(p, def, fmt.Sprintf("once.%d", s.onces), write)
	})
	write.Close()
	if err == nil {
		err = forked
	}
	if err != nil {
		read.Close()
		return 0, nil, fmt.Errorf("%s: %w", def.Argv[0], err)
	}
	go Guard("output of "+def.Argv[0], func() {
		var tail []byte
		defer func() { o.output <- tail }() // also in a panic: it is waited for
		tail = readTail(read, &s.logs.intake, o.done)
	})
	select {
	case <-o.done:
		err = o.failed
	case <-s.ended:
		err = ErrEnded
	case <-ctx.Done():
		err = context.Cause(ctx)
		s.do(func() { s.groups.kill(p) })
		select {
		case <-o.done:
		case <-time.After(killPatience):
			err = fmt.Errorf("%w, and cannot be killed", err)
		}
	}
	// Outside a cgroup a process that has escaped may hold the output open.
	read.SetReadDeadline(time.Now().Add(time.Second))
	tail := <-o.output
	read.Close()
	if err != nil {
		return 0, tail, err
	}
	return p.status, tail, nil
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
