//go:build !mips && !mipsle

package dnssockets

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"bantam/confine"
	"bantam/http1/https"
	"bantam/netcfg/dnsforward"
	"bantam/netcfg/netlab"
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
	*netlab.Lab
	t     testing.TB
	dir   string
	lan   peer
	wan   peer
	in    io.Writer
	out   *bufio.Reader
	links map[string]int
	proc  *exec.Cmd
}

// peer is another machine.
type peer struct {
	*lab
	*netlab.Neighbour
}

func newLab(t testing.TB, environment ...string) *lab {
	t.Helper()
	l := &lab{Lab: netlab.New(t, "setpriv:util-linux", "dig:bind9-dnsutils", "dnsmasq:dnsmasq-base"), t: t}
	l.dir = l.Dir
	l.lan = l.peer("lan", "192.168.1.1/24", "fd00:1::1/64", "192.168.1.50/24", "fd00:1::50/64")
	l.wan = l.peer("wan", "198.51.100.2/24", "2001:db8::2/64", "198.51.100.1/24", "2001:db8::1/64")
	l.forwarder(environment...)
	return l
}

// peer makes a machine with a cable to it, and addresses here and there.
func (l *lab) peer(name, here4, here6, there4, there6 string) peer {
	l.t.Helper()
	p := peer{l, l.Neighbour()}
	p.Cable(name, "eth0")
	l.Run(fmt.Sprintf("ip addr add %s dev %s; ip addr add %s dev %s nodad; ip link set %s up", here4, name, here6, name, name))
	p.In(fmt.Sprintf("ip addr add %s dev eth0; ip addr add %s dev eth0 nodad; ip link set eth0 up; ip route add default via %s",
		there4, there6, strings.Split(here4, "/")[0]))
	return p
}

// dig asks as a client does.
func (p peer) dig(args string) string {
	p.t.Helper()
	return p.In("dig +time=10 +tries=1 " + args + " || true")
}

// here runs a function on a thread of the peer's namespace.
func (p peer) here(f func()) {
	p.t.Helper()
	if err := p.Do(func() error { f(); return nil }); err != nil {
		p.t.Fatal(err)
	}
}

// forwarder starts one without any capability but that for low ports.
func (l *lab) forwarder(environment ...string) {
	l.t.Helper()
	cmd := l.Self("forwarder", []string{"net_bind_service"})
	cmd.Env = append(append(os.Environ(), "BE_FORWARDER=1"), environment...)
	cmd.Stderr = l.Log
	out, err := cmd.StdoutPipe()
	if err != nil {
		l.t.Fatal(err)
	}
	if l.in, err = cmd.StdinPipe(); err != nil {
		l.t.Fatal(err)
	}
	l.out = bufio.NewReader(out)
	l.Begin(cmd)
	l.proc = cmd
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

// dnsmasq is a name server of the internet: it knows what its arguments say, and nothing else.
func (p peer) dnsmasq(args ...string) {
	p.t.Helper()
	p.Start(append([]string{"dnsmasq", "-d", "-C", "/dev/null", "-h", "-R", "--user=root", "--pid-file=" + p.dir + "/dnsmasq.pid", "-i", "eth0", "--bind-interfaces",
		"--no-negcache", "--local-ttl=300", "--edns-packet-max=1232"}, args...)...)
	p.Eventually("dnsmasq", func() error {
		if out := p.dig("+short @127.0.0.1 version.bind CH TXT"); !strings.Contains(out, "dnsmasq") {
			return fmt.Errorf("%s", out)
		}
		return nil
	})
}
