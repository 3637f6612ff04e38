package file

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"
	"testing"

	"bantam/editor/text"
)

const (
	oldText = "the old text, which is rather short\n"
	newText = "THE NEW TEXT IS LONGER THAN THE OLD ONE WAS, BY SOME BYTES\n"
)

// scene is a way in which a file is saved.
type scene struct {
	name     string
	old, new string
	exists   bool
	names    []string
	set      func(*sim)
	inPlace  bool
}

var scenes = []scene{
	{name: "a new file", new: newText, names: []string{"f"}},
	{name: "a file is replaced", old: oldText, new: newText, exists: true, names: []string{"f"}},
	{name: "a file becomes empty", old: oldText, exists: true, names: []string{"f"}},
	{name: "a file with two names grows", old: oldText, new: newText, exists: true, names: []string{"f", "g"}, inPlace: true},
	{name: "a file with two names shrinks", old: newText, new: oldText, exists: true, names: []string{"f", "g"}, inPlace: true},
	{name: "a file whose owner cannot be kept", old: oldText, new: newText, exists: true, names: []string{"f"}, set: func(s *sim) { s.foreign = true }, inPlace: true},
	{name: "a file that may not be replaced", old: oldText, new: newText, exists: true, names: []string{"f"}, set: func(s *sim) { s.sticky = true }, inPlace: true},
}

const simPath = simDir + "/f"

func (c scene) disk() *sim {
	s := newSim()
	if c.exists {
		s.put(c.old, 0o4751, map[string]string{"user.one": "1", "system.posix_acl_access": "\x02\x00"}, c.names...)
	}
	if c.set != nil {
		c.set(s)
	}
	return s
}

// run saves until the power goes and says whether it stayed.
func (c scene) run(t *testing.T, s *sim, cut int) (err error, finished bool) {
	t.Helper()
	f, err := open(s, simPath)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if r := recover(); r != nil {
			if _, cut := r.(powerCut); !cut {
				panic(r)
			}
			finished = false
		}
	}()
	s.step, s.cut = 0, cut
	return f.Save(bytesContent(c.new)), true
}

func TestAfterAPowerCutAtAnyOperationTheOldOrTheNewTextIsWhole(t *testing.T) {
	for _, c := range scenes {
		t.Run(c.name, func(t *testing.T) {
			disks, found := 0, 0
			for cut := 1; ; cut++ {
				s := c.disk()
				first := s.names[simPath]
				err, finished := c.run(t, s, cut)
				if err != nil {
					t.Fatal(err)
				}
				s.cut = 0
				s.eachDisk(func(left *sim) {
					disks++
					if had, err := c.judge(left, first, finished); err != nil {
						t.Fatalf("power cut before operation %d: %v\nin the folder: %s", cut, err, left.list())
					} else if had {
						found++
					}
				})
				if finished {
					if same := s.names[simPath] == first; c.exists && same != c.inPlace {
						t.Errorf("in place: %v, want %v", same, c.inPlace)
					}
					break
				}
			}
			if c.inPlace && found == 0 {
				t.Error("the copy was never needed: the test shows nothing")
			}
			t.Logf("%d disks, on %d of them the copy was found", disks, found)
		})
	}
}

// The old text is put back when a write fails, and the power may go then.
func TestAfterAFailedWriteAndAPowerCutTheTextIsWhole(t *testing.T) {
	for _, c := range scenes {
		if len(c.names) < 2 {
			continue // the others overwrite in the same way
		}
		t.Run(c.name, func(t *testing.T) {
			clean := c.disk()
			if err, _ := c.run(t, clean, 0); err != nil {
				t.Fatal(err)
			}
			seen := map[string]bool{} // different faults lead to equal disks
			for fault := 1; fault <= clean.step; fault++ {
				for cut, finished := fault+1, false; !finished; cut++ {
					s := c.disk()
					first := s.names[simPath]
					s.fail = func(n int, o op) (bool, error) {
						if n == fault && s.names[simDir+"/.f.copy~"] != nil && (o == "write" || o == "sync" || o == "truncate") {
							return true, syscall.EIO
						}
						return false, nil
					}
					var err error
					if err, finished = c.run(t, s, cut); err == nil && finished {
						break // no such operation
					}
					s.cut, s.fail = 0, nil
					s.eachDisk(func(left *sim) {
						all := left.all()
						if seen[all] {
							return
						}
						seen[all] = true
						if _, err := c.judge(left, first, false); err != nil {
							t.Fatalf("fault at operation %d, power cut before operation %d: %v\nin the folder: %s", fault, cut, err, left.list())
						}
					})
				}
			}
		})
	}
}

// judge looks at what a power cut left as the next editor does.
func (c scene) judge(s *sim, first *simInode, finished bool) (found bool, err error) {
	i := s.names[simPath]
	have := ""
	if i != nil {
		have = string(i.now.data)
		if first != nil && !sameAttributes(i.now, first.safe) {
			return false, fmt.Errorf("the attributes are %+v", i.now)
		}
	}
	whole := i == nil && !c.exists || i != nil && (c.exists && have == c.old || have == c.new)
	if finished && (i == nil || have != c.new) {
		return false, fmt.Errorf("the save was over, and the file holds %q", have)
	}
	f, err := open(s, simPath)
	if err != nil {
		return false, err
	}
	if !whole && f.Found == nil {
		return false, fmt.Errorf("the file holds %q, and there is no copy", have)
	}
	if f.Found != nil && have == c.new {
		return false, errors.New("a copy is offered of what the file holds")
	}
	if f.Found != nil {
		t := text.New(f.Source())
		if err := f.Found.Restore(t); err != nil {
			return false, err
		}
		if got := string(t.Bytes(0, t.Len())); got != c.new {
			return false, fmt.Errorf("the copy holds %q", got)
		}
		if t.Undo(); string(t.Bytes(0, t.Len())) != have {
			return false, errors.New("undo does not take the restored text back")
		}
		found = !whole
		if err := f.Found.Drop(); err != nil {
			return false, err
		}
	}
	// And with what else lies around the next save works and clears it away.
	if err := f.Save(bytesContent("third")); err != nil {
		return false, err
	}
	left := strings.Join(c.names, " ")
	if got := s.list(); got != left && got != ".f.old~ "+left {
		return false, fmt.Errorf("after another save: %s", got)
	}
	return found, nil
}

func TestAFaultAtAnyOperationLeavesTheOldFileWholeAndNothingElse(t *testing.T) {
	for _, c := range scenes {
		for _, fault := range []error{syscall.EIO, syscall.ENOSPC, syscall.EDQUOT, syscall.EROFS, syscall.EFBIG} {
			t.Run(fmt.Sprintf("%s, %v", c.name, fault), func(t *testing.T) {
				for step := 1; c.faultAt(t, step, fault, false) || step < 3; step++ {
				}
			})
		}
		t.Run(c.name+", and then the disk is dead", func(t *testing.T) {
			for step := 1; c.faultAt(t, step, syscall.EIO, true) || step < 3; step++ {
			}
		})
	}
}

// faultAt is false if there is no such operation any more.
func (c scene) faultAt(t *testing.T, step int, fault error, forever bool) bool {
	s := c.disk()
	s.step = -1000
	f, err := open(s, simPath)
	if err != nil {
		t.Fatal(err)
	}
	s.step = 0
	s.fail = func(n int, o op) (bool, error) {
		if n == step || forever && n > step {
			return o == "write", fault
		}
		return false, nil
	}
	err = f.Save(bytesContent(c.new))
	s.fail = nil
	if s.failedOp == "" {
		return false
	}
	have := ""
	if i := s.names[simPath]; i != nil {
		have = string(i.now.data)
	}
	where := fmt.Sprintf("step %d, %s: %v", step, s.failedOp, err)
	left := strings.Join(c.names, " ")
	if !c.exists && have == "" {
		left = ""
	}
	switch {
	case err == nil && have != c.new:
		t.Fatalf("%s: saved, and the file holds %q", where, have)
	case err != nil && have != c.old && (s.failedOp == "sync folder" || forever) && have == c.new:
		// Renamed; that the name is safe is what nobody knows.
	case err != nil && have != c.old && forever && strings.Contains(err.Error(), ".f.copy~"):
		if got := string(s.names[simDir+"/.f.copy~"].safe.data); got != c.new {
			t.Fatalf("%s: the copy holds %q", where, got)
		}
	case err != nil && have != c.old:
		t.Fatalf("%s: the file holds %q", where, have)
	case err != nil && !errors.Is(err, fault):
		t.Fatalf("%s: does not say why", where)
	}
	if got := s.list(); got != left && !forever && s.failedOp != "remove" {
		t.Fatalf("%s: in the folder: %s", where, got)
	}
	if changed, err := f.Changed(); changed || err != nil {
		t.Fatalf("%s: it counts as changed by somebody else: %v", where, err)
	}
	if err := f.Save(bytesContent(c.new)); err != nil || string(s.names[simPath].now.data) != c.new {
		t.Fatalf("%s: and saved again: %v", where, err)
	}
	return true
}

// A full disk shows when the file grows. Its old bytes are not touched before.
// swapping lets the file's name lead to another file while one Open looks.
type swapping struct {
	*sim
	at, opens int
}

const otherPath = simDir + "/other"

func (s *swapping) Open(path string, write bool) (handle, error) {
	if path == simPath {
		if s.opens++; s.opens == s.at {
			swap := func() { s.names[simPath], s.names[otherPath] = s.names[otherPath], s.names[simPath] }
			swap()
			defer swap()
		}
	}
	return s.sim.Open(path, write)
}

func TestAFileSwappedWhileItIsOpenedIsNeitherWrittenNorCopied(t *testing.T) {
	for _, c := range scenes {
		if !c.exists {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			for at := 1; ; at++ {
				s := &swapping{sim: c.disk()}
				s.put("of somebody else", 0o777, map[string]string{"user.other": "1"}, "other")
				f, err := open(s, simPath)
				if err != nil {
					t.Fatal(err)
				}
				s.at, s.opens = at, 0
				before := s.names[simPath].now.clone()
				err = f.Save(bytesContent(c.new))
				if got := string(s.names[otherPath].now.data); got != "of somebody else" {
					t.Fatalf("open %d: the other file holds %q", at, got)
				}
				if at > s.opens {
					if err != nil || at == 1 {
						t.Errorf("without a swap: %v after %d opens", err, s.opens)
					}
					return
				}
				if !errors.Is(err, ErrChanged) {
					t.Errorf("open %d: %v", at, err)
				}
				if now := s.names[simPath].now; !same(before, now) || !sameAttributes(before, now) {
					t.Errorf("open %d: the file is now %v", at, now)
				}
			}
		})
	}
}

func TestAFileGrowsBeforeItsBytesAreReplaced(t *testing.T) {
	c := scenes[3]
	s := c.disk()
	f, err := open(s, simPath)
	if err != nil {
		t.Fatal(err)
	}
	named := false
	s.fail = func(_ int, o op) (bool, error) {
		if named = named || s.names[simDir+"/.f.copy~"] != nil; named && (o == "write" || o == "truncate") {
			return true, syscall.ENOSPC
		}
		return false, nil
	}
	if err := f.Save(bytesContent(c.new)); !errors.Is(err, syscall.ENOSPC) || !named {
		t.Fatalf("saved: %v", err)
	}
	if got := string(s.names[simPath].now.data); !strings.HasPrefix(got, c.old) {
		t.Errorf("the file holds %q", got)
	}
}

// Between making a file and locking it another program may take it for a left one.
func TestAClaimedFileHasItsName(t *testing.T) {
	s := newSim()
	s.locking = func() {
		s.Remove(simPath)
		if _, err := s.Create(simPath, 0o600); err != nil {
			t.Error(err)
		}
	}
	h, err := claim(s, simPath, 0o600)
	if err != nil || h.(*simHandle).i != s.names[simPath] {
		t.Errorf("claimed another file: %v", err)
	}
}

func TestAContentThatCannotBeReadIsNotSaved(t *testing.T) {
	for name, c := range map[string]Content{
		"fails":      failing{},
		"ends early": short{bytesContent(newText)},
	} {
		s := scenes[1].disk()
		f, err := open(s, simPath)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Save(c); err == nil {
			t.Errorf("%s: saved", name)
		}
		if got := string(s.names[simPath].now.data); got != oldText || s.list() != "f" {
			t.Errorf("%s: the file holds %q; in the folder: %s", name, got, s.list())
		}
	}
}

type failing struct{}

func (failing) Len() int                           { return 9 }
func (failing) WriteTo(w io.Writer) (int64, error) { return 0, syscall.EIO }

type short struct{ bytesContent }

func (s short) Len() int { return len(s.bytesContent) + 1 }
