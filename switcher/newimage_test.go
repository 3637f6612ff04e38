package switcher

import (
	"bytes"
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"bantam/lifecycle"
)

const newText = "hostname = \"new\"\n"

// newImage is a later boot medium than image: another kernel, another Bantam, and settings of its own.
func newImage(text string) Generation {
	g := image(text)
	g.Kernel.Digest = DigestOf([]byte("another kernel"))
	g.Initrd[1].Digest = DigestOf([]byte("another init"))
	return g
}

func newImageOptions(dir string, m *fakeMachine) Options {
	options := machineOptions(dir, m)
	options.Booted, options.Text = newImage(newText), []byte(newText)
	return options
}

// flashed boots after a boot medium was written over the old one.
func flashed(t *testing.T, options Options, m *fakeMachine) (*Switcher, Result) {
	t.Helper()
	m.powerOff()
	s, err := open(quickDisk{}, options)
	if err != nil {
		t.Fatal(err)
	}
	return s, boot(s, m)
}

func wantStatus(t *testing.T, s *Switcher, running, def int) {
	t.Helper()
	if st := s.Status(); st.Running != running || st.Default != def || st.Next != running {
		t.Errorf("running %d, default %d, next %d; want %d running and %d as the default", st.Running, st.Default, st.Next, running, def)
	}
}

func TestNewImageWithoutOwnSettingsRunsWhatItBrings(t *testing.T) {
	_, m, dir := bootedMachine(t)
	s, r := flashed(t, newImageOptions(dir, m), m)
	wantExit(t, r, ExitGood)
	wantRuns(t, m, "new []")
	wantStatus(t, s, 2, 2)
	s, r = flashed(t, machineOptions(dir, m), m) // and back
	wantExit(t, r, ExitGood)
	wantRuns(t, m, imageRuns)
	wantStatus(t, s, 1, 1)
}

func TestNewImageTakesTheSettingsOver(t *testing.T) {
	s, m, dir := bootedMachine(t)
	toWeb(t, s, m)
	s, r := flashed(t, newImageOptions(dir, m), m)
	wantExit(t, r, ExitGood)
	wantRuns(t, m, webRuns)
	wantStatus(t, s, 3, 3)
	g := s.Generations()
	if len(g) != 4 || g[2].Verb != updateVerb || g[2].Digest != newImage(webText).Digest() || g[2].State != StateGood || !g[3].Image || g[3].State != StateUntried {
		t.Errorf("generations %+v", g)
	}
	r = s.Switch(t.Context(), Request{Verb: VerbRollback}, nil)
	wantExit(t, r, ExitRefused)
	for _, want := range []string{"generation 2", DigestOf([]byte("kernel")).Short(), DigestOf([]byte("another kernel")).Short(), "6.1.0-40-amd64", "boot slots"} {
		if !strings.Contains(r.Reason, want) {
			t.Errorf("%q is not in %q", want, r.Reason)
		}
	}

	// The old image finds its own, and the new one again; neither has to prove itself anew.
	s, r = flashed(t, machineOptions(dir, m), m)
	wantExit(t, r, ExitGood)
	wantStatus(t, s, 2, 2)
	s, _ = flashed(t, newImageOptions(dir, m), m)
	wantStatus(t, s, 3, 3)

	// What was changed meanwhile comes along.
	s, _ = flashed(t, machineOptions(dir, m), m)
	wantExit(t, request(VerbSwitch, dbText)(s, m), ExitGood)
	s, r = flashed(t, newImageOptions(dir, m), m)
	wantExit(t, r, ExitGood)
	wantRuns(t, m, dbRuns)
	wantStatus(t, s, 6, 6)
}

func TestSettingsThatFailOnANewImageStayTheDefaultOfTheOld(t *testing.T) {
	s, m, dir := bootedMachine(t)
	toWeb(t, s, m)
	m.broken["web"] = exited(3)
	for range 2 {
		s, r := flashed(t, newImageOptions(dir, m), m)
		wantExit(t, r, ExitGood)
		wantRuns(t, m, "new []")
		wantStatus(t, s, 4, 2)
		g := s.Generations()
		if g[2].State != StateBad || !strings.Contains(g[2].Reason, "service web: exit status 3") || g[3].State != StateGood {
			t.Errorf("%+v", g)
		}
		notes := strings.Join(s.Notes(), "\n")
		for _, want := range []string{"generation 3, the settings taken over to this image, was tried at a boot (2026-11-22 12:00), and is bad: service web: exit status 3",
			"generation 2 cannot run: it needs kernel"} {
			if !strings.Contains(notes, want) {
				t.Errorf("%q is not in %q", want, notes)
			}
		}
	}
	clear(m.broken)
	s, r := flashed(t, machineOptions(dir, m), m)
	wantExit(t, r, ExitGood)
	wantRuns(t, m, webRuns)
	wantStatus(t, s, 2, 2)

	// Mended or not, they can be switched to.
	s, _ = flashed(t, newImageOptions(dir, m), m)
	wantExit(t, s.Switch(t.Context(), Request{Verb: VerbSwitch, Generation: 3}, nil), ExitGood)
	wantStatus(t, s, 3, 3)
}

func TestTakenOverSettingsHaveTwoBoots(t *testing.T) {
	s, m, dir := bootedMachine(t)
	toWeb(t, s, m)
	for try := range bootTries {
		m.powerOff()
		s, err := open(quickDisk{}, newImageOptions(dir, m))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		m.onWait = func(*fakeMachine) { cancel() } // the power goes
		s.Boot(ctx, nil)
		wantRuns(t, m, webRuns)
		m.onWait = nil
		if left := s.recordNow().Trying.Left; left != bootTries-1-try {
			t.Errorf("%d tries left", left)
		}
	}
	s, _ = flashed(t, newImageOptions(dir, m), m)
	wantRuns(t, m, "new []")
	wantStatus(t, s, 4, 2)
}

func TestImageWithTheSameKernelKeepsTheDefault(t *testing.T) {
	s, m, dir := bootedMachine(t)
	toWeb(t, s, m)
	options := machineOptions(dir, m)
	options.Booted, options.Text = image(newText), []byte(newText)
	s, r := flashed(t, options, m)
	wantExit(t, r, ExitGood)
	wantRuns(t, m, webRuns)
	wantStatus(t, s, 2, 2)
	if g := s.Generations(); len(g) != 3 || g[2].State != StateUntried || s.Status().Trying != nil {
		t.Errorf("%+v", g)
	}
}

// oldKey is what another Bantam understood.
const oldKey = "hostname = \"old\"\nturbo = true\n"

// madeByAnother makes the default a generation whose settings this Bantam refuses.
func madeByAnother(t *testing.T, s *Switcher) {
	t.Helper()
	g := image(oldKey)
	if _, err := s.store.PutBytes([]byte(oldKey)); err != nil {
		t.Fatal(err)
	}
	d, err := s.store.PutGeneration(g, s.wall(), nil)
	if err != nil {
		t.Fatal(err)
	}
	err = s.update(func(r *Record) {
		r.Entries = append(r.Entries, Entry{Number: r.Next, Digest: d, Verb: VerbSwitch, State: StateGood})
		r.Default = r.Next
		r.Next++
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestSettingsThatAreNotValidAnyMoreAreTheDraft(t *testing.T) {
	s, m, dir := bootedMachine(t)
	madeByAnother(t, s)
	s, r := flashed(t, newImageOptions(dir, m), m)
	wantExit(t, r, ExitGood)
	wantRuns(t, m, "new []")
	wantStatus(t, s, 3, 2)
	notes := strings.Join(s.Notes(), "\n")
	if want := "the settings of generation 2 are not valid for the Bantam of this image: system.toml:2:1: unknown key"; !strings.Contains(notes, want) || !strings.Contains(notes, "they are the draft now") {
		t.Errorf("%q", notes)
	}
	if text, err := s.Text(2); err != nil || string(text) != oldKey {
		t.Errorf("%q %v", text, err)
	}
	if d, err := s.Draft(); err != nil || !d.Saved || string(d.Text) != oldKey {
		t.Errorf("%+v %v", d, err)
	}
	// Once is enough: what somebody makes of the draft is his.
	if err := os.Remove(dir + "/" + draftName); err != nil {
		t.Fatal(err)
	}
	s, _ = flashed(t, newImageOptions(dir, m), m)
	if d, err := s.Draft(); err != nil || d.Saved {
		t.Errorf("%+v %v", d, err)
	}
	wantExit(t, request(VerbSwitch, webText)(s, m), ExitGood)
	wantStatus(t, s, 4, 4)
	if notes := s.Notes(); len(notes) != 0 {
		t.Errorf("%q", notes)
	}
}

func TestDraftOfSomebodyIsNotReplacedByASettingsThatAreNotValid(t *testing.T) {
	s, m, dir := bootedMachine(t)
	madeByAnother(t, s)
	if err := errors.Join(os.Mkdir(dir+"/draft", 0o700), os.WriteFile(dir+"/"+draftName, []byte("# mine"), 0o600)); err != nil {
		t.Fatal(err)
	}
	s, _ = flashed(t, newImageOptions(dir, m), m)
	if d, err := s.Draft(); err != nil || string(d.Text) != "# mine" {
		t.Errorf("%+v %v", d, err)
	}
}

// Whenever the power goes while a new image starts for the first time: the settings run on either image, or, where they
// fail on the new one, its own do.
func TestPowerCutWhileANewImageTakesTheSettingsOver(t *testing.T) {
	for name, broken := range map[string]bool{"and they work": false, "and they fail": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, m, _ := scenario{prepare: toWeb, reboot: true}.begin(t)
			seen := map[string]bool{}
			d.after = func(op string) {
				d.leftovers(func(tree map[string][]byte) {
					key := treeKey(tree)
					known := seen[key]
					if seen[key] = true; known || testing.Short() && len(seen)%5 != 0 {
						return
					}
					dir := t.TempDir()
					defer os.RemoveAll(dir)
					for _, own := range []func(string, *fakeMachine) Options{newImageOptions, machineOptions} {
						if err := writeTree(dir, tree); err != nil {
							t.Fatal(err)
						}
						m := newFakeMachine()
						options := own(dir+"/state", m)
						want, isNew := webText, bytes.Equal(options.Text, []byte(newText))
						if broken && isNew {
							m.broken["web"] = exited(3)
							want = newText
						}
						s, err := open(quickDisk{}, options)
						if err != nil {
							t.Fatalf("cut at %q: %v", op, err)
						}
						if r := boot(s, m); r.Exit != ExitGood || m.text != want {
							t.Fatalf("cut at %q, new image %v: runs %q: %s\n%+v", op, isNew, m.text, r.Text(), r.Events)
						}
						if want := s.image.generation.Kernel.Digest; s.current.generation.Kernel.Digest != want {
							t.Fatalf("cut at %q: another kernel", op)
						}
						if err := os.RemoveAll(dir + "/state"); err != nil {
							t.Fatal(err)
						}
					}
				})
			}
			if broken {
				m.broken = map[string]lifecycle.Exit{"web": exited(3)}
			}
			s, err := open(d, newImageOptions("/state", m))
			if err != nil {
				t.Fatal(err)
			}
			wantExit(t, boot(s, m), ExitGood)
			t.Logf("%d different disks", len(seen))
		})
	}
}

func TestFullDiskKeepsNoNewImageFromBooting(t *testing.T) {
	for n := range 200 {
		d, m, _ := scenario{prepare: toWeb, reboot: true}.begin(t)
		writes := 0
		d.fault = func(string) error {
			if writes++; writes > n {
				return errFull
			}
			return nil
		}
		s, err := open(d, newImageOptions("/state", m))
		if err != nil {
			t.Fatal(err)
		}
		if r := boot(s, m); r.Exit != ExitGood || !slices.Contains([]string{newText, webText}, m.text) {
			t.Fatalf("full at operation %d: %s", n, r.Text())
		}
		d.fault = nil
		m.powerOff()
		if s, err = open(d, newImageOptions("/state", m)); err != nil {
			t.Fatal(err)
		}
		if r := boot(s, m); r.Exit != ExitGood || m.text != webText {
			t.Fatalf("full at operation %d, then space: %s runs %q", n, r.Text(), m.text)
		}
	}
}

func TestStartable(t *testing.T) {
	s, _, _ := bootedMachine(t)
	for _, c := range []struct {
		name       string
		generation Generation
		when       When
		why        string
	}{
		{"what was booted, now", image(webText), Now, ""},
		{"what was booted, at the next boot", image(webText), NextBoot, ""},
		{"another kernel, now", newImage(webText), Now, "it needs kernel 6.1.0-40-amd64"},
		{"another kernel, at the next boot", newImage(webText), NextBoot, "has no boot slots"},
		{"a kernel of the same name, at the next boot", func() Generation { g := image(webText); g.Kernel.Digest = DigestOf(nil); return g }(), NextBoot, "has no boot slots"},
		{"another board", func() Generation { g := image(webText); g.Board = "rpi"; return g }(), NextBoot, "it is for board rpi"},
	} {
		err := s.startable(c.generation, c.when)
		if (err == nil) != (c.why == "") || err != nil && !strings.Contains(err.Error(), c.why) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}
