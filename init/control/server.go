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
)

// requestTime is how long a client may take to say what it wants.
const requestTime = 10 * time.Second

// queued is how many frames wait for a client that does not read.
const queued = 256

// Bounds of what is served at once. A client costs some 20 KiB, a large request a
// few times its size.
const (
	maxOthers    = 8  // clients that may only look, likewise
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
	Peer Peer

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

// Listen makes the socket at path with a mode: where everybody may connect, what each may ask for is Peer's.
func Listen(path string, mode os.FileMode) (*net.UnixListener, error) {
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
	if err := os.Chmod(path, mode); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// Serve answers clients until l is closed. guard runs a function so that a panic
// in it ends neither the server nor PID 1.
func Serve(l *net.UnixListener, handle Handler, guard func(name string, f func())) {
	s := &server{handle: handle, guard: guard, followers: make(chan struct{}, maxFollowers), large: make(chan struct{}, maxLarge),
		changing: waiting{slots: make(chan struct{}, maxClients)}, looking: waiting{slots: make(chan struct{}, maxOthers)}}
	for {
		c, err := l.AcceptUnix()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // e.g. out of descriptors: it passes
			time.Sleep(100 * time.Millisecond)
			continue
		}
		peer, err := peerOf(c)
		if err != nil {
			c.Close()
			continue
		}
		room := &s.looking
		if peer.MayChange() {
			room = &s.changing
		}
		s.arrive(room, c)
		go guard("control", func() {
			defer c.Close()
			s.serve(room, c, peer)
		})
	}
}

// server is what the conversations share.
type server struct {
	handle    Handler
	guard     func(name string, f func())
	followers chan struct{} // clients that stay for as long as they like
	large     chan struct{} // one for each request that is more than a few words

	mu                sync.Mutex
	changing, looking waiting // who may only look takes no place of who repairs
}

// waiting are clients of one kind.
type waiting struct {
	slots  chan struct{}   // one for each client that is served
	silent []*net.UnixConn // have not said yet what they want, oldest first; server.mu
}

// arrive notes a client that has said nothing yet. The one that has been silent
// for longest makes room: whoever means it has spoken by then.
func (s *server) arrive(w *waiting, c *net.UnixConn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w.silent = append(w.silent, c)
	if len(w.silent) > cap(w.slots) {
		w.silent[0].Close()
		w.silent = slices.Delete(w.silent, 0, 1)
	}
}

// spoke takes note that a client has said what it wants, or will not any more.
func (s *server) spoke(w *waiting, c *net.UnixConn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := slices.Index(w.silent, c); i >= 0 {
		w.silent = slices.Delete(w.silent, i, i+1)
	}
}

func (s *server) serve(w *waiting, c *net.UnixConn, peer Peer) {
	defer s.spoke(w, c)
	refuse := func(err error) {
		c.SetWriteDeadline(time.Now().Add(requestTime))
		json.NewEncoder(c).Encode(Frame{Error: err.Error(), Exit: ExitError, Last: true})
	}
	c.SetReadDeadline(time.Now().Add(requestTime))
	req, err := s.request(c, peer)
	if err != nil {
		refuse(fmt.Errorf("request: %w", err))
		return
	}
	if err := peer.may(req.Verb); err != nil {
		refuse(err)
		return
	}
	s.spoke(w, c)
	c.SetReadDeadline(time.Time{})
	for _, room := range []struct {
		slots chan struct{}
		need  bool
		what  string
	}{{s.followers, req.Follow, "clients follow a log"}, {w.slots, true, "clients are being served"}} {
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
	client := &Client{Gone: gone, Peer: peer, out: make(chan Frame, queued)}
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
func (s *server) request(c *net.UnixConn, peer Peer) (req Request, err error) {
	in := bufio.NewReaderSize(c, fewWords)
	line, err := in.ReadSlice('\n')
	if len(line) > 0 && line[0] != '{' {
		return req, errors.New("that is none")
	}
	if errors.Is(err, bufio.ErrBufferFull) {
		if !peer.MayChange() {
			return req, fmt.Errorf("it has more than %d bytes", fewWords)
		}
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
