package file

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"bantam/editor/text"
)

// childVerb in the environment makes the test program one of these.
const childVerb = "BANTAM_FILE_TEST"

func TestMain(m *testing.M) {
	switch verb := os.Getenv(childVerb); verb {
	case "":
		os.Exit(m.Run())
	case "save":
		childSave(os.Args[1:])
	case "keep":
		childKeep(os.Args[1], os.Args[2])
	default:
		fmt.Println("no such verb:", verb)
		os.Exit(2)
	}
}

func child(verb string, args ...string) *exec.Cmd {
	self, err := os.Executable()
	if err != nil {
		panic(err)
	}
	c := exec.Command(self, args...)
	if strings.HasPrefix(runtime.GOARCH, "mips") { // no machine for the tests has it
		c = exec.Command("qemu-"+runtime.GOARCH, append([]string{self}, args...)...)
	}
	c.Env = append(os.Environ(), childVerb+"="+verb)
	return c
}

// childSave saves a text as a user, with a limit for the size of files (0:
// none), and prints the error.
func childSave(args []string) {
	uid, _ := strconv.Atoi(args[0])
	limit, _ := strconv.Atoi(args[1])
	path, spare, content := args[2], args[3], args[4]
	signal.Reset(unix.SIGXFSZ)
	if limit > 0 {
		if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: uint64(limit), Max: uint64(limit)}); err != nil {
			fmt.Println("setrlimit:", err)
			os.Exit(2)
		}
	}
	if uid != 0 {
		if err := syscall.Setgroups(nil); err != nil {
			fmt.Println("setgroups:", err)
			os.Exit(2)
		}
		if err := syscall.Setresgid(uid, uid, uid); err != nil {
			fmt.Println("setresgid:", err)
			os.Exit(2)
		}
		if err := syscall.Setresuid(uid, uid, uid); err != nil {
			fmt.Println("setresuid:", err)
			os.Exit(2)
		}
	}
	f, err := Open(path)
	if err == nil {
		f.Spare = spare
		err = f.Save(bytesContent(content))
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("saved")
}

// saveAs saves in a child and returns what it said.
func saveAs(t *testing.T, uid, limit int, path, spare, content string) string {
	t.Helper()
	out, _ := child("save", strconv.Itoa(uid), strconv.Itoa(limit), path, spare, content).CombinedOutput()
	return strings.TrimSpace(string(out))
}

// childKeep keeps "0", "1", "2" ... and says after each that it is kept.
func childKeep(dir, path string) {
	f, err := Open(path)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	k, _, err := OpenKeeper(dir, path)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	t := text.New(f.Source())
	for n := 0; ; n++ {
		t.Replace(0, t.Len(), []byte(numbered(n)))
		if err := k.Keep(t.Snapshot(), f); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println(n)
	}
}

// numbered is a long text that is only whole if all of it is there.
func numbered(n int) string { return strings.Repeat(fmt.Sprintf("%08d\n", n), 5000) }

func read(t testing.TB, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func list(t testing.TB, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return strings.Join(names, " ")
}

// folder is one that every user may look into.
func folder(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "bantam-file-")
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err == nil {
		dir, err = filepath.EvalSymlinks(dir)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func created(t testing.TB, path, content string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func openedFile(t testing.TB, path string) *File {
	t.Helper()
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}
