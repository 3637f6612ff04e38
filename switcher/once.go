package switcher

import (
	"context"
	"errors"
	"fmt"
)

// onceTries is how many boots the boot loader gives a kernel that a person wants for one boot.
const onceTries = 1

// leaveOnce reboots for a generation of another kernel that a person wants for that boot only. What boots run after it
// stays what it is.
func (o *operation) leaveOnce(ctx context.Context, number int) (Result, error) {
	s := o.s
	record := s.recordNow()
	e := record.entry(number)
	if e == nil {
		return Result{}, noGeneration(number)
	}
	if t := record.Trying; t != nil && s.bootIDOf(&record, t.Generation) != s.image.generation.BootID() {
		return Result{}, fmt.Errorf("the other boot slot is to try generation %d", t.Generation)
	}
	to, err := s.aim(*e, Request{Verb: VerbBoot})
	if err != nil {
		return Result{}, err
	}
	p, err := s.planSlot(to)
	if err != nil {
		return Result{}, err
	}
	if err := p.takesAway(s.bootIDOf(&record, record.Default)); err != nil {
		return Result{}, err
	}
	if err := o.stage(ctx, p, to); err != nil {
		return Result{}, err
	}
	s.giveUpReserve()
	err = s.update(func(r *Record) {
		r.Once = number
		r.holds(p.slot.Name, to.generation.BootID())
	})
	if err != nil {
		return Result{}, err
	}
	if err := o.try(p, onceTries, func(r *Record) { r.Once = 0 }); err != nil {
		return Result{}, err
	}
	o.setTarget(number)
	o.result.Slot, o.result.Reboots = p.slot.Name, true
	return o.leave(ExitFailed, errors.New("a person chose it for one boot")), nil
}

// takesAway says what the boots after one boot would lack: it is no reason to give away the slot that the default starts from, or
// what cannot be brought back.
func (p *slotPlan) takesAway(def Digest) error {
	switch {
	case !p.stage:
		return nil
	case p.slot.holds(def):
		return fmt.Errorf("boot slot %s holds the kernel of the default", p.slot.Name)
	case len(p.lost) > 0:
		return errors.New(p.loss())
	}
	return nil
}

// takeOnce finds what a person wanted this boot to run, and this one only.
func (o *operation) takeOnce(slots slotView) (to target, chosen bool) {
	s := o.s
	record := s.recordNow()
	e := record.entry(record.Once)
	if record.Once == 0 {
		return target{}, false
	}
	s.giveUpReserve()
	if err := s.update(func(r *Record) { r.Once = 0 }); err != nil {
		o.event(EventNote, "generation %d, which a person chose for one boot, is not started: %v", record.Once, err)
		return target{}, false // or every boot would be that one
	}
	if e == nil {
		return target{}, false
	}
	if s.bootID(e.Digest) != s.image.generation.BootID() {
		note := fmt.Sprintf("generation %d, which a person chose for one boot, was not started: its boot slot does not start", e.Number)
		o.event(EventFail, "%s", note)
		s.noteBoot(note)
		o.disarm()
		return target{}, false
	}
	if slots.booted != nil && !slots.booted.Good {
		if err := s.loader.MarkBad(slots.booted.Name); err != nil {
			o.event(EventNote, "the boot loader may start boot slot %s again: %v", slots.booted.Name, err)
		}
	}
	to, err := s.load(*e, Now)
	if err != nil {
		o.event(EventFail, "generation %d, which a person chose for one boot, cannot run: %v", e.Number, err)
		return target{}, false
	}
	s.noteBoot(fmt.Sprintf("a person chose generation %d, for this boot only", e.Number))
	return to, true
}
