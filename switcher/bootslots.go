package switcher

import (
	"errors"
	"fmt"
)

// inOtherSlot: a generation cannot run because its kernel is in a boot slot that has not been started.
type inOtherSlot struct{ slot string }

func (e inOtherSlot) Error() string {
	return fmt.Sprintf("its kernel is in boot slot %s, which was not started", e.slot)
}

// unstarted: a generation cannot run because the boot loader was to start its slot and has not.
type unstarted struct{ why string }

func (u unstarted) Error() string { return u.why }

// atBoot reads a generation that shall run now.
func (s *Switcher) atBoot(e Entry, slots slotView) (target, error) {
	boot := s.bootID(e.Digest)
	if boot != "" && boot != s.image.generation.BootID() && !s.forgets {
		away := slots.away(boot, s.recordNow().Slots)
		if !errors.As(away, new(inOtherSlot)) && away != nil {
			return target{}, away
		}
		g, _, err := s.readText(e.Digest) // what cannot be read here cannot be read there either
		if err == nil {
			err = s.lackingLayer(g)
		}
		if err == nil {
			err = away
		}
		if err != nil {
			return target{}, err
		}
	}
	return s.load(e, Now)
}

// away says where what has that boot identity, which is not the booted one, is or should be; nil: in no slot. noted is what
// the slots are known to have held.
func (v slotView) away(boot Digest, noted map[string]Digest) error {
	other := v.other
	switch {
	case other == nil:
		return nil
	case other.holds(boot) && !other.First:
		return inOtherSlot{other.Name}
	case other.holds(boot):
		return unstarted{fmt.Sprintf("boot slot %s, which holds its kernel, did not start", other.Name)}
	case noted[other.Name] == boot && other.Fault != "":
		return unstarted{fmt.Sprintf("boot slot %s, which held its kernel: %s", other.Name, other.Fault)}
	}
	return nil
}

// settleTrial ends a trial of another kernel that has come back to this one, and trusts again what was passed over because
// the slot did not start that now has.
func (o *operation) settleTrial(slots slotView) {
	s := o.s
	if slots.other == nil {
		return
	}
	record, booted := s.recordNow(), s.image.generation.BootID()
	if t := record.Trying; t != nil {
		boot := s.bootIDOf(&record, t.Generation)
		if boot != "" && boot != booted {
			cause := slots.other.ended(boot)
			o.event(EventFail, "generation %d: %v", t.Generation, cause)
			o.markFailed(t.Generation, cause)
			o.disarm()
		}
	}
	started := func(e Entry) bool { return e.Unstarted && s.bootID(e.Digest) == booted }
	for _, e := range record.Entries {
		if !started(e) {
			continue
		}
		err := s.update(func(r *Record) {
			for i := range r.Entries {
				if started(r.Entries[i]) {
					r.Entries[i].trust()
				}
			}
		})
		if err != nil {
			o.event(EventNote, "%v", err)
		}
		return
	}
}

// ended says why a trial of what has that boot identity, which this slot was given, is over without having come as far as
// its proof.
func (slot *Slot) ended(boot Digest) error {
	switch {
	case slot.Fault != "":
		return beforeProof(fmt.Errorf("boot slot %s: %s", slot.Name, slot.Fault))
	case slot.Boot != boot:
		return beforeProof(fmt.Errorf("boot slot %s holds another kernel now", slot.Name))
	case slot.First && !slot.Good && slot.Tries <= 0:
		return fmt.Errorf("its kernel was started from boot slot %s, and not once came as far as its proof in %s",
			slot.Name, count(slotTries, "boot", "boots"))
	case slot.First:
		return beforeProof(fmt.Errorf("the boot loader did not start boot slot %s: what it holds is damaged, or a person chose the other one", slot.Name))
	}
	return beforeProof(fmt.Errorf("the machine went down before the boot loader was told to try boot slot %s", slot.Name))
}

// leaveFor reboots into the boot slot that holds the kernel of what was chosen. It leaves false if that cannot be, and
// something else has to run. That the boot loader begins with that slot then tells the next boot, if it finds this kernel
// again, that the slot did not start.
func (o *operation) leaveFor(c Choice, slots slotView) (Result, bool) {
	s := o.s
	stay := func(err error) (Result, bool) {
		o.event(EventFail, "generation %d cannot run, for its kernel is in boot slot %s: %v", c.Generation, c.Slot, err)
		return Result{}, false
	}
	record := s.recordNow()
	if record.Leaving {
		return stay(errors.New("the boot before this one came from there, and nothing has been started since"))
	}
	// What is left for the sake of something else must not be chosen by the other kernel, which would send the machine back.
	if c.UsedUp != 0 {
		if err := o.passOver(c.UsedUp); err != nil {
			return stay(err)
		}
	}
	if c.Unable != "" && c.Generation != record.Default && !o.passOverDefault(c) {
		return stay(errors.New("the default would be chosen again there"))
	}
	err := error(nil)
	if !slots.booted.Good && s.bootIDOf(&record, record.FailedTrial) == s.image.generation.BootID() {
		err = s.loader.MarkBad(slots.booted.Name)
	} else {
		err = s.loader.Try(c.Slot, slotTries)
	}
	if now := o.slotsOrNone(); err == nil && (now.other == nil || now.other.Name != c.Slot || !now.other.First) {
		err = errors.New("the boot loader does not begin with it")
	}
	if err == nil {
		s.giveUpReserve()
		err = s.update(func(r *Record) { r.Leaving = true })
	}
	if err != nil {
		return stay(err)
	}
	o.setTarget(c.Generation)
	o.result.Slot, o.result.Reboots = c.Slot, true
	return o.leave(ExitFailed, fmt.Errorf("generation %d: %s", c.Generation, c.Why)), true
}

// passOverDefault keeps it in the record that boots pass the default over because it cannot run.
func (o *operation) passOverDefault(c Choice) bool {
	o.s.giveUpReserve()
	record := o.s.recordNow()
	def := record.entry(record.Default)
	err := o.s.update(func(r *Record) {
		e := r.entry(r.Default)
		e.PassedOver, e.Unstarted, e.Reason, e.Failed = true, c.Unstarted, c.Unable, o.s.now()
	})
	if def.Unstarted = c.Unstarted; err != nil {
		o.event(EventNote, "that generation %d is passed over could not be recorded: %v", def.Number, err)
	}
	o.event(EventFail, "%s", def.passedOver(c.Unable))
	return err == nil
}
