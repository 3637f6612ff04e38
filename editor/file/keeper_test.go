package file

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bantam/editor/text"
)

// session is an editor with a file and its keeper.
type session struct {
	*File
	text  *text.Text
	k     *Keeper
	found *Found
}

func begin(t *testing.T, dir, path string) session {
	t.Helper()
	f := openedFile(t, path)
	k, found, err := OpenKeeper(dir, path)
	if err != nil {
		t.Fatal(err)
	}
	return session{f, text.New(f.Source()), k, found}
}

func (s session) keep(t *testing.T) {
	t.Helper()
	if err := s.k.Keep(s.text.Snapshot(), s.File); err != nil {
		t.Fatal(err)
	}
}

// lost ends a session without a word.
func (s session) lost() { s.k.Close() }

func (s session) all() string { return string(s.text.Bytes(0, s.text.Len())) }

func TestWhatWasKeptIsRestored(t *testing.T) {
	small, large := "the old text\n", big("the old text\n")
	for _, c := range []struct {
		name string
		old  string
		do   func(s session, t *testing.T)
	}{
		{"a small file", small, func(s session, t *testing.T) { s.text.Replace(4, 3, []byte("new")) }},
		{"a new file", "", func(s session, t *testing.T) { s.text.Replace(0, 0, []byte("new")) }},
		{"an empty text", small, func(s session, t *testing.T) { s.text.Replace(0, s.text.Len(), nil) }},
		{"a large file", large, func(s session, t *testing.T) {
			s.text.Replace(1000, 5, []byte("new"))
			s.text.Replace(s.text.Len(), 0, []byte("end"))
		}},
		{"a large file that became small", large, func(s session, t *testing.T) { s.text.Replace(10, s.text.Len()-20, []byte("new")) }},
		{"a large text in a file that was small", small, func(s session, t *testing.T) { s.text.Replace(4, 3, []byte(large)) }},
		{"a large file that was saved meanwhile", large, func(s session, t *testing.T) {
			s.text.Replace(1000, 5, []byte("first"))
			s.text.Replace(5000, 90000, nil)
			if err := s.Save(s.text.Snapshot()); err != nil {
				t.Fatal(err)
			}
			s.text.Replace(2000, 0, []byte("second"))
			s.text.Replace(1002, 1, []byte("third"))
		}},
		{"a large file of two names that was saved meanwhile", large, func(s session, t *testing.T) {
			if err := os.Link(s.Path, filepath.Join(filepath.Dir(s.Path), "g")); err != nil {
				t.Fatal(err)
			}
			s.text.Replace(1000, 5, []byte("first"))
			s.text.Replace(5000, 90000, nil)
			if err := s.Save(s.text.Snapshot()); err != nil {
				t.Fatal(err)
			}
			s.text.Replace(2000, 0, []byte("second"))
		}},
		{"a large file that was saved, and the change undone", large, func(s session, t *testing.T) {
			s.text.Begin(0)
			s.text.Replace(5000, 90000, []byte("x"))
			s.text.End(0)
			if err := s.Save(s.text.Snapshot()); err != nil {
				t.Fatal(err)
			}
			s.text.Undo()
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir, state := folder(t), folder(t)
			path := filepath.Join(dir, "f")
			if c.old != "" {
				created(t, path, c.old)
			}
			s := begin(t, state, path)
			if s.found != nil {
				t.Fatalf("found %+v", s.found)
			}
			c.do(s, t)
			s.keep(t)
			s.lost()
			if got := list(t, state); strings.Count(got, " ") != 0 || !strings.HasSuffix(got, suffixKept) {
				t.Errorf("in the folder: %s", got)
			}
			if info, _ := os.Stat(filepath.Join(state, list(t, state))); info.Mode() != 0o600 {
				t.Errorf("mode %v", info.Mode())
			} else if len(c.old) > inMemory && info.Size() > 100_000 {
				t.Errorf("%d bytes are kept", info.Size())
			}

			again := begin(t, state, path)
			if again.found == nil || again.found.Behind || time.Since(again.found.When) > time.Hour {
				t.Fatalf("found %+v", again.found)
			}
			before := again.all()
			if err := again.found.Restore(again.text); err != nil {
				t.Fatal(err)
			}
			if again.all() != s.all() {
				t.Error("it is another text")
			}
			if !again.text.Modified() {
				t.Error("it counts as saved")
			}
			if again.text.Undo(); again.all() != before {
				t.Error("one undo does not take it back")
			}
			if err := again.k.Drop(); err != nil {
				t.Fatal(err)
			}
			again.lost()
			if got := list(t, state); got != "" {
				t.Errorf("in the folder: %s", got)
			}
		})
	}
}

func TestWhatWasSavedIsNotOffered(t *testing.T) {
	dir, state := folder(t), folder(t)
	path := created(t, filepath.Join(dir, "f"), "old")
	s := begin(t, state, path)
	s.text.Replace(0, 3, []byte("new"))
	s.keep(t)
	if err := s.Save(s.text.Snapshot()); err != nil {
		t.Fatal(err)
	}
	s.lost() // between save and Drop
	again := begin(t, state, path)
	defer again.lost()
	if again.found != nil || strings.Contains(list(t, state), suffixKept) {
		t.Errorf("found %+v; in the folder: %s", again.found, list(t, state))
	}
}

func TestWhatIsSetAsideIsFoundAgain(t *testing.T) {
	state := folder(t)
	path := created(t, filepath.Join(folder(t), "f"), "old")
	for n := range mostAside + 1 {
		s := begin(t, state, path)
		if n > 0 {
			if err := s.k.SetAside(s.found); err != nil {
				t.Fatal(err)
			}
		}
		s.text.Replace(0, 0, []byte{'0' + byte(n)})
		s.keep(t)
		s.lost()
	}
	s := begin(t, state, path)
	if err := s.k.SetAside(s.found); !errors.Is(err, ErrTooManyAside) {
		t.Errorf("setting aside one more: %v", err)
	}
	for n := mostAside; n >= 0; n-- {
		if s.found == nil {
			t.Fatalf("text %d is not found; in the folder: %s", n, list(t, state))
		}
		if err := s.found.Restore(s.text); err != nil {
			t.Fatal(err)
		}
		if got, want := s.all(), string('0'+byte(n))+"old"; got != want {
			t.Errorf("found %q, want %q", got, want)
		}
		if err := s.found.Drop(); err != nil {
			t.Fatal(err)
		}
		s.lost()
		s = begin(t, state, path)
	}
	if s.found != nil {
		t.Errorf("found %s, which was deleted", s.found.Path)
	}
}

func TestAfterAPowerCutWhileSettingAsideNothingIsLost(t *testing.T) {
	for cut := 1; ; cut++ {
		s := newSim()
		s.put("old", 0o644, nil, "f")
		f, err := open(s, simPath)
		if err != nil {
			t.Fatal(err)
		}
		k, _, err := openKeeper(s, simDir, simPath)
		if err != nil {
			t.Fatal(err)
		}
		keep := func(what string) {
			tx := text.New(f.Source())
			tx.Replace(0, 0, []byte(what))
			if err := k.Keep(tx.Snapshot(), f); err != nil {
				t.Fatal(err)
			}
		}
		keep("1")
		k.Close()
		var found *Found
		if k, found, err = openKeeper(s, simDir, simPath); err != nil {
			t.Fatal(err)
		}
		second := false
		finished := func() (ok bool) {
			defer func() {
				if r := recover(); r != nil {
					if _, cut := r.(powerCut); !cut {
						panic(r)
					}
				}
			}()
			s.step, s.cut = 0, cut
			if err := k.SetAside(found); err != nil {
				t.Fatal(err)
			}
			keep("2")
			second = true
			k.Close()
			return true
		}()
		s.cut = 0
		s.eachDisk(func(left *sim) {
			var all []string
			for range 3 {
				k, found, err := openKeeper(left, simDir, simPath)
				if err != nil {
					t.Fatal(err)
				}
				if found != nil {
					f, err := open(left, simPath)
					if err != nil {
						t.Fatal(err)
					}
					tx := text.New(f.Source())
					if err := found.Restore(tx); err != nil {
						t.Fatal(err)
					}
					all = append(all, string(tx.Bytes(0, tx.Len())))
					if err := found.Drop(); err != nil {
						t.Fatal(err)
					}
				}
				k.Close()
			}
			if got := strings.Join(all, " "); got != "2old 1old" && (second || got != "1old") {
				t.Fatalf("power cut before operation %d: found %q", cut, got)
			}
		})
		if finished {
			return
		}
	}
}

func TestAFileThatChangedSinceIsToldAbout(t *testing.T) {
	for name, old := range map[string]string{"small": "the old text\n", "large": big("the old text\n")} {
		dir, state := folder(t), folder(t)
		path := created(t, filepath.Join(dir, "f"), old)
		s := begin(t, state, path)
		s.text.Replace(0, 3, []byte("THE"))
		s.keep(t)
		s.lost()
		created(t, path, old+"more")
		again := begin(t, state, path)
		if again.found == nil || !again.found.Behind {
			t.Fatalf("%s: found %+v", name, again.found)
		}
		err := again.found.Restore(again.text)
		if name == "small" && (err != nil || again.all() != s.all()) {
			t.Errorf("small: %v", err)
		}
		if name == "large" && (err == nil || again.all() != old+"more") {
			t.Errorf("large: %v", err)
		}
		again.lost()
	}
}

// What another has written is not what the text is made of.
func TestALargeTextOverAnAcceptedChangeIsKeptWhole(t *testing.T) {
	state := folder(t)
	path := created(t, filepath.Join(folder(t), "f"), big("the old text\n"))
	s := begin(t, state, path)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	created(t, path, big("of another!!\n"))
	if err := s.Accept(); err != nil {
		t.Fatal(err)
	}
	s.text.Replace(0, 3, []byte("The"))
	s.keep(t)
	s.lost()
	again := begin(t, state, path)
	defer again.lost()
	if err := again.found.Restore(again.text); err != nil || again.all() != s.all() {
		t.Errorf("another text, %v", err)
	}
}

func TestWhatIsTooLongToBeRestoredIsNotKept(t *testing.T) {
	state := folder(t)
	path := created(t, filepath.Join(folder(t), "f"), big("the old text\n"))
	s := begin(t, state, path)
	defer s.lost()
	s.text.Replace(0, 0, make([]byte, largestRestore+1))
	if err := s.k.Keep(s.text.Snapshot(), s.File); err == nil || strings.Contains(list(t, state), suffixKept) {
		t.Errorf("%v; in the folder: %s", err, list(t, state))
	}
	s.text.Replace(0, 100, nil)
	s.keep(t)
}

func TestASecondEditorIsToldWhoHasTheFile(t *testing.T) {
	dir, state := folder(t), folder(t)
	path := created(t, filepath.Join(dir, "f"), "old")
	if err := os.Symlink("f", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	s := begin(t, state, path)
	for _, name := range []string{"f", "link"} {
		_, _, err := OpenKeeper(state, filepath.Join(dir, name))
		var elsewhere *OpenElsewhere
		if !errors.Is(err, ErrOpenElsewhere) || !errors.As(err, &elsewhere) || elsewhere.PID != os.Getpid() {
			t.Errorf("%s: %v", name, err)
		}
	}
	other := begin(t, state, created(t, filepath.Join(dir, "g"), ""))
	other.lost()
	s.lost()
	begin(t, state, path).lost()
	if got := list(t, state); got != "" {
		t.Errorf("in the folder: %s", got)
	}
}

func TestADamagedRecoveryFileIsSetAside(t *testing.T) {
	state := folder(t)
	path := created(t, filepath.Join(folder(t), "f"), "old")
	s := begin(t, state, path)
	s.text.Replace(0, 0, []byte("new"))
	s.keep(t)
	s.lost()
	kept := filepath.Join(state, list(t, state))
	whole := []byte(read(t, kept))
	for name, data := range map[string][]byte{
		"empty": nil, "cut short": whole[:len(whole)-1], "longer": append(bytes.Clone(whole), 0), "zeros": make([]byte, len(whole)),
	} {
		created(t, kept, string(data))
		k, found, err := OpenKeeper(state, path)
		if k == nil || found != nil || !errors.Is(err, ErrDamaged) {
			t.Fatalf("%s: %v, %v", name, found, err)
		}
		aside := strings.TrimSuffix(kept, suffixKept) + suffixDamaged
		if !strings.Contains(err.Error(), aside) || !bytes.Equal([]byte(read(t, aside)), data) {
			t.Errorf("%s: %v; in the folder: %s", name, err, list(t, state))
		}
		if err := k.Keep(s.text.Snapshot(), s.File); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		k.Close()
		os.Remove(aside)
	}
}

func TestAfterAPowerCutWhileKeepingTheLastOrTheOneBeforeIsWhole(t *testing.T) {
	for cut := 1; ; cut++ {
		s := newSim()
		s.put("old", 0o644, nil, "f")
		f, err := open(s, simPath)
		if err != nil {
			t.Fatal(err)
		}
		tx := text.New(f.Source())
		k, _, err := openKeeper(s, simDir, simPath)
		if err != nil {
			t.Fatal(err)
		}
		finished := func() (ok bool) {
			defer func() {
				if r := recover(); r != nil {
					if _, cut := r.(powerCut); !cut {
						panic(r)
					}
				}
			}()
			tx.Replace(0, 0, []byte("1"))
			if err := k.Keep(tx.Snapshot(), f); err != nil {
				t.Fatal(err)
			}
			s.step, s.cut = 0, cut
			tx.Replace(0, 0, []byte("2"))
			if err := k.Keep(tx.Snapshot(), f); err != nil {
				t.Fatal(err)
			}
			return true
		}()
		s.cut = 0
		s.eachDisk(func(left *sim) {
			_, found, err := openKeeper(left, simDir, simPath)
			if err != nil || found == nil {
				t.Fatalf("power cut before operation %d: %v, %v; in the folder: %s", cut, found, err, left.list())
			}
			f, err := open(left, simPath)
			if err != nil {
				t.Fatal(err)
			}
			tx := text.New(f.Source())
			if err := found.Restore(tx); err != nil {
				t.Fatal(err)
			}
			if got := string(tx.Bytes(0, tx.Len())); got != "21old" && (finished || got != "1old") {
				t.Fatalf("power cut before operation %d: %q", cut, got)
			}
		})
		if finished {
			break
		}
	}
}

// A fault while keeping leaves what was kept before.
func TestAFaultWhileKeepingLeavesTheOneBefore(t *testing.T) {
	for step := 1; ; step++ {
		s := newSim()
		s.put("old", 0o644, nil, "f")
		f, _ := open(s, simPath)
		tx := text.New(f.Source())
		k, _, err := openKeeper(s, simDir, simPath)
		if err != nil {
			t.Fatal(err)
		}
		if err := k.Keep(tx.Snapshot(), f); err != nil {
			t.Fatal(err)
		}
		before := bytes.Clone(s.names[k.name(suffixKept)].now.data)
		s.step = 0
		s.fail = func(n int, o op) (bool, error) {
			return o == "write", map[bool]error{true: os.ErrDeadlineExceeded}[n == step]
		}
		tx.Replace(0, 0, []byte("1"))
		err = k.Keep(tx.Snapshot(), f)
		if s.fail = nil; s.failedOp == "" {
			break
		}
		if err == nil || strings.Contains(s.list(), suffixKeeping) && s.failedOp != "remove" {
			t.Errorf("%s: %v; in the folder: %s", s.failedOp, err, s.list())
		}
		if got := s.names[k.name(suffixKept)].now.data; !bytes.Equal(got, before) && s.failedOp != "sync folder" {
			t.Errorf("%s: the one before is gone", s.failedOp)
		}
	}
}

// sealed gives a body the checksum of a record.
func sealed(body []byte) []byte {
	return binary.BigEndian.AppendUint32(body, crc32.ChecksumIEEE(body))
}

func FuzzRecord(f *testing.F) {
	for _, r := range []record{
		{path: "/etc/f", when: time.Unix(1, 2), stamp: stamp{0, 3}},
		{path: "/f", when: time.Unix(1, 2), stamp: stamp{100, 3}, pieces: []text.Piece{{Off: 3, Len: 90}, {Added: true, Off: 1, Len: 5}, {Len: 1}}},
	} {
		var b bytes.Buffer
		if err := writeRecord(&b, r, strings.NewReader("0123456789")); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes())
		f.Add(b.Bytes()[:b.Len()-4])
	}
	f.Add([]byte(recordMagic + "\f000000010\x00\x00")) // a negative size
	f.Add(sealed([]byte(recordMagic + "\x02/\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")))
	f.Add(sealed([]byte(recordMagic + "\x02/\x00\x00\x00\x02\x00\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01\x02")))
	f.Add(sealed([]byte(recordMagic + "\x02/\x00\x00\x00\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01"))) // how many pieces
	f.Add(sealed([]byte(recordMagic + "\x02/\x00\x06\x00\x02\x00\x02\x06\x00")))                     // a piece beyond the file
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, d := range [][]byte{data, sealed(bytes.Clone(data))} {
			r, err := readRecord(d)
			if err != nil {
				if !errors.Is(err, ErrDamaged) {
					t.Fatal(err)
				}
				continue
			}
			if r.stamp.size > 1<<20 {
				continue
			}
			tx := text.New(text.Memory(make([]byte, r.stamp.size)))
			if err := r.restore(tx, false); err != nil {
				t.Fatalf("%v: %+v", err, r)
			}
		}
	})
}
