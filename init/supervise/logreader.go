package supervise

import (
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// logReader reads the pipes of all logs in one goroutine: one for each pipe would be 5 kB for each service. It waits in an epoll
// descriptor of its own, for which Go's poller waits.
type logReader struct {
	mu    sync.Mutex
	epoll *os.File // nil before the first pipe
	pipes map[int32]*logPipe
}

var theLogReader logReader

// add has p read from now on, until remove.
func (r *logReader) add(p *logPipe) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.epoll == nil {
		fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
		if err != nil {
			return fmt.Errorf("epoll_create1: %w", err)
		}
		if err := unix.SetNonblock(fd, true); err != nil {
			unix.Close(fd)
			return fmt.Errorf("epoll: set nonblocking: %w", err)
		}
		r.epoll, r.pipes = os.NewFile(uintptr(fd), "epoll"), map[int32]*logPipe{}
		go Guard("logs", r.follow)
	}
	if err := r.control(unix.EPOLL_CTL_ADD, p, unix.EPOLLIN); err != nil {
		return err
	}
	r.pipes[int32(p.read)] = p
	return nil
}

// remove has p not read any more, except by a read that goes on.
func (r *logReader) remove(p *logPipe) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.pipes[int32(p.read)] == p {
		delete(r.pipes, int32(p.read))
		r.control(unix.EPOLL_CTL_DEL, p, 0)
	}
}

// control is called with mu held. Fd, which waits without a word for others who use the descriptor, would make it blocking.
func (r *logReader) control(op int, p *logPipe, events uint32) error {
	conn, err := r.epoll.SyscallConn()
	if err != nil {
		return err
	}
	failed := conn.Control(func(fd uintptr) {
		event := unix.EpollEvent{Events: events, Fd: int32(p.read)}
		if e := unix.EpollCtl(int(fd), op, p.read, &event); e != nil {
			err = fmt.Errorf("epoll_ctl: %w", e)
		}
	})
	if failed != nil {
		return failed
	}
	return err
}

// follow reads what comes, one buffer of each pipe in turn, for ever.
func (r *logReader) follow() {
	conn, err := r.epoll.SyscallConn()
	if err != nil {
		return
	}
	var ready [8]unix.EpollEvent
	for {
		n := 0
		err := conn.Read(func(fd uintptr) bool {
			n, err = unix.EpollWait(int(fd), ready[:], 0)
			return n > 0 || err != nil && err != unix.EINTR
		})
		if err != nil || n < 0 {
			return // cannot be: the descriptor is never closed
		}
		for _, event := range ready[:n] {
			r.mu.Lock()
			p := r.pipes[event.Fd]
			r.mu.Unlock()
			if p != nil {
				r.read(p)
			}
		}
	}
}

// read takes a buffer of p. A service that has written too much is not read for a while, nor is one over whose output there was a panic: it
// must neither fall silent nor fill the kernel's log.
func (r *logReader) read(p *logPipe) {
	n, wait := 0, noteWait
	Guard("log of "+p.service, func() {
		n, wait = p.readOnce()
		p.waited(wait)
	})
	switch {
	case n < 0:
		r.remove(p)
	case wait > 0:
		r.listen(p, 0)
		go Guard("log of "+p.service, func() {
			time.Sleep(wait)
			r.listen(p, unix.EPOLLIN)
		})
	}
}

// listen says for what p is watched, unless it was removed.
func (r *logReader) listen(p *logPipe, events uint32) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.pipes[int32(p.read)] == p {
		r.control(unix.EPOLL_CTL_MOD, p, events)
	}
}
