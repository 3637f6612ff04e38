// Package sshline is the line between PID 1 and bantam-sshd, the process of one SSH connection.
//
// PID 1 accepts a connection and starts a process for it, which speaks SSH and may do nothing else: no file, no socket,
// no other process. What it needs of the machine it asks for on this line: a signature with the host's key, that a user has logged in,
// a program for a session. Messages are JSON, one in each packet of a Unix socket (SOCK_SEQPACKET); descriptors go only from PID 1.
//
// The process has read what a stranger has sent. So PID 1 believes it nothing but who has logged in with which key, and that only
// of keys that may.
package sshline

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Descriptors that bantam-sshd is started with, beside 1 and 2, which are its log.
const (
	ConnectionFD = 0 // the TCP connection
	LineFD       = 3
)

// maxMessage bounds a message; the longest is a command.
const maxMessage = 64 << 10

// MaxCommand bounds a command.
const MaxCommand = 32 << 10

// Signals are those that a client may send to its sessions, without SIG (RFC 4254, section 6.10).
var Signals = []string{"ABRT", "ALRM", "FPE", "HUP", "ILL", "INT", "KILL", "PIPE", "QUIT", "SEGV", "TERM", "USR1", "USR2"}

// MaxVariables is how many variables a client may set in a session.
const MaxVariables = 32

const maxValue = 256 // bytes of one

// IsLocale says whether a variable is one that a client may set: it says in which language to speak.
func IsLocale(name, value string) bool {
	category, isCategory := strings.CutPrefix(name, "LC_")
	isCategory = isCategory && category != "" && len(category) < 20 && strings.Trim(category, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_") == ""
	return (isCategory || name == "LANG") && len(value) <= maxValue && IsWord(value)
}

// IsWord says whether a text is of letters, digits and what stands in names of terminals and languages.
func IsWord(text string) bool {
	for _, c := range []byte(text) {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-+._@:=", c) >= 0) {
			return false
		}
	}
	return true
}

// Start is what PID 1 says first.
type Start struct {
	HostKey []byte              `json:"host_key"`          // the public one, as SSH writes it
	Keys    map[string][]string `json:"keys"`              // of those who may log in: fingerprints of keys as "SHA256:...", by user
	Forward bool                `json:"forward,omitempty"` // connections of the client to elsewhere are allowed
	Remote  string              `json:"remote"`            // whose connection it is, e.g. "192.0.2.7:50312"
	Grace   time.Duration       `json:"grace"`             // until somebody must have logged in
}

// Kinds of sessions.
const (
	Shell   = "shell"   // the user's shell, as at a login
	Command = "command" // Request.Command by the user's shell
	SFTP    = "sftp"    // the server for files
	// Forward is a connection to Request.Host and Request.Port: `nc -v -- HOST PORT`, which says in the first line of its errors that it is connected, or
	// why not.
	Forward = "forward"
)

// Request is what the connection asks of PID 1, or tells it. What it does is said by the one of the first four that is set.
type Request struct {
	ID uint32 `json:"id"` // of the question, and from then on of the session that it begins: higher than all before

	Sign  []byte `json:"sign,omitempty"`  // sign these bytes with the host's key
	Login *Login `json:"login,omitempty"` // somebody has shown that he has this key
	Open  *Open  `json:"open,omitempty"`  // begin a session
	End   string `json:"end,omitempty"`   // of session ID: a signal's name without SIG, e.g. "INT"; "HUP" when its client is gone
}

// Login is who has logged in.
type Login struct {
	User string `json:"user"`
	Key  string `json:"key"` // its fingerprint, one of Start.Keys
}

// Open is a session to begin.
type Open struct {
	Kind     string            `json:"kind"`
	Command  []byte            `json:"command,omitempty"` // as the client has sent it, whatever bytes these are
	Host     string            `json:"host,omitempty"`
	Port     int               `json:"port,omitempty"`
	Terminal string            `json:"terminal,omitempty"` // TERM of the terminal that it gets, e.g. "xterm"; "": none
	Rows     uint16            `json:"rows,omitempty"`
	Columns  uint16            `json:"columns,omitempty"`
	Env      map[string]string `json:"env,omitempty"` // LANG and LC_*
}

// Answer is what PID 1 says to a request, and later of a session.
type Answer struct {
	ID        uint32 `json:"id"`
	Error     string `json:"error,omitempty"` // why not, for a person; else it was done
	Signature []byte `json:"signature,omitempty"`
	// Of a session that has begun the answer has descriptors: of a terminal one, both ways; else three, for its input, its output and its errors.

	Ended  bool   `json:"ended,omitempty"` // the session has; then there is what with
	Status int    `json:"status,omitempty"`
	Signal string `json:"signal,omitempty"` // that killed it, without SIG
	Core   bool   `json:"core,omitempty"`

	Leave string `json:"leave,omitempty"` // the whole connection is to end, and why
}

// Line is one end.
type Line struct {
	conn *net.UnixConn
	buf  []byte
}

// Pair makes a line: PID 1's end, and a file to hand on.
func Pair() (*Line, *os.File, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("socketpair: %w", err)
	}
	theirs := os.NewFile(uintptr(fds[1]), "ssh line")
	ours := os.NewFile(uintptr(fds[0]), "ssh line")
	line, err := On(ours)
	if err != nil {
		theirs.Close()
		return nil, nil, err
	}
	return line, theirs, nil
}

// On is the end of which f is the descriptor; f is closed.
func On(f *os.File) (*Line, error) {
	defer f.Close()
	c, err := net.FileConn(f)
	if err != nil {
		return nil, err
	}
	conn, ok := c.(*net.UnixConn)
	if !ok {
		c.Close()
		return nil, errors.New("the line is no Unix socket")
	}
	return &Line{conn: conn, buf: make([]byte, maxMessage)}, nil
}

// Close ends the line.
func (l *Line) Close() error { return l.conn.Close() }

// Send sends a message with descriptors, which stay open here. Only one goroutine may send at a time.
func (l *Line) Send(message any, files ...*os.File) error {
	text, err := json.Marshal(message)
	if err != nil {
		return err
	}
	if len(text) > maxMessage {
		return fmt.Errorf("a message of %d bytes", len(text))
	}
	var rights []byte
	if len(files) > 0 {
		fds := make([]int, len(files))
		for i, f := range files {
			raw, err := f.SyscallConn() // f.Fd would make it blocking
			if err != nil {
				return err
			}
			if err := raw.Control(func(fd uintptr) { fds[i] = int(fd) }); err != nil {
				return err
			}
		}
		rights = unix.UnixRights(fds...)
	}
	_, _, err = l.conn.WriteMsgUnix(text, rights, nil)
	return err
}

// Receive waits for a message. Where nobody expects descriptors, most is 0, and those that come are closed by the kernel.
// Only one goroutine may receive at a time. At the end of the line the error is io.EOF.
func (l *Line) Receive(message any, most int) (files []*os.File, err error) {
	var rights []byte
	if most > 0 {
		rights = make([]byte, unix.CmsgSpace(4*most))
	}
	n, nr, flags, _, err := l.conn.ReadMsgUnix(l.buf, rights)
	switch {
	case errors.Is(err, syscall.ECONNRESET):
		return nil, io.EOF
	case err != nil:
		return nil, err
	case n == 0:
		return nil, io.EOF
	}
	if nr > 0 {
		if files, err = filesOf(rights[:nr]); err != nil {
			return nil, err
		}
	}
	if flags&unix.MSG_TRUNC != 0 {
		err = fmt.Errorf("a message of more than %d bytes", maxMessage)
	} else if err = json.Unmarshal(l.buf[:n], message); err != nil {
		err = fmt.Errorf("not understood: %w", err)
	}
	if err != nil {
		closeAll(files)
		return nil, err
	}
	return files, nil
}

// filesOf are the descriptors of a control message, with close-on-exec as the net package asks for.
func filesOf(rights []byte) (files []*os.File, err error) {
	messages, err := unix.ParseSocketControlMessage(rights)
	if err != nil {
		return nil, err
	}
	for _, m := range messages {
		fds, err := unix.ParseUnixRights(&m)
		if err != nil {
			closeAll(files)
			return nil, err
		}
		for _, fd := range fds {
			unix.SetNonblock(fd, true)
			files = append(files, os.NewFile(uintptr(fd), "session"))
		}
	}
	return files, nil
}

func closeAll(files []*os.File) {
	for _, f := range files {
		f.Close()
	}
}
