//go:build !mips && !mipsle

package netcfg

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestMain lets the test binary be bantam-netcfg too.
func TestMain(m *testing.M) {
	if os.Getenv("BE_NETCFG") != "" {
		os.Exit(Main(os.Args[1:]))
	}
	os.Exit(m.Run())
}

// lab is a machine in a network namespace of its own, with a directory that
// any user may read. Everything it starts ends with the test.
type lab struct {
	t    *testing.T
	dir  string
	conf string
	log  *output
	proc *exec.Cmd

	reports *Reports // nil until the first configurator is started
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
	for program, pkg := range map[string]string{"ip": "iproute2", "unshare": "util-linux", "setpriv": "util-linux"} {
		need(t, program, pkg)
	}
	for _, p := range packages {
		program, pkg, _ := strings.Cut(p, ":")
		need(t, program, pkg)
	}
	runtime.LockOSThread() // never unlocked: the thread ends with the test, and the namespace with it
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Fatalf("unshare(CLONE_NEWNET): %v; run as root", err)
	}
	dir, err := os.MkdirTemp("", "netcfg")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	os.Chmod(dir, 0o777)
	l := &lab{t: t, dir: dir, conf: filepath.Join(dir, "system.toml"), log: &output{}}
	l.ip("link set lo up")
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("log:\n%s", l.log)
			status, _ := os.ReadFile(filepath.Join(dir, "net/status.json"))
			t.Logf("status:\n%s", status)
		}
	})
	return l
}

func need(t *testing.T, program, pkg string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		t.Fatalf("%s is missing: apt install %s", program, pkg)
	}
}

func (l *lab) ip(args string) string { l.t.Helper(); return l.run("ip " + args) }

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

// peer is another network namespace, where servers live.
type peer struct {
	*lab
	pid int
}

func (l *lab) peer() *peer {
	l.t.Helper()
	p := &peer{l, l.start(l.log, "unshare", "-n", "sleep", "600").Process.Pid}
	ours, _ := os.Readlink("/proc/thread-self/ns/net")
	l.eventually("a namespace", func() error {
		if theirs, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/net", p.pid)); err != nil || theirs == ours {
			return fmt.Errorf("not yet: %v", err)
		}
		return nil
	})
	p.in("ip link set lo up")
	return p
}

func (p *peer) in(command string) string {
	p.t.Helper()
	return p.run(fmt.Sprintf("nsenter -t %d -n sh -c '%s'", p.pid, command))
}

func (p *peer) serve(args ...string) *exec.Cmd {
	p.t.Helper()
	return p.start(p.log, append([]string{"nsenter", "-t", fmt.Sprint(p.pid), "-n"}, args...)...)
}

// cable joins port here with the interface "srv" there.
func (p *peer) cable(port, address string) {
	p.t.Helper()
	p.ip(fmt.Sprintf("link add %s type veth peer name srv netns %d", port, p.pid))
	p.in("ip addr add " + address + " dev srv nodad; ip link set srv up")
}

// dnsmasq serves addresses from the network 10.N.0.0/24, whose .1 it has, for
// two minutes where more says no range.
func (p *peer) dnsmasq(n int, more ...string) *exec.Cmd {
	p.t.Helper()
	if !slices.ContainsFunc(more, func(arg string) bool { return strings.HasPrefix(arg, "--dhcp-range=") }) {
		more = append(more, fmt.Sprintf("--dhcp-range=10.%d.0.50,10.%d.0.99,120", n, n))
	}
	return p.serve(append([]string{"dnsmasq", "-d", "-C", "/dev/null", "-i", "srv", "--bind-interfaces", "--port=0", "--no-ping",
		"--dhcp-authoritative", "--user=root", "--log-dhcp", "--dhcp-leasefile=" + filepath.Join(p.dir, fmt.Sprintf("leases%d", n)),
		"--dhcp-option=option:dns-server,10.0.0.53", "--dhcp-option=option:domain-name,lan.example"}, more...)...)
}

// netcfg starts the configurator as nobody with nothing but its two capabilities.
func (l *lab) netcfg(config string) {
	l.t.Helper()
	l.write(config)
	l.receive()
	exe, err := os.Executable()
	if err != nil {
		l.t.Fatal(err)
	}
	l.run(fmt.Sprintf("cp %s %s/netcfg && chmod 755 %s/netcfg", exe, l.dir, l.dir))
	l.proc = l.start(l.log, "setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups",
		"--inh-caps=-all,+net_admin,+net_raw", "--ambient-caps=-all,+net_admin,+net_raw", "--bounding-set=-all,+net_admin,+net_raw",
		"env", "BE_NETCFG=1", l.dir+"/netcfg", "--config", l.conf, "--report", l.dir+"/net/report", "--leases", l.dir+"/net/leases", "--remembered", l.dir+"/net/remembered")
}

// restart ends the configurator as if it had died, and starts it with another system.toml.
func (l *lab) restart(config string) {
	l.t.Helper()
	l.proc.Process.Kill()
	running := func(want bool) func() error {
		return func() error {
			if _, runs, err := l.reports.Status(); err != nil || runs != want {
				return fmt.Errorf("it runs: %v, %v", runs, err)
			}
			return nil
		}
	}
	l.eventually("its end", running(false))
	l.netcfg(config)
	l.eventually("its beginning", running(true))
}

// receive does PID 1's part: its folder, the one of the leases and the line of reports.
func (l *lab) receive() {
	l.t.Helper()
	if l.reports != nil {
		return
	}
	dir := filepath.Join(l.dir, "net")
	socket := filepath.Join(dir, "report")
	if err := os.MkdirAll(filepath.Join(dir, "leases"), 0o755); err != nil {
		l.t.Fatal(err)
	}
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: socket, Net: "unix"})
	if err != nil {
		l.t.Fatal(err)
	}
	for _, path := range []string{socket, filepath.Join(dir, "leases")} {
		if err := os.Chown(path, 65534, 65534); err != nil {
			l.t.Fatal(err)
		}
	}
	var mu sync.Mutex
	over := false // a last report may be read when the test and its folder are gone
	l.t.Cleanup(func() {
		listener.Close()
		mu.Lock()
		defer mu.Unlock()
		over = true
	})
	l.reports = &Reports{Dir: dir, Changed: func() {}, Fault: func(err error) {
		mu.Lock()
		defer mu.Unlock()
		if !over {
			l.t.Errorf("report: %v", err)
		}
	}}
	go l.reports.Serve(listener, func(_ string, f func()) { f() })
}

func (l *lab) write(config string) {
	l.t.Helper()
	if err := os.WriteFile(l.conf, []byte(config), 0o644); err != nil {
		l.t.Fatal(err)
	}
}

func (l *lab) reload(config string) {
	l.t.Helper()
	l.write(config)
	l.proc.Process.Signal(unix.SIGHUP)
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

// shows waits until a command prints want.
func (l *lab) shows(command, want string) {
	l.t.Helper()
	l.eventually(command, func() error {
		out, _ := exec.Command("sh", "-c", command).CombinedOutput()
		if !strings.Contains(string(out), want) {
			return fmt.Errorf("want %q in:\n%s", want, out)
		}
		return nil
	})
}

// gone waits until a command no longer prints text.
func (l *lab) gone(command, text string) {
	l.t.Helper()
	l.eventually(command, func() error {
		if out := l.run(command); strings.Contains(out, text) {
			return fmt.Errorf("%q is still in:\n%s", text, out)
		}
		return nil
	})
}

func (l *lab) status(what string, check func(Status) bool) Status {
	l.t.Helper()
	var s Status
	l.eventually(what, func() (err error) {
		if s, _, err = l.reports.Status(); err == nil && !check(s) {
			err = fmt.Errorf("status %+v", s)
		}
		return err
	})
	return s
}

func online(s Status) bool { return s.Online }

// dial connects from the peer's namespace, in which the goroutine stays.
func (p *peer) dial(d net.Dialer, address string) (net.Conn, error) {
	return p.dialBy(d, "tcp4", address)
}

func (p *peer) dialBy(d net.Dialer, network, address string) (net.Conn, error) {
	runtime.LockOSThread() // never unlocked, see newLab
	fd, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", p.pid))
	if err != nil {
		return nil, err
	}
	defer fd.Close()
	if err := unix.Setns(int(fd.Fd()), unix.CLONE_NEWNET); err != nil {
		return nil, err
	}
	return d.Dial(network, address)
}
