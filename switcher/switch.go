package switcher

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"bantam/lifecycle"
	"bantam/system"
)

// Request is what a person asks for.
type Request struct {
	Verb       string        // VerbSwitch, VerbTest, VerbBoot or VerbRollback
	Generation int           // an installed one; 0: Text, or for a rollback what ran before
	Text       []byte        // a system.toml; nil: the draft
	File       string        // the name under which problems in Text are told; "": system.toml
	Confirm    time.Duration // a person has to confirm within this time after the proof; 0: need not
	ToGood     bool          // of a rollback: to the last generation that is good and does not run
	NoRollback bool          // stay with a generation that fails; the default does not move to it
}

// Switch does what r asks for, reporting as it goes, and returns the outcome,
// which Last keeps. report is called from this goroutine and must not block.
// When ctx is done before the generation is proven, the switch goes back; so
// ctx must not be that of a terminal which may vanish.
func (s *Switcher) Switch(ctx context.Context, r Request, report func(Event)) (result Result) {
	s.preempt(ctx)
	o, err := s.enter(r.Verb, r.Generation, report)
	if err != nil {
		return s.reject(r.Verb, r.Generation, err, report)
	}
	defer o.survive(&result)
	ctx, done := o.abortable(ctx, r.Confirm)
	defer done()
	if !slices.Contains([]string{VerbSwitch, VerbTest, VerbBoot, VerbRollback}, r.Verb) {
		return o.leave(ExitRefused, fmt.Errorf("%q is no verb of a switch", r.Verb))
	}
	from, to, err := s.resolve(r)
	if err != nil {
		return o.refuse(err)
	}
	o.setTarget(to.number)
	ahead := s.prospect(from, to, r.Verb)
	if ahead.fault != nil {
		return o.refuse(ahead.fault)
	}
	if ctx.Err() != nil {
		return o.refuse(o.decide(errCancelled))
	}
	if r.Verb != VerbRollback {
		if err := s.mendRunning(from); err != nil {
			return o.refuse(err)
		}
	}
	if to.number != 0 {
		s.giveUpReserve()
	}
	var then func(*Record, int)
	if r.Verb == VerbBoot {
		if err := o.decide(nil); err != nil {
			return o.refuse(err)
		}
		network, err := s.machine.Network()
		if err != nil {
			return o.refuse(err)
		}
		request := r
		then = func(r *Record, number int) {
			r.Trying, r.FailedTrial = nil, 0
			if number != r.Default {
				r.Trying = tried(number, network)
				r.Trying.Confirm = request.Confirm
			} else {
				r.entry(number).trust()
			}
		}
	}
	if to, err = s.add(to, r.Verb, then); err != nil {
		return o.refuse(fmt.Errorf("nothing was switched: %w", err))
	}
	o.setTarget(to.number)
	if r.Verb == VerbBoot {
		if trying := s.recordNow().Trying; trying != nil && trying.Confirm > 0 {
			o.event(EventNote, "after its proof it waits %v for `bantam confirm`", r.Confirm)
		}
		if to.number == s.recordNow().Default {
			s.setInstead(0)
		}
		o.chosen()
		o.collect()
		return o.leave(ExitGood, nil)
	}
	return o.live(ctx, r, from, to, ahead)
}

// survive turns a panic, which would end PID 1, into an outcome.
func (o *operation) survive(result *Result) {
	if p := recover(); p != nil {
		*result = o.leave(ExitFailed, fmt.Errorf("internal error: %v", p))
	}
}

// refuse ends a switch that has changed nothing. Every line of why is told.
func (o *operation) refuse(why error) Result {
	var problems problemsError
	if errors.As(why, &problems) {
		for _, p := range problems {
			o.event(EventFail, "%s", p)
		}
	}
	return o.leave(ExitRefused, why)
}

// problemsError is a system.toml that is not valid.
type problemsError []system.Problem

func (e problemsError) Error() string {
	text := e[0].String()
	if len(e) > 1 {
		text += " (and " + count(len(e)-1, "more problem", "more problems") + ")"
	}
	return text
}

// all is the error with a line for each problem.
func (e problemsError) all() error {
	each := make([]error, len(e))
	for i, p := range e {
		each[i] = errors.New(p.String())
	}
	return errors.Join(each...)
}

// resolve finds what runs and what is asked for.
func (s *Switcher) resolve(r Request) (from, to target, err error) {
	s.mu.Lock()
	from, before := s.current, s.before
	s.mu.Unlock()
	if from.system == nil {
		return from, to, errNotStarted
	}
	if r.ToGood {
		to, err = s.lastGood(from.number)
		return from, to, err
	}
	number := r.Generation
	if number == 0 && r.Verb == VerbRollback {
		if number = before; number == 0 {
			return from, to, errors.New("nothing is known to have run before; `bantam rollback NUMBER` names a generation")
		}
	}
	if number != 0 {
		record := s.recordNow()
		e := record.entry(number)
		if e == nil {
			return from, to, noGeneration(number)
		}
		if to, err = s.load(*e, whenOf(r.Verb)); err != nil {
			err = fmt.Errorf("generation %d: %w", number, err)
		}
		return from, to, err
	}
	file, text := cmp.Or(r.File, "system.toml"), r.Text
	if text == nil {
		if text, err = s.Text(0); err != nil {
			return from, to, fmt.Errorf("draft: %w", err)
		}
	}
	to, err = s.compose(from.generation, file, text)
	return from, to, err
}

// compose makes a generation of file's text and the kernel and initrd of base.
func (s *Switcher) compose(base Generation, file string, text []byte) (target, error) {
	sys, problems := system.Parse(file, text)
	if len(problems) > 0 {
		return target{}, problemsError(problems)
	}
	t := target{generation: base, text: text, system: sys}
	if d := DigestOf(text); d != t.generation.System.Digest {
		t.generation.System = Descriptor{MediaType: SystemType, Digest: d, Size: int64(len(text))}
	}
	record := s.recordNow()
	if e := record.named(t.generation.Digest()); e != nil {
		t.number = e.Number
	}
	return t, nil
}

func (o *operation) tellNotes(plan Plan) {
	for _, note := range plan.Notes {
		o.event(EventNote, "%s", note)
	}
}

// live changes the running machine: plan, steps, proof, a person's word, and
// only then the boot default.
func (o *operation) live(ctx context.Context, r Request, from, to target, ahead prospect) Result {
	s, m, plan := o.s, o.s.machine, ahead.plan
	o.tellNotes(plan)
	record := s.recordNow()
	e := record.entry(to.number)
	good := e != nil && e.State == StateGood && !e.PassedOver
	if len(plan.Steps) == 0 && to.number == from.number && good && (r.Verb == VerbTest || record.Default == to.number && record.Trying == nil) {
		o.event(EventNote, "generation %d runs already; there is nothing to do", to.number)
		return o.leave(ExitGood, nil)
	}
	states, err := m.Services()
	network, unseen := m.Network()
	if err := errors.Join(err, unseen); err != nil {
		return o.refuse(fmt.Errorf("nothing was switched: %w", err))
	}
	p := proofFor(circumstances{occasion: onSwitch, good: good, plan: plan, to: to.system, config: DigestOf(to.text),
		began: m.Now(), services: states, network: network, confirm: r.Confirm})
	if err := o.begin(to.number, len(plan.Steps), m.Now()+p.timeout+p.confirm); err != nil {
		return o.leave(ExitRefused, fmt.Errorf("journal: %w", err))
	}
	err = beforeProof(o.perform(ctx, plan, to, ahead.desired, false))
	if err == nil {
		err = o.prove(ctx, p)
	}
	if err == nil {
		err = beforeProof(o.journal(journalLine{Event: journalProven}))
	}
	if err == nil && p.confirm > 0 {
		err = o.awaitConfirm(ctx, p)
	}
	err = o.decide(err)
	if err == nil && r.Verb != VerbTest {
		before := from.number
		if before == to.number { // it was tested before
			before = s.beforeNow()
		}
		err = beforeProof(o.commit(before, to.number))
	}
	if err != nil {
		return o.fail(ctx, r, from, to, states, network, err)
	}
	s.arrive(from, to)
	s.forgetBoot()
	o.tellMayFail(to)
	if r.Verb != VerbTest {
		o.mark(journalCommitted)
	}
	o.chosen()
	o.mark(journalEnd)
	o.collect()
	return o.leave(ExitGood, nil)
}

// collect removes old generations. That it cannot is only told.
func (o *operation) collect() {
	if err := o.s.Collect(); err != nil {
		o.event(EventNote, "old generations were not collected: %v", err)
	}
}

// ending says whether the machine is going down. What fails then is no fault of a generation.
func (s *Switcher) ending() bool {
	return s.machine.Ending()
}

// commit makes a proven generation good and the default. What a power cut
// before the record's write leaves is the old default, after it the new one.
func (o *operation) commit(before, to int) error {
	err := o.s.update(func(r *Record) {
		if e := r.entry(to); e != nil {
			e.proven()
		}
		r.Previous, r.Default, r.Trying, r.FailedTrial = before, to, nil, 0
	})
	if err != nil {
		return fmt.Errorf("the new default could not be recorded: %w", err)
	}
	o.s.setInstead(0)
	return nil
}

func (s *Switcher) setInstead(number int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.instead = number
}

func (s *Switcher) beforeNow() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.before
}

// arrive notes what ran before, now that the switch has ended with to.
func (s *Switcher) arrive(from, to target) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if from.number != to.number {
		s.before = from.number
	}
}

// tellMayFail names services that did not come up and were allowed to.
func (o *operation) tellMayFail(to target) {
	states, err := o.s.machine.Services()
	if err != nil {
		o.event(EventNote, "%v", err)
	}
	for _, state := range states {
		service, defined := to.system.Services[state.Name]
		if defined && service.MayFail && state.Wanted && !state.ByHand && (state.Phase != lifecycle.PhaseReady || state.Looping) {
			o.event(EventNote, "service %s, which may fail: %s", state.Name, state.fault(0))
		}
	}
}

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
	if s.ending() { // the next boot finds the journal without its end
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
	desired, err := s.desire(to)
	observed, unseen := s.observe(desired)
	plan := planSwitch(observed, desired, o.fresh)
	o.tellNotes(plan)
	o.step, o.total, o.lenient = 0, len(plan.Steps), true
	err = errors.Join(err, unseen, o.perform(ctx, plan, to, desired, true))
	p := proofFor(circumstances{occasion: onReturn, plan: plan, to: to.system, config: DigestOf(to.text), services: states, network: network})
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
