package control

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// requestTime is how long a client may take to say what it wants.
const requestTime = 10 * time.Second

// queued is how many frames wait for a client that does not read.
const queued = 256

// maxClients bounds the connections served at once; each costs a few kilobytes.
const maxClients = 32

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
	slots := make(chan struct{}, maxClients)
	for {
		c, err := l.AcceptUnix()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // e.g. out of descriptors: it passes
			time.Sleep(100 * time.Millisecond)
			continue
		}
		select {
		case slots <- struct{}{}:
		default:
			c.Close()
			continue // too many clients at once
		}
		go guard("control", func() {
			defer func() { <-slots }()
			defer c.Close()
			serve(c, handle)
		})
	}
}

func serve(c *net.UnixConn, handle Handler) {
	c.SetDeadline(time.Now().Add(requestTime))
	var req Request
	line, err := bufio.NewReader(io.LimitReader(c, maxRequest)).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &req)
	}
	if err != nil {
		json.NewEncoder(c).Encode(Frame{Error: fmt.Sprintf("request: %v", err), Exit: ExitError, Last: true})
		return
	}
	if err := onlyRoot(c); err != nil { // only now: an answer to a client still writing would be lost
		json.NewEncoder(c).Encode(Frame{Error: err.Error(), Exit: ExitError, Last: true})
		return
	}
	c.SetReadDeadline(time.Time{})
	gone := make(chan struct{})
	go func() { // a client says nothing more: whatever ends the read is its leaving
		io.Copy(io.Discard, c)
		close(gone)
	}()
	client := &Client{Gone: gone, out: make(chan Frame, queued)}
	written := make(chan struct{})
	go func() {
		defer close(written)
		client.write(c)
	}()
	client.end(handle(req, client))
	<-written
}

// write encodes the frames onto the connection, and swallows them once that fails.
func (c *Client) write(conn *net.UnixConn) {
	enc := json.NewEncoder(conn)
	for f := range c.out {
		conn.SetWriteDeadline(time.Now().Add(requestTime))
		if enc.Encode(f) == nil {
			continue
		}
		conn.Close()
		for range c.out {
		}
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
