package switcher

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func (d *slotDevice) request(t *testing.T, r Request) Result {
	t.Helper()
	return d.s.Switch(t.Context(), r, nil)
}

func TestAnotherKernelIsTriedFromTheOtherSlotAndIsTheDefaultOnceProven(t *testing.T) {
	d := startedSlots(t)
	r := d.request(t, Request{Verb: VerbBoot, Generation: 2})
	wantExit(t, r, ExitGood)
	if want := "the next boot tries generation 2, from boot slot B"; !strings.Contains(r.Text(), want) {
		t.Error(r.Text())
	}
	d.wantRuns(t, "1 from A")
	if have := d.medium.String(); !strings.HasPrefix(have, "[B A] map[A:-1 B:3]") {
		t.Error(have)
	}
	d.mustStart(t)
	d.wantRuns(t, "2 from B")
	if have := d.medium.String(); !strings.HasPrefix(have, "[B A] map[A:-1 B:-1]") || d.boots != 1 {
		t.Error(have)
	}
	wantStatus(t, d.s, 2, 2)
	if g := d.s.Generations(); g[0].Image || g[0].Slot != "A" || !g[0].OtherKernel || !g[1].Image || g[1].Slot != "B" || g[1].OtherKernel {
		t.Errorf("%+v", g)
	}

	// It is changed on the device, and then everything goes back over the kernel.
	wantExit(t, d.request(t, Request{Verb: VerbSwitch, Text: []byte(dbText)}), ExitGood)
	d.wantRuns(t, "3 from B")
	r = d.request(t, Request{Verb: VerbRollback, Generation: 1})
	wantExit(t, r, ExitRefused)
	for _, want := range []string{"`bantam rollback 1 --reboot`", DigestOf([]byte("kernel")).Short(), DigestOf([]byte("kernel 2")).Short()} {
		if !strings.Contains(r.Reason, want) {
			t.Errorf("%q is not in %q", want, r.Reason)
		}
	}
	r = d.request(t, Request{Verb: VerbRollback, Generation: 1, Reboot: true})
	wantExit(t, r, ExitGood)
	if !r.Reboot || !strings.Contains(r.Text(), "from boot slot A") {
		t.Error(r.Text())
	}
	d.mustStart(t)
	d.wantRuns(t, "1 from A")
	wantStatus(t, d.s, 1, 1)
	wantExit(t, d.request(t, Request{Verb: VerbRollback, Reboot: true}), ExitGood)
	d.mustStart(t)
	d.wantRuns(t, "3 from B")
}

func TestASwitchToAnotherKernelIsRefusedWithTheCommandThatDoesIt(t *testing.T) {
	d := startedSlots(t)
	for verb, command := range map[string]string{VerbSwitch: "`bantam switch 2 --reboot`", VerbTest: "`bantam boot 2`", VerbRollback: "`bantam rollback 2 --reboot`"} {
		r := d.request(t, Request{Verb: verb, Generation: 2})
		wantExit(t, r, ExitRefused)
		for _, want := range []string{command, DigestOf([]byte("kernel")).Short(), DigestOf([]byte("kernel 2")).Short(), "6.2.0-amd64"} {
			if !strings.Contains(r.Reason, want) {
				t.Errorf("%s: %q is not in %q", verb, want, r.Reason)
			}
		}
	}
	p, err := d.s.Plan(Request{Verb: VerbSwitch, Generation: 2})
	if err != nil || len(p.Problems) != 1 {
		t.Fatalf("%v %+v", err, p)
	}
	for _, want := range []string{"stage kernel 6.2.0-amd64 into boot slot B  it needs kernel 6.2.0-amd64", "have boot slot B tried, 3 boots"} {
		if !strings.Contains(p.Plan.String(), want) {
			t.Errorf("%q is not in\n%s", want, p.Plan)
		}
	}
}

func TestWhatNeverComesToItsProofIsLeftAfterItsTries(t *testing.T) {
	for name, c := range map[string]struct {
		begin  func(*slotDevice)
		reason string
		state  State
	}{
		"a kernel that panics": {func(d *slotDevice) { d.dead[withKernel(2, "").BootID()] = true }, "not once came as far as its proof in 3 boots", StateBad},
		"a flipped bit": {func(d *slotDevice) {
			s := d.medium.slots["B"]
			s.damaged = true
			d.medium.slots["B"] = s
		}, "did not start boot slot B: what it holds is damaged", StateInterrupted},
		"a header that is gone":           {func(d *slotDevice) { d.medium.slots["B"] = fakeSlot{} }, "boot slot B: it holds nothing", StateInterrupted},
		"a boot loader that was not told": {func(d *slotDevice) { d.medium.order = []string{"A", "B"} }, "before the boot loader was told", StateInterrupted},
		"a failed proof":                  {func(d *slotDevice) { d.m.broken["web"] = exited(3) }, "service web: exit status 3", StateBad},
	} {
		t.Run(name, func(t *testing.T) {
			d := startedSlots(t)
			wantExit(t, d.request(t, Request{Verb: VerbSwitch, Generation: 2, Reboot: true}), ExitGood)
			c.begin(d)
			d.mustStart(t)
			d.wantRuns(t, "1 from A")
			wantStatus(t, d.s, 1, 1)
			e := d.s.Generations()[1]
			if e.State != c.state || !strings.Contains(e.Reason, c.reason) {
				t.Errorf("%s: %s", e.State, e.Reason)
			}
			if notes := strings.Join(d.s.Notes(), "\n"); !strings.Contains(notes, "generation 2 was tried at a boot") || !strings.Contains(notes, c.reason) {
				t.Errorf("%q", notes)
			}
			if d.medium.order[0] != "A" || d.medium.left["A"] != alwaysGood {
				t.Error(d.medium)
			}
			before := d.medium.String()
			d.mustStart(t)
			d.wantRuns(t, "1 from A")
			if d.boots != 1 || d.medium.String() != before {
				t.Errorf("%d boots, %v", d.boots, d.medium)
			}
		})
	}
}

func TestADefaultWhoseSlotDoesNotStartIsPassedOverAndSaysWhy(t *testing.T) {
	d := startedSlots(t)
	wantExit(t, d.request(t, Request{Verb: VerbBoot, Generation: 2}), ExitGood)
	d.mustStart(t)
	d.wantRuns(t, "2 from B")
	s := d.medium.slots["B"]
	s.damaged = true
	d.medium.slots["B"] = s
	for range 2 {
		d.mustStart(t)
		d.wantRuns(t, "1 from A")
		if notes := strings.Join(d.s.Notes(), "\n"); !strings.Contains(notes, "generation 2 is passed over: boot slot B, which holds its kernel, did not start; `bantam boot 2` has it tried again") {
			t.Errorf("%q", notes)
		}
	}
	wantStatus(t, d.s, 1, 2)
	if d.medium.order[0] != "A" {
		t.Error(d.medium)
	}
	// Tried again it is written anew, and trusted.
	wantExit(t, d.request(t, Request{Verb: VerbBoot, Generation: 2}), ExitGood)
	d.medium.slots["B"] = fakeSlot{d.medium.slots["B"].generation, d.medium.slots["B"].text, true, false}
	d.mustStart(t)
	d.wantRuns(t, "2 from B")
	if notes := d.s.Notes(); len(notes) > 0 {
		t.Errorf("%q", notes)
	}
}

func TestAThirdKernelKeepsWhatItOverwritesOrSaysWhatIsLost(t *testing.T) {
	d := startedSlots(t)
	wantExit(t, d.request(t, Request{Verb: VerbBoot, Generation: 2}), ExitGood)
	d.mustStart(t)
	d.wantRuns(t, "2 from B")
	if n := d.imports(t, withKernel(3, dbText), dbText); n != 3 {
		t.Fatal(n)
	}
	p, err := d.s.Plan(Request{Verb: VerbBoot, Generation: 3})
	if err != nil || len(p.Problems) > 0 || !strings.Contains(p.Plan.String(), "keep what boot slot A holds in the store") ||
		!strings.Contains(p.Plan.String(), "generation 1 would have no kernel otherwise") {
		t.Fatalf("%v %q\n%s", err, p.Problems, p.Plan)
	}
	need, err := d.s.roomFor()
	if err != nil {
		t.Fatal(err)
	}
	d.disk.free = need + 100
	p, _ = d.s.Plan(Request{Verb: VerbBoot, Generation: 3})
	if len(p.Problems) > 0 || !strings.Contains(p.Plan.String(), "generation 1 cannot be started any more afterwards: the kernel is in boot slot A alone") {
		t.Fatalf("%q\n%s", p.Problems, p.Plan)
	}
	d.disk.free = 1 << 30
	wantExit(t, d.request(t, Request{Verb: VerbBoot, Generation: 3}), ExitGood)
	d.mustStart(t)
	d.wantRuns(t, "3 from A")
	for _, n := range []int{1, 2} {
		wantExit(t, d.request(t, Request{Verb: VerbRollback, Generation: n, Reboot: true}), ExitGood)
		d.mustStart(t)
		if d.s.Status().Running != n {
			t.Fatal(d.runs())
		}
	}
}

func TestWhatDoesNotFitIsRefusedBeforeAnythingIsWritten(t *testing.T) {
	for name, c := range map[string]struct {
		begin func(*testing.T, *slotDevice)
		why   string
	}{
		"a slot that is too small by one byte": {func(_ *testing.T, d *slotDevice) { d.loader.size = int64(len("kernel 2modules 2init 2"+webText)) - 1 }, "boot slots are too small by 1 bytes"},
		"a kernel that is not there": {func(t *testing.T, d *slotDevice) {
			if err := d.disk.Remove(d.s.store.BlobPath(DigestOf([]byte("kernel 2")))); err != nil {
				t.Fatal(err)
			}
		}, "its kernel 6.2.0-amd64 (" + DigestOf([]byte("kernel 2")).Short() + ") is neither in the store nor in a boot slot"},
		"a boot loader that does not count": {func(_ *testing.T, d *slotDevice) { d.loader.can.Tries, d.loader.can.Why = false, "it cannot save" }, "does not count tries here (it cannot save)"},
		"no second slot":                    {func(_ *testing.T, d *slotDevice) { d.loader.can = LoaderCapabilities{Why: "the disk is too small"} }, "no boot slots, it starts the kernel of the image it was given: the disk is too small"},
	} {
		t.Run(name, func(t *testing.T) {
			d := startedSlots(t)
			c.begin(t, d)
			before := d.medium.String()
			r := d.request(t, Request{Verb: VerbBoot, Generation: 2})
			wantExit(t, r, ExitRefused)
			if !strings.Contains(r.Reason, c.why) || d.medium.String() != before {
				t.Errorf("%q, %v", r.Reason, d.medium)
			}
		})
	}
}

func TestASlotThatCannotBeWrittenIsNamedOnce(t *testing.T) {
	d := startedSlots(t)
	d.loader.fault = func(op string) error {
		if op == "write B" {
			return errFull
		}
		return nil
	}
	r := d.request(t, Request{Verb: VerbBoot, Generation: 2})
	wantExit(t, r, ExitRefused)
	if want := "boot slot B: " + errFull.Error() + "; nothing that could be started is in it now"; r.Reason != want {
		t.Errorf("%s, want %s", r.Reason, want)
	}
	d.mustStart(t)
	d.wantRuns(t, "1 from A")
}

func TestAnotherChoiceTakesATrialOfTheOtherSlotBack(t *testing.T) {
	for name, r := range map[string]Request{
		"a switch":              {Verb: VerbSwitch, Text: []byte(dbText)},
		"a boot of this kernel": {Verb: VerbBoot, Text: []byte(dbText)},
		"a boot of what runs":   {Verb: VerbBoot, Generation: 1},
	} {
		t.Run(name, func(t *testing.T) {
			d := startedSlots(t)
			wantExit(t, d.request(t, Request{Verb: VerbBoot, Generation: 2}), ExitGood)
			wantExit(t, d.request(t, r), ExitGood)
			d.mustStart(t)
			if d.loader.booted != "A" || d.boots != 1 {
				t.Errorf("%s after %d boots", d.runs(), d.boots)
			}
		})
	}
}

// Both kernels have the fault: the machine falls back once and stays there.
func TestACauseThatBothSlotsShareLeadsToOneFallback(t *testing.T) {
	d := startedSlots(t)
	wantExit(t, d.request(t, Request{Verb: VerbBoot, Generation: 2}), ExitGood)
	d.mustStart(t)
	d.wantRuns(t, "2 from B")
	var slots []string
	for range 12 { // each boot is too short
		d.mustStart(t)
		slots = append(slots, d.loader.booted)
	}
	swings := 0
	for i := range slots[1:] {
		if slots[i] != slots[i+1] {
			swings++
		}
	}
	if swings > 1 {
		t.Errorf("%q", slots)
	}
}

// Of the kernel that is left all get their boots, at last what its slot carries, and then what ran before the default again;
// once it stays up, everything is trusted.
func TestACrashLoopOfBothKernelsEndsInTheOtherSlot(t *testing.T) {
	d := startedSlots(t)
	wantExit(t, d.request(t, Request{Verb: VerbSwitch, Text: []byte(dbText)}), ExitGood)
	wantExit(t, d.request(t, Request{Verb: VerbBoot, Generation: 2}), ExitGood)
	for i, want := range slices.Concat(slices.Repeat([]string{"2 from B"}, mostShort), slices.Repeat([]string{"3 from A"}, mostShort),
		slices.Repeat([]string{"1 from A"}, mostShort), slices.Repeat([]string{"3 from A"}, 2*mostShort)) {
		d.mustStart(t)
		if d.wantRuns(t, want); i%mostShort == 0 && d.medium.left[d.loader.booted] != alwaysGood {
			t.Errorf("boot %d: %v", i, d.medium)
		}
	}
	if err := d.s.StayedUp(); err != nil {
		t.Fatal(err)
	}
	d.mustStart(t)
	d.wantRuns(t, "2 from B")
}

func TestBothSlotsBadRunsWhatStillLoadsAndSaysSo(t *testing.T) {
	d := startedSlots(t)
	wantExit(t, d.request(t, Request{Verb: VerbBoot, Generation: 2}), ExitGood)
	a := d.medium.slots["A"]
	a.damaged = true
	d.medium.slots["A"] = a
	d.m.broken["web"] = exited(3)
	d.mustStart(t)
	d.wantRuns(t, "2 from B")
	if notes := strings.Join(d.s.Notes(), "\n"); !strings.Contains(notes, "generation 1 is passed over: boot slot A, which holds its kernel, did not start") {
		t.Errorf("%q", notes)
	}
	boots := d.boots
	d.mustStart(t)
	d.wantRuns(t, "2 from B")
	if d.boots != 1 {
		t.Errorf("%d boots, then %d", boots, d.boots)
	}
}

func TestAKernelThatAPersonChoosesForOneBootLeavesNoTrace(t *testing.T) {
	for name, dies := range map[string]bool{"and it starts": false, "and it does not": true} {
		t.Run(name, func(t *testing.T) {
			d := startedSlots(t)
			d.dead[withKernel(2, "").BootID()] = dies
			d.offer = func(Offer) int { return 2 }
			d.mustStart(t)
			if d.boots != 2 {
				t.Errorf("%d boots", d.boots)
			}
			want := "2 from B"
			if dies {
				want = "1 from A"
				if notes := strings.Join(d.s.Notes(), "\n"); !strings.Contains(notes, "generation 2, which a person chose for one boot, was not started") {
					t.Errorf("%q", notes)
				}
			}
			d.wantRuns(t, want)
			if g := d.s.Generations()[1]; g.State != StateUntried || d.s.Status().Default != 1 || d.s.Status().Next != 1 {
				t.Errorf("%+v", g)
			}
			d.mustStart(t)
			d.wantRuns(t, "1 from A")
			if d.boots != 1 || d.medium.left["A"] != alwaysGood {
				t.Errorf("%d boots, %v", d.boots, d.medium)
			}
		})
	}
}

// The boot goes on with what it would have started, and the next one knows nothing of it.
func TestAKernelForOneBootThatTheLoaderCannotBeToldOfTakesNoTrialAway(t *testing.T) {
	d := startedSlots(t)
	wantExit(t, d.request(t, Request{Verb: VerbBoot, Text: []byte(dbText)}), ExitGood)
	d.offer, d.fault = func(Offer) int { return 2 }, func(op string) error {
		if strings.HasPrefix(op, "try") {
			return errFull
		}
		return nil
	}
	d.mustStart(t)
	d.wantRuns(t, "3 from A")
	wantStatus(t, d.s, 3, 3)
	d.mustStart(t)
	d.wantRuns(t, "3 from A")
	if notes := d.s.Notes(); len(notes) > 0 {
		t.Errorf("%q", notes)
	}
}

func TestAKernelForOneBootTakesNothingAway(t *testing.T) {
	for name, c := range map[string]struct {
		begin func(*slotDevice)
		why   string
		after string
	}{
		"the default's slot": {func(d *slotDevice) { d.hand = "A" }, "boot slot B holds the kernel of the default", "2 from B"},
		"a kernel that cannot be kept": {func(d *slotDevice) {
			wantExit(t, d.request(t, Request{Verb: VerbRollback, Reboot: true}), ExitGood)
			d.mustStart(t)
			need, err := d.s.roomFor()
			if err = errors.Join(err, d.disk.Remove(d.s.store.BlobPath(DigestOf([]byte("kernel 2"))))); err != nil {
				t.Fatal(err)
			}
			d.disk.free = need
		}, "generation 2 cannot be started any more afterwards", "1 from A"},
	} {
		t.Run(name, func(t *testing.T) {
			d := startedSlots(t)
			wantExit(t, d.request(t, Request{Verb: VerbBoot, Generation: 2}), ExitGood)
			d.mustStart(t)
			d.wantRuns(t, "2 from B")
			d.imports(t, withKernel(3, dbText), dbText)
			c.begin(d)
			d.offer = func(Offer) int { return 3 }
			d.mustStart(t)
			d.wantRuns(t, "1 from A")
			if !slices.ContainsFunc(d.results[0].Events, func(e Event) bool { return e.Kind == EventFail && strings.Contains(e.Text, c.why) }) {
				t.Errorf("%+v", d.results[0].Events)
			}
			d.mustStart(t)
			d.wantRuns(t, c.after)
			if held := d.medium.slots["B"].generation.BootID(); held != withKernel(2, "").BootID() {
				t.Error("slot B holds something else")
			}
		})
	}
}

func TestASlotThatAPersonStartsByHandSaysNothingOfTheOther(t *testing.T) {
	d := startedSlots(t)
	wantExit(t, d.request(t, Request{Verb: VerbBoot, Generation: 2}), ExitGood)
	d.mustStart(t)
	d.wantRuns(t, "2 from B")
	d.hand = "A"
	d.mustStart(t)
	d.wantRuns(t, "1 from A")
	if d.boots != 1 || d.medium.order[0] != "B" || d.s.Status().Next != 2 {
		t.Errorf("%d boots, %v, %+v", d.boots, d.medium, d.s.Status())
	}
	d.mustStart(t)
	d.wantRuns(t, "2 from B")
	if notes := d.s.Notes(); len(notes) > 0 {
		t.Errorf("%q", notes)
	}
}

func TestWhatIsToBeTriedIsTriedAlsoInASlotThatWasStartedByHand(t *testing.T) {
	for name, c := range map[string]struct {
		left  int // tries of that slot
		fails bool
		want  string
	}{
		"with success":                   {alwaysGood, false, "3 from A"},
		"with success, the slot counted": {1, false, "3 from A"},
		"in vain":                        {alwaysGood, true, "2 from B"},
		"in vain, the slot counted":      {1, true, "2 from B"},
	} {
		t.Run(name, func(t *testing.T) {
			d := startedSlots(t)
			wantExit(t, d.request(t, Request{Verb: VerbBoot, Generation: 2}), ExitGood)
			d.mustStart(t)
			d.wantRuns(t, "2 from B")
			d.hand, d.medium.left["A"] = "A", c.left
			d.mustStart(t)
			d.wantRuns(t, "1 from A")
			wantExit(t, d.request(t, Request{Verb: VerbBoot, Text: []byte("hostname = \"new\"\n" + webText[len("hostname = \"web\"\n"):])}), ExitGood)
			if c.fails {
				d.m.broken["web"] = exited(3)
			}
			d.mustStart(t)
			if c.fails {
				if e := d.s.recordNow().Entries[2]; e.State != StateBad {
					t.Errorf("%+v", e)
				}
			}
			d.wantRuns(t, c.want)
			d.mustStart(t)
			d.wantRuns(t, c.want)
			if d.boots != 1 || d.medium.left[d.loader.booted] != alwaysGood {
				t.Errorf("%d boots, %v", d.boots, d.medium)
			}
		})
	}
}

func TestAKernelWithOtherWordsForItIsStagedAnew(t *testing.T) {
	d := startedSlots(t)
	wantExit(t, d.request(t, Request{Verb: VerbBoot, Generation: 2}), ExitGood)
	for words, want := range map[string]bool{"": false, "quiet": true} {
		g := withKernel(2, dbText)
		g.Kernel.Annotations[CmdlineAnnotation] = words
		p, err := d.s.planSlot(target{generation: g, text: []byte(dbText)})
		if err != nil || p.stage != want {
			t.Errorf("%q: staged %v, %v", words, p.stage, err)
		}
	}
}

// What was edited on the machine goes on with another kernel, and with what runs nothing changes.
func TestAnotherKernelRunsWithTheSettingsThatRun(t *testing.T) {
	d := startedSlots(t)
	wantExit(t, d.request(t, Request{Verb: VerbSwitch, Text: []byte(dbText)}), ExitGood)
	wantExit(t, d.request(t, Request{Verb: VerbSwitch, Generation: 2, Settings: true, Reboot: true}), ExitGood)
	d.mustStart(t)
	if have := d.machine(); have != "kernel 2, db" {
		t.Fatalf("runs %s\n%+v", have, d.results)
	}
	record := d.s.recordNow()
	if e := record.entry(record.Default); e.State != StateGood || e.Number == 2 || record.entry(2).State != StateUntried {
		t.Errorf("the default is %+v, what came is %+v", e, record.entry(2))
	}
	wantExit(t, d.request(t, Request{Verb: VerbRollback, Reboot: true}), ExitGood)
	d.mustStart(t)
	if have := d.machine(); have != "kernel 1, db" {
		t.Errorf("runs %s", have)
	}

	unknown := []byte("a_key_of_tomorrow = 1\n")
	g := withKernel(3, string(unknown))
	number := d.imports(t, g, string(unknown))
	r := d.request(t, Request{Verb: VerbSwitch, Generation: number, Settings: true, Reboot: true})
	if wantExit(t, r, ExitRefused); !strings.Contains(r.Text(), "is for the Bantam that comes with it") {
		t.Error(r.Text())
	}
}
