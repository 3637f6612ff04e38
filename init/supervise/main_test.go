package supervise

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"bantam/lifecycle"
	"bantam/printable"
)

// TestMain lets the test binary be six things: the tests, PID 1 of a
// namespace that runs one of them, the shim, the hostile service, a program that dozes, and one that becomes another.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == ShimName {
		os.Exit(ShimMain(os.Args))
	}
	if len(os.Args) > 1 && os.Args[1] == "become" {
		becoming()
	}
	if len(os.Args) > 2 && (os.Args[1] == "doze" || os.Args[1] == "woken") {
		dozer(os.Args)
		os.Exit(0)
	}
	if len(os.Args) > 1 && os.Args[1] == "hostile" {
		hostile(os.Args[2:])
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// asInit runs the calling test again as PID 1 of its own PID, mount, cgroup and
// network namespaces, and returns false out here and true in there.
func asInit(t testing.TB) bool {
	t.Helper()
	if os.Getpid() == 1 {
		if err := syscall.Mount("none", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Mount("proc", "/proc", "proc", 0, ""); err != nil {
			t.Fatal(err)
		}
		loopback(t)
		bindSelf(t)
		return true
	}
	if os.Getuid() != 0 {
		t.Fatal("this test makes namespaces; run it as root")
	}
	args := []string{"-test.run=^" + t.Name() + "$", "-test.v", "-test.timeout=5m"}
	if _, ok := t.(*testing.B); ok {
		args = []string{"-test.run=^$", "-test.bench=^" + t.Name() + "$"}
	}
	cmd := exec.Command("/proc/self/exe", args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS | syscall.CLONE_NEWCGROUP | syscall.CLONE_NEWNET}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("as PID 1: %v\n%s", err, out)
	}
	if !bytes.Contains(out, []byte("PASS")) {
		t.Fatalf("as PID 1 no test ran:\n%s", out)
	}
	if _, ok := t.(*testing.B); ok {
		t.Logf("%s", out)
	}
	return false
}

// loopback makes 127.0.0.1 work in a new network namespace, where every port is free.
func loopback(t testing.TB) {
	t.Helper()
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		t.Fatal(err)
	}
	lo.SetUint16(unix.IFF_UP)
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, lo); err != nil {
		t.Fatalf("lo: %v", err)
	}
}

// selfPath is the test binary where every user reaches it; /proc/self/exe would be the shim.
const selfPath = "/mnt/self"

func bindSelf(t testing.TB) {
	t.Helper()
	exe, err := os.Executable()
	if err == nil {
		err = syscall.Mount("none", filepath.Dir(selfPath), "tmpfs", 0, "mode=0755")
	}
	if err == nil {
		err = os.WriteFile(selfPath, nil, 0o755)
	}
	if err == nil {
		err = syscall.Mount(exe, selfPath, "", syscall.MS_BIND, "")
	}
	if err != nil {
		t.Fatal(err)
	}
}

// self is the command line of the hostile service.
func self(words ...string) []string {
	return append([]string{selfPath, "hostile"}, words...)
}

// shell is the command line of a script.
func shell(script string) []string { return []string{"sh", "-c", script} }

// running is a supervisor whose loop runs, and the test that looks at it.
type running struct {
	*Supervisor
	t   testing.TB
	dir string // scratch
	end context.CancelFunc
}

// mountCgroup mounts the version 2 hierarchy, which any test as root can do in
// its own mount namespace, delegated or not.
func mountCgroup(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("cgroup2", dir, "cgroup2", 0, ""); err != nil {
		t.Fatalf("mount cgroup2: %v", err)
	}
	t.Cleanup(func() { syscall.Unmount(dir, syscall.MNT_DETACH) })
	return fmt.Sprintf("%s/bantam-test-%d", dir, time.Now().UnixNano())
}

// supervise runs a supervisor with cgroups until the test ends, and then checks
// that nothing of it is left.
func supervise(t testing.TB) *running {
	t.Helper()
	r := superviseWith(t, Options{Cgroup: mountCgroup(t)})
	if err := r.Cgroup(); err != nil {
		t.Fatal(err)
	}
	return r
}

func superviseWith(t testing.TB, options Options) *running {
	t.Helper()
	r := &running{New(options), t, t.TempDir(), nil}
	os.Chmod(r.dir, 0o777)
	ctx, cancel := context.WithCancel(context.Background())
	r.end = cancel
	ended := make(chan error)
	go func() { ended <- r.Run(ctx) }()
	t.Cleanup(func() {
		limit, done := context.WithTimeout(context.Background(), time.Minute)
		defer done()
		if err := r.StopAll(limit); err != nil && err != ErrEnded {
			t.Errorf("stop all: %v", err)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if options.Cgroup != "" && r.Cgroup() == nil {
			for _, dir := range []string{options.Cgroup + "/" + serviceTree, options.Cgroup + "/" + vitalTree, options.Cgroup} {
				r.within("the cgroups are gone", func() bool { return unix.Rmdir(dir) == nil })
			}
		}
		if t.Failed() {
			for _, line := range r.Log("", 40) {
				t.Log(line.Boot, line.Service, line.Note, printable.Escape(line.Text))
			}
		}
	})
	return r
}

// run defines and starts services.
func (r *running) run(defs ...Definition) {
	r.t.Helper()
	r.must(r.Define(defs))
	for _, d := range defs {
		r.must(r.Start(ByPlan, d.Name))
	}
}

func (r *running) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

// await waits for a phase.
func (r *running) await(phase lifecycle.Phase, names ...string) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	r.must(r.Wait(ctx, phase, names...))
}

func (r *running) state(name string) State {
	r.t.Helper()
	states, err := r.States()
	r.must(err)
	for _, st := range states {
		if st.Name == name {
			return st
		}
	}
	return State{Name: name, Reason: "no such service"}
}

// within waits until claim holds.
func (r *running) within(what string, claim func() bool) {
	r.t.Helper()
	for end := time.Now().Add(time.Minute); !claim(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			states, _ := r.States()
			r.t.Fatalf("not within 20 s: %s\n%+v", what, states)
		}
	}
}

// output is what a service has written, without notes.
func (r *running) output(name string) []string {
	var lines []string
	for _, line := range r.Log(name, 1<<20) {
		if !line.Note {
			lines = append(lines, line.Text)
		}
	}
	return lines
}

// notes is what the supervisor has noted about a service.
func (r *running) notes(name string) string {
	var lines []string
	for _, line := range r.Log(name, 1<<20) {
		if line.Note {
			lines = append(lines, line.Text)
		}
	}
	return strings.Join(lines, "\n")
}

// nothingLeft waits until PID 1 is alone. A service whose cgroup is empty may
// for a moment have left zombies to reap, which count no more.
func (r *running) nothingLeft() {
	r.t.Helper()
	var left []string
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if left = processes(); len(left) == 0 {
			return
		}
	}
	r.t.Errorf("left: %v", left)
}

// processes lists the commands of all processes but PID 1, zombies in brackets.
func processes() []string {
	var list []string
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, stat := range stats {
		text, err := os.ReadFile(stat)
		if err == nil && !bytes.HasPrefix(text, []byte("1 ")) {
			list = append(list, string(text[:bytes.LastIndexByte(text, ')')+3]))
		}
	}
	return list
}

func init() { runtime.LockOSThread() } // main stays on the first thread, as in the shim
