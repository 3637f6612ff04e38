package switcher

import (
	"cmp"
	"fmt"
	"slices"
)

// noteBoot keeps what a person should know of this start of the machine: which generations were passed over, and why it
// is not as it should be. That matters until a switch has led to something that works.
func (s *Switcher) noteBoot(notes ...string) {
	const most = 20
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, note := range notes {
		if len(s.bootNotes) < most && !slices.Contains(s.bootNotes, note) {
			s.bootNotes = append(s.bootNotes, note)
		}
	}
}

// forgetBoot is called when a switch has succeeded.
func (s *Switcher) forgetBoot() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bootNotes = nil
}

// Notes tells what Open found damaged, what Boot passed over, which boot trial failed, and what else a person should know
// of the state volume.
func (s *Switcher) Notes() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.allNotes()
}

// allNotes is Notes; s.mu is held.
func (s *Switcher) allNotes() []string {
	all := slices.Concat(s.notes, s.bootNotes)
	if e := s.record.entry(s.record.FailedTrial); e != nil && e.Number != s.current.number && e.Reason != "" {
		what := fmt.Sprintf("generation %d", e.Number)
		if e.Verb == updateVerb {
			what += ", the settings taken over to this image,"
		}
		all = append(all, fmt.Sprintf("%s was tried at a boot%s, and is %s: %s", what, e.when(), e.State, e.Reason))
	}
	if e := s.record.entry(s.record.Default); e != nil && e.PassedOver {
		all = append(all, e.passedOver(cmp.Or(e.Reason, shortBoots)))
	}
	return all
}
