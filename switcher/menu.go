package switcher

import (
	"errors"
	"fmt"
	"strings"

	"bantam/order"
)

// Offer is what a boot is about to start, told to who may ask a person whether it shall be something else.
type Offer struct {
	Choice Choice
	Short  int // boots in a row, before this one and of one generation, that ended too early
}

// ItselfFromImage is what an answer to an Offer names the boot medium's own generation by, which may have no number.
const ItselfFromImage = -1

// Failing says whether so many boots in a row have ended too early that a person should be asked.
func (o Offer) Failing() bool { return o.Short >= mostShort }

// picked asks whether a person wants another generation than c for this boot. What is picked so leaves no trace: it is
// not counted, not proven for the next boot, and nothing that it does changes what that runs.
func (o *operation) picked(c Choice, boots BootCount) (Choice, target, bool) {
	s := o.s
	if s.offer == nil {
		return c, target{}, false
	}
	number := s.offer(Offer{Choice: c, Short: boots.Short})
	if number == 0 {
		return c, target{}, false
	}
	to, err := s.offered(number)
	if slot := s.slotFor(err); slot != "" {
		return Choice{Generation: number, Picked: true, Slot: slot}, target{}, true
	}
	if err != nil {
		o.event(EventFail, "generation %d, chosen at the boot menu, cannot run: %v", number, err)
		return c, target{}, false
	}
	s.noteBoot(fmt.Sprintf("a person chose generation %d at the boot menu, for this boot only", to.number))
	return Choice{Generation: to.number, Picked: true, Notes: c.Notes, Why: "a person chose it at the boot menu, for this boot only"}, to, true
}

// offered reads what a person has named, if it can be started now.
func (s *Switcher) offered(number int) (target, error) {
	if number == ItselfFromImage {
		return s.image, nil
	}
	record := s.recordNow()
	e := record.entry(number)
	if e == nil {
		return target{}, noGeneration(number)
	}
	return s.load(*e, Now)
}

// slotFor names the boot slot from which a generation can be started that cannot be because of why; "": none.
func (s *Switcher) slotFor(why error) string {
	if !errors.As(why, new(needsReboot)) {
		return ""
	}
	v, err := s.seeSlots()
	if err != nil || v.other == nil {
		return ""
	}
	return v.other.Name
}

// Offered is a generation as the boot menu shows it.
type Offered struct {
	Listed
	Fault  string   // why it cannot be started now
	Slot   string   // boot slot that starts it after a reboot, for that boot only, if somebody picks it; "": none
	Layers []string // that differ from the generation made before it, e.g. +nginx, -curl, ~libc6
}

// Offered lists the generations, the newest last. It reads the manifest and system.toml of each.
func (s *Switcher) Offered() []Offered {
	var all []Offered
	var before Items
	for i, l := range s.Generations() {
		offered := Offered{Listed: l}
		t, err := s.load(l.Entry, Now)
		if err != nil {
			offered.Fault, offered.Slot = err.Error(), s.slotFor(err)
			t.generation, _, _ = s.readText(l.Digest)
		}
		have := layerItems(t.generation.Layers)
		if i > 0 {
			offered.Layers = changedLayers(before, have)
		}
		before = have
		all = append(all, offered)
	}
	return all
}

// changedLayers names the layers that come, go and change.
func changedLayers(from, to Items) (list []string) {
	for _, name := range bothKeys(from, to) {
		mark := "~"
		switch {
		case from[name] == to[name]:
			continue
		case from[name] == "":
			mark = "+"
		case to[name] == "":
			mark = "-"
		}
		short := name[strings.Index(name, "/")+1:]
		list = append(list, mark+short)
	}
	order.Stably(list, func(a, b string) int { return strings.Compare(a[1:], b[1:]) })
	return list
}

// pickedForOnce says whether a person has picked what runs at the boot menu, and nothing else since.
func (s *Switcher) pickedForOnce() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pickedNow
}

func (s *Switcher) setPicked(picked bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pickedNow = picked
}
