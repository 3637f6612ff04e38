package deploy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"bantam/printable"
	"bantam/switcher"
	"bantam/system"
)

// Status is what a machine says of itself, as `bantam status --json` there.
type Status struct {
	Hostname   string         `json:"hostname"`
	Version    string         `json:"version"` // of its Bantam
	Board      string         `json:"board"`
	Kernel     string         `json:"kernel"`
	Began      time.Duration  `json:"began"`      // its PID 1, by a clock that need not begin with the boot
	Generation int            `json:"generation"` // the running one; 0: none yet
	State      switcher.State `json:"state"`      // of that
	Default    int            `json:"default"`
	Tries      int            `json:"tries"`    // the generation that the next boot tries, 0: none
	Busy       string         `json:"busy"`     // the switch under way
	Confirms   bool           `json:"confirms"` // that waits for a confirmation
	Storage    string         `json:"storage"`
	Lasting    bool           `json:"lasting"` // its state survives a reboot
}

// Machine is a machine that one has logged in on.
type Machine struct {
	*Connection
	Status
	User    string         // as whom
	Running *system.System // what runs there; nil: this Bantam does not understand it
}

// RemoteError is a command that the machine has refused.
type RemoteError struct {
	Command string // e.g. bantam import
	Exit    int
	Said    string
}

func (e *RemoteError) Error() string {
	switch {
	case e.Exit == statusNotFound:
		return fmt.Sprintf("there is no `%s` on it", e.Command)
	case e.Said == "":
		return fmt.Sprintf("`%s` there: exit status %d", e.Command, e.Exit)
	}
	return "it says: " + strings.TrimPrefix(e.Said, e.Command+": ")
}

// statusNotFound is a shell's exit status for a program that is not there.
const statusNotFound = 127

// mostAnswer bounds what a machine may answer.
const mostAnswer = 16 << 20

// answer collects what a machine answers.
type answer struct {
	text []byte
	full bool
}

var errTooMuch = errors.New("it answers with too much")

func (a *answer) Write(p []byte) (int, error) {
	if a.full = len(a.text)+len(p) > mostAnswer; a.full {
		return 0, errTooMuch
	}
	a.text = append(a.text, p...)
	return len(p), nil
}

// ask runs a command that answers with JSON, and decodes that. Exit statuses beside 0 that are no failure are named.
func (c *Connection) ask(ctx context.Context, command string, stdin io.Reader, reply any, fine ...int) error {
	var out answer
	status, said, err := c.Run(ctx, command, stdin, &out)
	switch {
	case out.full:
		return errTooMuch
	case err != nil:
		return err
	}
	ok := status == 0
	for _, f := range fine {
		ok = ok || status == f
	}
	if !ok || status != 0 && len(out.text) == 0 { // some verbs answer, and say no by their status as well
		return &RemoteError{verbOf(command), status, said}
	}
	if text, is := reply.(*string); is {
		*text = string(out.text)
		return nil
	}
	if err := json.Unmarshal(out.text, reply); err != nil {
		return fmt.Errorf("its answer to `%s` is not understood: %w", command, err)
	}
	return nil
}

// verbOf is the program and verb of a command.
func verbOf(command string) string {
	words := strings.Fields(command)
	return strings.Join(words[:min(len(words), 2)], " ")
}

// status asks how the machine is.
func (c *Connection) status(ctx context.Context) (s Status, err error) {
	err = c.ask(ctx, "bantam status --json", nil, &s, switcher.ExitDegraded)
	return s, err
}

// Meet logs in on a machine and asks what it is.
func Meet(ctx context.Context, client Client, host string) (*Machine, error) {
	conn, err := client.Dial(ctx, host)
	if err != nil {
		return nil, err
	}
	m := &Machine{Connection: conn}
	if err := m.introduce(ctx); err != nil {
		conn.Close()
		return nil, err
	}
	return m, nil
}

func (m *Machine) introduce(ctx context.Context) (err error) {
	var refused *RemoteError
	m.Status, err = m.status(ctx)
	switch {
	case errors.Is(err, ErrLost), ctx.Err() != nil:
		return fmt.Errorf("%s: %w", m.host, err)
	case errors.As(err, &refused) && refused.Exit == switcher.ExitRefused:
		return fmt.Errorf("%s: %w", m.host, err) // it has a bantam, which knows why
	case err == nil && m.Board == "":
		err = errors.New("its `bantam` names no board")
	}
	if err != nil {
		return fmt.Errorf("%s is no machine that runs Bantam: %w", m.host, err)
	}
	if err := m.ask(ctx, "id -un", nil, &m.User); err != nil {
		return fmt.Errorf("%s: %w", m.host, err)
	}
	m.User = printable.Escape(strings.TrimSpace(m.User))
	var text string
	if err := m.ask(ctx, "bantam show", nil, &text); err != nil {
		return fmt.Errorf("%s, as %s: %w", m.host, m.User, err)
	}
	if running, problems := system.Parse("system.toml", []byte(text)); len(problems) == 0 {
		m.Running = running
	}
	return nil
}

// Name is how a person calls it.
func (m *Machine) Name() string {
	if m.Hostname == "" {
		return m.host
	}
	return printable.Escape(m.Hostname)
}
