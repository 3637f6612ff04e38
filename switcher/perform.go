package switcher

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Limits of what a single step may take, beside the services' own stop times.
const (
	stopGrace = 15 * time.Second // for SIGKILL to take effect
	stepLimit = 60 * time.Second
)

// perform carries out plan, which leads to to. It adopts to's definitions even
// if there is no step. With onward, on the way back, it goes on after errors
// and returns them all.
func (o *operation) perform(ctx context.Context, plan Plan, to target, desired Desired, onward bool) error {
	var faults []error
	o.desired = desired
	defer func() { _ = o.s.machine.ReleaseLayers() }() // what is left open costs memory and nothing else
	adopted := false
	adopt := func() error {
		adopted = true
		if o.result.Verb != VerbStart { // until all steps of the start are done, nothing runs that a draft could begin from
			o.s.setCurrent(to)
		}
		o.s.rememberSecrets(desired)
		if err := o.s.machine.Adopt(to.text, to.system, desired.fingerprints()); err != nil {
			return fmt.Errorf("adopt the definitions of generation %d: %w", to.number, err)
		}
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
			err = errors.Join(err, o.act(ctx, batch, to))
		}
		if err != nil {
			faults = append(faults, err)
			if !onward || o.another && errors.As(err, new(treeError)) {
				return err
			}
		}
	}
	if !adopted {
		faults = append(faults, adopt())
	}
	o.s.setPlaced(desired.Items[KindFile])
	return errors.Join(faults...)
}

// rememberSecrets notes what the definitions of desired are adopted with.
func (s *Switcher) rememberSecrets(desired Desired) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.memory.secrets = desired.Items[KindSecret]
}

func (s *Switcher) setCurrent(t target) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current = t
}

func (s *Switcher) setPlaced(files Items) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.placed = files
}

// batches joins the successive steps that their kind does at once.
func batches(steps []Step) [][]Step {
	var all [][]Step
	for i, step := range steps {
		if i > 0 && step.Kind == steps[i-1].Kind && kindOf(step.Kind).joint(steps[i-1].Action, step.Action) {
			all[len(all)-1] = append(all[len(all)-1], step)
			continue
		}
		all = append(all, []Step{step})
	}
	return all
}

// mostAnnounced is how many steps that are done at once are told one by one: a folder of a thousand files would push all else
// out of the kernel's log.
const mostAnnounced = 40

// announce tells and journals the steps that begin.
func (o *operation) announce(batch []Step) error {
	for i, step := range batch {
		o.step++
		switch {
		case i < mostAnnounced:
			o.send(Event{Kind: EventStep, Text: step.String(), Step: o.step, Total: o.total})
		case i == len(batch)-1:
			o.send(Event{Kind: EventStep, Text: fmt.Sprintf("and %d more of this kind", len(batch)-mostAnnounced), Step: o.step, Total: o.total})
		}
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
	limit := stepLimit
	for _, step := range batch {
		if step.Action == ActionStop {
			limit += o.stopTime(step.Name)
		}
		if step.Kind == KindState {
			limit += ownerLimit
		}
	}
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("not done within %v", limit))
	defer cancel()
	return kindOf(batch[0].Kind).apply(ctx, o, batch, to)
}

// failed is the error of a step, nil if it went well.
func failed(step Step, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", step, err)
}

// stopTime is how long the service may take to stop, as far as is known.
func (o *operation) stopTime(name string) time.Duration {
	o.s.mu.Lock()
	defer o.s.mu.Unlock()
	return time.Duration(orEmpty(o.s.current.system).Services[name].StopTimeout) + stopGrace
}
