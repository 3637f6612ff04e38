package switcher

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// stageLimit is what it may take to bring a kernel to a slot, on flash that writes 100 kB/s.
const stageLimit = 10 * time.Minute

// stage brings the generation to its slot. The boot loader is not told to start it yet. On an error what runs and what
// boots is as before, but for a slot that was not booted.
func (o *operation) stage(ctx context.Context, p slotPlan, to target) error {
	s := o.s
	o.step, o.total = 0, len(p.steps(s.image.generation))-1 // the last one follows the record
	step := func(text string) {
		o.step++
		o.send(Event{Kind: EventStep, Text: text, Step: o.step, Total: o.total + 1})
	}
	for _, note := range p.notes() {
		o.event(EventNote, "%s", note)
	}
	if !p.stage {
		return nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, stageLimit, fmt.Errorf("not done within %v", stageLimit))
	defer cancel()
	if len(p.keeps) > 0 {
		step(p.steps(s.image.generation)[0].Text)
	}
	s.storing.Lock() // nothing that is fetched is collected before the slot has it
	defer s.storing.Unlock()
	for _, from := range p.fetch {
		if err := s.loader.Extract(ctx, from.slot, from.blobs, s.store); err != nil {
			return cause(ctx, err)
		}
	}
	for _, b := range to.generation.BootBlobs() {
		if err := s.store.verify(b); err != nil {
			return fmt.Errorf("its %s: %w", spokenBlob(b), err)
		}
	}
	if p.slot.First || p.slot.Good || p.slot.Tries > 0 { // the boot loader shall not look for what is being written
		if err := s.loader.MarkBad(p.slot.Name); err != nil {
			return err
		}
	}
	step("stage " + to.generation.spokenKernel() + " into boot slot " + p.slot.Name)
	staging, told := s.staging(to), int64(0)
	staging.Progress = func(done, total int64) {
		if fifth := done * 5 / max(total, 1); fifth > told {
			told = fifth
			o.event(EventWait, "boot slot %s: %d %% written", p.slot.Name, fifth*20)
		}
	}
	if err := s.loader.Stage(ctx, p.slot.Name, staging); err != nil {
		return fmt.Errorf("%w; nothing that could be started is in it now", cause(ctx, err))
	}
	return nil
}

// cause is err, with the reason why ctx ended it.
func cause(ctx context.Context, err error) error {
	if ctx.Err() == nil || errors.Is(err, context.Cause(ctx)) {
		return err
	}
	return fmt.Errorf("%w (%w)", context.Cause(ctx), err)
}

// try tells the boot loader to start the slot, after the record knows what it will be asked to start. If it cannot be
// told, forget takes that out of the record again.
func (o *operation) try(p slotPlan, tries int, forget func(*Record)) error {
	steps := p.steps(o.s.image.generation)
	o.step++
	o.send(Event{Kind: EventStep, Text: steps[len(steps)-1].Text, Step: o.step, Total: o.total + 1})
	err := o.s.loader.Try(p.slot.Name, tries)
	if err == nil {
		return nil
	}
	return errors.Join(fmt.Errorf("the boot loader could not be told to try boot slot %s: %w", p.slot.Name, err),
		o.s.update(forget))
}

// keepBooted has all boots start the slot that was booted, uncounted: what the record has them run is good, and its kernel
// is there. It is asked for whenever that may have become so, for a power cut may have come between record and boot loader.
func (o *operation) keepBooted() {
	s := o.s
	if s.forgets {
		return // the record that says so is gone at the next boot
	}
	v := o.slotsOrNone()
	if v.booted == nil || v.booted.Good && v.booted.First {
		return
	}
	if err := s.loader.MarkGood(v.booted.Name); err != nil {
		o.event(EventNote, "the boot loader could not be told that boot slot %s is good, and may start the other one: %v", v.booted.Name, err)
	}
}

// disarm has the next boot start the slot that was booted, where another one was to be tried, or is the first one: this one was
// started by hand then, or the first one does not start.
func (o *operation) disarm() {
	v, err := o.slotsOrNone(), error(nil)
	switch {
	case v.other.armed():
		err = o.s.loader.MarkBad(v.other.Name)
	case v.other == nil || !v.other.First:
	case v.booted.Good:
		err = o.s.loader.MarkGood(v.booted.Name)
	default:
		err = o.s.loader.Try(v.booted.Name, slotTries)
	}
	if err != nil {
		o.event(EventNote, "the boot loader may still try boot slot %s: %v", v.other.Name, err)
	}
}
