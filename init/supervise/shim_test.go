package supervise

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"bantam/init/sigaction"
	"bantam/lifecycle"
)

func TestTheShimSetsExactlyWhatTheDefinitionAsksFor(t *testing.T) {
	if !asInit(t) {
		return
	}
	for _, n := range []syscall.Signal{syscall.SIGUSR1, 34, 40} { // as PID 1 may have it
		if err := sigaction.Ignore(n); err != nil {
			t.Fatal(err)
		}
	}
	r := supervise(t)
	mine := statusLine(t, "CapBnd")
	const admin = "0000000000001000" // CAP_NET_ADMIN, 12
	const none = "0000000000000000"
	for _, c := range []struct {
		name string
		def  Definition
		want map[string]string
	}{
		{"root without a list keeps all", Definition{}, map[string]string{
			"CapEff": mine, "CapPrm": mine, "CapBnd": mine, "NoNewPrivs": "0",
			"Uid": "0 0 0 0", "Groups": "", "Umask": "0022", "dir": "/", "SigIgn": none, "SigBlk": none}},
		{"root with a list has exactly that", Definition{Caps: []int{unix.CAP_NET_ADMIN}}, map[string]string{
			"CapEff": admin, "CapPrm": admin, "CapBnd": admin, "CapAmb": admin, "Uid": "0 0 0 0"}},
		{"root with an empty list has none", Definition{Caps: []int{}}, map[string]string{
			"CapEff": none, "CapPrm": none, "CapBnd": none, "CapAmb": none}},
		{"a user has none and cannot gain any", Definition{UID: 1000, GID: 1001, Groups: []uint32{5, 7}}, map[string]string{
			"CapEff": none, "CapPrm": none, "CapBnd": none, "CapAmb": none, "NoNewPrivs": "1",
			"Uid": "1000 1000 1000 1000", "Gid": "1001 1001 1001 1001", "Groups": "5 7"}},
		{"a user with a list has exactly that", Definition{UID: 1000, GID: 1000, Caps: []int{unix.CAP_NET_ADMIN}}, map[string]string{
			"CapEff": admin, "CapPrm": admin, "CapInh": admin, "CapBnd": admin, "CapAmb": admin, "NoNewPrivs": "1"}},
		{"directory, environment and OOM score are as given", Definition{Dir: "/tmp", Env: []string{"A=b"}, OOMScoreAdj: 100}, map[string]string{
			"dir": "/tmp", "env": "[A=b PATH=" + defaultPath + "]", "oom": "100"}},
		{"a given PATH stays", Definition{Env: []string{"PATH=/x"}}, map[string]string{"env": "[PATH=/x]"}},
	} {
		bothShims(t, c.name, func(t *testing.T) {
			c.def.Argv = self("limits")
			_, text, err := r.RunOnce(t.Context(), c.def)
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]string{}
			for line := range strings.Lines(string(text)) {
				key, value, _ := strings.Cut(line, " ")
				if k, v, ok := strings.Cut(line, ":"); ok && !strings.Contains(k, " ") {
					key, value = k, v
				}
				got[key] = strings.Join(strings.Fields(value), " ")
			}
			for key, want := range c.want {
				if got[key] != want {
					t.Errorf("%s is %q, want %q", key, got[key], want)
				}
			}
		})
	}
}

// bothShims runs a test with pages, where there are any, and with the shim that is a Go program.
func bothShims(t *testing.T, name string, test func(t *testing.T)) {
	pages := hasPages
	defer func() { hasPages = pages }()
	if pages {
		t.Run(name, test)
	}
	hasPages = false
	t.Run(name+", the shim in Go", test)
}

func TestHiddenFoldersAreEmptyAndClosedInsideAndUntouchedOutside(t *testing.T) {
	if !asInit(t) {
		return
	}
	r := supervise(t)
	dir := t.TempDir()
	if err := unix.Mount("none", dir, "tmpfs", 0, "mode=0755"); err != nil { // as the state volume is mounted
		t.Fatal(err)
	}
	defer unix.Unmount(dir, unix.MNT_DETACH)
	if err := os.WriteFile(dir+"/secret", []byte("what it says"), 0o644); err != nil {
		t.Fatal(err)
	}
	command := shell("cat " + dir + "/secret; touch " + dir + "/new; echo end")
	for _, uid := range []uint32{0, 1000} {
		bothShims(t, fmt.Sprintf("user %d", uid), func(t *testing.T) {
			_, text, err := r.RunOnce(t.Context(), Definition{Argv: command, UID: uid, Hide: []string{dir, "/none/such"}})
			if got := string(text); err != nil || !strings.HasSuffix(got, "end\n") || strings.Contains(got, "what it says") {
				t.Errorf("%v\n%s", err, got)
			}
		})
	}
	if _, err := os.Stat(dir + "/new"); err == nil {
		t.Error("it could write there")
	}
	if text, err := os.ReadFile(dir + "/secret"); err != nil || string(text) != "what it says" {
		t.Errorf("outside: %q, %v", text, err)
	}
}

func TestTheShimLeavesNoDescriptorOpenAndSetsTheFileLimit(t *testing.T) {
	if !asInit(t) {
		return
	}
	r := supervise(t)
	leak, err := unix.Open("/", unix.O_RDONLY, 0) // without O_CLOEXEC, as a library of somebody's may have it
	r.must(err)
	defer unix.Close(leak)
	_, text, err := r.RunOnce(t.Context(), Definition{Argv: shell("echo $(ls /proc/self/fd) limit $(ulimit -Sn)")})
	// ls has the directory itself open, and where it reads the end of a pipe to sh.
	if want := "0 1 2 3 limit 1024\n"; err != nil || string(text) != want {
		t.Errorf("got %q, %v, want %q", text, err, want)
	}
}

func TestWhatTheShimCannotDoIsNamed(t *testing.T) {
	if !asInit(t) {
		return
	}
	r := supervise(t)
	closed := t.TempDir() + "/closed"
	r.must(os.WriteFile(closed, nil, 0o600))
	for _, c := range []struct {
		name string
		def  Definition
		want string
	}{
		{"no such program", Definition{Argv: []string{"/none/such"}}, "exec /none/such: no such file or directory"},
		{"in no folder of PATH", Definition{Argv: []string{"nosuch"}, Env: []string{"PATH=/bin:/proc/self/status:/none"}}, "exec nosuch: no such file or directory"},
		{"a file that may not be executed", Definition{Argv: []string{closed}}, "exec " + closed + ": permission denied"},
		{"one in PATH before the end of it", Definition{Argv: []string{"closed"}, Env: []string{"PATH=" + closed[:len(closed)-len("/closed")] + ":/none"}}, "exec closed: permission denied"},
		{"no such folder", Definition{Argv: []string{"true"}, Dir: "/none"}, "chdir /none: no such file or directory"},
		{"no such capability", Definition{Argv: []string{"true"}, Caps: []int{64}}, "capabilities: invalid argument"},
	} {
		bothShims(t, c.name, func(t *testing.T) {
			if _, _, err := r.RunOnce(t.Context(), c.def); err == nil || err.Error() != c.def.Argv[0]+": "+c.want && err.Error() != c.want {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

func TestOrdersLargerThanAPipeArriveWhole(t *testing.T) {
	if !asInit(t) {
		return
	}
	r := supervise(t)
	big := strings.Repeat("x", 100<<10)
	_, text, err := r.RunOnce(t.Context(), Definition{Argv: shell("echo ${#A} ${#B}"), Env: []string{"A=" + big, "B=" + big}})
	if want := "102400 102400\n"; err != nil || string(text) != want {
		t.Errorf("got %q, %v, want %q", text, err, want)
	}
}

func TestAServiceOwnsItsTerminalAgainAfterEveryRestart(t *testing.T) {
	if !asInit(t) {
		return
	}
	r := supervise(t)
	ptm, name := openPTY(t)
	r.run(Definition{Name: "getty", Argv: self("tty"), TTY: name})
	screen := bufio.NewReader(ptm)
	for round := range 3 {
		for _, want := range []string{"leader true foreground true error <nil> sane true", "controlling terminal"} {
			expect(t, screen, want)
		}
		fmt.Fprintf(ptm, "word%d\r", round) // ICRNL makes a newline of it
		expect(t, screen, fmt.Sprintf("word%d", round))
		expect(t, screen, fmt.Sprintf("read word%d", round))
	}
	r.must(r.Stop(ByPlan, "getty"))
	r.await(lifecycle.PhaseDown, "getty")
}

func TestATerminalIsTakenFromWhoeverHoldsIt(t *testing.T) {
	if !asInit(t) {
		return
	}
	r := supervise(t)
	ptm, name := openPTY(t)
	thief := Definition{Name: "holder", Argv: self("tty"), TTY: name, Restart: lifecycle.RestartNever}
	user := Definition{Name: "user", Argv: []string{"sh", "-c", "trap '' HUP; tty; id -u; stat -c %u " + name + "; sleep 1000"}, TTY: name, UID: 1000, After: []string{"holder"}}
	r.run(thief, user)
	screen := bufio.NewReader(ptm)
	for _, want := range []string{name, "1000", "1000"} {
		expect(t, screen, want)
	}
}

// expect reads lines until one is want.
func expect(t *testing.T, screen *bufio.Reader, want string) {
	t.Helper()
	for {
		line, err := screen.ReadString('\n')
		if err != nil {
			t.Fatalf("%v while waiting for %q", err, want)
		}
		if strings.TrimSuffix(line, "\r\n") == want {
			return
		}
	}
}

// openPTY returns the master of a fresh pseudo-terminal and its slave's name.
func openPTY(t *testing.T) (*os.File, string) {
	t.Helper()
	if err := syscall.Mount("devpts", "/dev/pts", "devpts", 0, "newinstance,ptmxmode=0666"); err != nil {
		t.Fatalf("mount devpts: %v", err)
	}
	ptm, err := os.OpenFile("/dev/pts/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ptm.Close() })
	var number int
	conn, err := ptm.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	conn.Control(func(fd uintptr) {
		unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0)
		number, err = unix.IoctlGetInt(int(fd), unix.TIOCGPTN)
	})
	if err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf("/dev/pts/%d", number)
	// Held open, or the master reads an error whenever no service has it.
	slave, err := os.OpenFile(name, os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { slave.Close() })
	return ptm, name
}

func statusLine(t *testing.T, key string) string {
	t.Helper()
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if k, v, ok := strings.Cut(line, ":"); ok && k == key {
			return strings.TrimSpace(v)
		}
	}
	t.Fatalf("/proc/self/status has no %s", key)
	return ""
}
