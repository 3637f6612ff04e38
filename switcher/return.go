package switcher

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// faultBeforeProof is why a proof could not begin, be watched or be recorded, e.g. a full tmpfs, a machine that does
// not answer: no word about the generation.
type faultBeforeProof struct{ error }

func (f faultBeforeProof) Unwrap() error { return f.error }

func beforeProof(err error) error {
	if err == nil {
		return nil
	}
	return faultBeforeProof{err}
}

// judged is what a generation that failed is from then on: bad if its proof said so.
func judged(cause error) State {
	if errors.As(cause, new(faultBeforeProof)) || errors.Is(cause, errCancelled) || errors.Is(cause, errAborted) {
		return StateInterrupted
	}
	return StateBad
}

// markFailed marks a generation that failed. The default keeps the proof that it has passed, and what only interrupted a
// switch takes no word of a proof back, neither a good nor a bad one.
func (o *operation) markFailed(number int, cause error) {
	err := o.s.update(func(r *Record) {
		e := r.entry(number)
		proven := e != nil && (e.State == StateGood || e.State == StateBad)
		if e != nil && r.Default != number && (judged(cause) == StateBad || !proven) {
			e.State, e.Reason, e.Failed, e.Log = judged(cause), explain(cause), o.s.now(), lastLines(o.said)
		}
		if r.Trying != nil && r.Trying.Generation == number {
			r.Trying = nil
			if o.result.Verb == VerbStart {
				r.FailedTrial = number
			}
		}
	})
	o.said = nil
	if err != nil {
		o.event(EventNote, "that generation %d is %s could not be recorded: %v", number, judged(cause), err)
	}
}

// fail goes back to what ran before, by the same code, and says how that ended.
func (o *operation) fail(ctx context.Context, r Request, from, to target, states []ServiceState, network NetworkState, cause error) Result {
	s := o.s
	if s.machine.Ending() { // the next boot finds the journal without its end
		return o.leave(ExitFailed, errEnding)
	}
	o.event(EventFail, "%v", cause)
	o.markFailed(to.number, cause)
	o.result.State = judged(cause)
	if r.NoRollback && !errors.Is(cause, errAborted) {
		s.arrive(from, to)
		o.mark(journalEnd)
		o.collect()
		return o.leave(ExitFailed, fmt.Errorf("%w; not going back, as asked", cause))
	}
	if from = o.wayBack(from, to); from.number == to.number {
		o.mark(journalEnd)
		return o.leave(ExitFailed, cause) // it ran before, and what it lacks now it lacked before, or has lost meanwhile
	}
	o.event(EventNote, "going back to generation %d", from.number)
	ctx = context.WithoutCancel(ctx) // the way back is not cancelled; every step of it has its own limit
	err := o.goTo(ctx, from, states, network)
	o.mark(journalReverted)
	o.mark(journalEnd)
	o.collect()
	if err != nil {
		o.result.Reboots = errors.As(err, new(unlike)) && !s.forgets
		return o.leave(ExitFailed, fmt.Errorf("%w; and on the way back to generation %d: %w", cause, from.number, err))
	}
	return o.leave(ExitReverted, cause)
}

// wayBack is what a failed switch goes back to: what ran, or, where that is what has failed now, the default, which is
// what runs from here on.
func (o *operation) wayBack(from, failed target) target {
	record := o.s.recordNow()
	e := record.entry(record.Default)
	if from.number != failed.number || e == nil || e.Number == failed.number {
		return from
	}
	trusted, err := o.s.load(*e, Now)
	if err != nil {
		o.event(EventNote, "generation %d: %v", e.Number, err)
		return from
	}
	o.s.mu.Lock()
	defer o.s.mu.Unlock()
	if o.s.before == trusted.number {
		o.s.before = record.Previous
	}
	return trusted
}

// unlike is why a machine that has gone back is not what that generation wants. A step of the way back that failed is
// no reason alone: what it was for may be so nevertheless.
type unlike struct{ error }

func (u unlike) Unwrap() error { return u.error }

// goTo changes the running machine to a generation that is trusted, going on
// after errors; one of them is unlike if the machine then is not what that
// generation wants. states and network are what was there when it was all right.
func (o *operation) goTo(ctx context.Context, to target, states []ServiceState, network NetworkState) error {
	s := o.s
	began := s.machine.Now()
	desired, err := s.desire(to)
	observed, unseen := s.observe(desired)
	plan := planSwitch(observed, desired, o.fresh)
	o.tellNotes(plan)
	o.step, o.total, o.lenient = 0, len(plan.Steps), true
	err = errors.Join(err, unseen, o.perform(ctx, plan, to, desired, true))
	p := proofFor(circumstances{occasion: onReturn, plan: plan, to: to.system, config: DigestOf(to.text), began: began, services: states, network: network})
	if fault := o.prove(ctx, p); fault != nil {
		return errors.Join(err, unlike{fault})
	}
	if err != nil && s.lacks(desired) {
		return unlike{err}
	}
	return err
}

// lacks says whether something but services and the network, which have been proven, is not as it is desired.
func (s *Switcher) lacks(desired Desired) bool {
	observed, _ := s.observe(desired)
	return slices.ContainsFunc(planSwitch(observed, desired, nil).Steps, func(step Step) bool {
		return step.Kind != KindService && step.Kind != KindNetwork
	})
}
