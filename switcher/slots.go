package switcher

import (
	"fmt"
	"slices"
	"strings"
)

// slotTries is how many boots the boot loader gives a slot that was staged.
const slotTries = 3

// slotView is what the boot loader can start, as seen at one moment.
type slotView struct {
	loader LoaderCapabilities
	booted *Slot // nil: there are no slots
	other  *Slot // nil: nothing can be written beside the booted one
}

// BootSlots asks the boot loader, which reads the disk that the machine was started from.
func (s *Switcher) BootSlots() ([]Slot, error) {
	slots, err := ask(s.machine, nil, answerLimit, "read the boot slots", s.loader.Slots)
	if err != nil {
		return nil, fmt.Errorf("boot slots: %w", err)
	}
	return slots, nil
}

// seeSlots asks the boot loader.
func (s *Switcher) seeSlots() (slotView, error) {
	v := slotView{loader: s.loader.Capabilities()}
	slots, err := s.BootSlots()
	if err != nil {
		return v, err
	}
	for i := range slots {
		switch slot := &slots[i]; {
		case slot.Booted:
			v.booted = slot
		case v.other == nil:
			v.other = slot
		}
	}
	if v.booted == nil { // what is not known to be unused is not written
		v.other = nil
	}
	return v, nil
}

// slotsOrNone is seeSlots for what goes on without them.
func (o *operation) slotsOrNone() slotView {
	v, err := o.s.seeSlots()
	if err != nil {
		o.event(EventNote, "%v", err)
		v.booted, v.other = nil, nil
	}
	return v
}

// holds says whether the slot can start what has that boot identity.
func (slot *Slot) holds(boot Digest) bool {
	return slot != nil && boot != "" && slot.Boot == boot && slot.Fault == ""
}

// armed says whether the boot loader is about to try the slot, or has tried it, before the other one.
func (slot *Slot) armed() bool { return slot != nil && slot.First && !slot.Good }

// generation reads a manifest: that of what was booted also where the store has lost it.
func (s *Switcher) generation(d Digest) (Generation, error) {
	if d == s.image.generation.Digest() {
		return s.image.generation, nil
	}
	return s.store.Generation(d)
}

// bootID is the boot identity of the generation with that manifest; "" if that cannot be read.
func (s *Switcher) bootID(d Digest) Digest {
	s.mu.Lock()
	id := s.bootIDs[d]
	s.mu.Unlock()
	if id != "" {
		return id
	}
	g, err := s.generation(d)
	if err != nil {
		return ""
	}
	id = g.BootID()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bootIDs == nil {
		s.bootIDs = map[Digest]Digest{}
	}
	s.bootIDs[d] = id // it is a function of d
	return id
}

// bootIDOf is that of the generation with a number, "" without one.
func (s *Switcher) bootIDOf(r *Record, number int) Digest {
	e := r.entry(number)
	if e == nil {
		return ""
	}
	return s.bootID(e.Digest)
}

// numbered lists generations for people, e.g. generation 3, generations 3 and 5.
func numbered(numbers []int) string {
	words := make([]string, len(numbers))
	for i, n := range slices.Sorted(slices.Values(numbers)) {
		words[i] = fmt.Sprint(n)
	}
	switch n := len(words); n {
	case 0:
		return "no generation"
	case 1:
		return "generation " + words[0]
	default:
		return "generations " + strings.Join(words[:n-1], ", ") + " and " + words[n-1]
	}
}
