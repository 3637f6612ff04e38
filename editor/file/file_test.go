package file

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"bantam/editor/text"
)

func TestLinksAreFollowedAndStay(t *testing.T) {
	for _, c := range []struct {
		name  string
		links map[string]string
		path  string
		want  string // the file that is written
	}{
		{name: "a link", links: map[string]string{"a": "dir/f"}, path: "a", want: "dir/f"},
		{name: "a chain", links: map[string]string{"a": "b", "b": "dir/c", "dir/c": "f"}, path: "a", want: "dir/f"},
		{name: "a link to what is not there yet", links: map[string]string{"a": "dir/new"}, path: "a", want: "dir/new"},
		{name: "a chain to what is not there yet", links: map[string]string{"a": "dir/b", "dir/b": "../new"}, path: "a", want: "new"},
		{name: "a link that is relative to where it really is", links: map[string]string{"short": "dir/deep", "dir/deep/a": "../f"}, path: "short/a", want: "dir/f"},
		{name: "a link up from below a link", links: map[string]string{"short": "dir/deep", "dir/deep/a": "up/../f", "dir/deep/up": ".."}, path: "short/a", want: "f"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := folder(t)
			if err := os.MkdirAll(dir+"/dir/deep", 0o755); err != nil {
				t.Fatal(err)
			}
			created(t, dir+"/dir/f", "old")
			for at, target := range c.links {
				if err := os.Symlink(target, dir+"/"+at); err != nil {
					t.Fatal(err)
				}
			}
			f := openedFile(t, dir+"/"+c.path)
			if want := dir + "/" + c.want; f.Path != want {
				t.Fatalf("got %s, want %s", f.Path, want)
			}
			if err := f.Save(bytesContent("new")); err != nil {
				t.Fatal(err)
			}
			if got := read(t, dir+"/"+c.path); got != "new" {
				t.Errorf("through the link: %q", got)
			}
			for at, target := range c.links {
				if got, err := os.Readlink(dir + "/" + at); got != target {
					t.Errorf("link %s: %s, %v", at, got, err)
				}
			}
		})
	}
}

func TestWhatIsNoFileIsNotOpened(t *testing.T) {
	dir := folder(t)
	if err := errors.Join(unix.Mkfifo(dir+"/fifo", 0o600), os.Symlink("loop", dir+"/loop"), os.Symlink("/dev/null", dir+"/null")); err != nil {
		t.Fatal(err)
	}
	created(t, dir+"/f", "")
	for path, want := range map[string]string{
		"fifo":         "not a regular file",
		"null":         "not a regular file",
		".":            "is a directory",
		"loop":         "too many levels of symbolic links",
		"missing/file": "no such file or directory",
		"f/below":      "not a directory",
	} {
		if _, err := Open(dir + "/" + path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if _, err := Open(strings.Repeat("x", 256)); !errors.Is(err, unix.ENAMETOOLONG) {
		t.Errorf("a long name: %v", err)
	}
}

func TestAFileThatSaysItIsEmptyIsReadWhole(t *testing.T) {
	if f := openedFile(t, "/proc/self/status"); f.Source().Size() < 100 {
		t.Errorf("%d bytes", f.Source().Size())
	}
}

func TestChangesByOthersAreSeen(t *testing.T) {
	for name, change := range map[string]func(path string) error{
		"replaced": func(path string) error {
			return errors.Join(os.WriteFile(path+".x", []byte("old"), 0o644), os.Rename(path+".x", path))
		},
		"cut short": func(path string) error { return os.Truncate(path, 1) },
		"appended to": func(path string) error {
			f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			f.WriteString("more")
			return f.Close()
		},
		"written over": func(path string) error {
			return errors.Join(os.WriteFile(path, []byte("OLD"), 0o644), os.Chtimes(path, time.Time{}, time.Now().Add(time.Second)))
		},
		"written over, and its time set back": func(path string) error {
			before, err := os.Stat(path)
			if err != nil {
				return err
			}
			for { // until the clock of the file system has moved on
				if err := errors.Join(os.WriteFile(path, []byte("OLD"), 0o644), os.Chtimes(path, time.Time{}, before.ModTime())); err != nil {
					return err
				}
				now, err := os.Stat(path)
				if err != nil || stateOf(now).ctime != stateOf(before).ctime {
					return err
				}
			}
		},
		"removed": os.Remove,
	} {
		t.Run(name, func(t *testing.T) {
			path := created(t, filepath.Join(folder(t), "f"), "old")
			f := openedFile(t, path)
			if changed, err := f.Changed(); changed || err != nil {
				t.Fatalf("at first: %v, %v", changed, err)
			}
			if err := change(path); err != nil {
				t.Fatal(err)
			}
			now, _ := os.ReadFile(path)
			if changed, err := f.Changed(); !changed || err != nil {
				t.Errorf("changed: %v, %v", changed, err)
			}
			if err := f.Save(bytesContent("new")); !errors.Is(err, ErrChanged) {
				t.Errorf("saved: %v", err)
			}
			if got, _ := os.ReadFile(path); !bytes.Equal(got, now) {
				t.Errorf("the file holds %q", got)
			}
			if got, err := f.OnDisk(len(now)); err != nil || !bytes.Equal(got, now) {
				t.Errorf("on disk: %q, %v", got, err)
			}
			if _, err := f.OnDisk(len(now) - 1); len(now) > 0 && err == nil {
				t.Error("on disk: more was read than asked for")
			}
			if err := f.Accept(); err != nil {
				t.Fatal(err)
			}
			if err := f.Save(bytesContent("new")); err != nil || read(t, path) != "new" {
				t.Errorf("accepted: %v", err)
			}
		})
	}
	t.Run("made", func(t *testing.T) {
		path := filepath.Join(folder(t), "f")
		f := openedFile(t, path)
		if f.Exists {
			t.Error("it exists")
		}
		created(t, path, "of another")
		if err := f.Save(bytesContent("new")); !errors.Is(err, ErrChanged) || read(t, path) != "of another" {
			t.Errorf("saved: %v", err)
		}
	})
	t.Run("made in the last moment", func(t *testing.T) {
		path := filepath.Join(folder(t), "f")
		f := openedFile(t, path)
		c := meanwhile{"new", func() { created(t, path, "of another") }}
		if err := f.Save(c); !errors.Is(err, ErrChanged) || read(t, path) != "of another" {
			t.Errorf("saved: %v", err)
		}
		if got := list(t, filepath.Dir(path)); got != "f" {
			t.Errorf("in the folder: %s", got)
		}
	})
}

// meanwhile is a content during whose writing something happens.
type meanwhile struct {
	bytesContent
	happens func()
}

func (m meanwhile) WriteTo(w io.Writer) (int64, error) {
	m.happens()
	return m.bytesContent.WriteTo(w)
}

func TestTwoProgramsSaveOneFile(t *testing.T) {
	path := created(t, filepath.Join(folder(t), "f"), "old")
	f, g := openedFile(t, path), openedFile(t, path)
	err := f.Save(meanwhile{"first", func() {
		if err := g.Save(bytesContent("second")); !errors.Is(err, ErrBusy) {
			t.Errorf("the second: %v", err)
		}
	}})
	if err != nil || read(t, path) != "first" {
		t.Errorf("the first: %v", err)
	}
	if err := g.Save(bytesContent("second")); !errors.Is(err, ErrChanged) {
		t.Errorf("the second, later: %v", err)
	}
}

func TestALinkMadeMeanwhileStays(t *testing.T) {
	path := created(t, filepath.Join(folder(t), "f"), "old")
	f := openedFile(t, path)
	if err := os.Link(path, path+"2"); err != nil {
		t.Fatal(err)
	}
	if err := f.Save(bytesContent("new")); err != nil || read(t, path+"2") != "new" {
		t.Errorf("the other name has %q, %v", read(t, path+"2"), err)
	}
}

func TestWhoseCopyIsBelieved(t *testing.T) {
	path := created(t, filepath.Join(folder(t), "f"), "damaged")
	copied := created(t, beside(path, suffixCopy), "the whole text")
	if found := openedFile(t, path).Found; found == nil || found.Path != copied {
		t.Errorf("ours: %+v", found)
	}
	h, err := linux{}.Open(copied, false)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Lock(); err != nil {
		t.Fatal(err)
	}
	if found := openedFile(t, path).Found; found != nil {
		t.Errorf("that of a save under way: %+v", found)
	}
	h.Close()
	if err := os.Chown(copied, 4711, 4711); err != nil {
		t.Fatal(err)
	}
	if found := openedFile(t, path).Found; found != nil {
		t.Errorf("that of another user: %+v", found)
	}
	if err := errors.Join(os.Remove(copied), os.Symlink("/etc/passwd", copied)); err != nil {
		t.Fatal(err)
	}
	if found := openedFile(t, path).Found; found != nil {
		t.Errorf("a link: %+v", found)
	}
}

func TestACopyInTheOtherFolderIsFoundByTheKeeper(t *testing.T) {
	spare := folder(t)
	path := created(t, filepath.Join(folder(t), "f"), "damaged")
	s := begin(t, spare, path)
	s.text.Replace(0, 0, []byte("kept: "))
	s.keep(t)
	s.lost()
	copied := created(t, within(spare, path, suffixCopy), "the whole text")
	for want, when := range map[string]time.Time{"the whole text": time.Now().Add(time.Hour), "kept: damaged": time.Now().Add(-time.Hour)} {
		if err := os.Chtimes(copied, when, when); err != nil {
			t.Fatal(err)
		}
		again := begin(t, spare, path)
		if err := again.found.Restore(again.text); err != nil || again.all() != want {
			t.Errorf("got %q, want what is newer, %q: %v", again.all(), want, err)
		}
		again.lost()
	}
}

// A large copy is taken into memory only where it differs.
func TestALargeCopyIsRestored(t *testing.T) {
	path := created(t, filepath.Join(folder(t), "f"), "")
	for name, c := range map[string]struct{ file, copied string }{
		"the same but for the middle": {big("a line\n") + "x" + big("b line\n"), big("a line\n") + "yyy" + big("b line\n")},
		"longer":                      {big("a line\n"), big("a line\n") + big("b line\n")},
		"shorter":                     {big("a line\n") + big("b line\n"), big("b line\n")},
		"of repeated bytes":           {strings.Repeat("x", 5*block), strings.Repeat("x", 3*block+7)},
	} {
		created(t, path, c.file)
		created(t, beside(path, suffixCopy), c.copied)
		f := openedFile(t, path)
		t1 := text.New(f.Source())
		if err := f.Found.Restore(t1); err != nil || string(t1.Bytes(0, t1.Len())) != c.copied {
			t.Errorf("%s: another text, %v", name, err)
		}
		if name == "the same but for the middle" && len(t1.Snapshot().Added()) > 3*block {
			t.Errorf("%s: %d bytes in memory", name, len(t1.Snapshot().Added()))
		}
	}
}

func TestALongNameHasCompanions(t *testing.T) {
	dir := folder(t)
	path := created(t, filepath.Join(dir, strings.Repeat("ü", 127)+"x"), "old")
	if err := os.Link(path, filepath.Join(dir, "g")); err != nil {
		t.Fatal(err)
	}
	if err := openedFile(t, path).Save(bytesContent("new")); err != nil || read(t, path) != "new" {
		t.Error(err)
	}
}

// big is longer than what is read when a file is opened.
func big(line string) string { return strings.Repeat(line, 2*inMemory/len(line)) }

func TestALargeFileKeepsItsSourceThroughSaves(t *testing.T) {
	for _, links := range []int{1, 2} {
		dir := folder(t)
		path := created(t, filepath.Join(dir, "f"), big("the old text\n"))
		if links == 2 {
			if err := os.Link(path, filepath.Join(dir, "g")); err != nil {
				t.Fatal(err)
			}
		}
		f := openedFile(t, path)
		t1 := text.New(f.Source())
		before := t1.Snapshot()
		var reader sync.WaitGroup // another goroutine reads what the text was
		reader.Go(func() {
			for range 20 {
				var out bytes.Buffer
				if _, err := before.WriteTo(&out); err != nil || out.String() != big("the old text\n") {
					t.Errorf("%d links: meanwhile an early snapshot is another text: %v", links, err)
				}
			}
		})
		for n := range 3 {
			// At the front, so that every byte of the file is another.
			t1.Replace(0, n, []byte("changed "))
			want := string(t1.Bytes(0, t1.Len()))
			if err := f.Save(t1.Snapshot()); err != nil {
				t.Fatal(err)
			}
			if got := read(t, path); got != want {
				t.Fatalf("%d links, save %d: the file is not the text", links, n)
			}
		}
		reader.Wait()
		for {
			if _, ok := t1.Undo(); !ok {
				break
			}
		}
		if string(t1.Bytes(0, t1.Len())) != big("the old text\n") || t1.Err() != nil {
			t.Errorf("%d links: undo does not lead back to the old text: %v", links, t1.Err())
		}
		if got := list(t, dir); got != "f" && got != "f g" {
			t.Errorf("in the folder: %s", got)
		}
	}
}

func TestALargeFileThatIsCutShortIsNotSaved(t *testing.T) {
	path := created(t, filepath.Join(folder(t), "f"), big("the old text\n"))
	f := openedFile(t, path)
	t1 := text.New(f.Source())
	if err := os.Truncate(path, 1000); err != nil {
		t.Fatal(err)
	}
	if n, err := f.Source().ReadAt(make([]byte, 2000), 0); n != 1000 || err != io.ErrUnexpectedEOF {
		t.Errorf("read %d bytes: %v", n, err)
	}
	if err := f.Accept(); err != nil {
		t.Fatal(err)
	}
	if err := f.Save(t1.Snapshot()); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("saved: %v", err)
	}
	if got := list(t, filepath.Dir(path)); got != "f" || len(read(t, path)) != 1000 {
		t.Errorf("in the folder: %s", got)
	}
}

func TestAGigabyteIsOpenedWithoutReadingIt(t *testing.T) {
	path := created(t, filepath.Join(folder(t), "f"), "")
	if err := os.Truncate(path, 1<<30); err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f := openedFile(t, path)
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > 64<<10 {
		t.Errorf("opening took %d bytes", used)
	}
	if f.Source().Size() != 1<<30 {
		t.Errorf("%d bytes", f.Source().Size())
	}
}

func TestSaveAsMovesTheTextToTheOtherFile(t *testing.T) {
	for name, there := range map[string]bool{"a new file": false, "a file that is there": true} {
		dir := folder(t)
		from, to := created(t, filepath.Join(dir, "from"), big("the old text\n")), filepath.Join(dir, "to")
		if there {
			if err := os.Chmod(created(t, to, "something"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		f := openedFile(t, from)
		t1 := text.New(f.Source())
		t1.Replace(0, 3, []byte("The"))
		g, err := f.SaveAs(to, t1.Snapshot())
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if read(t, to) != string(t1.Bytes(0, t1.Len())) || read(t, from) != big("the old text\n") {
			t.Errorf("%s: not the text", name)
		}
		if info, _ := os.Stat(to); there && info.Mode() != 0o600 {
			t.Errorf("%s: mode %v", name, info.Mode())
		}
		t1.Replace(0, 0, []byte("again "))
		if err := g.Save(t1.Snapshot()); err != nil || !strings.HasPrefix(read(t, to), "again The old") {
			t.Errorf("%s, saved again: %v", name, err)
		}
	}
}
