//go:build !mips && !mipsle

package netcfg

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"bantam/netcfg/netlab"

	"golang.org/x/sys/unix"
)

// TestMain lets the test binary be bantam-netcfg too.
func TestMain(m *testing.M) {
	if os.Getenv("BE_NETCFG") != "" {
		os.Exit(Main(os.Args[1:]))
	}
	os.Exit(m.Run())
}

// lab is a machine in a network namespace of its own.
type lab struct {
	*netlab.Lab
	t    testing.TB
	dir  string
	conf string
	proc *exec.Cmd

	reports *Reports                                          // nil until the first configurator is started
	secret  func(name string) (value []byte, set, known bool) // see Reports
}

func newLab(t testing.TB, packages ...string) *lab {
	t.Helper()
	l := &lab{Lab: netlab.New(t, append(packages, "setpriv:util-linux")...), t: t}
	l.dir, l.conf = l.Dir, filepath.Join(l.Dir, "system.toml")
	t.Cleanup(func() {
		if t.Failed() {
			status, _ := os.ReadFile(filepath.Join(l.dir, "net/status.json"))
			t.Logf("status:\n%s", status)
		}
	})
	return l
}

func (l *lab) ip(args string) string { l.t.Helper(); return l.Run("ip " + args) }

// peer is another network namespace, where servers live.
type peer struct {
	*lab
	*netlab.Neighbour
}

func (l *lab) peer() *peer { l.t.Helper(); return &peer{l, l.Neighbour()} }

// cable joins port here with the interface "srv" there.
func (p *peer) cable(port, address string) {
	p.t.Helper()
	p.Cable(port, "srv")
	p.In("ip addr add " + address + " dev srv nodad; ip link set srv up")
}

// dnsmasq serves addresses from the network 10.N.0.0/24, whose .1 it has, for
// two minutes where more says no range.
func (p *peer) dnsmasq(n int, more ...string) *exec.Cmd {
	p.t.Helper()
	if !slices.ContainsFunc(more, func(arg string) bool { return strings.HasPrefix(arg, "--dhcp-range=") }) {
		more = append(more, fmt.Sprintf("--dhcp-range=10.%d.0.50,10.%d.0.99,120", n, n))
	}
	return p.Start(append([]string{"dnsmasq", "-d", "-C", "/dev/null", "-i", "srv", "--bind-interfaces", "--port=0", "--no-ping",
		"--dhcp-authoritative", "--user=root", "--log-dhcp", "--dhcp-leasefile=" + filepath.Join(p.dir, fmt.Sprintf("leases%d", n)),
		"--dhcp-option=option:dns-server,10.0.0.53", "--dhcp-option=option:domain-name,lan.example"}, more...)...)
}

// netcfg starts the configurator as nobody with nothing but its two capabilities.
func (l *lab) netcfg(config string) {
	l.t.Helper()
	l.write(config)
	l.receive()
	cmd := l.Self("netcfg", []string{"net_admin", "net_raw"},
		"--config", l.conf, "--report", l.dir+"/net/report", "--leases", l.dir+"/net/leases", "--remembered", l.dir+"/net/remembered")
	cmd.Env = append(os.Environ(), "BE_NETCFG=1")
	cmd.Stdout, cmd.Stderr = l.Log, l.Log
	l.Begin(cmd)
	l.proc = cmd
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
	l.Eventually("its end", running(false))
	l.netcfg(config)
	l.Eventually("its beginning", running(true))
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
	l.reports = &Reports{Secret: l.secret, Dir: dir, Changed: func() {}, Fault: func(err error) {
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

func (l *lab) status(what string, check func(Status) bool) Status {
	l.t.Helper()
	var s Status
	l.Eventually(what, func() (err error) {
		if s, _, err = l.reports.Status(); err == nil && !check(s) {
			err = fmt.Errorf("status %+v", s)
		}
		return err
	})
	return s
}

func online(s Status) bool { return s.Online }

// dial connects from the peer's namespace.
func (p *peer) dial(d net.Dialer, address string) (net.Conn, error) {
	return p.dialBy(d, "tcp4", address)
}

func (p *peer) dialBy(d net.Dialer, network, address string) (c net.Conn, err error) {
	err = p.Do(func() error { c, err = d.Dial(network, address); return err })
	return c, err
}
