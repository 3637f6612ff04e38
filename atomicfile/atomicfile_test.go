package atomicfile

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// writers are the ways to replace a file, each with text.
var writers = map[string]func(path, text string) error{
	"Write":         func(path, text string) error { return Write(path, []byte(text), 0o600) },
	"WriteGroup":    func(path, text string) error { return WriteGroup(path, []byte(text), 0o600, os.Getgid()) },
	"WriteUnsynced": func(path, text string) error { return WriteUnsynced(path, []byte(text), 0o600) },
}

func TestAFileIsReplacedWithItsModeAndNotThroughALink(t *testing.T) {
	for name, write := range writers {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path, other := filepath.Join(dir, "file"), filepath.Join(dir, "other")
			if err := errors.Join(os.WriteFile(other, []byte("theirs"), 0o644), os.Symlink(other, path)); err != nil {
				t.Fatal(err)
			}
			for _, text := range []string{"one", "second"} {
				if err := write(path, text); err != nil {
					t.Fatal(err)
				}
				info, err := os.Lstat(path)
				if err != nil || info.Mode() != 0o600 {
					t.Fatalf("%v, %v", info, err)
				}
				if got, err := os.ReadFile(path); err != nil || string(got) != text {
					t.Errorf("%q, %v", got, err)
				}
			}
			if got, err := os.ReadFile(other); err != nil || string(got) != "theirs" {
				t.Errorf("what the link led to: %q, %v", got, err)
			}
			if names, err := os.ReadDir(dir); err != nil || len(names) != 2 {
				t.Errorf("left over: %v, %v", names, err)
			}
		})
	}
}

func TestAFailureLeavesTheOldFileAndNothingElse(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	if err := Write(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	full := errors.New("disk full")
	if err := WriteUnsyncedBy(path, 0o600, func(f *os.File) error { f.WriteString("half"); return full }); !errors.Is(err, full) {
		t.Errorf("error %v, want %v", err, full)
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != "old" {
		t.Errorf("%q, %v", got, err)
	}
	if names, err := os.ReadDir(dir); err != nil || len(names) != 1 {
		t.Errorf("left over: %v, %v", names, err)
	}
}

func TestAFailureNamesTheFileThatWasWanted(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.MkdirAll("folder/full", 0o755); err != nil {
		t.Fatal(err)
	}
	for name, write := range writers {
		for path, want := range map[string]string{
			"/sys/file":   "write /sys/file: permission denied",
			"folder":      "write folder: file exists",
			"absent/file": "write absent/file: no such file or directory",
		} {
			if err := write(path, "x"); err == nil || err.Error() != want {
				t.Errorf("%s: %v, want %q", name, err, want)
			}
		}
	}
	if left, _ := filepath.Glob(TempPrefix + "*"); len(left) > 0 {
		t.Errorf("left over: %q", left)
	}
}

func TestUnfinishedFilesOfDeadProcessesGo(t *testing.T) {
	dir := t.TempDir()
	dead := TempPrefix + "4194304-1" // no process has this number
	names := []string{dead, TempPrefix + "1-7", "file"}
	for _, name := range names {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := RemoveTemps(OS{}, dir); err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if _, err := os.Stat(filepath.Join(dir, name)); (err == nil) == (name == dead) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The names may be taken: by another process of our number, or by somebody's pipe.
func TestATakenNameIsNeitherUsedNorWaitedFor(t *testing.T) {
	dir := t.TempDir()
	path, f, err := create(OS{}, dir, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	next := tempCount.Load() + 1
	tempCount.Store(next - 2) // as after a boot: the same number and process id again
	if err := syscall.Mkfifo(strings.TrimSuffix(path, "-"+strconv.Itoa(int(next-1)))+"-"+strconv.Itoa(int(next)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Write(filepath.Join(dir, "file"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if names, _ := os.ReadDir(dir); len(names) != 3 {
		t.Errorf("%v", names)
	}
}
