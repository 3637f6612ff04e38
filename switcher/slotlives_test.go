package switcher

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// A life of a machine with two boot slots and three kernels, one of which may never come as far as PID 1: imports, boots,
// switches, ways back, a slot that a person starts, damage to what does not run, a lost state of the boot loader, and a cut of the power at any write. It
// always starts something, what its owner chose unless it says why not, and comes to rest.
func TestWhateverBefallsAMachineWithSlotsItStartsAndComesToRest(t *testing.T) {
	for seed := range seeds(40) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			(&slotLife{slotDevice: startedSlots(t), rng: rand.New(rand.NewPCG(seed, 11))}).live(t)
		})
	}
}

type slotLife struct {
	*slotDevice
	rng     *rand.Rand
	history []string
}

func (l *slotLife) live(t *testing.T) {
	if l.rng.IntN(2) == 0 {
		l.dead[withKernel(3, "").BootID()] = true
	}
	for range 40 {
		l.befall(t)
		l.comeToRest(t)
		l.history[len(l.history)-1] += " -> " + l.runs()
	}
	t.Logf("%q", l.history)
}

// befall does one thing, and in a third of all cases the power goes at one of its writes.
func (l *slotLife) befall(t *testing.T) {
	t.Helper()
	type moment struct {
		tree   map[string][]byte
		medium fakeMedium
	}
	var moments []moment
	if l.rng.IntN(3) == 0 {
		l.after = func(string) {
			var trees []map[string][]byte
			l.disk.leftovers(func(tree map[string][]byte) { trees = append(trees, tree) })
			moments = append(moments, moment{trees[l.rng.IntN(len(trees))], l.medium.clone()})
		}
		l.disk.after, l.loader.after = l.after, l.after
	}
	what := l.act(t)
	l.after, l.disk.after, l.loader.after = nil, nil, nil
	if len(moments) > 0 {
		cut := moments[l.rng.IntN(len(moments))]
		l.disk, l.medium = diskOf(cut.tree), cut.medium
		what += ", cut"
	}
	l.history = append(l.history, what)
}

func (l *slotLife) act(t *testing.T) string {
	t.Helper()
	texts := []string{imageText, webText, dbText}
	all := l.s.Generations()
	some := all[l.rng.IntN(len(all))].Number
	ask := func(r Request) string {
		result := l.s.Switch(t.Context(), r, nil)
		return fmt.Sprintf("%s %d %q reboot %v: %d", r.Verb, r.Generation, r.Text, r.Reboot, result.Exit)
	}
	switch n := l.rng.IntN(15); {
	case n < 2:
		kernel, text := 1+l.rng.IntN(3), texts[l.rng.IntN(3)]
		l.imports(t, withKernel(kernel, text), text)
		return fmt.Sprint("import kernel ", kernel)
	case n < 5:
		return ask(Request{Verb: VerbBoot, Generation: some})
	case n < 7:
		return ask(Request{Verb: VerbSwitch, Text: []byte(texts[l.rng.IntN(3)])})
	case n < 9:
		return ask(Request{Verb: VerbRollback, Reboot: l.rng.IntN(2) == 0})
	case n == 9:
		l.m.broken["web"] = exited(l.rng.IntN(2)) // 0: it works
		if l.m.broken["web"] == exited(0) {
			delete(l.m.broken, "web")
		}
		return fmt.Sprint("broken ", l.m.broken)
	case n == 10:
		other := l.loader.other(l.loader.booted)
		slot := l.medium.slots[other]
		if slot.damaged = true; l.rng.IntN(2) == 0 {
			slot = fakeSlot{}
		}
		l.medium.slots[other] = slot
		return "damage to slot " + other
	case n == 11:
		l.medium.order, l.medium.left = []string{"A", "B"}, map[string]int{"A": 1, "B": 1}
		return "the state is lost"
	case n == 12:
		if err := l.s.StayedUp(); err != nil {
			t.Fatal(err)
		}
		return "stay up"
	case n == 13:
		other := l.loader.other(l.loader.booted)
		if slot := l.medium.slots[other]; slot.header && !slot.damaged && !l.dead[slot.generation.BootID()] {
			l.hand = other
		}
		return "by hand " + l.hand
	}
	l.offer = func(Offer) int { return some }
	return fmt.Sprintf("choose %d for one boot", some)
}

func (l *slotLife) fatal(t *testing.T, format string, args ...any) {
	t.Helper()
	t.Fatalf("%q\n%v, %+v\n%s", l.history, l.medium, l.results, fmt.Sprintf(format, args...))
}

// comeToRest starts the machine until nothing changes any more.
func (l *slotLife) comeToRest(t *testing.T) {
	t.Helper()
	last := ""
	for i := range 8 {
		if err := l.start(); err != nil {
			l.fatal(t, "%v", err)
		}
		if err := l.s.EndsInOrder(); err != nil {
			t.Fatal(err)
		}
		l.check(t)
		if last == l.runs() && l.boots == 1 && l.s.Status().Trying == nil {
			return
		}
		if last = l.runs(); i == 7 {
			l.fatal(t, "it does not come to rest: %s", last)
		}
	}
}

// check looks whether what runs can run, and is what it should be.
func (l *slotLife) check(t *testing.T) {
	t.Helper()
	record := l.s.recordNow()
	def := record.entry(record.Default)
	booted := l.medium.slots[l.loader.booted].generation.BootID()
	switch {
	case def == nil || def.State != StateGood:
		l.fatal(t, "the default is %+v", def)
	case l.s.current.generation.BootID() != booted:
		l.fatal(t, "what runs has another kernel")
	case l.s.current.number == def.Number || def.PassedOver || l.s.pickedForOnce() || l.s.byHand:
		return
	}
	for _, name := range []string{"A", "B"} {
		if slot := l.medium.slots[name]; slot.header && !slot.damaged && slot.generation.BootID() == l.s.bootID(def.Digest) {
			l.fatal(t, "%s, and generation %d is the default, whose kernel is in slot %s; %q", l.runs(), def.Number, name, l.s.Notes())
		}
	}
}
