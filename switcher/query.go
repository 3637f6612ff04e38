package switcher

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"bantam/system"
)

// Preview is a switch that is only looked at.
type Preview struct {
	From     int      `json:"from"`
	To       int      `json:"to"` // 0: it has no number yet
	Plan     Plan     `json:"plan"`
	Problems []string `json:"problems,omitempty"` // why the switch would be refused
}

// Plan says what Switch would do with r, and does nothing. The error of a
// system.toml that is not valid has a line for each problem.
func (s *Switcher) Plan(r Request) (Preview, error) {
	from, to, err := s.resolve(r)
	var live error
	if errors.As(err, new(needsReboot)) {
		live, r.Reboot = err, true
		from, to, err = s.resolve(r)
	}
	var problems problemsError
	if errors.As(err, &problems) {
		return Preview{}, problems.all()
	}
	if err != nil {
		return Preview{}, err
	}
	ahead := s.prospect(from, to, r)
	p := Preview{From: from.number, To: to.number, Plan: ahead.plan}
	if fault := errors.Join(live, ahead.fault); fault != nil {
		p.Problems = lines(fault)
	}
	return p, nil
}

// lines splits what errors.Join joined.
func lines(err error) []string {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []string
		for _, e := range joined.Unwrap() {
			all = append(all, lines(e)...)
		}
		return all
	}
	return []string{err.Error()}
}

// Listed is a generation as `bantam generations` shows it.
type Listed struct {
	Entry
	Current  bool `json:"current"`  // it runs
	Booted   bool `json:"booted"`   // the machine was started with it
	Default  bool `json:"default"`  // the next boot runs it, unless it tries another or cannot run it
	Previous bool `json:"previous"` // `rollback` goes to it
	Image    bool `json:"image"`    // the boot medium carries it
	Tries    int  `json:"tries"`    // boots that may still try it

	OtherKernel bool   `json:"other_kernel,omitempty"` // it cannot be started without a reboot
	Slot        string `json:"slot,omitempty"`         // boot slot that holds that kernel, or has started this very generation; "": none
}

// Generations lists all generations by number.
func (s *Switcher) Generations() []Listed {
	all := s.listed()
	slots, _ := s.seeSlots() // none where they cannot be seen, which is told elsewhere
	for i := range all {
		boot := s.bootID(all[i].Digest)
		if all[i].Image && slots.booted != nil {
			all[i].Slot = slots.booted.Name
		}
		if boot == "" || boot == s.image.generation.BootID() {
			continue
		}
		if all[i].OtherKernel = true; slots.other.holds(boot) {
			all[i].Slot = slots.other.Name
		}
	}
	return all
}

// listed is Generations without a look at anything but the record.
func (s *Switcher) listed() []Listed {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]Listed, 0, len(s.record.Entries))
	for _, e := range s.record.Entries {
		l := Listed{
			Entry: e, Current: e.Number == s.current.number, Booted: e.Number == s.booted, Default: e.Number == s.record.Default,
			Previous: e.Number == s.before, Image: e.Number == s.image.number,
		}
		if t := s.record.Trying; t != nil && t.Generation == e.Number {
			l.Tries = t.Left
		}
		all = append(all, l)
	}
	return all
}

// Compare returns what differs between two generations, in their systems and in the layers that these have led to; 0 is the
// draft.
func (s *Switcher) Compare(from, to int) ([]system.Change, error) {
	var both [2]made
	for i, number := range []int{from, to} {
		text, err := s.Text(number)
		if err != nil {
			return nil, err
		}
		sys, problems := system.Parse("system.toml", text)
		if len(problems) > 0 {
			return nil, problemsError(problems).all()
		}
		both[i] = made{number, s.layersOfGeneration(number, text), sys}
	}
	return append(system.Diff(both[0].system, both[1].system), layerChanges(both[0].layers, both[1].layers)...), nil
}

// layersOfGeneration are those of a generation whose system.toml is text; 0 is the draft, which has none if it asks for
// what is nowhere.
func (s *Switcher) layersOfGeneration(number int, text []byte) []Descriptor {
	if number == 0 {
		s.mu.Lock()
		running := s.current
		s.mu.Unlock()
		t, _ := s.compose(made{running.number, running.generation.Layers, orEmpty(running.system)}, running.generation, "", text)
		return t.generation.Layers
	}
	record := s.recordNow()
	e := record.entry(number)
	if e == nil {
		return nil
	}
	g, _, _ := s.readText(e.Digest)
	return g.Layers
}

// layerChanges says which layers come, go and change, in words.
func layerChanges(from, to []Descriptor) (changes []system.Change) {
	have, want := layerItems(from), layerItems(to)
	for _, name := range bothKeys(have, want) {
		if have[name] != want[name] {
			changes = append(changes, system.Change{Path: spokenLayer(name), Old: have[name], New: want[name]})
		}
	}
	return changes
}

// layerItems are layers by name, each with its version and the beginning of its digest.
func layerItems(layers []Descriptor) Items {
	items := Items{}
	for _, l := range layers {
		items[l.LayerName()] = strings.TrimSpace(l.Annotations[VersionAnnotation] + " (" + l.Digest.Short() + ")")
	}
	return items
}

// Text returns the system.toml of a generation, also of one whose kernel is not the booted one or that another Bantam
// made; 0 is the draft.
func (s *Switcher) Text(number int) ([]byte, error) {
	if number == 0 {
		draft, err := s.Draft()
		return draft.Text, err
	}
	record := s.recordNow()
	e := record.entry(number)
	if e == nil {
		return nil, noGeneration(number)
	}
	_, text, err := s.readText(e.Digest)
	if err != nil {
		return nil, fmt.Errorf("generation %d: %w", number, err)
	}
	return text, nil
}

// Running returns the system.toml of what runs, which need not be in the record; nil before anything does.
func (s *Switcher) Running() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current.text
}

// Status is the switcher's part of `bantam status`.
type Status struct {
	Running  int      `json:"running"` // 0: the boot medium's, which could not be recorded
	Booted   int      `json:"booted"`
	Default  int      `json:"default"`
	Next     int      `json:"next"`     // what the next boot runs, unless it tries another: the default, or what ran because that cannot run
	Previous int      `json:"previous"` // what `rollback` goes to; 0: nothing
	Trying   *Trying  `json:"trying,omitempty"`
	Busy     *Busy    `json:"busy,omitempty"`
	Stale    []string `json:"stale,omitempty"` // services that run an older definition
	Held     []string `json:"held,omitempty"`  // services that a person stopped
	Notes    []string `json:"notes,omitempty"` // see Switcher.Notes

	FailedTrial int `json:"failed_trial,omitempty"` // generation that a boot tried in vain; no switch has succeeded since
}

// Busy is the switch under way.
type Busy struct {
	Verb     string        `json:"verb"`
	To       int           `json:"to"`
	Since    time.Duration `json:"since"`    // Machine.Now
	Confirms bool          `json:"confirms"` // it waits for Confirm
	Patience time.Duration `json:"patience"` // for that it waits, once it does; 0: it need not be confirmed
	Left     time.Duration `json:"left"`     // of that
}

// Status says where things stand.
func (s *Switcher) Status() Status {
	now := s.machine.Now()
	var stale, held []string
	states, unseen := s.machine.Services()
	for _, state := range states {
		if state.stale() {
			stale = append(stale, state.Name)
		}
		if state.ByHand {
			held = append(held, state.Name)
		}
	}
	slices.Sort(stale)
	slices.Sort(held)
	s.mu.Lock()
	defer s.mu.Unlock()
	st := Status{
		Running: s.current.number, Booted: s.booted, Default: s.record.Default, Next: s.record.Default, Previous: s.before,
		Stale: stale, Held: held, Notes: s.allNotes(), FailedTrial: s.record.FailedTrial,
	}
	if unseen != nil {
		st.Notes = append(st.Notes, unseen.Error())
	}
	if s.record.Trying != nil {
		trying := *s.record.Trying
		st.Trying = &trying
	}
	if s.instead != 0 {
		st.Next = s.instead
	}
	if b := s.busy; b != nil {
		st.Busy = &Busy{Verb: b.result.Verb, To: b.result.To, Since: b.result.Started, Confirms: b.confirm != nil, Patience: b.patience}
		if b.confirm != nil {
			st.Busy.Left = max(0, b.until-now)
		}
	}
	return st
}

// Last returns the outcome of the last switch since the machine started.
func (s *Switcher) Last() (Result, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last == nil {
		return Result{}, false
	}
	return *s.last, true
}
