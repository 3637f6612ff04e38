package switcher

import (
	"cmp"
	"context"
	"strings"

	"bantam/system"
)

// KindConsole is who may work at the consoles.
const KindConsole Kind = "console"

type consoleKind struct{ unchecked }

type consoleMachine interface {
	// Consoles is what ConsoleState says of who may work there now.
	Consoles() (string, error)
	// SetConsoles makes it what the system says, for whoever comes next: a session that somebody works in goes on, unless
	// nobody may work at its console any more.
	SetConsoles(sys *system.System) error
}

func (m *bounded) Consoles() (string, error) {
	return named(m, answerLimit, "look at the consoles", m.Machine.Consoles)
}

func (m *bounded) SetConsoles(sys *system.System) error {
	return tell(m, answerLimit, "set the consoles", func() error { return m.Machine.SetConsoles(sys) })
}

func (consoleKind) name() Kind { return KindConsole }

// ConsoleState is what tells who may work at the consoles from others, e.g. "password, none at tty1".
func ConsoleState(c system.Console) string {
	words := []string{c.LoginAt("")}
	for _, name := range sortedKeys(c.Named) {
		if login := c.LoginAt(name); login != words[0] {
			words = append(words, login+" at "+name)
		}
	}
	return strings.Join(words, ", ")
}

const allConsoles = "consoles"

func (consoleKind) desired(_ Machine, d *Desired) (Items, error) {
	return Items{allConsoles: ConsoleState(d.System.Console)}, nil
}

func (consoleKind) observe(m Machine, _ *Observed, _ Desired) (Items, error) {
	state, err := m.Consoles()
	return Items{allConsoles: state}, err
}

func (consoleKind) plan(p *planner) {
	have, want := cmp.Or(p.from.Items[KindConsole][allConsoles], system.LoginRoot), p.to.Items[KindConsole][allConsoles]
	if p.to.System == nil || have == want {
		return
	}
	s := Step{Action: ActionSet, Kind: KindConsole, Name: allConsoles, Value: want, Text: "set login at consoles to " + want, Reason: p.reason("console")}
	if s.Reason == "" {
		s.Reason = "it is " + have
	}
	p.step(s)
	if p.from.System != nil {
		p.note("who works at a console now goes on until he leaves, unless nobody may work there")
	}
}

func (consoleKind) joint(_, _ Action) bool { return true } // there is one step

func (consoleKind) apply(_ context.Context, o *operation, batch []Step, to target) error {
	return failed(batch[0], o.s.machine.SetConsoles(to.system))
}
