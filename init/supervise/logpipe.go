package supervise

import (
	"bytes"
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"
)

// A service may write floodRate bytes a second for ever, and floodBurst at
// once. Beyond that nobody reads, the pipe fills and the service waits for
// itself: PID 1 neither loses lines nor spends the processor on them.
const (
	floodRate  = 1 << 20
	floodBurst = 256 << 10
)

// logPipe is where a service writes. It outlives the service's processes, so
// what was written last is not lost with them. Both ends are held: the reader
// never sees an end of file.
type logPipe struct {
	service string
	logs    *Logs
	read    *os.File
	write   *os.File

	mu   sync.Mutex // held while reading, by the goroutine or by drain
	part []byte     // a line whose end has not come yet
}

// input is what the pipes are read into, all of them: no read waits, so none
// holds it for long, and a buffer for each would be most of what they cost.
var input struct {
	sync.Mutex
	buf [lineMost]byte
}

func openLogPipe(service string, logs *Logs) (*logPipe, error) {
	read, write, err := pipe()
	if err != nil {
		return nil, fmt.Errorf("service %s: log: %w", service, err)
	}
	p := &logPipe{service: service, logs: logs, read: read, write: write}
	go p.follow()
	return p, nil
}

// pipe returns a pipe whose read end goes through the poller and whose write
// end blocks, as programs expect of their output.
func pipe() (read, write *os.File, err error) {
	var fds [2]int
	if err := syscall.Pipe2(fds[:], syscall.O_CLOEXEC); err != nil {
		return nil, nil, fmt.Errorf("pipe: %w", err)
	}
	if err := syscall.SetNonblock(fds[0], true); err != nil {
		syscall.Close(fds[0])
		syscall.Close(fds[1])
		return nil, nil, fmt.Errorf("pipe: set nonblocking: %w", err)
	}
	// NewFile looks at the mode: the write end stays out of the poller.
	return os.NewFile(uintptr(fds[0]), "pipe"), os.NewFile(uintptr(fds[1]), "pipe"), nil
}

func (p *logPipe) close() {
	p.drain()
	p.read.Close()
	p.write.Close()
}

// follow reads until the pipe is closed.
func (p *logPipe) follow() {
	defer Guard("log of " + p.service)
	conn, err := p.read.SyscallConn()
	if err != nil {
		return // closed already
	}
	budget, last := floodBurst, time.Now()
	for {
		var n int
		err := conn.Read(func(fd uintptr) bool {
			n = p.readOnce(int(fd))
			return n != 0
		})
		if err != nil || n < 0 {
			return // closed
		}
		now := time.Now()
		budget = refill(budget, now.Sub(last)) - n
		last = now
		if budget < 0 {
			time.Sleep(time.Duration(-budget) * time.Second / floodRate)
		}
	}
}

// refill is the budget after a silence. A second fills it up; what a day would
// give is more than an int of 32 bits holds.
func refill(budget int, silence time.Duration) int {
	return min(floodBurst, budget+int(min(silence, time.Second)*floodRate/time.Second))
}

// readOnce reads what is there, at most one buffer, and returns how much; 0 is
// nothing for now, -1 the end.
func (p *logPipe) readOnce(fd int) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	input.Lock()
	defer input.Unlock()
	n, err := syscall.Read(fd, input.buf[:])
	switch {
	case err == syscall.EAGAIN || err == syscall.EINTR:
		return 0
	case err != nil || n == 0:
		return -1
	}
	p.take(input.buf[:n])
	return n
}

// drain takes what the last process left behind, so that it stands before the
// note about its end. A pipe holds 64 KiB; more than that is a second writer.
func (p *logPipe) drain() {
	conn, err := p.read.SyscallConn()
	if err != nil {
		return
	}
	conn.Control(func(fd uintptr) {
		for total := 0; total < 1<<20; {
			n := p.readOnce(int(fd))
			if n <= 0 {
				break
			}
			total += n
		}
	})
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.part) > 0 {
		p.line(p.part, false)
		p.part = nil
	}
}

// take cuts output into lines.
func (p *logPipe) take(out []byte) {
	for len(out) > 0 {
		end := bytes.IndexByte(out, '\n')
		text := out
		if end >= 0 {
			text = out[:end]
		}
		if room := lineMost - len(p.part); len(text) > room {
			p.part = append(p.part, text[:room]...)
			p.line(p.part, true)
			p.part = p.part[:0]
			out = out[room:]
			continue
		}
		if end < 0 {
			p.part = append(p.part, text...)
			return
		}
		if len(p.part) > 0 {
			p.part = append(p.part, text...)
			text = p.part
			p.part = nil // a long line must not keep its memory
		}
		p.line(text, false)
		out = out[end+1:]
	}
}

func (p *logPipe) line(text []byte, partial bool) {
	p.logs.add(&Line{Service: p.service, Text: string(text), Partial: partial})
}
