package switcher

import (
	"errors"
	"fmt"
	"slices"
)

// keepNewest is how many generations are kept whatever their state.
const keepNewest = 20

// protected returns why a generation must not go, by number.
func (s *Switcher) protected() map[int]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	keep := map[int]string{}
	for _, p := range []struct {
		number int
		why    string
	}{
		{s.record.Default, "it is the default"}, {s.booted, "it was booted"}, {s.current.number, "it is running"},
		{s.image.number, "the boot medium carries it"}, {s.busyWith(), "a switch to it is under way"},
	} {
		keep[p.number] = p.why
	}
	if s.record.Trying != nil {
		keep[s.record.Trying.Generation] = "the next boot tries it"
	}
	for _, e := range s.record.Entries {
		if e.Pinned {
			keep[e.Number] = fmt.Sprintf("it is pinned; `bantam generations unpin %d` lets it go", e.Number)
		}
	}
	return keep
}

// busyWith is the generation of the switch under way, 0 without one. s.mu is held.
func (s *Switcher) busyWith() int {
	if s.busy == nil {
		return 0
	}
	return s.busy.result.To
}

// Delete removes generations and the blobs that only they name, and says what that was.
func (s *Switcher) Delete(numbers ...int) (Garbage, error) {
	s.storing.Lock()
	defer s.storing.Unlock()
	keep, record := s.protected(), s.recordNow()
	for _, n := range numbers {
		if record.entry(n) == nil {
			return Garbage{}, noGeneration(n)
		}
		if why := keep[n]; why != "" {
			return Garbage{}, fmt.Errorf("generation %d stays: %s", n, why)
		}
	}
	gone := func(e Entry) bool { return slices.Contains(numbers, e.Number) }
	g, err := s.garbageOf(gone)
	if err != nil {
		return Garbage{}, err // what cannot be read now cannot be removed either
	}
	s.giveUpReserve()
	defer s.keepReserve()
	return g, s.remove(gone)
}

// Collect removes old generations: all but those that run, were booted or are
// the default, what ran before them, the last good one, the newest twenty and what is pinned.
func (s *Switcher) Collect() error {
	s.storing.Lock()
	defer s.storing.Unlock()
	gone := s.old()
	defer s.keepReserve()
	return s.remove(gone)
}

// Garbage is what Clean would remove, or Delete has.
type Garbage struct {
	Generations []int `json:"generations"`
	Blobs       int   `json:"blobs"` // of them, and what a power cut left
	Bytes       int64 `json:"bytes"`
	Loaded      int64 `json:"loaded,omitempty"` // bytes that imports that were cut off have left
}

// Clean is Collect for a person who wants room: what imports that were cut off have loaded goes, too.
func (s *Switcher) Clean() error {
	_, err := s.leftInbox(true)
	return errors.Join(err, s.Collect())
}

// Garbage says what Clean would remove now.
func (s *Switcher) Garbage() (Garbage, error) {
	s.storing.Lock()
	defer s.storing.Unlock()
	g, err := s.garbageOf(s.old())
	if err != nil {
		return g, err
	}
	g.Loaded, err = s.leftInbox(false)
	return g, err
}

// garbageOf says what goes with the generations that are gone. s.storing is held.
func (s *Switcher) garbageOf(gone func(Entry) bool) (g Garbage, err error) {
	g.Generations = []int{}
	var keep []Digest
	for _, e := range s.recordNow().Entries {
		if gone(e) {
			g.Generations = append(g.Generations, e.Number)
		} else {
			keep = append(keep, e.Digest)
		}
	}
	g.Blobs, g.Bytes, err = s.store.Garbage(keep)
	return g, err
}

// old tells which generations may be collected.
func (s *Switcher) old() func(Entry) bool {
	keep, record := s.protected(), s.recordNow()
	keep[record.Previous] = "it ran before"
	s.mu.Lock()
	keep[s.before] = "it ran before"
	s.mu.Unlock()
	for _, e := range slices.Backward(record.Entries) {
		if e.State == StateGood {
			keep[e.Number] = "it is the last good one"
			break
		}
	}
	s.keepForSlots(record, keep)
	for _, e := range record.Entries[max(0, len(record.Entries)-keepNewest):] {
		keep[e.Number] = "it is new"
	}
	return func(e Entry) bool { return keep[e.Number] == "" }
}

// keepForSlots adds what the boot loader may start from the other slot, if it has to: what that holds, and the newest good
// one that its kernel can run.
func (s *Switcher) keepForSlots(record Record, keep map[int]string) {
	v, err := s.seeSlots()
	if err != nil || v.other == nil || v.other.Boot == "" {
		return // that no slot can be read is told elsewhere
	}
	why := "boot slot " + v.other.Name + " holds its kernel"
	if e := record.named(v.other.Generation); e != nil {
		keep[e.Number] = why
	}
	for _, e := range slices.Backward(record.Entries) {
		if e.State == StateGood && s.bootID(e.Digest) == v.other.Boot {
			keep[e.Number] = why
			return
		}
	}
}

// remove takes generations out of the record first, so that a power cut leaves
// blobs without a generation, which the next collection removes, and never a
// generation without its blobs.
func (s *Switcher) remove(gone func(Entry) bool) error {
	if slices.ContainsFunc(s.recordNow().Entries, gone) {
		err := s.update(func(r *Record) {
			r.Entries = slices.DeleteFunc(r.Entries, gone)
			if r.entry(r.Previous) == nil {
				r.Previous = 0
			}
			if r.entry(r.FailedTrial) == nil {
				r.FailedTrial = 0
			}
		})
		if err != nil {
			return err
		}
	}
	record := s.recordNow()
	s.mu.Lock()
	if record.entry(s.before) == nil {
		s.before = 0
	}
	s.mu.Unlock()
	var keep []Digest
	for _, e := range record.Entries {
		keep = append(keep, e.Digest)
	}
	_, err := s.store.Collect(keep)
	return err
}
