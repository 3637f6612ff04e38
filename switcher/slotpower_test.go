package switcher

import (
	"fmt"
	"slices"
	"testing"

	"bantam/atomicfile"
)

// slotScenario is something with two boot slots during which the power may go at any write to disk or slots.
type slotScenario struct {
	name    string
	prepare func(t *testing.T, d *slotDevice) // after startedSlots
	act     func(t *testing.T, d *slotDevice)
	may     []string // what may run afterwards, wherever the power went: kernel and settings
	final   string   // what runs if it did not go

	check func(*testing.T, *slotDevice) // of what was left, once nothing changes any more
}

const (
	oldMachine   = "kernel 1, image"
	newMachine   = "kernel 2, web"
	thirdMachine = "kernel 3, db"
)

// machine names kernel and settings of what runs.
func (d *slotDevice) machine() string {
	kernel, settings := "no kernel", "other settings"
	for n := range 4 {
		if n > 0 && withKernel(n, "").BootID() == d.s.current.generation.BootID() {
			kernel = fmt.Sprint("kernel ", n)
		}
	}
	for name, text := range map[string]string{"image": imageText, "web": webText, "db": dbText} {
		if d.m.text == text {
			settings = name
		}
	}
	return kernel + ", " + settings
}

func asking(r Request) func(*testing.T, *slotDevice) {
	return func(t *testing.T, d *slotDevice) {
		t.Helper()
		wantExit(t, d.request(t, r), ExitGood)
	}
}

func starting(t *testing.T, d *slotDevice) {
	t.Helper()
	d.mustStart(t)
}

// all does one after the other.
func all(steps ...func(*testing.T, *slotDevice)) func(*testing.T, *slotDevice) {
	return func(t *testing.T, d *slotDevice) {
		t.Helper()
		for _, step := range steps {
			step(t, d)
		}
	}
}

// keeping puts on the state volume what is the machine's own.
func keeping(t *testing.T, d *slotDevice) {
	for _, name := range []string{"host-key", "kept"} {
		if err := atomicfile.WriteOn(d.disk, "/state/"+name, []byte("secret"), private); err != nil {
			t.Fatal(err)
		}
	}
}

func (d *slotDevice) has(name string) bool {
	_, err := d.disk.Size("/state/" + name)
	return err == nil
}

// untouched wants nothing of it gone, and no order left.
func untouched(t *testing.T, d *slotDevice) {
	if !d.has("host-key") || !d.has("kept") || d.has(wipeName) {
		t.Fatalf("%s runs: host-key %v, kept %v, order %v", d.machine(), d.has("host-key"), d.has("kept"), d.has(wipeName))
	}
}

func breaking(t *testing.T, d *slotDevice) { d.m.broken["web"] = exited(3) }
func killing(t *testing.T, d *slotDevice)  { d.dead[withKernel(2, "").BootID()] = true }

func damaging(slot string) func(*testing.T, *slotDevice) {
	return func(_ *testing.T, d *slotDevice) {
		s := d.medium.slots[slot]
		s.damaged = true
		d.medium.slots[slot] = s
	}
}

var (
	toTheOther     = Request{Verb: VerbBoot, Generation: 2}
	toTheOtherAnew = Request{Verb: VerbBoot, Generation: 2, Wipe: true, Keep: []string{"kept"}}
)

var slotScenarios = []slotScenario{
	{"another kernel that proves itself", nil, all(asking(toTheOther), starting), []string{oldMachine, newMachine}, newMachine, nil},
	{"another kernel that fails its proof", breaking, all(asking(toTheOther), starting), []string{oldMachine}, oldMachine, nil},
	{"another kernel that panics", killing, all(asking(toTheOther), starting), []string{oldMachine}, oldMachine, nil},
	{"another kernel whose slot is damaged", nil, all(asking(toTheOther), damaging("B"), starting), []string{oldMachine, newMachine}, oldMachine, nil},
	{"the way back over the kernel", all(asking(toTheOther), starting), all(asking(Request{Verb: VerbRollback, Reboot: true}), starting),
		[]string{oldMachine, newMachine}, oldMachine, nil},
	{"a third kernel", all(asking(toTheOther), starting, func(t *testing.T, d *slotDevice) { d.imports(t, withKernel(3, dbText), dbText) }),
		all(asking(Request{Verb: VerbBoot, Generation: 3}), starting), []string{newMachine, thirdMachine}, thirdMachine, nil},
	{"a switch while another kernel is to be tried", asking(toTheOther), all(asking(Request{Verb: VerbSwitch, Text: []byte(dbText)}), starting),
		[]string{oldMachine, newMachine, "kernel 1, db"}, "kernel 1, db", nil},
	{"a default whose slot does not start any more", all(asking(toTheOther), starting, damaging("B")), starting, []string{oldMachine}, oldMachine, nil},
	{"a default whose boots are short", all(asking(toTheOther), starting, func(t *testing.T, d *slotDevice) {
		for range mostShort {
			if err := d.s.bootCount.add(withKernel(2, webText).Digest()); err != nil {
				t.Fatal(err)
			}
		}
	}), starting, []string{oldMachine, newMachine}, oldMachine, nil},
	{"a kernel for one boot", nil, func(t *testing.T, d *slotDevice) {
		d.offer = func(Offer) int { return 2 }
		d.mustStart(t)
		d.mustStart(t)
	}, []string{oldMachine, newMachine}, oldMachine, nil},
	{"another kernel that begins with nothing", keeping, all(asking(toTheOtherAnew), starting), []string{oldMachine, newMachine}, newMachine,
		func(t *testing.T, d *slotDevice) {
			if d.machine() == newMachine && d.has("host-key") || d.machine() == oldMachine && !d.has("host-key") || !d.has("kept") || d.has(wipeName) {
				t.Fatalf("%s runs: host-key %v, kept %v, order %v", d.machine(), d.has("host-key"), d.has("kept"), d.has(wipeName))
			}
		}},
	{"another kernel that should begin with nothing and panics", all(keeping, killing), all(asking(toTheOtherAnew), starting), []string{oldMachine}, oldMachine, untouched},
	{"another kernel that should begin with nothing and whose slot is damaged", keeping, all(asking(toTheOtherAnew), damaging("B"), starting), []string{oldMachine, newMachine}, oldMachine, nil},
	{"one that begins with nothing and fails its proof", all(keeping, breaking), all(asking(toTheOtherAnew), starting), []string{oldMachine}, oldMachine, nil},
	{"another kernel with the settings that run", nil, all(asking(Request{Verb: VerbSwitch, Text: []byte(dbText)}), asking(Request{Verb: VerbBoot, Generation: 2, Settings: true}), starting),
		[]string{oldMachine, "kernel 1, db", "kernel 2, db"}, "kernel 2, db", nil},
	{"a wipe that is not wanted after all", all(keeping, asking(toTheOtherAnew)), all(asking(toTheOther), starting), []string{oldMachine, newMachine}, newMachine, nil},
	{"a kernel for one boot that panics", killing, func(t *testing.T, d *slotDevice) {
		d.offer = func(Offer) int { return 2 }
		d.mustStart(t)
	}, []string{oldMachine}, oldMachine, nil},
}

func TestPowerCutAtEveryWriteToDiskAndSlotsLeavesOldOrNew(t *testing.T) {
	for _, c := range slotScenarios {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := startedSlots(t)
			if c.prepare != nil {
				c.prepare(t, d)
			}
			seen := map[string]bool{}
			cuts, states := 0, 0
			d.after = func(op string) {
				cuts++
				d.disk.leftovers(func(tree map[string][]byte) {
					key := treeKey(tree) + d.medium.String()
					if seen[key] {
						return
					}
					seen[key] = true
					if states++; testing.Short() && states%23 != 0 {
						return
					}
					left := &slotDevice{disk: diskOf(tree), medium: d.medium.clone(), m: newFakeMachine(), dead: d.dead, check: c.check}
					left.m.broken = d.m.broken
					left.checkAfterCut(t, op, c.may)
				})
			}
			d.disk.after, d.loader.after = d.after, d.after
			c.act(t, d)
			d.after, d.disk.after, d.loader.after = nil, nil, nil
			if have := d.machine(); have != c.final {
				t.Fatalf("runs %s, want %s\n%+v", have, c.final, d.results)
			}
			d.check = c.check
			d.checkAfterCut(t, "the end", []string{c.final})
			t.Logf("%d writes, %d different states", cuts, states)
		})
	}
}

// checkAfterCut starts what a cut of the power left until nothing changes any more.
func (d *slotDevice) checkAfterCut(t *testing.T, op string, may []string) {
	t.Helper()
	begun := d.medium.String()
	var runs []string
	for range 4 {
		if err := d.start(); err != nil {
			t.Fatalf("cut at %q (%s): %v", op, begun, err)
		}
		if d.s.current.generation.BootID() != d.medium.slots[d.loader.booted].generation.BootID() {
			t.Fatalf("cut at %q (%s): %s has another kernel", op, begun, d.runs())
		}
		runs = append(runs, d.machine())
		if !slices.Contains(may, d.machine()) {
			t.Fatalf("cut at %q (%s): runs %q, not one of %q\n%+v", op, begun, runs, may, d.results)
		}
		record := d.s.recordNow()
		if e := record.entry(record.Default); e == nil || e.State != StateGood {
			t.Fatalf("cut at %q (%s): the default is %+v", op, begun, e)
		}
		if err := d.s.EndsInOrder(); err != nil {
			t.Fatal(err)
		}
	}
	if d.check != nil {
		d.check(t, d)
	}
	if d.boots != 1 || runs[2] != runs[3] {
		t.Fatalf("cut at %q (%s): runs %q, still with %d boots; %v\n%+v", op, begun, runs, d.boots, d.medium, d.results)
	}
	third := "hostname = \"third\"\n"
	if r := d.s.Switch(t.Context(), Request{Verb: VerbSwitch, Text: []byte(third)}, nil); r.Exit != ExitGood {
		t.Fatalf("cut at %q (%s): then a switch: %s", op, begun, r.Text())
	}
	if err := d.start(); err != nil || d.m.text != third || d.boots != 1 {
		t.Fatalf("cut at %q (%s): then runs %q, %v", op, begun, d.m.text, err)
	}
}
