package control

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// requestTime is how long a client may take to say what it wants.
const requestTime = 10 * time.Second

// queued is how many frames wait for a client that does not read.
const queued = 256

// Bounds of what is served at once. A client costs some 20 KiB, a large request a
// few times its size.
const (
	maxClients   = 32 // that are served, and as many that have not said what they want
	maxFollowers = 24 // of them: followers stay, and must leave room for who repairs
	maxLarge     = 2
	fewWords     = 4 << 10
)

// A Handler carries out one request. It sends any number of frames to its
// client and returns the last one.
type Handler func(req Request, c *Client) Frame

// Client is who asked.
type Client struct {
	Gone <-chan struct{} // closed when the client has left

	mu   sync.Mutex
	over bool // the conversation: work that outlives it speaks to nobody
	out  chan Frame
}

// Tell sends a frame, or drops it when the client does not read: a stopped
// terminal must not stop a switch. It may be called after the handler returned.
func (c *Client) Tell(f Frame) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over {
		return
	}
	select {
	case c.out <- f:
	default:
	}
}

// Write sends a frame and waits until there is room for it. Only the handler
// itself may call it. A client that reads nothing for ten seconds is hung up on.
func (c *Client) Write(f Frame) { c.out <- f }

// end closes the conversation with its last frame.
func (c *Client) end(last Frame) {
	c.mu.Lock()
	c.over = true
	c.mu.Unlock()
	last.Last = true
	c.out <- last
	close(c.out)
}

// Listen makes the socket at path, in a directory that only root enters.
func Listen(path string) (*net.UnixListener, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o600); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// Serve answers clients until l is closed. guard runs a function so that a panic
// in it ends neither the server nor PID 1.
func Serve(l *net.UnixListener, handle Handler, guard func(name string, f func())) {
	s := &server{handle: handle, guard: guard, slots: make(chan struct{}, maxClients),
		followers: make(chan struct{}, maxFollowers), large: make(chan struct{}, maxLarge)}
	for {
		c, err := l.AcceptUnix()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // e.g. out of descriptors: it passes
			time.Sleep(100 * time.Millisecond)
			continue
		}
		s.arrive(c)
		go guard("control", func() {
			defer c.Close()
			s.serve(c)
		})
	}
}

// server is what the conversations share.
type server struct {
	handle    Handler
	guard     func(name string, f func())
	slots     chan struct{} // one for each client that is served
	followers chan struct{} // those of them that stay for as long as they like
	large     chan struct{} // one for each request that is more than a few words

	mu     sync.Mutex
	silent []*net.UnixConn // have not said yet what they want, oldest first
}

// arrive notes a client that has said nothing yet. The one that has been silent
// for longest makes room: whoever means it has spoken by then.
func (s *server) arrive(c *net.UnixConn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.silent = append(s.silent, c)
	if len(s.silent) > maxClients {
		s.silent[0].Close()
		s.silent = slices.Delete(s.silent, 0, 1)
	}
}

// spoke takes note that a client has said what it wants, or will not any more.
func (s *server) spoke(c *net.UnixConn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := slices.Index(s.silent, c); i >= 0 {
		s.silent = slices.Delete(s.silent, i, i+1)
	}
}

func (s *server) serve(c *net.UnixConn) {
	defer s.spoke(c)
	refuse := func(err error) {
		c.SetWriteDeadline(time.Now().Add(requestTime))
		json.NewEncoder(c).Encode(Frame{Error: err.Error(), Exit: ExitError, Last: true})
	}
	if err := onlyRoot(c); err != nil {
		refuse(err)
		return
	}
	c.SetReadDeadline(time.Now().Add(requestTime))
	req, err := s.request(c)
	if err != nil {
		refuse(fmt.Errorf("request: %w", err))
		return
	}
	s.spoke(c)
	c.SetReadDeadline(time.Time{})
	for _, room := range []struct {
		slots chan struct{}
		need  bool
		what  string
	}{{s.followers, req.Follow, "clients follow a log"}, {s.slots, true, "clients are being served"}} {
		if !room.need {
			continue
		}
		select {
		case room.slots <- struct{}{}:
			defer func() { <-room.slots }()
		default:
			refuse(fmt.Errorf("%d %s already; end one of them, or try again later", cap(room.slots), room.what))
			return
		}
	}
	gone := make(chan struct{})
	go s.guard("control: leaving", func() { // a client says nothing more: whatever ends the read is its leaving
		defer close(gone)
		io.Copy(io.Discard, c)
	})
	client := &Client{Gone: gone, out: make(chan Frame, queued)}
	written := make(chan struct{})
	go s.guard("control: answer", func() {
		defer close(written)
		client.write(c)
	})
	last := Frame{Error: "PID 1 panicked over this request, see dmesg", Exit: ExitError}
	defer func() {
		client.end(last)
		<-written
	}()
	last = s.handle(req, client)
}

// request reads what a client wants. What is no request is refused as soon as
// that shows, and only few at a time may send much.
func (s *server) request(c *net.UnixConn) (req Request, err error) {
	in := bufio.NewReaderSize(c, fewWords)
	line, err := in.ReadSlice('\n')
	if len(line) > 0 && line[0] != '{' {
		return req, errors.New("that is none")
	}
	if errors.Is(err, bufio.ErrBufferFull) {
		select {
		case s.large <- struct{}{}:
		case <-time.After(requestTime):
			return req, errors.New("others are sending much; try again later")
		}
		defer func() {
			line, in = nil, nil
			debug.FreeOSMemory() // or it would be kept for minutes
			<-s.large
		}()
		start := bytes.Clone(line)
		var rest []byte
		rest, err = bufio.NewReader(io.LimitReader(in, maxRequest-fewWords)).ReadBytes('\n')
		if errors.Is(err, io.EOF) && len(rest) == maxRequest-fewWords {
			return req, fmt.Errorf("it has more than %d bytes", maxRequest)
		}
		line = append(start, rest...)
	}
	switch {
	case errors.Is(err, io.EOF):
		return req, errors.New("it ended in the middle")
	case errors.Is(err, os.ErrDeadlineExceeded):
		return req, fmt.Errorf("it was not said within %v", requestTime)
	case err != nil:
		return req, err
	}
	if err := json.Unmarshal(line, &req); err != nil {
		return req, fmt.Errorf("not understood: %w", err)
	}
	return req, nil
}

// write encodes the frames onto the connection, and swallows them once that fails.
func (c *Client) write(conn *net.UnixConn) {
	defer func() {
		for range c.out { // also after a panic: whoever sends must not wait for ever
		}
	}()
	enc := json.NewEncoder(conn)
	for f := range c.out {
		conn.SetWriteDeadline(time.Now().Add(requestTime))
		if enc.Encode(f) == nil {
			continue
		}
		conn.Close()
		return
	}
}

// onlyRoot refuses peers of another user than root.
func onlyRoot(c *net.UnixConn) error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	var cred *unix.Ucred
	var credErr error
	if err := raw.Control(func(fd uintptr) {
		cred, credErr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	}); err != nil {
		return err
	}
	if credErr != nil {
		return fmt.Errorf("peer credentials: %w", credErr)
	}
	if cred.Uid != 0 {
		return fmt.Errorf("user %d may not do this: be root", cred.Uid)
	}
	return nil
}
