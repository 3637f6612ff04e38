package switcher

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"bantam/lifecycle"
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
	Reboot     bool          // as VerbBoot, and the machine reboots; of VerbSwitch and VerbRollback
	Settings   bool          // Generation with the system.toml of what runs in place of its own
	Wipe       bool          // what the machine keeps is thrown away by the first boot of what begins with a boot
	Keep       []string      // but these paths below Options.Dir, e.g. secrets
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
	if r.Reboot && (r.Verb == VerbTest || r.NoRollback) {
		return o.leave(ExitRefused, errors.New("what begins with a reboot ends with the default if it fails: it can neither be a test nor go without the way back"))
	}
	from, to, err := s.resolve(r)
	if err != nil {
		return o.refuse(err)
	}
	o.setTarget(to.number)
	ahead := s.prospect(from, to, r)
	if ahead.fault = errors.Join(ahead.fault, checkWipe(r, to)); ahead.fault != nil {
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
	if r.boots() {
		return o.atNextBoot(ctx, r, to, ahead)
	}
	if to, err = s.add(to, r.Verb, nil); err != nil {
		return o.refuse(fmt.Errorf("nothing was switched: %w", err))
	}
	o.setTarget(to.number)
	return o.live(ctx, r, from, to, ahead)
}

// atNextBoot has the next boot try a generation, or run it if it is the default. One of another kernel is brought to the
// other boot slot first: until the record knows it, and then the boot loader, the next boot is what it was.
func (o *operation) atNextBoot(ctx context.Context, r Request, to target, ahead prospect) Result {
	s := o.s
	network, err := s.machine.Network()
	if err != nil {
		return o.refuse(err)
	}
	if ahead.slot != nil {
		if err := o.stage(ctx, *ahead.slot, to); err != nil {
			return o.refuse(o.decide(err))
		}
	}
	if err := o.decide(nil); err != nil {
		return o.refuse(err)
	}
	if err := s.orderWipe(to.generation.Digest(), r); err != nil {
		return o.refuse(fmt.Errorf("nothing was switched: %w", err))
	}
	to, err = s.add(to, r.Verb, func(record *Record, number int) {
		record.Trying, record.FailedTrial = nil, 0
		if number != record.Default || ahead.slot != nil || r.Wipe {
			record.Trying = tried(number, network)
			record.Trying.Confirm = r.Confirm
		} else {
			record.entry(number).trust()
		}
		if ahead.slot != nil {
			record.holds(ahead.slot.slot.Name, to.generation.BootID())
		}
	})
	if err != nil {
		return o.refuse(fmt.Errorf("nothing was switched: %w", err))
	}
	o.setTarget(to.number)
	if ahead.slot == nil {
		o.disarm()
	} else if err := o.try(*ahead.slot, slotTries, func(r *Record) { r.Trying = nil }); err != nil {
		return o.refuse(fmt.Errorf("nothing was switched: %w", err))
	} else {
		o.result.Slot = ahead.slot.slot.Name
	}
	record := s.recordNow()
	if trying := record.Trying; trying != nil && trying.Confirm > 0 {
		o.event(EventNote, "after its proof it waits %v for `bantam confirm`", r.Confirm)
	}
	if record.Trying == nil {
		s.setInstead(0)
	}
	o.chosen()
	o.collect()
	o.result.Reboot = r.Reboot
	return o.leave(ExitGood, nil)
}

// survive turns a panic, which would end PID 1, into an outcome.
func (o *operation) survive(result *Result) {
	if p := recover(); p != nil {
		*result = o.leave(ExitFailed, fmt.Errorf("internal error: %v", p))
	}
}

// refuse ends a switch that has changed nothing. Every line of why is told, and told once.
func (o *operation) refuse(why error) Result {
	var problems problemsError
	if errors.As(why, &problems) && len(problems) > 1 {
		for _, p := range problems {
			o.event(EventFail, "%s", p)
		}
		why = fmt.Errorf("%s has %d problems", problems[0].File, len(problems))
	}
	return o.leave(ExitRefused, why)
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

// commit makes a proven generation good and the default. What a power cut
// before the record's write leaves is the old default, after it the new one.
func (o *operation) commit(before, to int) error {
	err := o.s.update(func(r *Record) {
		o.s.proven(r, to)
		r.Previous, r.Default, r.Trying, r.FailedTrial = before, to, nil, 0
	})
	if err != nil {
		return fmt.Errorf("the new default could not be recorded: %w", err)
	}
	o.s.setInstead(0)
	o.keepBooted()
	return nil
}

// proven makes a generation a good one. What came from elsewhere and is older than it comes here no more unasked; what was
// edited here says nothing of that, for whoever did may have invented its version.
func (s *Switcher) proven(r *Record, number int) {
	e := r.entry(number)
	if e == nil {
		return
	}
	if e.proven(); e.Verb != importVerb && e.Verb != ImageVerb {
		return
	}
	if g, err := s.generation(e.Digest); err == nil {
		r.Release = max(r.Release, g.Release)
	}
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
