// Package netlab gives tests machines of their own: a network namespace for the machine that is tried, one for each of its
// neighbours, and the programs that run there. It needs root, iproute2 and util-linux.
package netlab

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Lab is a machine in a network namespace of its own, that of the test's thread. What it starts ends with the test.
type Lab struct {
	t   testing.TB
	Dir string // any user may read and write it
	Log *Output
}

// Output collects what programs print; a test that fails shows it.
type Output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *Output) Write(p []byte) (int, error) { o.mu.Lock(); defer o.mu.Unlock(); return o.b.Write(p) }
func (o *Output) String() string              { o.mu.Lock(); defer o.mu.Unlock(); return o.b.String() }

// Enter gives the calling thread a network namespace of its own, with nothing in it.
func Enter(t testing.TB) {
	t.Helper()
	runtime.LockOSThread() // never unlocked: the thread ends with the test, and the namespace with it
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Fatalf("unshare(CLONE_NEWNET): %v; run as root", err)
	}
}

// New makes a machine whose lo is up. Packages are what the test needs, as "program:package of Debian".
func New(t testing.TB, packages ...string) *Lab {
	t.Helper()
	if test, ok := t.(*testing.T); ok {
		test.Parallel() // they mostly wait
	}
	for _, p := range append(packages, "ip:iproute2", "unshare:util-linux") {
		Need(t, p)
	}
	Enter(t)
	dir, err := os.MkdirTemp("", "netlab") // that of the test is its user's alone
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	l := &Lab{t, dir, &Output{}}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("log:\n%s", l.Log)
		}
	})
	l.Run("ip link set lo up")
	return l
}

// Need fails the test where a program is missing; what is "program:package of Debian".
func Need(t testing.TB, what string) {
	t.Helper()
	program, pkg, _ := strings.Cut(what, ":")
	if _, err := exec.LookPath(program); err != nil {
		t.Fatalf("%s is missing: apt install %s", program, pkg)
	}
}

// Run gives what a command of the shell prints; it must not fail.
func (l *Lab) Run(command string) string {
	l.t.Helper()
	out, err := exec.Command("sh", "-c", command).CombinedOutput()
	if err != nil {
		l.t.Fatalf("%s: %v\n%s", command, err, out)
	}
	return string(out)
}

// Start runs a program until the test ends, and collects in Log what it prints.
func (l *Lab) Start(args ...string) *exec.Cmd {
	l.t.Helper()
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdout, cmd.Stderr = l.Log, l.Log
	l.Begin(cmd)
	return cmd
}

// Begin runs a command until the test ends, with everything that it starts.
func (l *Lab) Begin(cmd *exec.Cmd) {
	l.t.Helper()
	cmd.SysProcAttr = &unix.SysProcAttr{Pdeathsig: unix.SIGKILL, Setpgid: true}
	cmd.WaitDelay = time.Second // a grandchild may hold the pipe
	if err := cmd.Start(); err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { unix.Kill(-cmd.Process.Pid, unix.SIGKILL); cmd.Wait() })
}

// Self is the command that runs the test's own binary, copied to Dir, as nobody with nothing but these capabilities.
func (l *Lab) Self(name string, capabilities []string, args ...string) *exec.Cmd {
	l.t.Helper()
	path := filepath.Join(l.Dir, name)
	if _, err := os.Stat(path); err != nil {
		exe, err := os.Executable()
		if err != nil {
			l.t.Fatal(err)
		}
		l.Run(fmt.Sprintf("cp %s %s && chmod 755 %s", exe, path, path))
	}
	set := "-all"
	for _, c := range capabilities {
		set += ",+" + c
	}
	cmd := exec.Command("setpriv", append([]string{"--reuid", "65534", "--regid", "65534", "--clear-groups",
		"--inh-caps=" + set, "--ambient-caps=" + set, "--bounding-set=" + set, path}, args...)...)
	cmd.Dir = "/"
	return cmd
}

// Anonymous is the memory of a process that no file holds, in kB.
func Anonymous(t testing.TB, pid int) (kB float64) {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	_, rest, found := strings.Cut(string(text), "RssAnon:")
	if _, scanned := fmt.Sscan(rest, &kB); err != nil || !found || scanned != nil {
		t.Fatalf("memory of process %d: %v, %v", pid, err, scanned)
	}
	return kB
}

// Eventually waits until check finds no fault, for a minute: hosts may be slow.
func (l *Lab) Eventually(what string, check func() error) {
	l.t.Helper()
	var err error
	for range 1200 {
		if err = check(); err == nil {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	l.t.Fatalf("%s: %v", what, err)
}

// Shows waits until a command prints want.
func (l *Lab) Shows(command, want string) {
	l.t.Helper()
	l.Eventually(command, func() error {
		out, _ := exec.Command("sh", "-c", command).CombinedOutput()
		if !strings.Contains(string(out), want) {
			return fmt.Errorf("want %q in:\n%s", want, out)
		}
		return nil
	})
}

// Gone waits until a command no longer prints text.
func (l *Lab) Gone(command, text string) {
	l.t.Helper()
	l.Eventually(command, func() error {
		if out := l.Run(command); strings.Contains(out, text) {
			return fmt.Errorf("%q is still in:\n%s", text, out)
		}
		return nil
	})
}

// Neighbour is another machine: a namespace that the process PID holds.
type Neighbour struct {
	lab *Lab
	PID int
}

// Neighbour makes another machine, whose lo is up and which has no cable yet.
func (l *Lab) Neighbour() *Neighbour {
	l.t.Helper()
	n := &Neighbour{l, l.Start("unshare", "-n", "sleep", "600").Process.Pid}
	ours, _ := os.Readlink("/proc/thread-self/ns/net")
	l.Eventually("a namespace", func() error {
		if theirs, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/net", n.PID)); err != nil || theirs == ours {
			return fmt.Errorf("not yet: %v", err)
		}
		return nil
	})
	n.In("ip link set lo up")
	return n
}

// Cable joins port, an interface that it makes here, with one that it makes there. Neither is up.
func (n *Neighbour) Cable(port, there string) {
	n.lab.t.Helper()
	n.lab.Run(fmt.Sprintf("ip link add %s type veth peer name %s netns %d", port, there, n.PID))
}

// inside is a command of the shell as one that runs there.
func (n *Neighbour) inside(command string) string {
	return fmt.Sprintf("nsenter -t %d -n sh -c '%s'", n.PID, command)
}

// In gives what a command prints there; it must not fail, and has no quotes ' in it.
func (n *Neighbour) In(command string) string { n.lab.t.Helper(); return n.lab.Run(n.inside(command)) }

// Shows waits until a command prints want there.
func (n *Neighbour) Shows(command, want string) {
	n.lab.t.Helper()
	n.lab.Shows(n.inside(command), want)
}

// Start runs a program there until the test ends.
func (n *Neighbour) Start(args ...string) *exec.Cmd {
	n.lab.t.Helper()
	return n.lab.Start(append([]string{"nsenter", "-t", fmt.Sprint(n.PID), "-n"}, args...)...)
}

// Do runs work on a thread of that namespace. Sockets that it opens stay there.
func (n *Neighbour) Do(work func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked, see Enter
		namespace, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", n.PID))
		if err == nil {
			defer namespace.Close()
			err = unix.Setns(int(namespace.Fd()), unix.CLONE_NEWNET)
		}
		if err == nil {
			err = work()
		}
		done <- err
	}()
	return <-done
}

// LinkLocal waits until an interface there has an IPv6 address of its link that it may send from, and gives it.
func (n *Neighbour) LinkLocal(name string) string {
	n.lab.t.Helper()
	return n.lab.linkLocal(name, n.inside)
}

// LinkLocal waits until an interface of the machine has an IPv6 address of its link that it may send from, and gives it.
func (l *Lab) LinkLocal(name string) string {
	l.t.Helper()
	return l.linkLocal(name, func(command string) string { return command })
}

func (l *Lab) linkLocal(name string, where func(string) string) (address string) {
	l.t.Helper()
	command := where("ip -6 -o addr show dev " + name + " scope link -tentative")
	l.Eventually(command, func() error {
		fields := strings.Fields(l.Run(command)) // 2: eth0 inet6 fe80::1/64 scope link
		if len(fields) < 4 {
			return fmt.Errorf("none yet: %q", fields)
		}
		address, _, _ = strings.Cut(fields[3], "/")
		return nil
	})
	return address
}

// Networkd is where Debian has systemd-networkd.
const Networkd = "/lib/systemd/systemd-networkd"

// NetworkdOn is a command that runs it in folders of its own for eth0; settings are further lines of its [Network], with \n behind each.
func NetworkdOn(settings string) []string {
	return []string{"unshare", "-m", "sh", "-c", "mount -t sysfs -o ro sysfs /sys; mount -t tmpfs tmpfs /run; " +
		"mkdir -p /run/systemd/netif/links /run/systemd/netif/leases /run/systemd/network; " +
		`printf "[Match]\nName=eth0\n[Network]\nDHCP=ipv4\n` + settings + `" >/run/systemd/network/10.network; exec ` + Networkd}
}
