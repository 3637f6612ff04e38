package control

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"time"
)

// ErrNoInit says that nothing listens: this machine was not started by Bantam,
// or it is in its rescue console.
var ErrNoInit = errors.New("PID 1 does not answer: is this machine running Bantam, outside its rescue console? Where its socket was removed, reboot brings it back")

// ErrNotRoot says that the socket is closed to this user.
var ErrNotRoot = errors.New("this user may not talk to PID 1")

// ErrHungUp says that PID 1 ended the conversation before its answer, as it does
// when the machine ends.
var ErrHungUp = errors.New("PID 1 ended the conversation; `bantam status` tells how things are")

// Call sends req to the socket at path and hands every frame to each, the last
// one included. It returns the last frame.
func Call(path string, req Request, each func(Frame)) (Frame, error) {
	return callWithin(0, path, req, each)
}

// callWithin is Call with a limit for all of it, unless that is 0.
func callWithin(limit time.Duration, path string, req Request, each func(Frame)) (Frame, error) {
	c, err := net.DialTimeout("unix", path, limit)
	if err != nil {
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) {
			return Frame{}, ErrNoInit
		}
		if errors.Is(err, os.ErrPermission) {
			return Frame{}, ErrNotRoot
		}
		return Frame{}, err
	}
	defer c.Close()
	if limit > 0 {
		c.SetDeadline(time.Now().Add(limit))
	}
	line, err := json.Marshal(req)
	if err != nil {
		return Frame{}, err
	}
	if _, err := c.Write(append(line, '\n')); err != nil && !errors.Is(err, syscall.EPIPE) && !errors.Is(err, syscall.ECONNRESET) {
		return Frame{}, fmt.Errorf("request: %w", err)
	} // who was refused at once finds the reason in the answer
	in := bufio.NewReader(c)
	for {
		line, err := in.ReadBytes('\n')
		if errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) {
			return Frame{}, ErrHungUp
		}
		if err != nil {
			return Frame{}, fmt.Errorf("answer: %w", err)
		}
		var f Frame
		if err := json.Unmarshal(line, &f); err != nil {
			return Frame{}, fmt.Errorf("answer: %w", err)
		}
		each(f)
		if f.Last {
			return f, nil
		}
	}
}
