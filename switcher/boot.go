package switcher

import (
	"context"
	"errors"
	"fmt"
)

// Boot starts the machine: it closes the journal that a power cut left open,
// chooses a generation and switches to it from nothing. A generation that is
// being tried has to prove itself, else the next choice follows at once. A good
// one is started and kept, whatever the cable does today; what is missing is
// reported with ExitDegraded. Boot is called once, before any other switch.
func (s *Switcher) Boot(ctx context.Context, report func(Event)) (result Result) {
	o, err := s.enter(VerbStart, 0, report)
	if err != nil {
		return s.reject(VerbStart, 0, err, report)
	}
	defer o.survive(&result)
	for _, note := range s.Notes() {
		o.event(EventNote, "%s", note)
	}
	if s.mend { // before the other copy is hit too
		if err := s.update(func(*Record) {}); err != nil {
			o.event(EventNote, "%v", err)
		}
	}
	slots := o.slotsOrNone()
	o.importImage(slots)
	if s.byHand && slots.other != nil {
		o.event(EventNote, "boot slot %s was started by hand: what is chosen now is so for this boot only", slots.booted.Name)
		slots.other = nil
	}
	once, isOnce := o.takeOnce(slots)
	if isOnce {
		s.offer = nil
	} else {
		o.settleTrial(slots)
	}
	if err := s.syncIndex(); err != nil {
		o.event(EventNote, "index of the store: %v", err)
	}
	journal, err := s.journal.read()
	if err != nil || journal.Damaged != "" {
		o.event(EventNote, "journal of the last switch: %s", firstError(err, journal.Damaged))
	}
	boots, note := s.bootCount.read()
	if note != "" {
		o.event(EventNote, "%s", note)
	}
	if journal.Unfinished() && journal.Verb != VerbStart { // what that switch led to ended the boot before this one, not what was booted
		boots = BootCount{}
		if err := s.bootCount.clear(); err != nil { // at once: this boot may not come as far as its own count
			o.event(EventNote, "%v", err)
		}
	}
	noTry := false
	damaged := map[int]error{} // generations whose layers this boot has found so
	for {
		record := s.recordNow()
		if noTry {
			record.Trying = nil
		}
		to := s.image // the last resort, which needs no disk
		choice := Choose(record, journal, boots, s.image.generation.Digest(), func(e Entry) error {
			t, err := s.atBoot(e, slots)
			if err = errors.Join(err, damaged[e.Number]); err == nil {
				to = t // the first that can run is the choice
			}
			return err
		})
		if err := s.closeJournal(&journal); err != nil {
			o.event(EventNote, "journal: %v", err)
		}
		for _, note := range choice.Notes {
			o.event(EventNote, "%s", note)
		}
		s.noteBoot(choice.Notes...)
		if c, picked, ok := o.picked(choice, boots); ok {
			choice, to = c, picked
		}
		s.offer = nil // once: what is picked and then cannot run leads to what a boot without a person starts
		if isOnce {
			choice, to = Choice{Generation: once.number, Picked: true, Why: "a person chose it, for this boot only"}, once
			isOnce = false
		}
		if choice.Picked && choice.Slot != "" {
			result, err := o.leaveOnce(ctx, choice.Generation)
			if err == nil {
				return result
			}
			o.event(EventFail, "generation %d, chosen at the boot menu, cannot be started from boot slot %s: %v", choice.Generation, choice.Slot, err)
			continue
		}
		s.setPicked(choice.Picked)
		if t := record.Trying; t != nil && t.Left <= 0 && !choice.Picked {
			o.markFailed(t.Generation, errTriesUsed)
		}
		if choice.Slot != "" {
			if result, leaves := o.leaveFor(choice, slots); leaves {
				return result
			}
			slots.other = nil // it cannot be reached
			continue
		}
		counted, keeps := !choice.Picked, !choice.Picked && !choice.Tried && !s.byHand
		if choice.Unable != "" {
			keeps = o.passOverDefault(choice)
		}
		if choice.UsedUp != 0 {
			o.event(EventFail, "%s", record.entry(choice.UsedUp).passedOver(shortBoots))
			if err := o.passOver(choice.UsedUp); err != nil {
				o.event(EventNote, "%v", err)
				counted = false // or its own count, which has it passed over the next time, would be lost
			}
		}
		if choice.Tried {
			// Before anything of it runs, or a generation that hangs would be tried for ever.
			if err := s.update(func(r *Record) { r.Trying.Left-- }); err != nil {
				o.event(EventNote, "generation %d is not tried: %v", choice.Generation, err)
				noTry = true
				continue
			}
		}
		if counted {
			if err := s.bootCount.add(to.generation.Digest()); err != nil {
				o.event(EventNote, "%v", err)
			}
		}
		if e := record.entry(to.number); keeps && e != nil && e.State == StateGood {
			o.keepBooted()
		}
		o.setTarget(to.number)
		trial, done := ctx, context.CancelFunc(func() {})
		if choice.Tried {
			trial, done = o.abortable(ctx, record.Trying.Confirm)
		}
		if s.chosen != nil {
			s.chosen(to.system)
		}
		o.event(EventChoice, "starting generation %d: %s", to.number, choice.Why) // from here on it can be asked about
		proven, err := o.start(trial, choice, to)
		if done(); choice.Tried {
			err = o.decide(err)
			proven = err == nil
		}
		if err != nil && choice.Tried && !errors.Is(err, errCancelled) && !s.machine.Ending() {
			o.event(EventFail, "%v", err)
			o.markFailed(to.number, err)
			o.mark(journalReverted)
			o.mark(journalEnd)
			noTry = true
			continue
		}
		if damage := (treeError{}); o.another && errors.As(err, &damage) {
			o.event(EventFail, "generation %d cannot run: %v", to.number, damage)
			damaged[to.number] = damage
			continue
		}
		return o.started(choice, to, proven, err)
	}
}

var errTriesUsed = fmt.Errorf("not proven in %d boots", bootTries)

// firstError is err or, if there is none, text.
func firstError(err error, text string) string {
	if err != nil {
		return err.Error()
	}
	return text
}

// closeJournal marks a generation that power was cut from, and ends the journal.
func (s *Switcher) closeJournal(j *Journal) error {
	if !j.Unfinished() && j.Damaged == "" {
		return nil
	}
	s.giveUpReserve()
	record := s.recordNow()
	note := j.note(record)
	e := record.entry(j.To)
	tried := record.Trying != nil && record.Trying.Generation == j.To && record.Trying.Left > 0
	var err error
	if note != "" && e != nil && e.State == StateUntried && !tried {
		err = s.update(func(r *Record) {
			e := r.entry(j.To)
			e.State, e.Reason, e.Failed = StateInterrupted, note, s.now()
		})
	}
	j.Ended, j.Damaged = true, ""
	return errors.Join(err, s.journal.end(*j, note))
}

// start brings the machine to the chosen generation. proven says whether to
// passed its proof; err is why not.
func (o *operation) start(ctx context.Context, c Choice, to target) (proven bool, err error) {
	s, m := o.s, o.s.machine
	desired, fault := s.desire(to)
	observed, unseen := s.observe(desired)
	plan := planSwitch(observed, desired, o.fresh)
	o.step, o.total, o.lenient, o.another = 0, len(plan.Steps), true, !c.Tried && !c.LastResort
	record := s.recordNow()
	why := circumstances{occasion: onBoot, plan: plan, to: to.system, config: DigestOf(to.text), began: m.Now()}
	if e := record.entry(to.number); e != nil {
		why.good = e.State == StateGood
	}
	if c.Tried {
		why.occasion = onTrial
		if record.Trying != nil {
			why.network, why.routed = record.Trying.network()
			why.confirm = record.Trying.Confirm
		}
	}
	p := proofFor(why)
	if c.Tried {
		if err := o.begin(to.number, len(plan.Steps), m.Now()+p.timeout+p.confirm); err != nil {
			o.event(EventNote, "journal: %v", err)
		}
	}
	// A trusted generation, or the last one left, is started as far as it can be.
	err = errors.Join(fault, unseen, o.perform(ctx, plan, to, desired, !c.Tried))
	s.setCurrent(to)
	if err != nil && c.Tried {
		return false, beforeProof(err)
	}
	if o.another && errors.As(err, new(treeError)) {
		return false, err
	}
	fault = o.watch(ctx, c, func(ctx context.Context) error { return o.prove(ctx, p) })
	if err = errors.Join(err, fault); err == nil && p.confirm > 0 {
		err = o.awaitConfirm(ctx, p)
	}
	return err == nil, err
}

// watch proves, and lets a switch interrupt that unless something depends on the outcome.
func (o *operation) watch(ctx context.Context, c Choice, prove func(context.Context) error) error {
	if c.Tried {
		return prove(ctx)
	}
	watching, cancel := context.WithCancel(ctx)
	defer cancel()
	o.s.mu.Lock()
	o.yield = cancel
	o.s.mu.Unlock()
	err := prove(watching)
	o.s.mu.Lock()
	o.yield = nil
	o.s.mu.Unlock()
	if watching.Err() != nil && ctx.Err() == nil {
		return errYielded
	}
	return err
}

var errYielded = errors.New("a switch began before everything was up")

// started records the outcome of the boot.
func (o *operation) started(c Choice, to target, proven bool, fault error) Result {
	s := o.s
	record := s.recordNow()
	e := record.entry(to.number)
	if proven && e != nil && !c.Picked && (c.Tried || e.State != StateGood) {
		o.mark(journalProven)
		var err error
		if c.Tried || record.Default == 0 {
			err = o.commit(record.Default, to.number)
		} else { // the last resort; somebody has chosen the default, which may be able to run again
			err = s.update(func(r *Record) { s.proven(r, to.number) })
		}
		if err != nil {
			o.event(EventNote, "%v", err)
		} else {
			o.mark(journalCommitted)
		}
	}
	o.mark(journalEnd)
	if s.recordNow().Leaving {
		if err := s.update(func(r *Record) { r.Leaving = false }); err != nil {
			o.event(EventNote, "%v", err)
		}
	}
	s.keepReserve()
	record = s.recordNow()
	once := c.Picked || s.byHand && s.bootIDOf(&record, record.Default) != s.image.generation.BootID()
	s.mu.Lock()
	s.booted, s.before = to.number, record.Previous
	if to.number != record.Default && record.Default != 0 {
		s.before, s.instead = record.Default, to.number
	}
	if once {
		s.instead = 0
	}
	s.mu.Unlock()
	if fault != nil {
		result := o.leave(ExitDegraded, fault)
		s.noteBoot(result.Text())
		return result
	}
	return o.leave(ExitGood, nil)
}
