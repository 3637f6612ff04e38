package bootslot

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"bantam/slot"
	"bantam/switcher"
)

// said is a state in short, e.g. "B A: A g, B 3".
func said(s *slot.State) string {
	if s == nil {
		return "damaged"
	}
	return fmt.Sprintf("%s: A %v, B %v", strings.Join(s.Order, " "), s.LeftA, s.LeftB)
}

// verbs are the changes of the state, each with what the boot loader may read of it from "A: A g, B 0" on, in order.
var verbs = map[string]struct {
	change func(l *Loader) error
	steps  []string
}{
	"try":         {func(l *Loader) error { return l.Try(slot.B, 3) }, []string{"A: A g, B 0", "A: A g, B 3", "B A: A g, B 3"}},
	"mark good":   {func(l *Loader) error { return l.MarkGood(slot.B) }, []string{"A: A g, B 0", "B A: A g, B g"}},
	"mark bad":    {func(l *Loader) error { return l.MarkBad(slot.A) }, []string{"A: A g, B 0", "B A: A 0, B 0"}},
	"good anyway": {func(l *Loader) error { return l.MarkGood(slot.A) }, []string{"A: A g, B 0"}},
	"bad anyway":  {func(l *Loader) error { return l.MarkBad(slot.B) }, []string{"A: A g, B 0"}},
}

// The power fails after each write of a change: the boot loader reads what was or what shall be, and so does the next boot,
// which then finds both copies the same.
func TestAPowerCutWhileTheStateIsWrittenLeavesTheOldOrTheNewOne(t *testing.T) {
	eachLoader(t, func(t *testing.T, f form) {
		for name, verb := range verbs {
			for _, torn := range []string{"", "first copy", "second copy"} {
				m := newMachineOf(t, f)
				l, _ := m.open(t)
				switch torn { // since the boot
				case "first copy":
					m.tear(state1, 88)
				case "second copy":
					m.tear(state2, 88)
				}
				start := bytes.Clone(m.disk.b)
				if err := verb.change(l); err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				reached := 0
				cut(start, m.disk.writes, func(disk []byte) {
					at := -1
					for i, step := range verb.steps {
						if step == said(loaderReads(m.form, disk)) {
							at = i
						}
					}
					if at < reached {
						t.Errorf("%s, %s: the loader reads %s after step %d of %q", name, torn, said(loaderReads(m.form, disk)), reached, verb.steps)
					}
					reached = at
					next := newMachineOf(t, f)
					copy(next.disk.b, disk)
					_, notes := next.open(t)
					one, err1 := f.read(next.disk.b[state1*512:][:slot.CopySize])
					two, err2 := f.read(next.disk.b[state2*512:][:slot.CopySize])
					if err1 != nil || err2 != nil || !one.Equal(two) {
						t.Errorf("%s, %s: after the next boot the copies are %s and %s, %v", name, torn, said(&one), said(&two), notes)
					}
				})
				if end := verb.steps[len(verb.steps)-1]; said(loaderReads(m.form, m.disk.b)) != end {
					t.Errorf("%s, %s: in the end %s, want %s", name, torn, said(loaderReads(m.form, m.disk.b)), end)
				}
				m.disk.writes = nil
				if err := verb.change(l); err != nil || len(m.disk.writes) > 0 {
					t.Errorf("%s, %s: a second time: %d writes, %v", name, torn, len(m.disk.writes), err)
				}
			}
		}
	})
}

// A disk tears a sector itself, at any byte: the loader then reads what was, what shall be, damage in one copy, or at least a
// state in which the old slot is good; the loader's last resort goes over both.
func TestATornSectorNeverLeavesTheLoaderWithoutASlot(t *testing.T) {
	eachLoader(t, func(t *testing.T, f form) {
		for name, verb := range verbs {
			m := newMachineOf(t, f)
			l, _ := m.open(t)
			start := bytes.Clone(m.disk.b)
			if err := verb.change(l); err != nil {
				t.Fatal(err)
			}
			disk := bytes.Clone(start)
			for _, w := range m.disk.writes {
				before := bytes.Clone(disk)
				for n := range w.b {
					copy(disk[w.at:], w.b[:n])
					switch s := loaderReads(m.form, disk); {
					case s == nil:
						t.Fatalf("%s, torn at byte %d: both copies are damaged", name, n)
					case strings.Contains(strings.Join(verb.steps, ","), said(s)):
					case s.LeftA == slot.Good:
					case name == "mark bad" && s.First() == slot.B: // both states begin with one of them
					default:
						t.Errorf("%s, torn at byte %d: %s", name, n, said(s))
					}
					copy(disk, before)
				}
				copy(disk[w.at:], w.b)
			}
		}
	})
}

// A write fails, or what was written reads otherwise: that is an error, and the loader reads what was or what shall be.
func TestAStateThatCannotBeWrittenIsAnError(t *testing.T) {
	eachLoader(t, func(t *testing.T, f form) {
		for name, verb := range verbs {
			if len(verb.steps) == 1 {
				continue
			}
			for n := 1; ; n++ {
				m := newMachineOf(t, f)
				l, _ := m.open(t)
				m.disk.refuse = n
				err := verb.change(l)
				if err == nil {
					break
				}
				if !errors.Is(err, errBroken) || !strings.Contains(strings.Join(verb.steps, ","), said(loaderReads(m.form, m.disk.b))) {
					t.Errorf("%s: write %d fails: %v; the loader reads %s", name, n, err, said(loaderReads(m.form, m.disk.b)))
				}
			}
			for _, sector := range []int{state1, state2} {
				m := newMachineOf(t, f)
				l, _ := m.open(t)
				m.disk.flip = sector*512 + f.at + 188
				if err := verb.change(l); err == nil || !strings.Contains(err.Error(), "does not read as it was written") {
					t.Errorf("%s: a flipped bit: %v", name, err)
				}
			}
		}
		m := newMachineOf(t, f)
		l, _ := m.open(t)
		for _, err := range []error{l.Try("C", 3), l.Try(slot.B, 0), l.Try(slot.B, 4), l.MarkGood("C"), l.MarkBad("")} {
			if err == nil {
				t.Error("what makes no sense is no error")
			}
		}
		if len(m.disk.writes) > 0 {
			t.Errorf("and has %d writes", len(m.disk.writes))
		}
	})
}

// What the loader left behind, or damage, and what PID 1 makes of it.
func TestTheStateIsMendedAtTheBoot(t *testing.T) {
	eachLoader(t, func(t *testing.T, f form) {
		good := slot.Delivered
		good.Seen = slot.A
		tried := good.WithLeft(slot.B, 3).WithFirst(slot.B).Next()
		counted := tried.WithLeft(slot.B, 2)
		for claim, c := range map[string]struct {
			one, two slot.State
			spoil    func(m *machine)
			want     string // said of both
			note     string
		}{
			"the same":                        {good, good, nil, "A: A g, B 0", ""},
			"a power cut between the copies":  {good, tried, nil, "B A: A g, B 3", ""},
			"the loader has counted in one":   {counted, tried, nil, "B A: A g, B 2", ""},
			"the first is torn":               {good, good, func(m *machine) { m.tear(state1, 30) }, "A: A g, B 0", "the first copy of the boot loader's state was damaged"},
			"the second is torn":              {tried, good, func(m *machine) { m.tear(state2, 30) }, "B A: A g, B 3", "the second copy"},
			"the first has lost a sector":     {tried, good, func(m *machine) { clear(m.disk.b[state1*512:][:512]) }, "A: A g, B 0", "the first copy"},
			"something lies behind the first": {good, tried, func(m *machine) { m.disk.b[state1*512+4095] ^= 1 }, "B A: A g, B 3", "what lies behind the boot loader's state"},
			"or behind the second":            {tried, counted, func(m *machine) { m.disk.b[state2*512+m.form.end()+40] ^= 1 }, "B A: A g, B 2", "what lies behind"},
			"both are torn":                   {tried, tried, func(m *machine) { m.tear(state1, 1); m.tear(state2, 1) }, "A B: A g, B 0", "slot A, which was booted, is the first one now"},
			"both are gone":                   {tried, tried, func(m *machine) { clear(m.disk.b[state1*512:][:8192]) }, "A B: A g, B 0", "slot A, which was booted"},
		} {
			m := newMachineOf(t, f)
			m.setState(t, c.one, c.two)
			if c.spoil != nil {
				c.spoil(m)
			}
			l, notes := m.open(t)
			for _, sector := range []int{state1, state2} {
				s, err := l.form.read(m.disk.b[sector*512:][:slot.CopySize])
				if err != nil || said(&s) != c.want || !l.form.asWritten(m.disk.b[sector*512:][:slot.CopySize]) {
					t.Errorf("%s: sector %d says %s, %v; want %s", claim, sector, said(&s), err, c.want)
				}
			}
			if (c.note == "") != (len(notes) == 0) || c.note != "" && !strings.Contains(notes[0], c.note) {
				t.Errorf("%s: notes %q, want %q", claim, notes, c.note)
			}
			if c.one.Equal(c.two) && c.spoil == nil && len(m.disk.writes) > 0 {
				t.Errorf("%s: %d writes", claim, len(m.disk.writes))
			}
			m.disk.writes = nil
			if _, notes := m.open(t); len(m.disk.writes) > 0 || len(notes) > 0 && !strings.HasPrefix(claim, "both") {
				t.Errorf("%s: the boot after it: %d writes, %q", claim, len(m.disk.writes), notes)
			}
		}
	})
}

func TestTheCanaryTellsWhetherTheLoaderSaves(t *testing.T) {
	eachLoader(t, func(t *testing.T, f form) {
		for claim, c := range map[string]struct {
			one, two string
			readOnly bool
			byHand   bool
			why      string
		}{
			"it has saved both":             {slot.A, slot.A, false, false, ""},
			"it has saved the first":        {slot.A, slot.Unseen, false, false, ""},
			"it has saved none":             {slot.Unseen, slot.Unseen, false, false, "the boot loader saves nothing on /dev/vda that the machine can read"},
			"a person picked the slot":      {slot.Unseen, slot.Unseen, false, true, ""},
			"one that knows not of it":      {"", "", false, false, ""},
			"the disk cannot be written to": {slot.A, slot.A, true, false, "/dev/vda is read-only"},
		} {
			m := newMachineOf(t, f)
			one, two := slot.Delivered, slot.Delivered
			one.Seen, two.Seen = c.one, c.two
			m.setState(t, one, two)
			m.options.Slots.ReadOnly, m.options.ByHand = c.readOnly, c.byHand
			l, notes := m.open(t)
			can := l.Capabilities()
			if !strings.HasPrefix(can.Why, c.why) || (c.why == "") != (can.Why == "") || can.Tries != (c.why == "") || can.KernelFallback != can.Tries ||
				(can.Slots == 1) == c.readOnly || can.SlotSize != slotSectors*512 {
				t.Errorf("%s: %+v", claim, can)
			}
			if told := strings.Join(notes, "\n"); !strings.Contains(told, c.why) || (c.why == "") != (told == "") {
				t.Errorf("%s: notes %q", claim, notes)
			}
			if c.readOnly && (len(m.disk.writes) > 0 || l.MarkBad(slot.A) == nil || l.Try(slot.B, 3) == nil) {
				t.Errorf("%s: it was written to", claim)
			}
		}
		m := newMachineOf(t, f)
		l, _ := m.open(t)
		if err := l.Try(slot.B, 3); err != nil {
			t.Fatal(err)
		}
		if s := loaderReads(m.form, m.disk.b); s.Seen != slot.Unseen {
			t.Errorf("a try is not asked whether the loader counts it: %q", s.Seen)
		}
		if by, notes := m.open(t); by.why != "" || len(notes) > 0 {
			t.Errorf("the last resort of a loader whose first slot is B: %s, %q", by.why, notes)
		}
	})
}

// The loader passes over a good slot only if it cannot start it; nothing else tells a person that it is damaged.
func TestAGoodSlotThatWasPassedOverIsTold(t *testing.T) {
	eachLoader(t, func(t *testing.T, f form) {
		seen := slot.Delivered
		seen.Seen = slot.A
		first := seen.WithFirst(slot.B)
		for claim, c := range map[string]struct {
			state  slot.State
			byHand bool
			told   bool
		}{
			"it is the first":              {seen, false, false},
			"the other one is":             {first.WithLeft(slot.B, slot.Good), false, true},
			"a person picked this one":     {first.WithLeft(slot.B, slot.Good), true, false},
			"the other one's are used up":  {first.WithLeft(slot.B, 0), false, false},
			"the other one is to be tried": {first.WithLeft(slot.B, 3), false, false}, // what is tried tells of itself
		} {
			m := newMachineOf(t, f)
			m.setState(t, c.state, c.state)
			m.options.ByHand = c.byHand
			_, notes := m.open(t)
			if told := strings.Contains(strings.Join(notes, "\n"), "boot slot B comes first and was not started"); told != c.told || !told && len(notes) > 0 {
				t.Errorf("%s: notes %q", claim, notes)
			}
		}
	})
}

func TestTheFormIsTheLoaders(t *testing.T) {
	m := newMachine(t)
	block, err := slot.Delivered.EncodeUBoot()
	if err != nil {
		t.Fatal(err)
	}
	for _, sector := range []int{state1, state2} {
		copy(m.disk.b[sector*512:], slot.UBootCopy(block))
	}
	m.options.Loader = ""
	l, _ := m.open(t)
	if err := l.MarkGood(slot.B); err != nil || l.Name() != "u-boot" {
		t.Errorf("%s: %v", l.Name(), err)
	}
	if s, err := slot.ParseUBoot(m.disk.b[state1*512:][:512]); err != nil || said(&s) != "B A: A g, B g" {
		t.Errorf("got %s, %v", said(&s), err)
	}
	clear(m.disk.b[state1*512 : state1*512+8192])
	for loader, want := range map[string]string{"": "it does not say of which kind it is", "lilo": `"lilo" is not known`} {
		m.options.Loader = loader
		fixed, notes := openOn(m.options, func(bool) (disk, error) { return m.disk, nil })
		if fixed.Name() != "fixed-image" || !strings.Contains(fixed.Capabilities().Why, want) || len(notes) != 1 {
			t.Errorf("%q: %s, %+v, %q", loader, fixed.Name(), fixed.Capabilities(), notes)
		}
	}
	m.options.Loader = "u-boot"
	if l, notes := m.open(t); l.Name() != "u-boot" || len(notes) != 1 {
		t.Errorf("got %s, %q", l.Name(), notes)
	}
}

func TestAMachineThatWasNotStartedFromASlotHasAFixedLoader(t *testing.T) {
	for claim, c := range map[string]struct {
		change func(o *Options)
		want   string
	}{
		"no slots":                    {func(o *Options) { o.Slots.Disk = "" }, ""},
		"the command line names none": {func(o *Options) { o.Booted = "" }, "was not started from one of them"},
		"or one that there is not":    {func(o *Options) { o.Booted = "C" }, "was not started from one of them"},
		"or one that was never made":  {func(o *Options) { o.Booted, o.Slots.B.Length = "B", 0 }, "was not started from one of them"},
		"one slot":                    {func(o *Options) { o.Slots.B.Length, o.Slots.Lack = 0, "no room" }, "no room"},
		"no area for the state":       {func(o *Options) { o.Slots.State[1].Length = 0 }, "state 2 has 0 bytes"},
	} {
		m := newMachine(t)
		c.change(&m.options)
		loader, _ := openOn(m.options, func(bool) (disk, error) { return m.disk, nil })
		if why := loader.Capabilities().Why; loader.Name() != "fixed-image" || !strings.Contains(why, c.want) || (c.want == "") != (why == "") {
			t.Errorf("%s: %s, %q", claim, loader.Name(), why)
		}
		if len(m.disk.writes) > 0 {
			t.Errorf("%s: %d writes", claim, len(m.disk.writes))
		}
	}
	m := newMachine(t)
	m.tear(state1, 88)
	m.options.Slots.B.Length, m.options.Slots.Lack = 0, "no room"
	if _, notes := openOn(m.options, func(bool) (disk, error) { return m.disk, nil }); len(notes) != 1 || loaderReads(m.form, m.disk.b) == nil {
		t.Errorf("a torn state of one slot: %q", notes)
	}
}

func TestSlotsAreToldAsTheyAre(t *testing.T) {
	m := newMachine(t)
	l, notes := m.open(t)
	if len(notes) > 0 {
		t.Errorf("notes: %q", notes)
	}
	a, b := switcher.Slot{Name: "A", Booted: true, Generation: m.booted.Generation.Digest(), Boot: m.booted.Generation.BootID(), Good: true, First: true},
		switcher.Slot{Name: "B", Fault: slot.ErrEmpty.Error()}
	want := func(claim string, wantA, wantB switcher.Slot) {
		t.Helper()
		m.disk.asked = 0
		list, err := l.Slots()
		if err != nil || len(list) != 2 || list[0] != wantA || list[1] != wantB {
			t.Errorf("%s: got %+v, %v", claim, list, err)
		}
		if m.disk.asked > 4 {
			t.Errorf("%s: %d reads", claim, m.disk.asked)
		}
	}
	want("at first", a, b)
	s := m.second()
	if err := errors.Join(l.Stage(background, slot.B, s), l.Try(slot.B, 2)); err != nil {
		t.Fatal(err)
	}
	b = switcher.Slot{Name: "B", Generation: s.Generation.Digest(), Boot: s.Generation.BootID(), Tries: 2, First: true}
	a.First = false
	want("with a kernel on trial", a, b)
	for at := range slot.KernelAt * 512 {
		m.disk.b[slotB*512+at] ^= 1
		list, err := l.Slots()
		// What is still a checksum is found to be a wrong one by the boot loader, which reads all.
		if err != nil || list[1].Fault == "" && at < slot.SumsAt {
			t.Fatalf("byte %d of the header: %+v, %v", at, list, err)
		}
		m.disk.b[slotB*512+at] ^= 1
	}
}

func TestWhatWasBootedIsComparedWithItsSlot(t *testing.T) {
	m := newMachine(t)
	m.options.Generation = switcher.DigestOf(nil)
	if _, notes := m.open(t); len(notes) != 1 || !strings.Contains(notes[0], "boot slot A says that it holds generation "+m.booted.Generation.Digest().Short()) {
		t.Errorf("another generation: %q", notes)
	}
	m = newMachine(t)
	m.disk.b[slotA*512+3] ^= 1
	if _, notes := m.open(t); len(notes) != 1 || !strings.Contains(notes[0], "boot slot A: the machine was started from it, and now: slot header") {
		t.Errorf("a damaged header: %q", notes)
	}
}
