package switcher

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"bantam/atomicfile"
)

// damagedMachine has three generations: 1 image, 2 web, 3 db, which is the default.
func damagedMachine(t *testing.T) (files map[string][]byte, byDigest map[Digest]int) {
	t.Helper()
	s, m, dir := bootedMachine(t)
	toWeb(t, s, m)
	wantExit(t, request(VerbSwitch, dbText)(s, m), ExitGood)
	files = map[string][]byte{}
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			files[strings.TrimPrefix(path, dir+"/")], err = os.ReadFile(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	byDigest = map[Digest]int{}
	for i, text := range []string{imageText, webText, dbText} {
		byDigest[image(text).Digest()], byDigest[image(text).System.Digest] = i+1, i+1
	}
	return files, byDigest
}

// bootDamaged boots with one file replaced, nil being removed, and returns what runs and what was told.
func bootDamaged(t *testing.T, files map[string][]byte, name string, data []byte) (*Switcher, *fakeMachine, string) {
	t.Helper()
	d, m := newPowerDisk(), newFakeMachine()
	for path, content := range files {
		if path == name {
			content = data
		}
		if content != nil {
			d.put("/state/"+path, content)
		}
	}
	s, err := open(d, machineOptions("/state", m))
	if err != nil {
		t.Fatalf("%s damaged: %v", name, err)
	}
	r := boot(s, m)
	if r.Exit != ExitGood {
		t.Fatalf("%s damaged: %s", name, r.Text())
	}
	var told []string
	for _, e := range r.Events {
		told = append(told, e.Text)
	}
	return s, m, strings.Join(told, "\n")
}

func TestDamageToAnyFileIsSurvivedAndTold(t *testing.T) {
	files, byDigest := damagedMachine(t)
	if len(files) != 2+7+5 { // oci-layout, index; 3 manifests, 3 texts, the empty config; record twice, journal, count of boots, reserve
		t.Fatalf("files %v", sortedKeys(files))
	}
	check := func(t *testing.T, name, how string, data []byte) {
		t.Helper()
		want, tell := dbText, ""
		switch base := filepath.Base(name); {
		case strings.HasPrefix(base, recordName):
			tell = "the other copy of the boot record is used"
			if data == nil {
				tell = ""
			}
		case byDigest[Digest(digestPrefix+base)] == 3:
			want, tell = webText, base
		}
		s, m, told := bootDamaged(t, files, name, data)
		notes := strings.Join(s.Notes(), "\n") // for those who ask later
		if m.text != want || !strings.Contains(told, tell) || !strings.Contains(notes, tell) {
			t.Errorf("%s, %s: runs %q; told:\n%s\nnotes:\n%s", name, how, m.text, told, notes)
		}
	}
	for _, name := range sortedKeys(files) {
		t.Run(filepath.Base(name), func(t *testing.T) {
			t.Parallel()
			content := files[name]
			check(t, name, "missing", nil)
			check(t, name, "emptied", []byte{})
			check(t, name, "cut in half", content[:len(content)/2])
			check(t, name, "zeroed", make([]byte, len(content)))
			step := 1
			switch {
			case name == reserveName:
				step = 16 << 10 // nobody reads it
			case testing.Short():
				step = 5
			}
			for i := 0; i < len(content); i += step {
				flipped := slices.Clone(content)
				flipped[i] ^= 1 << (i % 8)
				check(t, name, "flipped bit", flipped)
			}
		})
	}
}

func TestBothCopiesOfTheRecordLostMeansTheImageAndAListOfUntrusted(t *testing.T) {
	files, _ := damagedMachine(t)
	files[recordName] = nil
	s, m, told := bootDamaged(t, files, recordCopyName, []byte("rubbish"))
	if m.text != imageText || !strings.Contains(told, "the boot record is lost") {
		t.Errorf("runs %q; told:\n%s", m.text, told)
	}
	g := s.Generations()
	if len(g) != 3 || g[1].State != StateUntried || g[2].Number != 3 || g[2].Digest != image(dbText).Digest() || g[0].State != StateGood {
		t.Errorf("generations %+v", g)
	}
}

func TestDamagedCopyOfTheRecordIsMended(t *testing.T) {
	files, _ := damagedMachine(t)
	for _, name := range []string{recordName, recordCopyName} {
		s, _, _ := bootDamaged(t, files, name, []byte("rubbish"))
		data, err := s.disk.ReadFile("/state/"+name, maxFile)
		if r, parseErr := parseRecord(data); err != nil || parseErr != nil || r.Default != 3 {
			t.Errorf("%s: %v %v %+v", name, err, parseErr, r)
		}
	}
}

func TestEverythingLostIsAFirstBoot(t *testing.T) {
	files, _ := damagedMachine(t)
	for name := range files {
		files[name] = []byte("rubbish")
	}
	_, m, _ := bootDamaged(t, files, "", nil)
	if m.text != imageText {
		t.Errorf("runs %q", m.text)
	}
}

// What runs is in memory too, from which a damaged copy is mended before anything is switched.
func TestDamageOfWhatRunsIsMended(t *testing.T) {
	for _, c := range []struct {
		name, want string
		damage     func(path string) error
	}{
		{"flipped bit", "blob is corrupt", func(path string) error { return os.WriteFile(path, []byte("hostname = \"weB\"\n"), 0o644) }},
		{"missing", "blob is missing", os.Remove},
	} {
		for to, exit := range map[string]int{webText: ExitGood, dbText: ExitGood, "hostnam = 1\n": ExitRefused} {
			s, m, dir := bootedMachine(t)
			toWeb(t, s, m)
			if err := c.damage(s.store.BlobPath(image(webText).System.Digest)); err != nil {
				t.Fatal(err)
			}
			r := request(VerbSwitch, to)(s, m)
			wantExit(t, r, exit)
			if exit != ExitGood {
				continue
			}
			told := slices.ContainsFunc(r.Events, func(e Event) bool { return e.Kind == EventNote && strings.Contains(e.Text, c.want) })
			if text, err := s.Text(2); err != nil || string(text) != webText || !told {
				t.Errorf("%s: generation 2 is %q, %v; told %v", c.name, text, err, told)
			}
			s = bootAgain(t, dir, m)
			wantExit(t, s.Switch(t.Context(), Request{Verb: VerbRollback, Generation: 2}, nil), ExitGood)
		}
	}
}

func TestSwitchIsRefusedWhileTheWayBackIsDamaged(t *testing.T) {
	s, m, _ := bootedMachine(t)
	toWeb(t, s, m)
	path := s.store.BlobPath(image(webText).System.Digest)
	if err := errors.Join(os.Remove(path), os.MkdirAll(filepath.Join(path, "in the way"), 0o755)); err != nil {
		t.Fatal(err)
	}
	r := request(VerbSwitch, dbText)(s, m)
	wantExit(t, r, ExitRefused)
	if !strings.Contains(r.Reason, "no way back to generation 2") || !strings.Contains(r.Reason, image(webText).System.Digest.Hex()) {
		t.Error(r.Reason)
	}
	wantRuns(t, m, "web [web]")
	wantExit(t, request(VerbRollback, "")(s, m), ExitGood) // away from the damage
	if m.text != imageText {
		t.Errorf("after the rollback %q runs", m.text)
	}
}

func TestSwitchToADamagedGenerationIsRefused(t *testing.T) {
	s, m, _ := bootedMachine(t)
	toWeb(t, s, m)
	wantExit(t, request(VerbSwitch, dbText)(s, m), ExitGood)
	if err := os.Remove(s.store.BlobPath(image(webText).Digest())); err != nil {
		t.Fatal(err)
	}
	r := request(VerbRollback, "")(s, m)
	wantExit(t, r, ExitRefused)
	if !strings.Contains(r.Reason, "generation 2: blob is missing") {
		t.Error(r.Reason)
	}
}

func TestSwitchWithoutSpaceIsRefusedBeforeAnythingIsWritten(t *testing.T) {
	d, m := newPowerDisk(), newFakeMachine()
	s, err := open(d, machineOptions("/state", m))
	if err != nil {
		t.Fatal(err)
	}
	wantExit(t, boot(s, m), ExitGood)
	d.free = 50 << 10
	d.after = func(op string) { t.Errorf("wrote: %s", op) }
	r := request(VerbSwitch, webText)(s, m)
	wantExit(t, r, ExitRefused)
	if !strings.Contains(r.Reason, "is full: 50 kB free") {
		t.Error(r.Reason)
	}
}

func TestCopyOfTheRecordThatIsOldOrMissingIsMended(t *testing.T) {
	for _, old := range []bool{true, false} {
		s, m, dir := bootedMachine(t)
		toWeb(t, s, m)
		before, err := os.ReadFile(dir + "/" + recordCopyName)
		if err != nil {
			t.Fatal(err)
		}
		wantExit(t, request(VerbSwitch, dbText)(s, m), ExitGood)
		if err := os.Remove(dir + "/" + recordCopyName); err != nil {
			t.Fatal(err)
		}
		if old { // the power went between the two writes
			if err := os.WriteFile(dir+"/"+recordCopyName, before, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		bootAgain(t, dir, m)
		if err := os.WriteFile(dir+"/"+recordName, []byte("rubbish"), 0o644); err != nil {
			t.Fatal(err)
		}
		bootAgain(t, dir, m)
		wantRuns(t, m, "db [db web]")
	}
}

func TestDamageOnAFullDiskIsSurvived(t *testing.T) {
	files, byDigest := damagedMachine(t)
	for _, name := range sortedKeys(files) {
		for _, data := range [][]byte{nil, []byte("rubbish")} {
			d, m := newPowerDisk(), newFakeMachine()
			for path, content := range files {
				if path == name {
					content = data
				}
				if content != nil {
					d.put("/state/"+path, content)
				}
			}
			d.put("/state/"+atomicfile.TempPrefix+"1-1", nil)
			d.fault = func(string) error { return errFull } // of anything that changes something
			s, err := open(d, machineOptions("/state", m))
			if err != nil {
				t.Errorf("%s is %q: %v", name, data, err)
				continue
			}
			boot(s, m)
			want := dbText
			if byDigest[Digest(digestPrefix+filepath.Base(name))] == 3 {
				want = webText
			}
			if m.text != want {
				t.Errorf("%s is %q: runs %q, want %q", name, data, m.text, want)
			}
			d.fault = nil // somebody makes room
			r := request(VerbSwitch, "hostname = \"third\"\n")(s, m)
			if byDigest[Digest(digestPrefix+filepath.Base(name))] == 0 && r.Exit != ExitGood {
				t.Errorf("%s is %q, then there is room: %s", name, data, r.Text())
			}
		}
	}
}
