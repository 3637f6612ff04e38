package switcher

import (
	"context"
)

// KindHostname is the name of the machine.
const KindHostname Kind = "hostname"

type hostnameKind struct {
	unchecked
	separate
}

type hostnameMachine interface {
	// Hostname is the machine's name, with further words if it is not the same everywhere.
	Hostname() (string, error)
	SetHostname(name string) error
}

// hostnameItem is the only item of the kind.
const hostnameItem = "hostname"

func (m *bounded) Hostname() (string, error) {
	return named(m, answerLimit, "read the host name", m.Machine.Hostname)
}

func (m *bounded) SetHostname(name string) error {
	return tell(m, answerLimit, "set the host name", func() error { return m.Machine.SetHostname(name) })
}

func (hostnameKind) name() Kind { return KindHostname }

func (hostnameKind) desired(_ Machine, d *Desired) (Items, error) {
	return Items{hostnameItem: d.System.Hostname}, nil
}

func (hostnameKind) observe(m Machine, _ *Observed, _ Desired) (Items, error) {
	name, err := m.Hostname()
	return Items{hostnameItem: name}, err
}

func (hostnameKind) plan(p *planner) {
	have, want := p.from.Items[KindHostname][hostnameItem], p.to.Items[KindHostname][hostnameItem]
	if p.to.System == nil || have == want {
		return
	}
	reason := p.reason("hostname")
	if reason == "" {
		reason = "its name is " + have
	}
	p.step(Step{Action: ActionSet, Kind: KindHostname, Name: want, Value: want, Text: "set hostname " + want, Reason: reason})
}

func (hostnameKind) apply(_ context.Context, o *operation, batch []Step, _ target) error {
	return failed(batch[0], o.s.machine.SetHostname(batch[0].Value))
}
