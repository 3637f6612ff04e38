package switcher

import (
	"errors"
	"fmt"
	"slices"
)

// prospect is a switch that can be begun, or the reasons why not: everything that is asked before the first step.
type prospect struct {
	desired Desired
	plan    Plan
	slot    *slotPlan // of what begins with a boot of another kernel, else nil
	fault   error     // joined: why it must not begin
}

// precheck is what a kind is asked about before the first step.
type precheck struct {
	machine  Machine
	verb     string
	from, to target
	observed Observed
	desired  Desired
	plan     Plan
	forgets  bool // what is kept on the state volume is gone at the next boot
}

// bringsModules says whether the generation loads modules that the running one does not: ports and parameters may come with them.
func (c *precheck) bringsModules() bool {
	return slices.ContainsFunc(c.to.system.AllModules(), func(m string) bool { return !slices.Contains(orEmpty(c.from.system).AllModules(), m) })
}

// prospect plans the switch and finds every reason not to begin it. It changes nothing.
func (s *Switcher) prospect(from, to target, r Request) prospect {
	if r.boots() && to.generation.otherKernel(s.image.generation) != "" {
		return s.slotProspect(from, to)
	}
	var faults []error
	verb := r.Verb
	if r.boots() {
		verb = VerbBoot
	}
	if err := s.startable(to.generation, whenOf(r)); err != nil {
		faults = append(faults, fmt.Errorf("this generation cannot run now: %w", err))
	}
	desired, err := s.desire(to)
	faults = append(faults, err)
	observed, err := s.observe(desired)
	faults = append(faults, err)
	p := prospect{desired: desired, plan: planSwitch(observed, desired, nil)}
	c := precheck{machine: s.machine, verb: verb, from: from, to: to, observed: observed, desired: desired, plan: p.plan, forgets: s.forgets}
	for _, k := range kinds {
		wrong, notes := k.check(&c)
		faults = append(faults, wrong...)
		p.plan.Notes = append(p.plan.Notes, notes...)
	}
	p.plan.Notes = append(p.plan.Notes, s.mendNotes(from, r.Verb)...)
	p.fault = errors.Join(append(faults, s.checkSpace(to))...)
	return p
}

// slotProspect is prospect for what another kernel has to start. Of what the machine then has nothing can be asked now:
// its modules and ports are those of that kernel. Its layers are there, or it is not startable.
func (s *Switcher) slotProspect(from, to target) prospect {
	faults := []error{s.startable(to.generation, NextBoot)}
	slot, err := s.planSlot(to)
	p := prospect{slot: &slot, plan: Plan{Steps: slot.steps(s.image.generation), Notes: slot.notes()}}
	if to.system == nil {
		p.plan.Notes = append(p.plan.Notes, "its system.toml is for the Bantam that comes with it, and cannot be checked here")
	} else {
		c := precheck{machine: s.machine, verb: VerbBoot, from: from, to: to}
		wrong, notes := secretKind{}.check(&c)
		faults, p.plan.Notes = append(faults, wrong...), append(p.plan.Notes, notes...)
	}
	for _, l := range to.generation.Layers {
		faults = append(faults, s.machine.VerifyLayer(l))
	}
	p.plan.Notes = append(p.plan.Notes, s.mendNotes(from, VerbBoot)...)
	p.fault = errors.Join(append(faults, err, s.checkSpace(to))...)
	return p
}

// mendNotes tell that what runs is damaged and will be mended.
func (s *Switcher) mendNotes(from target, verb string) []string {
	if err := s.damaged(from); err != nil && verb != VerbRollback { // a rollback leaves what is damaged
		return []string{fmt.Sprintf("generation %d is damaged on the state volume and will be written there again: %v", from.number, err)}
	}
	return nil
}

// damaged says why what runs could not be read again after a reboot.
func (s *Switcher) damaged(running target) error {
	if running.number == 0 {
		return nil // it was never kept
	}
	_, _, err := s.readText(running.generation.Digest())
	return err
}

// mendRunning writes what runs to the store again if it is damaged there. Without a way back no switch begins.
func (s *Switcher) mendRunning(running target) error {
	why := s.damaged(running)
	if why == nil {
		return nil
	}
	if _, err := s.add(running, "", nil); err != nil {
		return fmt.Errorf("there would be no way back to generation %d after a reboot: %w; writing it again: %w", running.number, why, err)
	}
	if err := s.damaged(running); err != nil {
		return fmt.Errorf("there would be no way back to generation %d after a reboot: %w", running.number, err)
	}
	return nil
}

// diskBlock is the most that one small file takes beyond its size.
const diskBlock = 4096

// recordRoom is what index, record, its copy, journal and directories take beyond their size.
const recordRoom = 16 * diskBlock

// checkSpace makes sure that the switch and the way back fit.
func (s *Switcher) checkSpace(to target) error {
	var blobs []int
	if to.number == 0 {
		blobs = []int{len(to.text), len(to.generation.Manifest())}
	}
	need, err := s.roomFor(blobs...)
	if err != nil {
		return err
	}
	free, err := s.disk.Free(s.dir)
	if err != nil {
		return err
	}
	if to.number != 0 && s.hasReserve() {
		free += reserveSize
	}
	if free < need {
		return fmt.Errorf("the state volume %s is full: %d kB free, a switch needs %d kB; files of your own below it can be removed", s.dir, free>>10, need>>10)
	}
	return nil
}

// roomFor is what a switch takes at most: new blobs of these sizes, and a second
// copy of each small file that is replaced.
func (s *Switcher) roomFor(blobs ...int) (bytes int64, err error) {
	record, err := s.recordNow().encode()
	if err != nil {
		return 0, err
	}
	bytes = recordRoom + 3*int64(len(record))
	for _, size := range blobs {
		bytes += int64(size) + diskBlock
	}
	return bytes, nil
}
