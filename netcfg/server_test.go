//go:build !mips && !mipsle

package netcfg

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestWithoutNetEveryPortGetsAnAddressFromDnsmasq(t *testing.T) {
	l := newLab(t, "dnsmasq:dnsmasq-base")
	p := l.peer()
	p.cable("eth0", "10.1.0.1/24")
	p.dnsmasq(1, "--dhcp-option=option:ntp-server,10.1.0.1,10.0.0.123")
	l.ip("link add br0 type bridge")
	l.netcfg("")
	s := l.status("online", online)
	if len(s.Ports) != 1 || s.Ports[0].Name != "eth0" || s.Ports[0].Explicit {
		t.Errorf("ports: %+v", s.Ports)
	}
	if want := []string{"10.1.0.1", "10.0.0.123"}; !slices.Equal(s.NTP, want) {
		t.Errorf("time servers %v, want %v", s.NTP, want)
	}
	l.Shows("ip route", "default via 10.1.0.1 dev eth0 proto 66 src 10.1.0.")
	if out := l.ip("addr show eth0"); !strings.Contains(out, "metric 100") || strings.Contains(out, "inet 10.1.0.1/24") || strings.Contains(strings.SplitN(out, "inet6", 2)[0], "forever") {
		t.Errorf("address without metric or lifetime:\n%s", out)
	}
	text, err := os.ReadFile(filepath.Join(l.dir, "net/resolv.conf"))
	if want := "nameserver 10.0.0.53\nsearch lan.example\n"; err != nil || !strings.HasSuffix(string(text), want) {
		t.Errorf("resolv.conf: %v\n%s", err, text)
	}
	if out := l.ip("-o link show br0"); strings.Contains(out, "UP") {
		t.Errorf("a bridge that nobody named was touched: %s", out)
	}
	// SIGTERM leaves everything, a restart takes the same address back.
	address := s.Ports[0].Addresses[0].Prefix
	l.proc.Process.Signal(unix.SIGTERM)
	if err := l.proc.Wait(); err != nil {
		t.Errorf("SIGTERM: %v", err)
	}
	l.Shows("ip addr show eth0", address)
	l.netcfg("")
	l.Shows("cat "+l.dir+"/net/status.json", address)
	l.Eventually("INIT-REBOOT", func() error {
		if n := strings.Count(l.Log.String(), "DHCPDISCOVER"); n > 3 {
			t.Errorf("%d DISCOVERs", n)
		}
		if !strings.Contains(l.Log.String(), "DHCPACK") {
			return fmt.Errorf("no ACK")
		}
		return nil
	})
}

func TestTwoUplinksNeverShareAMetricAndAMissingPortIsNamed(t *testing.T) {
	l := newLab(t, "dnsmasq:dnsmasq-base")
	for i, port := range []string{"wan1", "wan2"} {
		p := l.peer()
		p.cable(port, fmt.Sprintf("10.%d.0.1/24", i+1))
		p.dnsmasq(i + 1)
	}
	l.netcfg("[net.wan1]\nmetric = 50\n[net.wan2]\n[net.wan9]\n")
	l.Shows("ip route show default dev wan1", "default via 10.1.0.1 proto 66 src 10.1.0.")
	l.Shows("ip route show default dev wan1", "metric 50")
	l.Shows("ip route show default dev wan2", "default via 10.2.0.1 proto 66 src 10.2.0.")
	l.Shows("ip route show default dev wan2", "metric 152") // by its name
	s := l.status("both", func(s Status) bool { return len(s.Ports) == 3 && s.Ports[0].Up && s.Ports[1].Up })
	if s.Online || s.Ports[2].Waiting != "waiting for port wan9" {
		t.Errorf("a port is missing: online %v, %q", s.Online, s.Ports[2].Waiting)
	}
	// The port appears: hotplug.
	p := l.peer()
	p.cable("wan9", "10.9.0.1/24")
	p.dnsmasq(9)
	l.status("the third port", online)
}

func TestACablePulledTakesNothingAndBackAsksAgain(t *testing.T) {
	l := newLab(t, "dnsmasq:dnsmasq-base")
	p := l.peer()
	p.cable("eth0", "10.1.0.1/24")
	p.dnsmasq(1)
	l.netcfg("[net.eth0]\n")
	address := l.status("online", online).Ports[0].Addresses[0].Prefix
	p.In("ip link set srv down")
	l.status("no carrier", func(s Status) bool { return s.Ports[0].Waiting == "no carrier" && !s.Online })
	l.Shows("ip addr show eth0", address)
	before := strings.Count(l.Log.String(), "DHCPDISCOVER")
	p.In("ip link set srv up")
	l.status("online again", online)
	l.Eventually("a second request", func() error {
		if strings.Count(l.Log.String(), "DHCPREQUEST") < 2 {
			return fmt.Errorf("not seen")
		}
		return nil
	})
	if after := strings.Count(l.Log.String(), "DHCPDISCOVER"); after != before {
		t.Errorf("DISCOVER instead of INIT-REBOOT")
	}
	l.Shows("ip addr show eth0", address)
}

func TestAnAddressIsAskedForAgainAfterAReboot(t *testing.T) {
	l := newLab(t, "dnsmasq:dnsmasq-base")
	p := l.peer()
	p.cable("eth0", "10.1.0.1/24")
	p.dnsmasq(1, "--dhcp-sequential-ip")
	l.netcfg("[net.eth0]\n")
	address := l.status("online", online).Ports[0].Addresses[0].Prefix
	reboot := func() {
		t.Helper()
		l.proc.Process.Kill()
		l.proc.Wait()
		l.Run("rm " + l.dir + "/net/leases/*") // memory forgets; PID 1 lays what it kept where it was
		l.ip("addr flush dev eth0")
		l.ip("link set eth0 down")
	}
	reboot()
	discovers := strings.Count(l.Log.String(), "DHCPDISCOVER")
	l.netcfg("[net.eth0]\n")
	l.Shows("ip addr show eth0", "inet "+address)
	if n := strings.Count(l.Log.String(), "DHCPDISCOVER"); n != discovers {
		t.Errorf("%d DISCOVERs more: no INIT-REBOOT", n-discovers)
	}
	l.status("online", online)
	reboot()
	l.ip("link set eth0 address 02:00:00:00:00:42") // another card
	l.netcfg("[net.eth0]\n")
	l.Shows("ip addr show eth0", "inet 10.1.0.")
	if n := strings.Count(l.Log.String(), "DHCPDISCOVER"); n == discovers {
		t.Error("another card asked for the address of the former")
	}
	l.Shows("cat "+l.dir+"/net/remembered", "02:00:00:00:00:42")
}

// kea serves addresses from the network 10.N.0.0/24, whose .1 it has, for so many seconds.
func (p *peer) kea(n, seconds int) (stop func()) {
	p.t.Helper()
	dir := filepath.Join(p.dir, fmt.Sprintf("kea%d", n))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		p.t.Fatal(err)
	}
	conf := filepath.Join(dir, "kea.json")
	text := fmt.Sprintf(`{"Dhcp4": {"interfaces-config": {"interfaces": ["srv"], "service-sockets-max-retries": 100, "service-sockets-retry-wait-time": 200}, "valid-lifetime": %[2]d, "renew-timer": %[3]d, "rebind-timer": %[4]d,
		"lease-database": {"type": "memfile", "persist": false},
		"subnet4": [{"subnet": "10.%[1]d.0.0/24", "pools": [{"pool": "10.%[1]d.0.50-10.%[1]d.0.99"}],
			"option-data": [{"name": "routers", "data": "10.%[1]d.0.1"}]}],
		"loggers": [{"name": "kea-dhcp4", "severity": "INFO", "output_options": [{"output": "stdout"}]}]}}`, n, seconds, seconds/2, seconds*3/4)
	if err := os.WriteFile(conf, []byte(text), 0o644); err != nil {
		p.t.Fatal(err)
	}
	cmd := p.Start("env", "KEA_PIDFILE_DIR="+dir, "KEA_LOCKFILE_DIR="+dir, "kea-dhcp4", "-c", conf)
	return func() { cmd.Process.Kill(); cmd.Wait() }
}

// errStarved is a host that keeps us from the processor for seconds: there a
// lease of four may well end between the server and its client.
var errStarved = errors.New("the host stood still")

// keeps tells whether eth0 has an address all the time.
func (l *lab) keeps(address string, long time.Duration) error {
	l.t.Helper()
	starved := false
	for begin, last := time.Now(), time.Now(); time.Since(begin) < long; last = time.Now() {
		time.Sleep(500 * time.Millisecond)
		out := l.ip("addr show eth0")
		starved = starved || time.Since(last) > time.Second
		switch gone := !strings.Contains(out, "inet "+address); {
		case gone && starved:
			return errStarved
		case gone:
			return fmt.Errorf("the address went while the server was there:\n%s", out)
		}
	}
	return nil
}

func TestKeasFourSecondLeaseIsRenewedAndEndsWithTheServer(t *testing.T) {
	l := newLab(t, "kea-dhcp4:kea-dhcp4-server")
	p := l.peer()
	p.cable("eth0", "10.1.0.1/24")
	l.ip("link set eth0 up") // Kea wants carrier
	stop := p.kea(1, 4)
	l.netcfg("[net.eth0]\n")
	l.status("online", online)
	var why error
	for range 3 {
		if why = l.keeps("10.1.0.", 12*time.Second); why == nil { // three leases' time
			break
		}
		t.Log(why)
		l.status("online again", online)
	}
	if why != nil && !errors.Is(why, errStarved) {
		t.Fatal(why)
	}
	stop()
	l.Gone("ip addr show eth0", "inet 10.1.0.")
	l.Gone("ip route", "default")
	l.status("offline", func(s Status) bool { return !s.Online && strings.Contains(s.Ports[0].Waiting, "DHCP: no answer") })
	p.kea(1, 4)
	l.status("online again", online)
}

func TestAddressesAndRoutesGoWithTheLeaseWhenWeAreKilled(t *testing.T) {
	l := newLab(t, "kea-dhcp4:kea-dhcp4-server")
	p := l.peer()
	p.cable("eth0", "10.1.0.1/24")
	l.ip("link set eth0 up")
	p.kea(1, 4)
	l.netcfg("[net.eth0]\n")
	l.status("online", online)
	l.proc.Process.Kill()
	l.Gone("ip addr show eth0", "inet 10.1.0.")
	l.Gone("ip route", "default")
}

func TestAPortRemovedWhileWeWereDeadLosesAddressRouteAndLink(t *testing.T) {
	l := newLab(t)
	for i, port := range []string{"eth0", "eth1"} {
		l.peer().cable(port, fmt.Sprintf("10.%d.0.1/24", i+1))
	}
	l.ip("link add other type bridge")
	l.ip("addr add 10.9.0.1/24 dev other")
	l.ip("link set other up")
	const one = "[net.eth0]\naddresses = [\"10.1.0.2/24\"]\n"
	l.netcfg(one + "[net.eth1]\naddresses = [\"10.2.0.2/24\", \"2001:db8::2/64\"]\ngateway = \"10.2.0.1\"\n")
	l.status("online", online)
	l.Shows("ip link show eth1", "group 66")
	l.proc.Process.Kill()
	l.proc.Wait()
	l.netcfg(one)
	l.Gone("ip addr show eth1", "inet")
	l.Gone("ip link show eth1", "UP")
	l.Gone("ip link show eth1", "group 66")
	l.Gone("ip route", "eth1")
	l.Shows("ip addr show other", "10.9.0.1/24")
	l.Shows("ip link show other", "UP")
}

// radvd advertises a prefix, a name server and a search list.
func (p *peer) radvd(how string) {
	p.t.Helper()
	p.In("echo 1 > /proc/sys/net/ipv6/conf/all/forwarding")
	conf := filepath.Join(p.dir, "radvd.conf")
	text := "interface srv { AdvSendAdvert on; " + how +
		" prefix 2001:db8:1::/64 { }; RDNSS 2001:db8:1::53 { }; DNSSL six.example { }; };"
	if err := os.WriteFile(conf, []byte(text), 0o644); err != nil {
		p.t.Fatal(err)
	}
	p.Start("radvd", "-n", "-m", "stderr", "-C", conf, "-p", filepath.Join(p.dir, "radvd.pid"))
}

func TestOnALinkThatIsUpAlreadyRoutersAreAskedToAdvertise(t *testing.T) {
	l := newLab(t, "radvd:radvd")
	p := l.peer()
	p.cable("eth0", "2001:db8:1::1/64")
	p.radvd("UnicastOnly on;") // it never advertises but when asked
	l.ip("link set eth0 up")
	l.Shows("ip -6 addr show eth0", "2001:db8:1:") // the kernel has asked, long before us
	var mu sync.Mutex
	var asked []time.Time
	srv := p.station(unix.ETH_P_IPV6)
	srv.listen(func(packet []byte) {
		if len(packet) > 40 && packet[6] == unix.IPPROTO_ICMPV6 && packet[40] == routerSolicit {
			mu.Lock()
			defer mu.Unlock()
			asked = append(asked, srv.at)
		}
	})
	count := func(from, to time.Time) (n int) {
		mu.Lock()
		defer mu.Unlock()
		for _, at := range asked {
			if at.After(from) && at.Before(to) {
				n++
			}
		}
		return n
	}
	// silent waits until nobody asks any more, which an answer brings about: one that
	// came before the interval was over ends it with the first.
	silent := func(begin time.Time) (end time.Time) {
		t.Helper()
		l.Gone("cat /proc/net/raw6", fmt.Sprintf(":%04X ", unix.IPPROTO_ICMPV6))
		end = time.Now()
		l.Eventually("a solicitation", func() error {
			if count(begin, end) == 0 {
				return errors.New("none")
			}
			return nil
		})
		if n := count(begin, end); n > maxSolicitations || n > 1 && end.Sub(begin) < solicitationInterval {
			t.Errorf("%d solicitations within %v, want one: an answer ends them", n, end.Sub(begin))
		}
		return end
	}
	const auto = "[net.eth0]\nipv4 = \"off\"\n"
	begin := time.Now()
	l.netcfg(auto)
	l.status("a name server", func(s Status) bool { return s.Online && len(s.DNS) > 0 })
	silent(begin)
	l.reload(auto + "ipv6 = \"static\"\naddresses = [\"2001:db8:1::5/64\"]\n")
	l.Gone("ip -6 addr show eth0", "mngtmpaddr")
	l.Gone("ip -6 route", "proto ra")
	begin = time.Now()
	l.reload(auto)
	l.Shows("ip -6 addr show eth0", "mngtmpaddr")
	l.Shows("ip -6 route", "default via fe80::")
	l.status("online", online)
	end := silent(begin)
	time.Sleep(solicitationInterval + solicitationInterval/4)
	if n := count(end, time.Now()); n != 0 {
		t.Errorf("%d solicitations after the answer", n)
	}
}

func TestRouterAdvertisementsGiveAddressRouteAndNameServer(t *testing.T) {
	l := newLab(t, "radvd:radvd")
	p := l.peer()
	p.cable("eth0", "2001:db8:1::1/64")
	p.radvd("MinRtrAdvInterval 3; MaxRtrAdvInterval 4;")
	l.netcfg("[net.eth0]\nipv4 = \"off\"\n")
	s := l.status("online with a name server", func(s Status) bool { return s.Online && len(s.DNS) > 0 && len(s.Search) > 0 })
	if s.DNS[0] != "2001:db8:1::53" || s.Search[0] != "six.example" {
		t.Errorf("DNS %v, search %v", s.DNS, s.Search)
	}
	l.Shows("ip -6 route", "metric 1024")
	l.reload("[net.eth0]\nipv4 = \"off\"\nipv6 = \"static\"\naddresses = [\"2001:db8:1::5/64\"]\n")
	l.Gone("ip -6 addr show eth0", "mngtmpaddr")
	l.Gone("ip -6 route", "proto ra")
	l.Shows("ip -6 addr show eth0", "2001:db8:1::5/64")
}

// A router that still advertises must not hide that the IPv4 gateway is gone.
func TestTheStatusTellsWhatIsThereOfEachFamily(t *testing.T) {
	l := newLab(t, "radvd:radvd")
	p := l.peer()
	p.cable("eth0", "2001:db8:1::1/64")
	p.In("ip addr add 10.1.0.1/24 dev srv")
	p.radvd("MinRtrAdvInterval 3; MaxRtrAdvInterval 4;")
	const v4 = "[net.eth0]\naddresses = [\"10.1.0.2/24\"]\nipv6 = \"auto\"\n"
	has := func(address4, default4, address6, default6 bool) func(Status) bool {
		return func(s Status) bool {
			return len(s.Ports) == 1 && s.Ports[0].IPv4 == Family{address4, default4} && s.Ports[0].IPv6 == Family{address6, default6}
		}
	}
	l.netcfg(v4 + "gateway = \"10.1.0.1\"\n")
	l.status("both", has(true, true, true, true))
	l.reload(v4)
	if s := l.status("no IPv4 gateway, IPv6 as before", has(true, false, true, true)); !s.Online {
		t.Error("not online: the case shows nothing")
	}
	l.reload("[net.eth0]\nipv4 = \"off\"\nipv6 = \"auto\"\n")
	l.status("no IPv4, IPv6 as before", has(false, false, true, true))
	p.In("ip link set srv down")
	l.status("nothing without a cable", has(false, false, false, false))
}

func TestAReloadLeavesAnUnchangedPortAndItsConnectionsAlone(t *testing.T) {
	l := newLab(t, "dnsmasq:dnsmasq-base")
	p, q := l.peer(), l.peer()
	p.cable("eth0", "10.1.0.1/24")
	q.cable("eth1", "10.2.0.1/24")
	p.dnsmasq(1, "--dhcp-range=10.1.0.50,10.1.0.99,24h") // a renewal would be an event of the unchanged port
	q.dnsmasq(2)
	both := "[net.eth0]\n[net.eth1]\n"
	l.netcfg(both)
	s := l.status("online", online)
	own := strings.Split(s.Ports[0].Addresses[0].Prefix, "/")[0]
	listener, err := net.Listen("tcp4", own+":0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		conn, err := listener.Accept()
		if err == nil {
			io.Copy(conn, conn)
		}
	}()
	// The echo's client lives in the peer's namespace, on a thread of its own.
	worst := make(chan time.Duration, 1)
	done := make(chan struct{})
	go echo(p, listener.Addr().String(), done, worst)
	// The kernel itself still touches a young port, until nobody is found to have its link-local address.
	l.LinkLocal("eth0")
	events := l.Start("sh", "-c", "exec ip monitor address route > "+l.dir+"/events")
	for address := 1; !strings.Contains(l.events(), " lo "); address++ { // it listens
		l.ip(fmt.Sprintf("addr add 127.1.0.%d/32 dev lo", address))
	}
	for i := range 6 {
		l.reload(both + fmt.Sprintf("ipv4 = \"static\"\naddresses = [\"10.2.0.%d/24\"]\ngateway = \"10.2.0.1\"\n", 200+i))
		l.Shows("ip addr show eth1", fmt.Sprintf("10.2.0.%d/24", 200+i))
	}
	l.Gone("ip addr show eth1", "10.2.0.204/24")
	l.Shows("ip route", "default via 10.2.0.1 dev eth1 proto 66 metric 101")
	// A file that does not parse changes nothing, and is told.
	l.reload("[net.eth0]\nipv5 = 1\n")
	l.status("a problem", func(s Status) bool { return len(s.Problems) > 0 && s.Online })
	l.Shows("ip addr show eth1", "10.2.0.205/24")
	close(done)
	gap := <-worst
	if t.Logf("worst gap of the echo over the unchanged port: %v", gap); gap < 0 {
		t.Error("the connection over the unchanged port is broken")
	}
	events.Process.Kill()
	if text := l.events(); strings.Contains(text, "eth0") {
		t.Errorf("the unchanged port was touched:\n%s", text)
	}
}

// events is what ip monitor has written so far.
func (l *lab) events() string {
	text, _ := os.ReadFile(filepath.Join(l.dir, "events"))
	return string(text)
}

// echo sends a byte every ten milliseconds from the peer and reports the
// longest wait for its return; a broken connection is -1.
func echo(p *peer, address string, done chan struct{}, worst chan time.Duration) {
	conn, err := p.dial(net.Dialer{Timeout: time.Minute}, address)
	if err != nil {
		worst <- -1
		return
	}
	defer conn.Close()
	longest := time.Duration(0)
	for b := []byte{0}; ; {
		select {
		case <-done:
			worst <- longest
			return
		case <-time.After(10 * time.Millisecond):
		}
		start := time.Now()
		if _, err := conn.Write(b); err == nil {
			_, err = io.ReadFull(conn, b)
		}
		if err != nil {
			worst <- -1
			return
		}
		longest = max(longest, time.Since(start))
	}
}
