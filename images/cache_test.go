package images

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestCacheComputesOnce(t *testing.T) {
	c, count := Cache{t.TempDir()}, 0
	get := func(inputs ...string) string {
		t.Helper()
		data, err := c.Result(inputs, func() ([]byte, error) { count++; return []byte("result"), nil })
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	if got := get("a", "b") + get("a", "b"); got != "resultresult" || count != 1 {
		t.Errorf("got %q after computing %d times, want it once", got, count)
	}
	if get("ab"); count != 2 {
		t.Error(`inputs "a", "b" and "ab" share a result`)
	}
	kept, err := filepath.Glob(filepath.Join(c.Dir, "results", "*"))
	if err != nil || len(kept) != 2 {
		t.Fatalf("cache holds %q, %v; want two results and no leftovers", kept, err)
	}
	for _, path := range kept {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		data[len(data)-1] ^= 1
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got := get("a", "b"); got != "result" || count != 3 {
		t.Errorf("a damaged result gives %q, computed %d times; want it made again", got, count)
	}
}

func TestCacheKeepsNoErrors(t *testing.T) {
	c := Cache{t.TempDir()}
	broken := errors.New("broken")
	if _, err := c.Result([]string{"x"}, func() ([]byte, error) { return nil, broken }); !errors.Is(err, broken) {
		t.Errorf("error %v, want %v", err, broken)
	}
	if data, err := c.Result([]string{"x"}, func() ([]byte, error) { return []byte("y"), nil }); err != nil || string(data) != "y" {
		t.Errorf("after an error: %q, %v", data, err)
	}
}

func TestLockIsHeldByOne(t *testing.T) {
	c := Cache{t.TempDir()}
	unlock, err := c.Lock(context.Background(), "x", nil)
	if err != nil {
		t.Fatal(err)
	}
	other, err := c.Lock(context.Background(), "y", nil)
	if err != nil {
		t.Fatal(err)
	}
	other()
	ctx, cancel := context.WithTimeout(context.Background(), 350*time.Millisecond)
	defer cancel()
	var said []string
	if _, err := c.Lock(ctx, "x", func(m string) { said = append(said, m) }); !errors.Is(err, context.DeadlineExceeded) || len(said) != 1 {
		t.Errorf("a second lock: %v, said %q; want it to wait and say so once", err, said)
	}
	unlock()
	again, err := c.Lock(context.Background(), "x", nil)
	if err != nil {
		t.Fatal(err)
	}
	again()
}

// On NFS, where homes may be, the kernel refuses an exclusive lock of a file that is open for reading only.
func TestLockedFileIsOpenForWriting(t *testing.T) {
	c := Cache{t.TempDir()}
	unlock, err := c.Lock(context.Background(), "x", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	descriptors, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range descriptors {
		if file, _ := os.Readlink("/proc/self/fd/" + d.Name()); file != filepath.Join(c.Dir, "locks/x") {
			continue
		}
		fd, err := strconv.Atoi(d.Name())
		if err != nil {
			t.Fatal(err)
		}
		flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
		if err != nil || flags&unix.O_ACCMODE != unix.O_RDWR {
			t.Errorf("descriptor %d has flags %#x, %v; want it open for writing", fd, flags, err)
		}
		return
	}
	t.Error("no descriptor holds the lock")
}

func TestAtomicFileIsWholeOrAbsent(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new/folder/file")
	broken := errors.New("disk full")
	fail := func(w io.Writer) error { w.Write([]byte("half")); return broken }
	if err := WriteFileAtomic(path, fail); !errors.Is(err, broken) {
		t.Errorf("error %v, want %v", err, broken)
	}
	if left, _ := os.ReadDir(filepath.Dir(path)); len(left) != 0 {
		t.Errorf("a failed write leaves %v", left)
	}
	if err := WriteFileAtomic(path, func(w io.Writer) error { _, err := w.Write([]byte("whole")); return err }); err != nil {
		t.Fatal(err)
	}
	WriteFileAtomic(path, fail)
	if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, []byte("whole")) {
		t.Errorf("after a failed rewrite: %q, %v; want the old bytes", got, err)
	}
}

func TestFailedWriteNamesTheFileThatWasWanted(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.MkdirAll("folder/full", 0o755); err != nil {
		t.Fatal(err)
	}
	closed := func(w io.Writer) error {
		f := w.(*os.File)
		f.Close()
		_, err := f.Write([]byte("x"))
		return err
	}
	good := func(io.Writer) error { return nil }
	for _, test := range []struct {
		name, path string
		write      func(io.Writer) error
		want       string
	}{
		{"no permission", "/sys/file", good, "write /sys/file: permission denied"},
		{"a folder of that name", "folder", good, "write folder: file exists"},
		{"a write that fails", "file", closed, "write file: file already closed"},
	} {
		if err := WriteFileAtomic(test.path, test.write); err == nil || err.Error() != test.want {
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
	}
}

func TestUnfinishedFileLiesBesideTheWantedOne(t *testing.T) {
	t.Chdir(t.TempDir()) // a rename from /tmp might leave the file system
	err := WriteFileAtomic("file", func(w io.Writer) error {
		if dir := filepath.Dir(w.(*os.File).Name()); dir != "." {
			t.Errorf("it is in %s, want the working directory", dir)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestFilesAreMadeOnce(t *testing.T) {
	c, count := Cache{t.TempDir()}, 0
	get := func(inputs ...string) (path, text string) {
		t.Helper()
		path, digest, err := c.File(context.Background(), nil, inputs, func(f *os.File) error {
			count++
			_, err := f.WriteString("content")
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(path)
		if err != nil || sha256Hex(data) != digest {
			t.Errorf("%q has another digest than %s: %v", data, digest, err)
		}
		return path, string(data)
	}
	path, text := get("a", "b")
	if again, _ := get("a", "b"); text != "content" || again != path || count != 1 {
		t.Errorf("%q and %q with %q, made %d times; want it made once", path, again, text, count)
	}
	if other, _ := get("ab"); other == path || count != 2 {
		t.Error(`inputs "a", "b" and "ab" share a file`)
	}
	if err := os.WriteFile(path, []byte("contend"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, text := get("a", "b"); text != "content" || count != 3 {
		t.Errorf("a damaged file gives %q, made %d times; want it made again", text, count)
	}
	broken := errors.New("broken")
	if _, _, err := c.File(context.Background(), nil, []string{"x"}, func(*os.File) error { return broken }); !errors.Is(err, broken) {
		t.Errorf("error %v, want %v", err, broken)
	}
	if kept, err := filepath.Glob(filepath.Join(c.Dir, "files", "*")); err != nil || len(kept) != 4 {
		t.Errorf("cache holds %q, %v; want two files, their digests and no leftovers", kept, err)
	}
}

func TestAFolderIsMadeOnceAndWhole(t *testing.T) {
	c, count := Cache{t.TempDir()}, 0
	get := func() (string, error) {
		return c.Folder(t.Context(), nil, []string{"x"}, func(dir, work string) error {
			count++
			if left, err := os.ReadDir(work); err != nil || len(left) > 0 {
				t.Errorf("the folder to work in has %v, %v", left, err)
			}
			return errors.Join(writeText(filepath.Join(work, "big"), "x"), writeText(filepath.Join(dir, "a/b"), "result"))
		})
	}
	// What a build that was killed has left.
	if err := writeText(filepath.Join(c.Dir, "work", resultKey([]string{"x"})[:2], "work/old"), "x"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		dir, err := get()
		if err != nil || count != 1 {
			t.Fatalf("%v, made %d times", err, count)
		}
		if text, err := os.ReadFile(filepath.Join(dir, "a/b")); string(text) != "result" {
			t.Errorf("%q, %v", text, err)
		}
	}
	dir, _ := get()
	if err := os.Remove(filepath.Join(dir, "a/b")); err != nil {
		t.Fatal(err)
	}
	if _, err := get(); err != nil || count != 2 {
		t.Errorf("one that lacks a file: %v, made %d times", err, count)
	}
	if left, err := os.ReadDir(filepath.Join(c.Dir, "work")); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}

	broken := errors.New("broken")
	_, err := c.Folder(t.Context(), nil, []string{"y"}, func(dir, work string) error {
		return errors.Join(writeText(filepath.Join(dir, "half"), "x"), broken)
	})
	if !errors.Is(err, broken) {
		t.Errorf("error %v, want %v", err, broken)
	}
	if left, err := filepath.Glob(filepath.Join(c.Dir, "folders", "*")); err != nil || len(left) != 2 {
		t.Errorf("after an error there is %v, %v", left, err)
	}
}
