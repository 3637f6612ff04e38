package supervise

import (
	"bytes"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"bantam/boottime"
)

// noteWait is how long a service waits for its log before that is noted there.
const noteWait = time.Second

// logPipe is where a service writes. It outlives the service's processes, so
// what was written last is not lost with them. Both ends are held: the reader
// never sees an end of file.
type logPipe struct {
	service string
	logs    *Logs
	write   *os.File

	flood time.Duration // that the present flood was made to wait; the reader's own
	held  atomic.Int64  // that all floods were, in nanoseconds

	read int // descriptor

	mu     sync.Mutex // held while reading, by the reader or by drain
	closed bool
	part   []byte // a line whose end has not come yet
}

// input is what the pipes are read into, all of them: no read waits, so none
// holds it for long, and a buffer for each would be most of what they cost.
var input struct {
	sync.Mutex
	buf [lineMost]byte
}

func openLogPipe(service string, logs *Logs) (*logPipe, error) {
	read, write, err := pipeEnds()
	if err != nil {
		return nil, fmt.Errorf("service %s: log: %w", service, err)
	}
	p := &logPipe{service: service, logs: logs, read: read, write: os.NewFile(uintptr(write), "pipe")}
	if err := theLogReader.add(p); err != nil {
		p.close()
		return nil, fmt.Errorf("service %s: log: %w", service, err)
	}
	return p, nil
}

// pipe returns a pipe whose read end goes through the poller and whose write
// end blocks, as programs expect of their output.
func pipe() (read, write *os.File, err error) {
	r, w, err := pipeEnds()
	if err != nil {
		return nil, nil, err
	}
	// NewFile looks at the mode: the write end stays out of the poller.
	return os.NewFile(uintptr(r), "pipe"), os.NewFile(uintptr(w), "pipe"), nil
}

// pipeEnds are the descriptors of a pipe; reading never waits.
func pipeEnds() (read, write int, err error) {
	var fds [2]int
	if err := syscall.Pipe2(fds[:], syscall.O_CLOEXEC); err != nil {
		return -1, -1, fmt.Errorf("pipe: %w", err)
	}
	if err := syscall.SetNonblock(fds[0], true); err != nil {
		syscall.Close(fds[0])
		syscall.Close(fds[1])
		return -1, -1, fmt.Errorf("pipe: set nonblocking: %w", err)
	}
	return fds[0], fds[1], nil
}

func (p *logPipe) close() {
	p.drain()
	theLogReader.remove(p)
	p.mu.Lock()
	syscall.Close(p.read)
	p.closed = true
	p.mu.Unlock()
	p.write.Close()
}

// waited notes how long the service waits because of what it has written, and says so once a flood.
func (p *logPipe) waited(wait time.Duration) {
	if wait == 0 {
		p.flood = 0
		return
	}
	before := p.flood
	p.flood += wait
	p.held.Add(int64(wait))
	if before < noteWait && p.flood >= noteWait {
		p.logs.add(&Line{Service: p.service, Note: true,
			Text: fmt.Sprintf("writes more than there is room for (%d KiB a second, all services together): it is made to wait", intakeRate>>10)})
	}
}

// readOnce reads what is there, at most one buffer, and returns how much and how
// long to wait before the next; 0 is nothing for now, -1 the end.
func (p *logPipe) readOnce() (n int, wait time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	input.Lock()
	defer input.Unlock()
	if p.closed { // the number may be another file's
		return -1, 0
	}
	n, err := syscall.Read(p.read, input.buf[:])
	switch {
	case err == syscall.EAGAIN || err == syscall.EINTR:
		return 0, 0
	case err != nil || n == 0:
		return -1, 0
	}
	out := input.buf[:n]
	wait = p.logs.intake.charge(boottime.Now(), n+lineExtra*bytes.Count(out, []byte{'\n'}))
	p.take(out)
	return n, wait
}

// drain takes what the last process left behind, so that it stands before the
// note about its end. A pipe holds 64 KiB; more than that is a second writer.
func (p *logPipe) drain() {
	for total := 0; total < 1<<20; {
		n, _ := p.readOnce()
		if n <= 0 {
			break
		}
		total += n
	}
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
