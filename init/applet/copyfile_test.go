package applet

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// applet is this test binary as one of the commands.
func applet(t *testing.T, name string, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, args...)
	cmd.Env = append(os.Environ(), "APPLET_TEST_RUN="+name)
	return cmd
}

// do runs a command that must succeed.
func do(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := applet(t, name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v: %s", name, strings.Join(args, " "), err, out)
	}
}

func write(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestCpKeepsTheOtherNamesOfItsTarget(t *testing.T) {
	dir := t.TempDir()
	source, target, other := write(t, dir+"/source", "new\n"), write(t, dir+"/target", "old\n"), dir+"/other"
	if err := os.Link(target, other); err != nil {
		t.Fatal(err)
	}
	do(t, "cp", source, target)
	if got := read(t, other); got != "new\n" {
		t.Errorf("the other name has %q", got)
	}
}

func TestCpKeepsHoles(t *testing.T) {
	dir := t.TempDir()
	f, err := os.Create(dir + "/sparse")
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range []int64{1 << 20, 5<<20 + 77} {
		if _, err := f.WriteAt([]byte("data"), at); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(f.Truncate(9<<20), f.Close()); err != nil {
		t.Fatal(err)
	}
	blocks := func(path string) int64 {
		var st unix.Stat_t
		if err := unix.Stat(path, &st); err != nil {
			t.Fatal(err)
		}
		return st.Blocks * 512
	}
	if blocks(dir+"/sparse") > 4<<20 {
		t.Skip("this file system has no holes")
	}
	do(t, "cp", dir+"/sparse", dir+"/copy")
	if got := blocks(dir + "/copy"); got > 4<<20 {
		t.Errorf("the copy takes %d bytes", got)
	}
	if read(t, dir+"/copy") != read(t, dir+"/sparse") {
		t.Error("the copy differs")
	}
}

func TestCpTakesFilesOfTheKernel(t *testing.T) {
	for _, path := range []string{"/sys/class/net/lo/mtu", "/proc/version"} {
		want, err := os.ReadFile(path)
		if err != nil {
			t.Skip(err)
		}
		target := t.TempDir() + "/copy"
		do(t, "cp", path, target)
		if got := read(t, target); got != string(want) {
			t.Errorf("%s: got %q, want %q", path, got, want)
		}
	}
}

func TestArchiveCopiesKeepExtendedAttributesAndTimesOfLinks(t *testing.T) {
	dir := t.TempDir()
	source := write(t, dir+"/source", "text")
	if err := unix.Setxattr(source, "user.note", []byte("kept"), 0); err != nil {
		t.Skipf("no extended attributes here: %v", err)
	}
	if err := os.Symlink("source", dir+"/link"); err != nil {
		t.Fatal(err)
	}
	old := []unix.Timespec{{Sec: 1e9}, {Sec: 1e9}}
	if err := unix.UtimesNanoAt(unix.AT_FDCWD, dir+"/link", old, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		t.Fatal(err)
	}
	do(t, "cp", "-a", source, dir+"/copy")
	do(t, "cp", "-a", dir+"/link", dir+"/link2")
	value := make([]byte, 100)
	if n, err := unix.Getxattr(dir+"/copy", "user.note", value); err != nil || string(value[:n]) != "kept" {
		t.Errorf("cp -a: got %q, %v", value[:max(n, 0)], err)
	}
	if info, err := os.Lstat(dir + "/link2"); err != nil || info.ModTime().Unix() != 1e9 {
		t.Errorf("cp -a of a link: %v, %v", info.ModTime(), err)
	}
	do(t, "sed", "-i", "s/t/T/", source)
	if n, err := unix.Getxattr(source, "user.note", value); err != nil || string(value[:n]) != "kept" {
		t.Errorf("sed -i: got %q, %v", value[:max(n, 0)], err)
	}
}

// otherDisk is a folder on another file system than that of t.TempDir.
func otherDisk(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "applet-test-")
	if err != nil {
		t.Skipf("no second file system: %v", err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	probe := write(t, t.TempDir()+"/probe", "")
	if err := syscall.Rename(probe, dir+"/probe"); !errors.Is(err, syscall.EXDEV) {
		t.Skip("no second file system")
	}
	return dir
}

func TestMvToAnotherDiskTakesTheNameOfALinkAndNotItsTarget(t *testing.T) {
	here, there := t.TempDir(), otherDisk(t)
	source, victim := write(t, here+"/file", "moved"), write(t, there+"/victim", "mine")
	if err := os.Symlink("victim", there+"/name"); err != nil {
		t.Fatal(err)
	}
	do(t, "mv", source, there+"/name")
	if got := read(t, victim); got != "mine" {
		t.Errorf("the target of the link has %q", got)
	}
	info, err := os.Lstat(there + "/name")
	if err != nil || !info.Mode().IsRegular() || read(t, there+"/name") != "moved" {
		t.Errorf("the name is %v, %v", info, err)
	}
	if _, err := os.Lstat(source); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the source: %v", err)
	}
}

func TestMvToAnotherDiskDoesNotMergeFolders(t *testing.T) {
	here, there := t.TempDir(), otherDisk(t)
	for _, folder := range []string{here + "/full", here + "/free", there + "/full", there + "/free"} {
		if err := os.Mkdir(folder, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write(t, here+"/full/a", "a")
	write(t, there+"/full/b", "b")
	write(t, here+"/free/a", "a")
	if out, err := applet(t, "mv", here+"/full", there).CombinedOutput(); err == nil {
		t.Errorf("a folder that holds something was replaced; %s", out)
	}
	if read(t, here+"/full/a")+read(t, there+"/full/b") != "ab" {
		t.Error("something is lost")
	}
	do(t, "mv", here+"/free", there)
	if got := read(t, there+"/free/a"); got != "a" {
		t.Errorf("got %q", got)
	}
}

func TestAnInterruptedCopyLeavesNoHiddenFile(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mkfifo(dir+"/slow", 0o600); err != nil {
		t.Fatal(err)
	}
	target := write(t, dir+"/target", "old")
	cmd := applet(t, "cp", dir+"/slow", target)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	slow, err := os.OpenFile(dir+"/slow", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Close()
	slow.WriteString("half of it")
	temporary := func() []string {
		list, _ := filepath.Glob(dir + "/.bantam-*")
		return list
	}
	for deadline := time.Now().Add(time.Minute); len(temporary()) == 0 && time.Now().Before(deadline); {
		time.Sleep(5 * time.Millisecond)
	}
	if len(temporary()) != 1 {
		t.Fatalf("temporary files: %q", temporary())
	}
	time.Sleep(50 * time.Millisecond)
	cmd.Process.Signal(syscall.SIGINT)
	cmd.Wait()
	if status := cmd.ProcessState.Sys().(syscall.WaitStatus); status.Signal() != syscall.SIGINT {
		t.Errorf("ended with %v, want a death by SIGINT", cmd.ProcessState)
	}
	if left := temporary(); len(left) != 0 || read(t, target) != "old" {
		t.Errorf("left %q, target %q", left, read(t, target))
	}
}

func TestRmKnowsTheRootByAnyName(t *testing.T) {
	dir := t.TempDir()
	if err := os.Symlink("/", dir+"/link"); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]bool{"/": true, "//": true, "/./": true, "/..": true, dir + "/link/": true, dir + "/link": false, dir: false} {
		if got := isRoot(path); got != want {
			t.Errorf("%s: got %v, want %v", path, got, want)
		}
	}
}

func TestCatAndGrepDoNotReadWhatTheyWrite(t *testing.T) {
	for _, args := range [][]string{{"cat"}, {"cat", "-n"}, {"grep", "a"}} {
		path := write(t, t.TempDir()+"/all", strings.Repeat("abc\n", 20000))
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
		if err != nil {
			t.Fatal(err)
		}
		cmd := applet(t, args[0], append(args[1:], path)...)
		cmd.Stdout = f
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		// Not for ever, should it run away.
		timer := time.AfterFunc(10*time.Second, func() { cmd.Process.Kill() })
		err = cmd.Wait()
		timer.Stop()
		f.Close()
		info, statErr := os.Stat(path)
		if err == nil || statErr != nil || info.Size() != 80000 {
			t.Errorf("%q: %v; the file has %d bytes, want 80000", args, err, info.Size())
		}
	}
}
