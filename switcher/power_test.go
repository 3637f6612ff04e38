package switcher

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bantam/atomicfile"
	"bantam/lifecycle"
)

// scenario is something during which the power may go at any operation.
type scenario struct {
	name    string
	prepare func(t *testing.T, s *Switcher, m *fakeMachine) // after the first boot
	broken  map[string]lifecycle.Exit                       // services that never come up
	reboot  bool                                            // the scenario begins with Boot itself
	virgin  bool                                            // and the disk is empty
	passes  bool                                            // what runs is not the default, which is passed over
	act     func(s *Switcher, m *fakeMachine) Result
	exit    int
	old     string // what runs after the power is back: the old
	new     string // or the new, "" if never
	final   string // what runs if the power goes after the end

	then func(t *testing.T, op string, s *Switcher, m *fakeMachine) // what must be possible after a cut, too
}

func request(verb, text string) func(*Switcher, *fakeMachine) Result {
	return func(s *Switcher, _ *fakeMachine) Result {
		r := Request{Verb: verb}
		if text != "" {
			r.Text = []byte(text)
		}
		return s.Switch(context.Background(), r, nil)
	}
}

func boot(s *Switcher, _ *fakeMachine) Result { return s.Boot(context.Background(), nil) }

func toWeb(t *testing.T, s *Switcher, m *fakeMachine) {
	wantExit(t, request(VerbSwitch, webText)(s, m), ExitGood)
}

var scenarios = []scenario{
	{name: "first boot", virgin: true, reboot: true, act: boot, old: imageText, final: imageText},
	{name: "boot of a good generation", prepare: toWeb, reboot: true, act: boot, old: webText, final: webText},
	{name: "switch", prepare: toWeb, act: request(VerbSwitch, dbText), old: webText, new: dbText, final: dbText},
	{name: "switch that fails and goes back", prepare: toWeb, broken: map[string]lifecycle.Exit{"db": exited(1)},
		act: request(VerbSwitch, dbText), exit: ExitReverted, old: webText, final: webText},
	{name: "test", prepare: toWeb, act: request(VerbTest, dbText), old: webText, final: webText},
	{name: "rollback", prepare: toWeb, act: request(VerbRollback, ""), old: webText, new: imageText, final: imageText},
	{name: "boot verb", prepare: toWeb, act: request(VerbBoot, dbText), old: webText, new: dbText, final: dbText},
	{name: "boot of a generation that is tried",
		prepare: func(t *testing.T, s *Switcher, m *fakeMachine) {
			toWeb(t, s, m)
			wantExit(t, request(VerbBoot, dbText)(s, m), ExitGood)
		},
		reboot: true, act: boot, old: dbText, final: dbText},
	{name: "boot of a generation that is tried and fails",
		prepare: func(t *testing.T, s *Switcher, m *fakeMachine) {
			toWeb(t, s, m)
			wantExit(t, request(VerbBoot, dbText)(s, m), ExitGood)
		},
		broken: map[string]lifecycle.Exit{"db": exited(1)}, reboot: true, act: boot, old: webText, final: webText},
	{name: "boot that passes its default over", passes: true,
		prepare: func(t *testing.T, s *Switcher, m *fakeMachine) {
			toWeb(t, s, m)
			wantExit(t, request(VerbSwitch, dbText)(s, m), ExitGood)
			for range mostShort {
				if err := s.bootCount.add(image(dbText).Digest()); err != nil {
					t.Fatal(err)
				}
			}
		},
		reboot: true, act: boot, old: webText, final: webText},
	{name: "boot that stays up although all are passed over",
		prepare: func(t *testing.T, s *Switcher, m *fakeMachine) {
			toWeb(t, s, m)
			err := s.update(func(r *Record) {
				for i := range r.Entries {
					r.Entries[i].PassedOver = true
				}
			})
			if err != nil {
				t.Fatal(err)
			}
		},
		reboot: true, old: webText, final: webText, act: func(s *Switcher, m *fakeMachine) Result {
			r := boot(s, m)
			if err := s.StayedUp(); err != nil && !errors.Is(err, errFull) {
				return Result{Exit: ExitFailed, Reason: err.Error()}
			}
			return r
		}},
	{name: "confirmation that does not come", prepare: toWeb, exit: ExitReverted, old: webText, final: webText,
		act: func(s *Switcher, _ *fakeMachine) Result {
			return s.Switch(context.Background(), Request{Verb: VerbSwitch, Text: []byte(dbText), Confirm: time.Minute}, nil)
		}},
	{name: "switch that a person aborts", prepare: toWeb, exit: ExitReverted, old: webText, final: webText,
		act: func(s *Switcher, _ *fakeMachine) Result {
			return s.Switch(context.Background(), Request{Verb: VerbSwitch, Text: []byte(dbText)}, func(e Event) {
				if e.Kind == EventWait {
					_, _ = sayAbort(s)
				}
			})
		}},
	{name: "boot of a trial that nobody confirms",
		prepare: func(t *testing.T, s *Switcher, m *fakeMachine) {
			toWeb(t, s, m)
			wantExit(t, s.Switch(t.Context(), Request{Verb: VerbBoot, Text: []byte(dbText), Confirm: time.Minute}, nil), ExitGood)
		},
		reboot: true, act: boot, old: webText, final: webText},
	{name: "pin and label", prepare: toWeb, old: webText, final: webText,
		act: func(s *Switcher, _ *fakeMachine) Result {
			if err := errors.Join(s.Pin(1, true), s.Label(2, "web")); err != nil {
				return Result{Exit: ExitRefused, Reason: err.Error()}
			}
			return Result{}
		}},
	{name: "delete", prepare: func(t *testing.T, s *Switcher, m *fakeMachine) {
		wantExit(t, request(VerbSwitch, dbText)(s, m), ExitGood)
		toWeb(t, s, m)
	}, act: func(s *Switcher, _ *fakeMachine) Result {
		if _, err := s.Delete(2); err != nil {
			return Result{Exit: ExitRefused, Reason: err.Error()}
		}
		return Result{}
	}, old: webText, final: webText},
	{name: "import", prepare: toWeb, act: importing, then: importsAfterAll, old: webText, final: webText},
	{name: "import that goes on where the line broke", act: importing, then: importsAfterAll, old: webText, final: webText,
		prepare: func(t *testing.T, s *Switcher, m *fakeMachine) {
			toWeb(t, s, m)
			breakOff(t, s, m)
		}},
	{name: "removal of what an import has left", then: importsAfterAll, old: webText, final: webText,
		prepare: func(t *testing.T, s *Switcher, m *fakeMachine) {
			toWeb(t, s, m)
			breakOff(t, s, m)
		},
		act: func(s *Switcher, _ *fakeMachine) Result {
			if err := s.Clean(); err != nil {
				return Result{Exit: ExitRefused, Reason: err.Error()}
			}
			return Result{}
		}},
}

// begin brings a disk to where the scenario starts.
func (c scenario) begin(t *testing.T) (*powerDisk, *fakeMachine, *Switcher) {
	t.Helper()
	d, m := newPowerDisk(), newFakeMachine()
	if !c.virgin {
		s, err := open(d, machineOptions("/state", m))
		if err != nil {
			t.Fatal(err)
		}
		wantExit(t, boot(s, m), ExitGood)
		c.prepare(t, s, m)
		if !c.reboot {
			m.broken = c.broken
			return d, m, s
		}
	}
	m.powerOff()
	m.broken = c.broken
	return d, m, nil
}

// run acts; a scenario that is a boot opens the disk first.
func (c scenario) run(d *powerDisk, m *fakeMachine, s *Switcher) Result {
	if s == nil {
		var err error
		if s, err = open(d, machineOptions("/state", m)); err != nil {
			return Result{Exit: ExitRefused, Reason: err.Error()}
		}
	}
	return c.act(s, m)
}

func TestPowerCutAtEveryOperationLeavesOldOrNew(t *testing.T) {
	for _, c := range scenarios {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d, m, s := c.begin(t)
			// The new generation's check is the last thing that its proof asks for.
			proven := c.new == imageText // it was proven at the first boot
			m.checks = func(string) error { proven = true; return nil }
			seen := map[string]bool{}
			trees, cuts := 0, 0
			check := func(op string, want ...string) {
				cuts++
				d.leftovers(func(tree map[string][]byte) {
					key := treeKey(tree)
					if seen[key] {
						return
					}
					seen[key] = true
					if trees++; testing.Short() && trees%5 != 0 {
						return
					}
					c.checkAfterCut(t, op, tree, proven, want)
				})
			}
			both := []string{c.old}
			if c.new != "" {
				both = append(both, c.new)
			}
			check("before anything", c.old)
			d.after = func(op string) {
				check(op, both...)
			}
			r := c.run(d, m, s)
			wantExit(t, r, c.exit)
			seen = map[string]bool{}
			d.after = nil
			check("after the end", c.final)
			t.Logf("%d operations, %d different disks", cuts, trees)
		})
	}
}

// checkAfterCut boots what the power cut left and looks whether it is one of want, whole.
func (c scenario) checkAfterCut(t *testing.T, op string, tree map[string][]byte, proven bool, want []string) {
	t.Helper()
	dir := t.TempDir()
	defer os.RemoveAll(dir)
	if err := writeTree(dir, tree); err != nil {
		t.Fatal(err)
	}
	if c.new != "" && !proven {
		r, _ := recordFile{osDisk{}, dir + "/state"}.read()
		if e := r.entry(r.Default); e != nil && e.Digest == image(c.new).Digest() && e.Digest != image(c.old).Digest() {
			t.Fatalf("cut at %q: the default is unproven", op)
		}
	}
	m := newFakeMachine()
	m.broken = c.broken
	s, err := open(quickDisk{}, machineOptions(dir+"/state", m))
	if err != nil {
		t.Fatalf("cut at %q: %v", op, err)
	}
	r := boot(s, m)
	matched := false
	for _, text := range want {
		matched = matched || m.text == text && s.current.number != 0 && string(s.current.text) == text
	}
	if r.Exit != ExitGood || !matched {
		t.Fatalf("cut at %q: exit %d (%s), runs %q, want one of %q\n%+v", op, r.Exit, r.Reason, m.text, want, r.Events)
	}
	record := s.recordNow()
	if e := record.entry(record.Default); e == nil || e.State != StateGood || c.passes && !e.PassedOver || !c.passes && e.Digest != image(m.text).Digest() {
		t.Fatalf("cut at %q: runs %q, default %+v", op, m.text, e)
	}
	for _, e := range record.Entries {
		if _, err := s.load(e, Now); err != nil {
			t.Fatalf("cut at %q: generation %d: %v", op, e.Number, err)
		}
	}
	if c.then != nil {
		c.then(t, op, s, m)
	}
	m.broken = nil
	third := "hostname = \"third\"\n"
	if r := request(VerbSwitch, third)(s, m); r.Exit != ExitGood || m.text != third {
		t.Fatalf("cut at %q: then a switch: %s", op, r.Text())
	}
	for _, sub := range []string{"", "/store", "/store/blobs/sha256"} {
		if left, _ := filepath.Glob(dir + "/state" + sub + "/" + atomicfile.TempPrefix + "*"); len(left) > 0 {
			t.Fatalf("cut at %q: left over %v", op, left)
		}
	}
}

func TestFullDiskAtEveryWriteLeavesOldOrNew(t *testing.T) {
	for _, c := range scenarios {
		if c.virgin {
			continue // see TestDiskThatIsFullAtTheFirstBootRunsTheImage
		}
		for _, lasting := range []bool{false, true} {
			name := c.name + ", once"
			if lasting {
				name = c.name + ", for ever"
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				for n := 1; ; n++ {
					d, m, s := c.begin(t)
					writes, failed := 0, ""
					d.fault = func(op string) error {
						verb, _, _ := strings.Cut(op, " ")
						if verb != "create" && verb != "write" && verb != "mkdir" && verb != "sync" {
							return nil
						}
						if writes++; writes == n || lasting && writes > n {
							if failed == "" {
								failed = op
							}
							return errFull
						}
						return nil
					}
					r := c.run(d, m, s)
					if failed == "" {
						wantExit(t, r, c.exit)
						return
					}
					c.checkFull(t, failed, d, m, s, r)
				}
			})
		}
	}
}

// checkFull looks at a machine whose disk was full at op.
func (c scenario) checkFull(t *testing.T, op string, d *powerDisk, m *fakeMachine, s *Switcher, r Result) {
	t.Helper()
	runs := m.text
	tested := r.Verb == VerbTest && runs == dbText
	untried := r.Verb == VerbStart && runs == webText // a try that cannot be counted is not made
	if runs != c.old && runs != c.new && !tested && !untried {
		t.Fatalf("full at %q: %s; runs %q", op, r.Text(), runs)
	}
	if r.Exit == ExitFailed {
		t.Fatalf("full at %q: %s", op, r.Text())
	}
	if (r.Exit == ExitRefused || r.Exit == ExitReverted) && s != nil {
		if runs != c.old {
			t.Fatalf("full at %q: %s, but runs %q", op, r.Text(), runs)
		}
		if c.exit == 0 && !strings.Contains(r.Reason, "no space left on device") {
			t.Fatalf("full at %q: the reason is %q", op, r.Reason)
		}
	}
	d.fault = nil
	m.powerOff()
	again, err := open(d, machineOptions("/state", m))
	if err != nil {
		t.Fatalf("full at %q, then space: %v", op, err)
	}
	if r := boot(again, m); r.Exit != ExitGood || m.text != c.old && m.text != c.new {
		t.Fatalf("full at %q, then space: %s; runs %q", op, r.Text(), m.text)
	}
	if r.Exit == ExitGood && r.Verb != VerbTest && r.Verb != "" && m.text != c.final && s != nil {
		t.Fatalf("full at %q: it said %q, and the next boot runs %q", op, r.Text(), m.text)
	}
}

func TestDiskThatIsFullAtTheFirstBootRunsTheImage(t *testing.T) {
	for n := 1; n < 100; n++ {
		d, m := newPowerDisk(), newFakeMachine()
		writes := 0
		d.fault = func(string) error {
			if writes++; writes >= n {
				return errFull
			}
			return nil
		}
		s, err := open(d, machineOptions("/state", m))
		if errors.Is(err, errFull) {
			continue // PID 1 takes a directory in memory instead
		}
		if err != nil {
			t.Fatal(err)
		}
		boot(s, m)
		if m.text != imageText {
			t.Fatalf("full at operation %d: runs %q", n, m.text)
		}
	}
}

func TestTriesEndHoweverOftenThePowerGoes(t *testing.T) {
	c := scenarios[7]
	if !strings.Contains(c.name, "tried") {
		t.Fatal(c.name)
	}
	for cut := 0; cut < 60; cut++ {
		d, m, _ := c.begin(t)
		for boots := 1; ; boots++ {
			if boots > 10 {
				t.Fatalf("cut at operation %d of every boot: still being tried at boot %d", cut, boots)
			}
			ops := 0
			d.fault = func(string) error {
				if ops++; ops > cut {
					return errors.New("no power")
				}
				return nil
			}
			m.powerOff()
			c.run(d, m, nil)
			dead := ops > cut
			r, _ := recordFile{d, "/state"}.read()
			if !dead || r.Trying == nil {
				break
			}
			if ops0 := r.Trying.Left; ops0 == bootTries && boots > 1 && m.text == dbText {
				t.Fatalf("cut at operation %d: it ran without its try being counted", cut)
			}
			if m.text != dbText {
				break // the cut is before the try is counted, and so before it runs
			}
		}
	}
}

// fullDisk has no room but what its reserve holds.
type fullDisk struct{ *powerDisk }

func (d fullDisk) Free(string) (int64, error) {
	if d.find("/state/"+reserveName) != nil {
		return 0, nil
	}
	return reserveSize, nil
}

// A full volume refuses what is new, and nothing that leads back to what is there or makes room.
func TestAFullVolumeKeepsNobodyFromGoingBack(t *testing.T) {
	switching := func(r Request) func(*testing.T, *Switcher) {
		return func(t *testing.T, s *Switcher) { wantExit(t, s.Switch(context.Background(), r, nil), ExitGood) }
	}
	for name, do := range map[string]func(*testing.T, *Switcher){
		"rollback":                switching(Request{Verb: VerbRollback}),
		"switch to what is there": switching(Request{Verb: VerbSwitch, Text: []byte(webText)}),
		"test":                    switching(Request{Verb: VerbTest, Text: []byte(webText)}),
		"boot":                    switching(Request{Verb: VerbBoot, Generation: 2}),
		"delete": func(t *testing.T, s *Switcher) {
			if _, err := s.Delete(2); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			d, m := newPowerDisk(), newFakeMachine()
			s, err := open(d, machineOptions("/state", m))
			if err != nil {
				t.Fatal(err)
			}
			wantExit(t, boot(s, m), ExitGood)
			wantExit(t, switchTo(t, s, VerbSwitch, webText), ExitGood)
			wantExit(t, switchTo(t, s, VerbSwitch, dbText), ExitGood)
			if n := d.find("/state/" + reserveName); n == nil || len(n.dataOnDisk) != reserveSize {
				t.Fatal("there is no reserve")
			}
			d.fault = func(op string) error {
				if !strings.HasPrefix(op, "remove ") && d.find("/state/"+reserveName) != nil {
					return errFull
				}
				return nil
			}
			s.disk = fullDisk{d}
			r := switchTo(t, s, VerbSwitch, "hostname = \"new\"\n")
			if r.Exit != ExitRefused || !strings.Contains(r.Reason, "is full: 0 kB free") || d.find("/state/"+reserveName) == nil {
				t.Fatalf("something new: %+v", r)
			}
			do(t, s)
			d.fault, s.disk = nil, d
			if err := s.Collect(); err != nil || d.find("/state/"+reserveName) == nil {
				t.Errorf("with room again there is no reserve: %v", err)
			}
		})
	}
}
