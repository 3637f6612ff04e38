//go:build !mips && !mipsle

package netserve

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"bantam/system"
)

// TestMain lets the test binary be bantam-netserve too.
func TestMain(m *testing.M) {
	if os.Getenv("BE_NETSERVE") != "" {
		os.Exit(Main(os.Args[1:]))
	}
	os.Exit(m.Run())
}

// lab is a router in a network namespace of its own; clients are in others, each at the far end of a cable to the bridge lan.
type lab struct {
	t       *testing.T
	dir     string
	log     *output
	proc    *exec.Cmd
	clients int
}

// output collects what a program prints.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) { o.mu.Lock(); defer o.mu.Unlock(); return o.b.Write(p) }
func (o *output) String() string              { o.mu.Lock(); defer o.mu.Unlock(); return o.b.String() }

func newLab(t *testing.T, packages ...string) *lab {
	t.Helper()
	t.Parallel() // they mostly wait, each in a namespace of its own
	for _, p := range append(packages, "ip:iproute2", "unshare:util-linux", "setpriv:util-linux") {
		program, pkg, _ := strings.Cut(p, ":")
		if _, err := exec.LookPath(program); err != nil {
			t.Fatalf("%s is missing: apt install %s", program, pkg)
		}
	}
	runtime.LockOSThread() // never unlocked: the thread ends with the test, and the namespace with it
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Fatalf("unshare(CLONE_NEWNET): %v; run as root", err)
	}
	dir, err := os.MkdirTemp("", "netserve")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	os.Chmod(dir, 0o777)
	l := &lab{t: t, dir: dir, log: &output{}}
	l.run("ip link set lo up; ip link add lan type bridge; ip link set lan up; ip addr add 192.168.1.1/24 dev lan")
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("log:\n%s", l.log)
		}
	})
	return l
}

func (l *lab) run(command string) string {
	l.t.Helper()
	out, err := exec.Command("sh", "-c", command).CombinedOutput()
	if err != nil {
		l.t.Fatalf("%s: %v\n%s", command, err, out)
	}
	return string(out)
}

// start runs a program until the test ends.
func (l *lab) start(out io.Writer, args ...string) *exec.Cmd {
	l.t.Helper()
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &unix.SysProcAttr{Pdeathsig: unix.SIGKILL, Setpgid: true}
	cmd.WaitDelay = time.Second // a grandchild may hold the pipe
	if err := cmd.Start(); err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { unix.Kill(-cmd.Process.Pid, unix.SIGKILL); cmd.Wait() })
	return cmd
}

// configure writes what a system.toml serves; a process that runs is told.
func (l *lab) configure(toml string) {
	l.t.Helper()
	sys, problems := system.Parse("system.toml", []byte(toml))
	if len(problems) > 0 {
		l.t.Fatal(problems)
	}
	config := ConfigOf(sys)
	text, err := config.Text()
	if err != nil {
		l.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(l.dir, "serve.json"), text, 0o644); err != nil {
		l.t.Fatal(err)
	}
	if l.proc != nil {
		l.proc.Process.Signal(unix.SIGHUP)
	}
}

// serve starts the process as nobody, with nothing but the capabilities that PID 1 gives it.
func (l *lab) serve() {
	l.t.Helper()
	exe, err := os.Executable()
	if err != nil {
		l.t.Fatal(err)
	}
	if _, err := os.Stat(l.dir + "/netserve"); err != nil {
		l.run(fmt.Sprintf("cp %s %s/netserve && chmod 755 %s/netserve", exe, l.dir, l.dir))
	}
	l.proc = l.start(l.log, "setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups",
		"--inh-caps=-all,+net_bind_service,+net_raw", "--ambient-caps=-all,+net_bind_service,+net_raw", "--bounding-set=-all,+net_bind_service,+net_raw",
		"env", "BE_NETSERVE=1", l.dir+"/netserve", "--config", l.dir+"/serve.json", "--leases", l.dir+"/leases.json", "--remembered", l.dir+"/remembered.json", "--dns", l.dir+"/dns")
}

// crash ends the process as a fault would.
func (l *lab) crash() {
	l.proc.Process.Kill()
	l.proc.Wait()
}

// client is a machine at the network lan.
type client struct {
	*lab
	pid  int
	name string
}

func (l *lab) client(mac string) *client {
	l.t.Helper()
	l.clients++
	c := &client{lab: l, pid: l.start(l.log, "unshare", "-n", "sleep", "600").Process.Pid, name: fmt.Sprintf("c%d", l.clients)}
	ours, _ := os.Readlink("/proc/thread-self/ns/net")
	l.eventually("a namespace", func() error {
		if theirs, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/net", c.pid)); err != nil || theirs == ours {
			return fmt.Errorf("not yet: %v", err)
		}
		return nil
	})
	l.run(fmt.Sprintf("ip link add %s type veth peer name eth0 netns %d; ip link set %s master lan up", c.name, c.pid, c.name))
	c.in("ip link set lo up; ip link set eth0 address " + mac + "; ip link set eth0 up")
	return c
}

func (c *client) in(command string) string {
	c.t.Helper()
	return c.run(fmt.Sprintf("nsenter -t %d -n sh -c '%s'", c.pid, command))
}

// shows waits until a command at the client prints want.
func (c *client) shows(command, want string) {
	c.t.Helper()
	c.eventually(command, func() error {
		out, _ := exec.Command("nsenter", "-t", fmt.Sprint(c.pid), "-n", "sh", "-c", command).CombinedOutput()
		if !strings.Contains(string(out), want) {
			return fmt.Errorf("want %q in:\n%s", want, out)
		}
		return nil
	})
}

func (c *client) start(args ...string) *exec.Cmd {
	c.t.Helper()
	return c.lab.start(c.log, append([]string{"nsenter", "-t", fmt.Sprint(c.pid), "-n"}, args...)...)
}

func (l *lab) eventually(what string, check func() error) {
	l.t.Helper()
	var err error
	for range 1200 { // a minute, for slow hosts
		if err = check(); err == nil {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	l.t.Fatalf("%s: %v", what, err)
}

// logs waits until the process has said something.
func (l *lab) logs(want string) {
	l.t.Helper()
	l.eventually("the log", func() error {
		if !strings.Contains(l.log.String(), want) {
			return fmt.Errorf("no %q in:\n%s", want, l.log)
		}
		return nil
	})
}
