package switcher

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"bantam/lifecycle"
	"bantam/system"
)

// KindService is the services of a system. They are told apart by their fingerprints: equal ones need no restart.
const KindService Kind = "service"

type serviceKind struct{}

type serviceMachine interface {
	// Services reports every supervised service, the network's included, and what
	// a person stopped, even while no definition of it is adopted. What
	// Adopt, StartServices and StopServices did is visible when they return.
	Services() ([]ServiceState, error)
	// Log returns the last lines that the service wrote, oldest first, and none that is older than since, a Now.
	Log(service string, lines int, since time.Duration) ([]string, error)
	// Fingerprints gives for every service of sys what it would be if started
	// now: its definition, its user's numbers, its program's bytes. A program that inTree finds has the digest
	// InTree; others below /usr are nowhere, whatever is there now.
	Fingerprints(sys *system.System, inTree FindInTree) (map[string]string, error)
	// CanStart returns nil if the program that service runs is there now, and
	// its user, one of users, may run it in its folder. Notes are what may be wrong.
	CanStart(service system.Service, sys *system.System) (notes []string, err error)
	// StopServices returns when the services and what needs them are gone, or
	// with an error that names those which are not.
	StopServices(ctx context.Context, names []string) error
	// StartServices asks for services, not held by hand, to run. It does not wait.
	StartServices(names []string) error
	// ReloadServices sends the reload signal. It does not wait.
	ReloadServices(names []string) error
}

func (m *bounded) Services() ([]ServiceState, error) {
	return named(m, answerLimit, "the services' states", m.Machine.Services)
}

func (m *bounded) Log(service string, lines int, since time.Duration) ([]string, error) {
	return named(m, answerLimit, "the log of "+service, func() ([]string, error) { return m.Machine.Log(service, lines, since) })
}

func (m *bounded) Fingerprints(sys *system.System, inTree FindInTree) (map[string]string, error) {
	return named(m, programLimit, "compare the services' programs", func() (map[string]string, error) { return m.Machine.Fingerprints(sys, inTree) })
}

func (m *bounded) CanStart(service system.Service, sys *system.System) ([]string, error) {
	return named(m, programLimit, "look at "+service.Command[0], func() ([]string, error) { return m.Machine.CanStart(service, sys) })
}

func (m *bounded) StopServices(ctx context.Context, names []string) error {
	return finish(ctx, m, "stop services", func() error { return m.Machine.StopServices(ctx, names) })
}

func (m *bounded) StartServices(names []string) error {
	return tell(m, driverLimit, "start services", func() error { return m.Machine.StartServices(names) })
}

func (m *bounded) ReloadServices(names []string) error {
	return tell(m, answerLimit, "reload services", func() error { return m.Machine.ReloadServices(names) })
}

func (serviceKind) name() Kind { return KindService }

func (serviceKind) desired(m Machine, d *Desired) (Items, error) {
	prints, err := m.Fingerprints(d.System, d.finder())
	return d.withFiles(withSecrets(d.System, prints, d.Items[KindSecret])), err
}

// observe lists the services that run, or have done their one-shot work.
func (serviceKind) observe(_ Machine, o *Observed, _ Desired) (Items, error) {
	items := Items{}
	for _, s := range o.Services {
		if s.Name != system.NetworkService && s.runs() {
			items[s.Name] = s.Fingerprint
		}
	}
	return items, nil
}

// plan stops what is not desired any more, what has changed and what needs it, dependents first, and starts what does
// not run. What a person stopped stays stopped.
func (serviceKind) plan(p *planner) {
	stops, reloads := p.changedServices()
	order := startOrder(p.fromSystem.Services)
	slices.Reverse(order)
	for _, name := range order {
		if why, ok := stops[name]; ok {
			p.step(serviceStep(ActionStop, name, why))
		}
	}
	order = startOrder(p.toSystem.Services)
	for _, name := range order {
		if why, ok := reloads[name]; ok {
			p.step(serviceStep(ActionReload, name, why))
		}
	}
	held := p.from.held()
	blocked := blockedServices(p.toSystem, held)
	for _, name := range order {
		if held[name] {
			p.note("service %s was stopped by hand and stays stopped", name)
			continue
		}
		why, stopped := stops[name]
		if !stopped {
			if why = p.startReason(name); why == "" {
				continue
			}
		}
		if need := blocked[name]; need != "" {
			p.note("service %s waits for %s, which was stopped by hand", name, need)
		}
		p.step(serviceStep(ActionStart, name, why))
	}
}

func serviceStep(action Action, name, why string) Step {
	return Step{Action: action, Kind: KindService, Name: name, Text: fmt.Sprintf("%s service %s", action, name), Reason: why, Disruptive: action == ActionStop}
}

// changedServices decides for every running service. stops and reloads map its name to the reason.
func (p *planner) changedServices() (stops, reloads map[string]string) {
	stops, reloads = map[string]string{}, map[string]string{}
	have, want := p.from.Items[KindService], p.to.Items[KindService]
	for _, s := range p.from.Services {
		name := s.Name
		_, defined := p.fromSystem.Services[name]
		goal, wanted := want[name]
		switch {
		case s.ByHand || name == system.NetworkService || !defined && !wanted: // the last is nobody's, or gone already
		case !s.Wanted:
		case p.to.System == nil:
			stops[name] = "shutdown"
		case !wanted:
			stops[name] = "service." + name + " removed"
		case s.runs():
			p.changedService(s, goal, stops, reloads)
		}
	}
	for p.addDependents(have, stops) {
	}
	for name := range stops {
		delete(reloads, name)
	}
	p.plan.Stale = slices.DeleteFunc(p.plan.Stale, func(d Stale) bool { return stops[d.Service] != "" })
	return stops, reloads
}

// changedService decides for one that runs and goes on being wanted.
func (p *planner) changedService(s ServiceState, goal string, stops, reloads map[string]string) {
	ran, doubt := lifecycle.SameFingerprint(lifecycle.RestartPart(s.Fingerprint), lifecycle.RestartPart(goal))
	told, _ := lifecycle.SameFingerprint(s.knows(), goal)
	toldMost, _ := lifecycle.SameFingerprint(lifecycle.RestartPart(s.knows()), lifecycle.RestartPart(goal))
	if doubt != "" {
		p.note("service %s: whether its program has changed is not known: %s", s.Name, doubt)
	}
	if s.Looping && p.filesChange() { // one of them may be what it lacks, though its command does not name it
		stops[s.Name] = "service." + s.Name + " keeps going down, and files change"
		return
	}
	if ran && told {
		p.readAgain(s, stops, reloads)
		return
	}
	name, service := s.Name, p.toSystem.Services[s.Name]
	if ran && toldMost { // only files that it has to be told of have changed
		reloads[name] = p.serviceReason(name)
		return
	}
	policy := service.OnChange
	idle := s.Phase == lifecycle.PhaseReady && s.PID == 0 // it has done its work once, and has no process that could be kept or told
	again := idle && (policy == "reload" || service.Ready != lifecycle.ReadyExited)
	if policy != "none" && policy != "reload" || p.fresh[name] || s.Looping || again {
		stops[name] = p.serviceReason(name)
		return
	}
	if policy == "reload" && !told { // also if it was told of a newer definition, and that is over
		reloads[name] = p.serviceReason(name)
	}
	if !ran {
		p.plan.Stale = append(p.plan.Stale, Stale{name, p.serviceReason(name)})
	}
}

// filesChange says whether the plan makes other files.
func (p *planner) filesChange() bool {
	for _, k := range []Kind{KindFile, KindTree} {
		have, want := p.from.Items[k], p.to.Items[k]
		for _, path := range bothKeys(have, want) {
			if have[path] != want[path] && (want[path] != "" || have[path] != aFolder) {
				return true
			}
		}
	}
	return false
}

// readAgain has a service, whose files are to be what they were, read again what somebody has changed: what it has read
// is not known.
func (p *planner) readAgain(s ServiceState, stops, reloads map[string]string) {
	restarted, told := filesOf(p.toSystem, s.Name)
	policy := p.toSystem.Services[s.Name].OnChange
	for _, path := range slices.Concat(told, restarted) {
		switch why := p.changedBelow(path); {
		case why == "" || policy == "none" && !slices.Contains(told, path):
		case policy == "reload" || slices.Contains(told, path):
			reloads[s.Name] = keyPath("file", path) + ": " + why
		default:
			stops[s.Name] = keyPath("file", path) + ": " + why
		}
	}
}

// addDependents adds running services that need one of stops: they go and come
// with it. It reports whether there were any.
func (p *planner) addDependents(running Items, stops map[string]string) (added bool) {
	for _, name := range sortedKeys(running) {
		for _, need := range p.fromSystem.Services[name].Needs {
			if stops[name] == "" && stops[need] != "" {
				stops[name] = "needs " + need
				added = true
			}
		}
	}
	return added
}

// serviceReason says which keys of a service, or of its user, have changed.
func (p *planner) serviceReason(name string) string {
	prefixes := []string{keyPath("service", name)}
	if user := p.toSystem.Services[name].User; user != "" {
		prefixes = append(prefixes, keyPath("user", user))
	}
	for _, sys := range []*system.System{p.fromSystem, p.toSystem} { // also of one that goes
		restarts, reloads := filesOf(sys, name)
		for _, path := range slices.Concat(restarts, reloads) {
			if at := keyPath("file", path); !slices.Contains(prefixes, at) {
				prefixes = append(prefixes, at)
			}
		}
	}
	if reason := p.reason(prefixes...); reason != "" {
		return reason
	}
	files := slices.Concat(filesOf(p.toSystem, name))
	if why := p.changedSecrets(func(use system.SecretUse) bool {
		return use.Service == name || slices.Contains(files, use.File)
	}); why != "" {
		return why
	}
	if used := p.changedUses(name); used != "" {
		return keyPath("service", name) + ": " + used
	}
	return keyPath("service", name) + ": the program it runs, or an older definition that it still runs with"
}

// startReason says why a service that no step stops has to be started; "" if it runs, or comes up by itself.
func (p *planner) startReason(name string) string {
	s := p.from.service(name)
	_, defined := p.fromSystem.Services[name]
	same, _ := lifecycle.SameFingerprint(s.Defined, p.to.Items[KindService][name])
	switch {
	case s.runs():
		return ""
	case !defined:
		return "service." + name + " added"
	case s.Wanted && s.Phase != lifecycle.PhaseFailed && same:
		return "" // it waits, or has ended well for good
	case s.Wanted && s.Phase == lifecycle.PhaseFailed:
		return fmt.Sprintf("service.%s has failed: %s", name, s.fault(0))
	case s.Wanted:
		return p.serviceReason(name)
	}
	return "service." + name + " does not run"
}

// check looks at the programs of the services that the plan starts. One without a program,
// or whose user may not run it or enter its folder, would only lead to the way back, unless it may fail, or comes after
// another that starts too: that one may bring the program. These get notes. At the next boot the program may be there.
func (serviceKind) check(c *precheck) (faults []error, notes []string) {
	if c.verb == VerbBoot {
		return nil, nil
	}
	starts := map[string]bool{}
	for _, step := range c.plan.Steps {
		if step.Kind == KindService && step.Action == ActionStart {
			starts[step.Name] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(starts)) {
		service := c.to.system.Services[name]
		doubts, err := c.canStart(name, service)
		for _, doubt := range doubts {
			notes = append(notes, fmt.Sprintf("service %s: %s", name, doubt))
		}
		if err == nil {
			continue
		}
		err = fmt.Errorf("%sservice %s cannot start: %w", c.to.place(keyPath("service", name)+".command"), name, err)
		earlier := slices.Concat(service.Needs, service.Wants, service.After)
		if service.MayFail || slices.ContainsFunc(earlier, func(other string) bool { return starts[other] }) {
			notes = append(notes, err.Error())
		} else {
			faults = append(faults, err)
		}
	}
	return faults, notes
}

// joint: they are stopped and started together, in the order that the supervisor knows, because one after the other
// would take the sum of all times.
func (serviceKind) joint(before, action Action) bool { return before == action }

func (serviceKind) apply(ctx context.Context, o *operation, batch []Step, _ target) error {
	m, names := o.s.machine, make([]string, len(batch))
	for i, step := range batch {
		names[i] = step.Name
	}
	switch batch[0].Action {
	case ActionStop:
		return failed(batch[0], m.StopServices(ctx, names))
	case ActionReload:
		return failed(batch[0], m.ReloadServices(names))
	case ActionStart:
		for _, name := range names {
			o.fresh[name] = true
		}
		return failed(batch[0], m.StartServices(names))
	}
	return errors.ErrUnsupported
}

// startOrder returns the names of services so that each comes after what it
// needs, wants or follows, otherwise by name. A cycle, which system.Parse
// refuses, is cut somewhere.
func startOrder(services map[string]system.Service) []string {
	follows := func(name string) []string {
		service := services[name]
		return slices.Sorted(slices.Values(slices.Concat(service.Needs, service.Wants, service.After)))
	}
	return lifecycle.Order(slices.Collect(maps.Keys(services)), follows, func(name string) string { return name }, nil)
}

// blockedServices returns the services of sys that cannot run because a person stopped
// what they need, each with the name of that.
func blockedServices(sys *system.System, held map[string]bool) map[string]string {
	blocked := map[string]string{}
	for again := true; again; {
		again = false
		for name, service := range sys.Services {
			if held[name] || blocked[name] != "" {
				continue
			}
			for _, need := range service.Needs {
				if held[need] {
					blocked[name] = need
				} else if blocked[need] != "" {
					blocked[name] = blocked[need]
				}
			}
			again = again || blocked[name] != ""
		}
	}
	return blocked
}
