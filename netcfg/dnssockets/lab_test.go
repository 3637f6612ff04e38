//go:build !mips && !mipsle

package dnssockets

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"bantam/confine"
	"bantam/http1/https"
	"bantam/netcfg/dnsforward"
	"bantam/system"
)

// TestMain lets the test binary be a forwarder too: it reads configurations, one a line, and answers each with a line.
func TestMain(m *testing.M) {
	if os.Getenv("BE_FORWARDER") != "" {
		os.Exit(beForwarder(os.Stdin, os.Stdout))
	}
	os.Exit(m.Run())
}

// order is what a test tells its forwarder: a configuration, or nothing to be told the status.
type order struct {
	Config *dnsforward.Config
	Links  map[string]int
}

func beForwarder(in io.Reader, out io.Writer) int {
	rules := confine.Rules{Families: []uint32{unix.AF_INET, unix.AF_INET6}, Netlink: []uint32{unix.NETLINK_ROUTE}, Calls: Calls}
	if err := confine.Process(rules); err != nil {
		fmt.Fprintln(os.Stderr, "not confined:", err)
		return 1
	}
	secure := &https.DNS{Authorities: os.Getenv("AUTHORITIES")}
	s := New(Options{TLS: secure, Logf: func(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }})
	for lines := bufio.NewScanner(in); lines.Scan(); {
		var o order
		if err := json.Unmarshal(lines.Bytes(), &o); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		if o.Config == nil {
			json.NewEncoder(out).Encode(s.Status())
			continue
		}
		fault := ""
		if err := s.Configure(*o.Config, o.Links); err != nil {
			fault = err.Error()
		}
		json.NewEncoder(out).Encode(fault)
	}
	return 0
}

// lab is a router in a network namespace of its own: lan leads to a machine that asks, wan to name servers.
type lab struct {
	t     testing.TB
	dir   string
	log   *output
	lan   peer
	wan   peer
	in    io.Writer
	out   *bufio.Reader
	links map[string]int
	proc  *exec.Cmd
}

// peer is another network namespace, by the process that holds it.
type peer struct {
	*lab
	pid int
}

// output collects what programs print.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) { o.mu.Lock(); defer o.mu.Unlock(); return o.b.Write(p) }
func (o *output) String() string              { o.mu.Lock(); defer o.mu.Unlock(); return o.b.String() }

func newLab(t testing.TB, environment ...string) *lab {
	t.Helper()
	if test, ok := t.(*testing.T); ok {
		test.Parallel() // they mostly wait, each in a namespace of its own
	}
	for program, pkg := range map[string]string{"ip": "iproute2", "unshare": "util-linux", "nsenter": "util-linux", "dig": "bind9-dnsutils", "dnsmasq": "dnsmasq-base"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Fatalf("%s is missing: apt install %s", program, pkg)
		}
	}
	runtime.LockOSThread() // never unlocked: the thread ends with the test, and the namespace with it
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Fatalf("unshare(CLONE_NEWNET): %v; run as root", err)
	}
	l := &lab{t: t, dir: t.TempDir(), log: &output{}}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("log:\n%s", l.log)
		}
	})
	l.run("ip link set lo up")
	l.lan = l.peer("lan", "192.168.1.1/24", "fd00:1::1/64", "192.168.1.50/24", "fd00:1::50/64")
	l.wan = l.peer("wan", "198.51.100.2/24", "2001:db8::2/64", "198.51.100.1/24", "2001:db8::1/64")
	l.forwarder(environment...)
	return l
}

// peer makes a namespace with a cable to it, and addresses here and there.
func (l *lab) peer(name, here4, here6, there4, there6 string) peer {
	l.t.Helper()
	p := peer{l, l.start("unshare", "-n", "sleep", "600").Process.Pid}
	ours, _ := os.Readlink("/proc/thread-self/ns/net")
	l.eventually("a namespace", func() error {
		if theirs, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/net", p.pid)); err != nil || theirs == ours {
			return fmt.Errorf("not yet: %v", err)
		}
		return nil
	})
	l.run(fmt.Sprintf("ip link add %s type veth peer name eth0 netns %d", name, p.pid))
	l.run(fmt.Sprintf("ip addr add %s dev %s; ip addr add %s dev %s nodad; ip link set %s up", here4, name, here6, name, name))
	p.in(fmt.Sprintf("ip link set lo up; ip addr add %s dev eth0; ip addr add %s dev eth0 nodad; ip link set eth0 up; ip route add default via %s",
		there4, there6, strings.Split(here4, "/")[0]))
	return p
}

// in runs a command in the namespace.
func (p peer) in(command string) string {
	p.t.Helper()
	return p.run(fmt.Sprintf("nsenter -t %d -n sh -c '%s'", p.pid, command))
}

// serve runs a program there until the test ends.
func (p peer) serve(args ...string) *exec.Cmd {
	p.t.Helper()
	return p.start(append([]string{"nsenter", "-t", fmt.Sprint(p.pid), "-n"}, args...)...)
}

// dig asks as a client does.
func (p peer) dig(args string) string {
	p.t.Helper()
	return p.in("dig +time=10 +tries=1 " + args + " || true")
}

// here runs a function on a thread of the peer's namespace. Sockets that it makes stay there.
func (p peer) here(f func()) {
	p.t.Helper()
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked, see newLab
		fd, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", p.pid))
		if err == nil {
			defer fd.Close()
			err = unix.Setns(int(fd.Fd()), unix.CLONE_NEWNET)
		}
		if err == nil {
			f()
		}
		done <- err
	}()
	if err := <-done; err != nil {
		p.t.Fatal(err)
	}
}

func (l *lab) run(command string) string {
	l.t.Helper()
	out, err := exec.Command("sh", "-c", command).CombinedOutput()
	if err != nil {
		l.t.Fatalf("%s: %v\n%s", command, err, out)
	}
	return string(out)
}

func (l *lab) start(args ...string) *exec.Cmd {
	l.t.Helper()
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdout, cmd.Stderr = l.log, l.log
	return l.begin(cmd)
}

func (l *lab) begin(cmd *exec.Cmd) *exec.Cmd {
	l.t.Helper()
	cmd.SysProcAttr = &unix.SysProcAttr{Pdeathsig: unix.SIGKILL, Setpgid: true}
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { unix.Kill(-cmd.Process.Pid, unix.SIGKILL); cmd.Wait() })
	return cmd
}

// forwarder starts one without any capability but that for low ports.
func (l *lab) forwarder(environment ...string) {
	l.t.Helper()
	exe, err := os.Executable()
	if err != nil {
		l.t.Fatal(err)
	}
	l.run(fmt.Sprintf("cp %s %s/forwarder && chmod 755 %s %s/forwarder", exe, l.dir, l.dir, l.dir))
	cmd := exec.Command("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--inh-caps=-all,+net_bind_service",
		"--ambient-caps=-all,+net_bind_service", "--bounding-set=-all,+net_bind_service", l.dir+"/forwarder")
	cmd.Dir = "/"
	cmd.Env = append(append(os.Environ(), "BE_FORWARDER=1"), environment...)
	cmd.Stderr = l.log
	for dir := l.dir; dir != "/" && dir != os.TempDir(); dir = filepath.Dir(dir) { // those of the test are root's alone
		os.Chmod(dir, 0o755)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		l.t.Fatal(err)
	}
	if l.in, err = cmd.StdinPipe(); err != nil {
		l.t.Fatal(err)
	}
	l.out = bufio.NewReader(out)
	l.proc = l.begin(cmd)
}

// tell gives the forwarder an order and reads its answer.
func (l *lab) tell(o order, answer any) {
	l.t.Helper()
	if err := json.NewEncoder(l.in).Encode(o); err != nil {
		l.t.Fatal(err)
	}
	line, err := l.out.ReadBytes('\n')
	if err != nil {
		l.t.Fatalf("the forwarder: %v", err)
	}
	if err := json.Unmarshal(line, answer); err != nil {
		l.t.Fatal(err)
	}
}

func (l *lab) status() (s dnsforward.Status) {
	l.t.Helper()
	l.tell(order{}, &s)
	return s
}

// configure makes it serve the LAN, and ask these servers; more changes what else it knows.
func (l *lab) configure(servers []string, more ...func(*dnsforward.Config)) {
	l.t.Helper()
	c := dnsforward.Config{Domain: "lan", Nets: []dnsforward.Net{
		{Name: "lan", Prefixes: []netip.Prefix{netip.MustParsePrefix("192.168.1.0/24"), netip.MustParsePrefix("fd00:1::/64")}},
		{Name: "lo", Prefixes: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128"), netip.MustParsePrefix("192.168.1.1/32")}}}}
	for _, text := range servers {
		s, err := system.ParseNameServer(text)
		if err != nil {
			l.t.Fatal(err)
		}
		c.Servers = append(c.Servers, dnsforward.Server{Addr: s.Address, TLS: s.TLS})
	}
	for _, change := range more {
		change(&c)
	}
	links := map[string]int{}
	for _, name := range []string{"lan", "lo"} {
		i, err := net.InterfaceByName(name)
		if err != nil {
			l.t.Fatal(err)
		}
		links[name] = i.Index
	}
	fault := ""
	l.tell(order{&c, links}, &fault)
	if fault != "" {
		l.t.Fatal(fault)
	}
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

// dnsmasq is a name server of the internet: it knows what its arguments say, and nothing else.
func (p peer) dnsmasq(args ...string) {
	p.t.Helper()
	p.serve(append([]string{"dnsmasq", "-d", "-C", "/dev/null", "-h", "-R", "--user=root", "--pid-file=" + p.dir + "/dnsmasq.pid", "-i", "eth0", "--bind-interfaces",
		"--no-negcache", "--local-ttl=300", "--edns-packet-max=1232"}, args...)...)
	p.eventually("dnsmasq", func() error {
		if out := p.dig("+short @127.0.0.1 version.bind CH TXT"); !strings.Contains(out, "dnsmasq") {
			return fmt.Errorf("%s", out)
		}
		return nil
	})
}
