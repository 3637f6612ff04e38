package deploy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"bantam/printable"
)

// Client is how this host's ssh is called.
type Client struct {
	Options []string  // of ssh, in front of ours, which they override, e.g. -p, 2222
	Stderr  io.Writer // gets what ssh says
}

// Connection is one login on a machine, over which any number of commands run one after the other or at once: ssh has asked for
// a passphrase, or for a touch of a key, once.
type Connection struct {
	client Client
	host   string
	dir    string // for this user alone, with the socket of the ssh that holds the connection
}

// LoginError is why there is no connection.
type LoginError struct {
	Host string
	Said string // the end of what ssh has said, for terminals
}

// loginHints are what helps when ssh says so.
var loginHints = []struct{ said, hint string }{
	{"REMOTE HOST IDENTIFICATION HAS CHANGED", "it answers with another host key than before: if the machine was installed anew, `ssh-keygen -R` forgets the old key, else somebody is in between"},
	{"Host key verification failed", "its host key is not known here: compare it with that of `bantam status` on its console, by logging in with ssh once"},
	{"Too many authentication failures", "--identity FILE names the one key that is to be tried"},
	{"Permission denied", "that user's [user.NAME] authorized_keys on the machine has no key that ssh has here; --identity FILE names one"},
	{"Could not resolve hostname", "HOST is what ssh takes: a name, USER@NAME, or a Host of ~/.ssh/config"},
	{"Connection refused", "nothing listens there: is it the port of [ssh]? --port N names another"},
	{"Unable to negotiate", "this ssh is too old for the machine's algorithms"},
}

func (e *LoginError) Error() string {
	for _, h := range loginHints {
		if strings.Contains(e.Said, h.said) {
			return fmt.Sprintf("ssh cannot log in on %s: %s", e.Host, h.hint)
		}
	}
	return fmt.Sprintf("ssh cannot log in on %s", e.Host)
}

// ErrLost says that a connection broke off, or could not carry a command.
var ErrLost = errors.New("the connection broke")

// statusLost is ssh's exit status for its own failures.
const statusLost = 255

// lingering is how long what an ended ssh has left may hold its output: of an older one the part that stays in the background.
const lingering = 2 * time.Second

// Dial logs in on a host, as ssh names it. The error is a *LoginError where ssh could not.
func (c Client) Dial(ctx context.Context, host string) (*Connection, error) {
	dir, err := os.MkdirTemp(socketFolder(), "bantam-ssh-")
	if err != nil {
		return nil, err
	}
	conn := &Connection{client: c, host: host, dir: dir}
	var said tail
	cmd := conn.ssh(ctx, "-M", "-N", "-f")
	cmd.Stderr = io.MultiWriter(c.Stderr, &said)
	err = cmd.Run()
	if err == nil || errors.Is(err, exec.ErrWaitDelay) {
		return conn, nil
	}
	os.RemoveAll(dir)
	if exited := new(exec.ExitError); ctx.Err() == nil && errors.As(err, &exited) {
		err = &LoginError{host, said.String()}
	}
	return nil, err
}

// longestFolder is how long the path of a folder may be: sun_path has 108 bytes, and ssh first makes a socket of a longer name.
const longestFolder = 60

// socketFolder is where folders of sockets are made.
func socketFolder() string {
	if dir := os.TempDir(); len(dir) <= longestFolder {
		return dir
	}
	return "/tmp"
}

// ssh is a call of ssh for the connection, what in front of the host, command behind it.
func (c *Connection) ssh(ctx context.Context, what ...string) *exec.Cmd {
	args := append(append([]string{}, c.client.Options...), "-S", filepath.Join(c.dir, "s"), "-T", "-a", "-x")
	for _, option := range []string{
		"ControlPersist=30m",                            // so that none stays for ever where this program could not end it
		"ClearAllForwardings=yes", "RemoteCommand=none", // of the user's configuration, for sessions of theirs
		"ConnectTimeout=15", "ServerAliveInterval=5", "ServerAliveCountMax=3",
	} {
		args = append(args, "-o", option)
	}
	cmd := exec.CommandContext(ctx, "ssh", append(append(args, what...), "--", c.host)...)
	cmd.WaitDelay = lingering
	return cmd
}

// Run runs a command to its end and returns its exit status, and the end of what it wrote to standard error, for terminals. stdin and stdout may
// be nil. The error is ErrLost where the connection broke.
func (c *Connection) Run(ctx context.Context, command string, stdin io.Reader, stdout io.Writer) (status int, said string, err error) {
	var words tail
	cmd := c.ssh(ctx, "-o", "ControlMaster=no")
	cmd.Args = append(cmd.Args, command)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, stdout, &words
	err = cmd.Run()
	exited := new(exec.ExitError)
	switch {
	case ctx.Err() != nil:
		return 0, words.String(), context.Cause(ctx)
	case errors.As(err, &exited) && (exited.ExitCode() == statusLost || exited.ExitCode() < 0):
		return statusLost, words.String(), ErrLost
	case errors.As(err, &exited):
		return exited.ExitCode(), words.String(), nil
	case errors.Is(err, exec.ErrWaitDelay):
		err = nil
	}
	return 0, words.String(), err
}

// Close logs out.
func (c *Connection) Close() {
	ctx, end := context.WithTimeout(context.Background(), lingering)
	defer end()
	_ = c.ssh(ctx, "-O", "exit").Run() // it may have gone by itself
	os.RemoveAll(c.dir)
}

// tail keeps the end of what is written to it.
type tail struct{ kept []byte }

const mostTail = 4 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.kept = append(t.kept, p...)
	t.kept = t.kept[max(0, len(t.kept)-mostTail):]
	return len(p), nil
}

// String is that as one line for a terminal.
func (t *tail) String() string {
	lines := strings.FieldsFunc(string(t.kept), func(r rune) bool { return r == '\n' || r == '\r' })
	for i, line := range lines {
		lines[i] = printable.Escape(strings.TrimSpace(line))
	}
	return strings.Join(lines, "; ")
}
