package switcher

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// A life is what befalls a machine whose generations are all good: boots that end early and that do not, switches,
// rollbacks, images of two kernels that are written over one another, and a cut of the power at any write of a boot.
// Whatever the order, it boots something that
// can run, what its owner chose unless boots pass that over, and nothing for ever whose boots are short.
func TestWhateverBefallsAMachineItRunsWhatItsOwnerChoseOrSaysWhy(t *testing.T) {
	seeds := uint64(25)
	if testing.Short() {
		seeds = 5
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			rng := rand.New(rand.NewPCG(seed, 8))
			d, m := newPowerDisk(), newFakeMachine()
			options := machineOptions("/state", m)
			var history []string
			var row struct {
				of    Digest
				short int
			}
			var s *Switcher
			cut := func() { // what the power leaves in the middle of a boot is where the next one begins
				var trees []map[string][]byte
				d.after = func(string) {
					d.leftovers(func(tree map[string][]byte) { trees = append(trees, tree) })
				}
				m.powerOff()
				s, err := open(d, options)
				if err != nil {
					t.Fatal(err)
				}
				boot(s, m)
				if d.after = nil; len(trees) > 0 {
					d = diskOf(trees[rng.IntN(len(trees))])
				}
			}
			start := func() {
				if rng.IntN(4) == 0 {
					cut()
					history = append(history, "cut")
				}
				m.powerOff()
				var err error
				if s, err = open(d, options); err != nil {
					t.Fatal(err)
				}
				before := s.recordNow()
				wantExit(t, boot(s, m), ExitGood)
				runs := s.current.generation
				if why := runs.otherKernel(options.Booted); why != "" {
					t.Fatalf("%q: %s", history, why)
				}
				record := s.recordNow()
				e := record.entry(record.Default)
				if e == nil || !e.PassedOver && e.Digest != runs.Digest() {
					t.Fatalf("%q: runs %+v, the default is %+v", history, s.Status(), e)
				}
				if old := before.entry(before.Default); old != nil && old.Verb != ImageVerb && !e.PassedOver {
					if text, err := s.Text(old.Number); err != nil || string(text) != m.text {
						t.Fatalf("%q: the settings %q are lost, %v", history, text, err)
					}
				}
				if row.of != runs.Digest() {
					row.of, row.short = runs.Digest(), 0
				}
				if row.short++; row.short <= mostShort {
					return
				}
				for _, other := range record.Entries {
					if _, err := s.load(other, Now); err == nil && other.State == StateGood && !other.PassedOver && other.Digest != runs.Digest() {
						t.Fatalf("%q: %d short boots, and generation %d is there", history, row.short, other.Number)
					}
				}
			}
			start()
			for range 50 {
				var what string
				switch n := rng.IntN(12); {
				case n < 6:
					what = "crash"
				case n == 6:
					what, row.short = "stay up", 0
					if err := s.StayedUp(); err != nil {
						t.Fatal(err)
					}
				case n == 7:
					what, row.short = "reboot", 0
					if err := s.EndsInOrder(); err != nil {
						t.Fatal(err)
					}
				case n == 8 && len(s.Generations()) > 1:
					what = "rollback"
					if r := s.Switch(t.Context(), Request{Verb: VerbRollback}, nil); r.Exit == ExitGood {
						row.short = 0
					} else if r.Exit != ExitRefused { // what ran before may be of another kernel
						t.Fatalf("%q: %s", history, r.Text())
					}
				case n == 9:
					what = "another image"
					if options.Text = []byte(newText); options.Booted.Kernel.Digest == image(newText).Kernel.Digest {
						options.Booted = newImage(newText)
					} else {
						options.Booted, options.Text = image(imageText), []byte(imageText)
					}
				default:
					text := []string{webText, dbText, "hostname = \"third\"\n"}[rng.IntN(3)]
					what, row.short = "switch to "+text[:17], 0
					wantExit(t, request(VerbSwitch, text)(s, m), ExitGood)
				}
				history = append(history, what)
				start()
			}
		})
	}
}
