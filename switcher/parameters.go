package switcher

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"bantam/system"
)

// exclusive are pairs of parameters of which setting one makes the other zero.
var exclusive = map[string]string{
	"vm.dirty_background_bytes": "vm.dirty_background_ratio",
	"vm.dirty_bytes":            "vm.dirty_ratio",
	"vm.overcommit_kbytes":      "vm.overcommit_ratio",
}

// counterpart is the parameter that becomes zero when name is set, "" if there is none.
func counterpart(name string) string {
	for a, b := range exclusive {
		switch name {
		case a:
			return b
		case b:
			return a
		}
	}
	return ""
}

// redirects is set to the contrary of IPv4 forwarding whenever that changes.
const redirects = "net.ipv4.conf.all.accept_redirects"

// interfaceParameter takes e.g. net.ipv4.conf.all.rp_filter apart.
func interfaceParameter(name string) (family, link, parameter string, ok bool) {
	p := strings.Split(name, ".")
	if len(p) != 5 || p[0] != "net" || p[2] != "conf" {
		return "", "", "", false
	}
	return p[1], p[3], p[4], true
}

// parameterRank orders parameters so that what changes others is set before them.
func parameterRank(name string) int {
	_, link, parameter, ok := interfaceParameter(name)
	switch {
	case name == "net.ipv4.ip_forward" || ok && link == "all" && parameter == "forwarding":
		return 0
	case ok && link == "all":
		return 1
	case ok && link == "default":
		return 2
	}
	return 3
}

// changes tells whether setting one parameter may set another (devinet_sysctl_forward
// in the kernel's net/ipv4/devinet.c, addrconf_fixup_forwarding and others in
// net/ipv6/addrconf.c).
func changes(name, other string) bool {
	if name == "net.ipv4.ip_forward" {
		name = "net.ipv4.conf.all.forwarding"
	}
	if other == "net.ipv4.ip_forward" {
		other = "net.ipv4.conf.all.forwarding"
	}
	if other != "" && counterpart(name) == other {
		return true
	}
	family, link, parameter, ok := interfaceParameter(name)
	otherFamily, otherLink, otherParameter, otherOK := interfaceParameter(other)
	if !ok || !otherOK || family != otherFamily || name == other {
		return false
	}
	if family == "ipv4" && link == "all" && parameter == "forwarding" && other == redirects {
		return true
	}
	return parameter == otherParameter && otherLink != "all" && (link == "all" || link == "default" && otherLink != "default")
}

// sysctls plans the kernel's parameters. Those that stay are set again where
// another one changes them.
func (p *planner) sysctls() {
	var steps []Step
	for _, name := range bothKeys(p.fromSystem.Sysctl, p.toSystem.Sysctl) {
		want, wanted := p.toSystem.Sysctl[name]
		have, is := p.fromSystem.Sysctl[name]
		before, known := p.from.Before[name]
		reason := system.Change{Path: "sysctl." + name, Old: quoted(have, is), New: quoted(want, wanted)}.String()
		switch {
		case wanted && (!is || have != want):
			steps = append(steps, Step{Action: ActionSet, Kind: KindSysctl, Name: name, Value: want, Reason: reason})
		case wanted:
		case known:
			steps = append(steps, Step{Action: ActionRestore, Kind: KindSysctl, Name: name, Value: before, Reason: reason})
			other := counterpart(name)
			_, otherIs := p.fromSystem.Sysctl[other]
			_, otherWanted := p.toSystem.Sysctl[other]
			if before, known := p.from.Before[other]; known && !otherIs && !otherWanted {
				steps = append(steps, Step{Action: ActionRestore, Kind: KindSysctl, Name: other, Value: before, Reason: "sysctl." + name + " changed it"})
			}
		default:
			p.note("sysctl %s stays %s until the next boot: what it was before is not known", name, have)
		}
	}
	for _, name := range sortedKeys(p.toSystem.Sysctl) {
		want := p.toSystem.Sysctl[name]
		cause := slices.IndexFunc(steps, func(s Step) bool { return changes(s.Name, name) })
		if cause >= 0 && !slices.ContainsFunc(steps, func(s Step) bool { return s.Name == name }) {
			steps = append(steps, Step{Action: ActionSet, Kind: KindSysctl, Name: name, Value: want, Reason: "sysctl." + steps[cause].Name + " changes it"})
		}
	}
	slices.SortStableFunc(steps, func(a, b Step) int { return cmp.Compare(parameterRank(a.Name), parameterRank(b.Name)) })
	for _, s := range steps {
		p.step(s)
	}
}

// portParameters are the changes of interfaces' parameters, some of which the
// network configurator sets where system.toml does not.
func (p *planner) portParameters() string {
	var names []string
	for _, name := range bothKeys(p.fromSystem.Sysctl, p.toSystem.Sysctl) {
		if _, _, _, ok := interfaceParameter(name); ok {
			names = append(names, "sysctl."+strconv.Quote(name))
		}
	}
	return p.reason(names...)
}

// setParameters does the steps of the kernel's parameters. All old values are
// read before the first is set, because one changes another. The kernel may
// make something near of a value; that it stays at its own, or loses it to
// another parameter, is an error.
func (o *operation) setParameters(steps []Step) error {
	m := o.s.machine
	for _, step := range steps {
		if step.Action == ActionSet {
			o.saveSysctl(step.Name)
		}
	}
	var faults []error
	took := map[string]string{}
	for _, step := range steps {
		before, unreadable := m.Sysctl(step.Name)
		if err := m.SetSysctl(step.Name, step.Value); err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", step, err))
			continue
		}
		now, err := m.Sysctl(step.Name)
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
	return errors.Join(faults...)
}

// sameParameter tells whether a parameter reads as what was written. The kernel
// separates numbers by tabs, writes them in decimal, and some parameters may be
// written in part; where it answers a number with a word, nothing can be told.
func sameParameter(written, read string) bool {
	w, r := strings.Fields(written), strings.Fields(read)
	if len(w) > len(r) || len(w) == 0 {
		return len(w) == len(r)
	}
	for i := range w {
		a, errA := strconv.ParseInt(w[i], 0, 64)
		b, errB := strconv.ParseInt(r[i], 0, 64)
		switch {
		case errA == nil && errB == nil:
			if a != b {
				return false
			}
		case errA == nil:
		case w[i] != r[i]:
			return false
		}
	}
	return true
}

// saveSysctl keeps the values that a parameter, and what it changes, have before it is first set.
func (o *operation) saveSysctl(name string) {
	s := o.s
	names := []string{name}
	for _, other := range []string{counterpart(name), redirects} {
		if changes(name, other) {
			names = append(names, other)
		}
	}
	for _, name := range names {
		if _, known := s.liveNow().Before[name]; known {
			continue
		}
		value, err := s.machine.Sysctl(name)
		if err != nil {
			continue // some can only be written; then the plan says that nothing can be restored
		}
		live := s.liveNow().clone()
		live.Before[name] = value
		s.setLive(live)
	}
}
