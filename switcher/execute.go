package switcher

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"bantam/system"
)

// Limits of what a single step may take, beside the services' own stop times.
const (
	stopGrace = 15 * time.Second // for SIGKILL to take effect
	stepLimit = 60 * time.Second
)

// look returns the machine as it is now: how far the switches have brought it,
// corrected by what persons and restarts have done since.
func (s *Switcher) look() View {
	states := s.machine.Services()
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.live.clone()
	if s.live.System == nil {
		v.System = nil
	}
	v.Held = map[string]bool{}
	seen := map[string]bool{}
	for _, state := range states {
		name := state.Name
		seen[name] = true
		_, defined := serviceOf(v.System, name)
		switch {
		case state.ByHand: // also when this generation does not have it: the one to come may
			v.Held[name] = true
			delete(v.Services, name)
		case !defined && name != system.NetworkService:
			continue // not a generation's business
		case !state.Wanted:
			delete(v.Services, name)
		case !defined:
			continue // the network, which is in v.Network
		case v.Services[name] == "" && s.defined[name] != "":
			v.Services[name] = s.defined[name] // a person started it
		case v.Accepted[name] != "" && state.PID != s.oldPIDs[name]:
			v.Services[name] = v.Accepted[name] // it was restarted, and so has the new definition
			delete(v.Accepted, name)
		}
	}
	for name := range v.Services {
		if !seen[name] {
			delete(v.Services, name)
		}
	}
	return v
}

// perform carries out plan, which leads from from to to. It adopts to's
// definitions even if there is no step. With onward, on the way back, it goes
// on after errors and returns them all.
func (o *operation) perform(ctx context.Context, plan Plan, from View, to target, toView View, onward bool) error {
	s := o.s
	s.setLive(from)
	var faults []error
	adopted := false
	adopt := func() error {
		adopted = true
		if err := s.machine.Adopt(to.text, to.system); err != nil {
			return fmt.Errorf("adopt the definitions of generation %d: %w", to.number, err)
		}
		s.mu.Lock()
		s.defined = toView.Services
		s.mu.Unlock()
		return nil
	}
	for _, batch := range batches(plan.Steps) {
		if ctx.Err() != nil {
			return errors.Join(append(faults, errCancelled)...)
		}
		var err error
		if !adopted && batch[0].Action != ActionStop {
			err = adopt()
		}
		if err == nil {
			err = o.announce(batch)
		}
		if err == nil || onward {
			// Noted before it is done: if it fails half-way, the way back undoes it.
			live := s.liveNow()
			for _, step := range batch {
				live = live.After(step, toView)
			}
			s.setLive(live)
			err = errors.Join(err, o.act(ctx, batch, to))
		}
		if err != nil {
			faults = append(faults, err)
			if !onward {
				return err
			}
		}
	}
	if !adopted {
		faults = append(faults, adopt())
	}
	if err := errors.Join(faults...); err != nil {
		return err
	}
	pids := map[string]int{}
	for _, state := range s.machine.Services() {
		pids[state.Name] = state.PID
	}
	live := s.liveNow().Arrived(toView)
	s.mu.Lock()
	s.live, s.oldPIDs = live, pids
	s.mu.Unlock()
	return nil
}

func (s *Switcher) liveNow() View {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.live
}

func (s *Switcher) setLive(v View) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.live = v
}

// batches joins the steps that are asked of the machine at once: services are
// stopped and started together, in the order that the supervisor knows, because
// one after the other would take the sum of all times. Kernel parameters, which
// change one another, are read and set together.
func batches(steps []Step) [][]Step {
	var all [][]Step
	for i, step := range steps {
		if i > 0 && step.Kind == steps[i-1].Kind && (step.Kind == KindUser || step.Kind == KindSysctl || step.Kind == KindService && step.Action == steps[i-1].Action) {
			all[len(all)-1] = append(all[len(all)-1], step)
			continue
		}
		all = append(all, []Step{step})
	}
	return all
}

// announce tells and journals the steps that begin.
func (o *operation) announce(batch []Step) error {
	for _, step := range batch {
		o.step++
		o.send(Event{Kind: EventStep, Text: step.String(), Step: o.step, Total: o.total})
	}
	text := batch[0].String()
	if len(batch) > 1 {
		text = fmt.Sprintf("%s and %d more", text, len(batch)-1)
	}
	err := o.journal(journalLine{Event: journalStep, Step: o.step, Total: o.total, Text: text})
	if err != nil && o.lenient {
		o.event(EventNote, "journal: %v", err)
		return nil
	}
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	return nil
}

// act does one batch.
func (o *operation) act(ctx context.Context, batch []Step, to target) error {
	m := o.s.machine
	step := batch[0]
	limit := stepLimit
	names := make([]string, len(batch))
	for i, b := range batch {
		names[i] = b.Name
		if b.Action == ActionStop {
			limit += o.stopTime(b.Name)
		}
	}
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("not done within %v", limit))
	defer cancel()
	var err error
	switch step.Kind {
	case KindHostname:
		err = m.SetHostname(step.Value)
	case KindSysctl:
		return o.setParameters(batch)
	case KindModule:
		err = m.LoadModule(ctx, step.Name)
	case KindUser:
		err = m.SetUsers(to.system.Users)
	case KindService, KindNetwork:
		switch step.Action {
		case ActionStop:
			err = m.StopServices(ctx, names)
		case ActionStart:
			err = m.StartServices(names)
		case ActionReload:
			err = m.ReloadServices(names)
		}
	}
	if err != nil {
		return fmt.Errorf("%s: %w", step, err)
	}
	return nil
}

// stopTime is how long the service may take to stop, as far as is known.
func (o *operation) stopTime(name string) time.Duration {
	service, _ := serviceOf(o.s.liveNow().System, name)
	return time.Duration(service.StopTimeout) + stopGrace
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
