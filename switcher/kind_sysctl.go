package switcher

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"bantam/order"
	"bantam/system"
)

// KindSysctl is the kernel's parameters. One that a system names no more gets back what it was before.
const KindSysctl Kind = "sysctl"

type sysctlKind struct{}

type sysctlMachine interface {
	// Sysctl reads a parameter by its dotted name, without the final newline.
	Sysctl(name string) (string, error)
	// CanSetSysctl says why a parameter cannot be set, whatever the value, and sets nothing.
	CanSetSysctl(name string) error
	SetSysctl(name, value string) error
}

func (m *bounded) Sysctl(name string) (string, error) {
	return named(m, driverLimit, "read sysctl "+name, func() (string, error) { return m.Machine.Sysctl(name) })
}

func (m *bounded) CanSetSysctl(name string) error {
	_, err := named(m, driverLimit, "open sysctl "+name, func() (struct{}, error) { return struct{}{}, m.Machine.CanSetSysctl(name) })
	return err
}

func (m *bounded) SetSysctl(name, value string) error {
	return tell(m, driverLimit, "set sysctl "+name, func() error { return m.Machine.SetSysctl(name, value) })
}

// parameter is what is remembered of one that a switch has set, or that has changed with it.
type parameter struct {
	before string // its value then
	known  bool   // it could be read; some can only be written
	asked  string // what the switch has set; with set
	set    bool
	got    string // what the kernel made of asked
}

func (sysctlKind) name() Kind { return KindSysctl }

func (sysctlKind) desired(_ Machine, d *Desired) (Items, error) {
	return Items(maps.Clone(d.System.Sysctl)), nil
}

// observe tells the values in the words of system.toml: what the kernel made of a value counts as that value.
func (sysctlKind) observe(m Machine, o *Observed, to Desired) (Items, error) {
	items := Items{}
	for _, name := range bothKeys(to.Items[KindSysctl], o.setParameters()) {
		p := o.memory.parameters[name]
		now, err := m.Sysctl(name)
		switch {
		case p.set && (err != nil || now == p.got):
			items[name] = p.asked
		case err == nil && sameParameter(to.Items[KindSysctl][name], now):
			items[name] = to.Items[KindSysctl][name]
		case err == nil:
			items[name] = now
		}
	}
	return items, nil
}

// setParameters are those that switches have set.
func (o *Observed) setParameters() Items {
	items := Items{}
	for name, p := range o.memory.parameters {
		if p.set {
			items[name] = p.asked
		}
	}
	return items
}

// plan sets and restores. What stays is set again where a step changes it.
func (sysctlKind) plan(p *planner) {
	if p.to.System == nil {
		return
	}
	have, want, remembered := p.from.Items[KindSysctl], p.to.Items[KindSysctl], p.from.memory.parameters
	var steps []Step
	add := func(action Action, name, value, reason string) {
		text := fmt.Sprintf("%s sysctl %s = %s", action, name, value)
		steps = append(steps, Step{Action: action, Kind: KindSysctl, Name: name, Value: value, Text: text, Reason: reason})
	}
	for _, name := range bothKeys(p.from.setParameters(), want) {
		value, wanted := want[name]
		old, is := p.fromSystem.Sysctl[name]
		reason := system.Change{Path: "sysctl." + name, Old: quoted(old, is), New: quoted(value, wanted)}.String()
		now, readable := have[name]
		switch before := remembered[name]; {
		case wanted && readable && now == value:
		case wanted && is && old == value:
			add(ActionSet, name, value, fmt.Sprintf("sysctl.%s is %s", name, orNone(now)))
		case wanted:
			add(ActionSet, name, value, reason)
		case before.known:
			add(ActionRestore, name, before.before, reason)
			other := counterpart(name)
			_, otherWanted := want[other]
			if twin := remembered[other]; twin.known && !twin.set && !otherWanted {
				add(ActionRestore, other, twin.before, "sysctl."+name+" changed it")
			}
		default:
			p.note("sysctl %s stays %s until the next boot: what it was before is not known", name, now)
		}
	}
	for _, name := range sortedKeys(want) {
		cause := slices.IndexFunc(steps, func(s Step) bool { return changes(s.Name, name) })
		if cause >= 0 && !slices.ContainsFunc(steps, func(s Step) bool { return s.Name == name }) {
			add(ActionSet, name, want[name], "sysctl."+steps[cause].Name+" changes it")
		}
	}
	order.Stably(steps, func(a, b Step) int { return cmp.Compare(parameterRank(a.Name), parameterRank(b.Name)) })
	for _, s := range steps {
		p.step(s)
	}
}

// check asks whether the kernel has what will be set. A module that comes with the generation may bring a parameter.
func (sysctlKind) check(c *precheck) (faults []error, notes []string) {
	for _, step := range c.plan.Steps {
		if step.Kind != KindSysctl || step.Action != ActionSet {
			continue
		}
		err := c.machine.CanSetSysctl(step.Name)
		switch {
		case err == nil:
		case c.bringsModules():
			notes = append(notes, err.Error())
		default:
			faults = append(faults, err)
		}
	}
	return faults, notes
}

func (sysctlKind) joint(_, _ Action) bool { return true } // one changes another, so that they are read and set together

// apply reads all old values before the first is set. The kernel may make something near of a value; that it stays at
// its own, or loses it to another parameter, is an error.
func (sysctlKind) apply(_ context.Context, o *operation, steps []Step, _ target) error {
	m := o.s.machine
	for _, step := range steps {
		if step.Action == ActionSet {
			o.s.rememberParameter(step.Name)
		}
	}
	var faults []error
	took := map[string]string{}
	for _, step := range steps {
		before, unreadable := m.Sysctl(step.Name)
		if step.Action == ActionSet { // before it is done: if it fails half-way, the way back restores it
			o.s.noteParameter(step.Name, func(p *parameter) { p.asked, p.got, p.set = step.Value, step.Value, true })
		}
		if err := m.SetSysctl(step.Name, step.Value); err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", step, err))
			continue
		}
		now, err := m.Sysctl(step.Name)
		o.s.noteParameter(step.Name, func(p *parameter) {
			if p.set = step.Action == ActionSet; p.set && err == nil {
				p.got = now
			}
		})
		switch {
		case err != nil || unreadable != nil: // some can only be written
			continue
		case sameParameter(step.Value, now):
		case now == before:
			faults = append(faults, fmt.Errorf("%s: the kernel takes the value but stays at %q", step, now))
		default:
			o.event(EventNote, "sysctl %s: the kernel makes %q of %q", step.Name, now, step.Value)
		}
		took[step.Name] = now
	}
	for _, step := range steps {
		now, err := m.Sysctl(step.Name)
		if took, ok := took[step.Name]; ok && err == nil && now != took {
			faults = append(faults, fmt.Errorf("%s: it does not hold: another parameter made %q of it", step, now))
		}
	}
	o.s.forgetParameters()
	return errors.Join(faults...)
}

// rememberParameter keeps the values that a parameter, and what it changes, have before it is first set.
func (s *Switcher) rememberParameter(name string) {
	names := []string{name}
	for _, other := range []string{counterpart(name), redirects} {
		if changes(name, other) {
			names = append(names, other)
		}
	}
	for _, name := range names {
		if s.memoryNow().parameters[name].known {
			continue
		}
		if value, err := s.machine.Sysctl(name); err == nil {
			s.noteParameter(name, func(p *parameter) { p.before, p.known = value, true })
		}
	}
}

func (s *Switcher) noteParameter(name string, change func(*parameter)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.memory.parameters[name]
	change(&p)
	s.memory.parameters = maps.Clone(s.memory.parameters)
	if s.memory.parameters == nil {
		s.memory.parameters = map[string]parameter{}
	}
	s.memory.parameters[name] = p
}

// forgetParameters drops what no switch has set any more, and nothing that it has set changes.
func (s *Switcher) forgetParameters() {
	s.mu.Lock()
	defer s.mu.Unlock()
	kept := map[string]parameter{}
	for name, p := range s.memory.parameters {
		needed := p.set
		for other, q := range s.memory.parameters {
			needed = needed || q.set && changes(other, name)
		}
		if needed {
			kept[name] = p
		}
	}
	s.memory.parameters = kept
}

func (s *Switcher) memoryNow() memory {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.memory
}

// quoted returns a value as system.toml has it, "" if it is not there.
func quoted(value string, is bool) string {
	if !is {
		return ""
	}
	return strconv.Quote(value)
}
