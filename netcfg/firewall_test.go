//go:build !mips && !mipsle

package netcfg

import (
	"bufio"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"bantam/netcfg/nft"
	"bantam/netcfg/rtnl"
	"bantam/system"

	"golang.org/x/sys/unix"
)

// needNftables skips where this kernel has none; on a machine with one the program nft has to be there.
func (l *lab) needNftables() {
	l.t.Helper()
	k, err := nft.Open()
	if err == nil {
		defer k.Close()
		_, err = k.Observe("none")
	}
	if errors.Is(err, nft.ErrNone) {
		l.t.Skip(err)
	}
	if err != nil {
		l.t.Fatal(err)
	}
}

// tells serves lines: for each one that comes it says who it speaks with.
func (p *peer) tells(address string) {
	p.t.Helper()
	p.tell(func() (l net.Listener, err error) {
		err = p.Do(func() error { l, err = net.Listen("tcp", address); return err })
		return l, err
	})
}

// tells does so in the machine's own network, that of the test's thread.
func (l *lab) tells(address string) {
	l.t.Helper()
	l.tell(func() (net.Listener, error) { return net.Listen("tcp", address) })
}

func (p *lab) tell(open func() (net.Listener, error)) {
	p.t.Helper()
	l, err := open()
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				for lines := bufio.NewScanner(c); lines.Scan(); {
					host, _, _ := net.SplitHostPort(c.RemoteAddr().String())
					fmt.Fprintf(c, "%s %s\n", lines.Text(), host)
				}
			}()
		}
	}()
}

// connect opens a connection from the peer.
func (p *peer) connect(address string) (c net.Conn, err error) {
	network := "tcp4"
	if strings.HasPrefix(address, "[") {
		network = "tcp6"
	}
	err = p.Do(func() (err error) {
		c, err = (&net.Dialer{Timeout: 5 * time.Second}).Dial(network, address)
		return err
	})
	return c, err
}

// says sends a line and returns what the other end says of it.
func says(c net.Conn, line string) (string, error) {
	c.SetDeadline(time.Now().Add(time.Minute))
	if _, err := io.WriteString(c, line+"\n"); err != nil {
		return "", err
	}
	answer, err := bufio.NewReader(c).ReadString('\n')
	return strings.TrimSpace(answer), err
}

// fate is what becomes of a connection: whom the other end sees, "refused" or "nothing".
func (p *peer) fate(address string) string {
	c, err := p.connect(address)
	if err != nil {
		var timeout net.Error
		if errors.As(err, &timeout) && timeout.Timeout() {
			return "nothing"
		}
		return "refused"
	}
	defer c.Close()
	answer, err := says(c, "seen:")
	if err != nil {
		return err.Error()
	}
	return strings.TrimPrefix(answer, "seen: ")
}

const routerConfig = `
[net.wan]
addresses = ["203.0.113.7/24", "2001:db8:ffff::7/64"]
ipv6 = "static"
gateway = "203.0.113.1"
gateway6 = "2001:db8:ffff::1"
mtu = 1400
zone = "wan"

[net.lan]
addresses = ["192.168.1.1/24", "2001:db8:1::1/64"]
ipv6 = "static"
zone = "lan"

[net.guest]
addresses = ["192.168.2.1/24", "2001:db8:2::1/64"]
ipv6 = "static"
zone = "guest"

[zone.guest]
to = ["wan"]
open = ["dns"]

[forward]
"tcp/443" = { to = "192.168.1.10", port = 8443 }
`

func TestARouterLetsThroughWhatItsZonesSay(t *testing.T) {
	l := newLab(t, "nft:nftables", "busybox:busybox-static")
	l.needNftables()
	outside, house, guests := l.peer(), l.peer(), l.peer()
	outside.cable("wan", "203.0.113.1/24")
	outside.In("ip addr add 2001:db8:ffff::1/64 dev srv nodad; ip -6 route add 2001:db8::/32 via 2001:db8:ffff::7; ip route add 192.168.0.0/16 via 203.0.113.7")
	house.cable("lan", "192.168.1.20/24")
	house.In("ip addr add 192.168.1.10/24 dev srv; ip addr add 2001:db8:1::20/64 dev srv nodad; ip route add default via 192.168.1.1 src 192.168.1.20; ip -6 route add default via 2001:db8:1::1")
	guests.cable("guest", "192.168.2.20/24")
	guests.In("ip addr add 2001:db8:2::20/64 dev srv nodad; ip route add default via 192.168.2.1; ip -6 route add default via 2001:db8:2::1")
	outside.tells(":80")
	house.tells(":80")
	house.tells(":8443")
	guests.tells(":80")
	l.Run("nft add table inet other && nft add chain inet other kept")

	l.netcfg(routerConfig)
	l.status("online", online)
	l.tells(":53")
	l.tells(":22")
	l.Shows("cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv6/conf/all/forwarding", "1\n1")
	l.Eventually("IPv6", func() error { // once its addresses are known to be nobody else's
		if got := house.fate("[2001:db8:ffff::1]:80") + " " + guests.fate("[2001:db8:ffff::1]:80"); got != "2001:db8:1::20 2001:db8:2::20" {
			return errors.New(got)
		}
		return nil
	})
	var asked sync.WaitGroup // at once: those who hear nothing wait for it
	for _, tt := range []struct {
		sentence string
		from     *peer
		address  string
		want     string
	}{
		{"the house reaches the world with the machine's address", house, "203.0.113.1:80", "203.0.113.7"},
		{"guests do too", guests, "203.0.113.1:80", "203.0.113.7"},
		{"and over IPv6 with their own", guests, "[2001:db8:ffff::1]:80", "2001:db8:2::20"},
		{"strangers reach what is forwarded", outside, "203.0.113.7:443", "203.0.113.1"},
		{"so does the house, by this machine", house, "203.0.113.7:443", "192.168.1.1"},
		{"and a guest", guests, "203.0.113.7:443", "192.168.2.20"},
		{"strangers reach nothing else of the house", outside, "192.168.1.10:80", "nothing"},
		{"not past the forward", outside, "192.168.1.10:8443", "nothing"},
		{"not over IPv6", outside, "[2001:db8:1::20]:80", "nothing"},
		{"not the machine", outside, "203.0.113.7:22", "nothing"},
		{"not over IPv6 either", outside, "[2001:db8:ffff::7]:22", "nothing"},
		{"guests do not reach the house", guests, "192.168.1.10:80", "refused"},
		{"not over IPv6", guests, "[2001:db8:1::20]:80", "refused"},
		{"guests may ask for names", guests, "192.168.2.1:53", "192.168.2.20"},
		{"and nothing else", guests, "192.168.2.1:22", "refused"},
		{"the house may", house, "192.168.1.1:22", "192.168.1.20"},
		{"the house does not reach guests", house, "192.168.2.20:80", "refused"},
	} {
		asked.Go(func() {
			if got := tt.from.fate(tt.address); got != tt.want {
				t.Errorf("%s: %s, want %s", tt.sentence, got, tt.want)
			}
		})
	}
	asked.Wait()
	house.In("busybox ping -c 1 -W 10 203.0.113.1")
	outside.In("busybox ping -c 1 -W 10 203.0.113.7")

	// A connection outlives that the table is another one, and what was counted stays.
	standing, err := house.connect("203.0.113.1:80")
	if err != nil {
		t.Fatal(err)
	}
	defer standing.Close()
	if got := outside.In("ss -tinH state established sport = :80"); !strings.Contains(got, " mss:1348 ") { // 1400 less 52
		t.Errorf("segments are not those that fit the way of 1400 bytes: %s", got)
	}
	counted := l.Run("nft list counter inet bantam lan-to-wan")
	if strings.Contains(counted, "packets 0") {
		t.Errorf("nothing is counted: %s", counted)
	}
	l.reload(routerConfig + "\n[firewall]\nrules = [{ from = \"lan\", to = \"wan\", ports = [\"tcp/80\"], action = \"reject\" }]\n")
	l.Shows("nft list chain inet bantam forward", "reject from lan to wan tcp/80")
	if got, err := says(standing, "still"); got != "still 203.0.113.7" {
		t.Errorf("the connection that stood: %q, %v", got, err)
	}
	if got := house.fate("203.0.113.1:80"); got != "refused" {
		t.Errorf("a new one: %s, want refused", got)
	}
	if again := l.Run("nft list counter inet bantam lan-to-wan"); again != counted {
		t.Errorf("counted\n%s\nwant what was before:\n%s", again, counted)
	}

	// What others do to the table is taken back, at once.
	l.Run("nft insert rule inet bantam input accept")
	l.Gone("nft list chain inet bantam input", "\taccept")
	l.Run("nft delete table inet bantam")
	l.Shows("nft list ruleset", "chain input-wan")
	l.Shows("nft list ruleset", "chain kept")

	// A configurator that is started anew finds its table and leaves it alone.
	before := l.Run("nft -a list table inet bantam")
	l.proc.Process.Kill()
	l.proc.Wait()
	again := "hostname = \"again\"\n" + routerConfig + "\n[firewall]\nrules = [{ from = \"lan\", to = \"wan\", ports = [\"tcp/80\"], action = \"reject\" }]\n"
	l.netcfg(again)
	l.status("the new one", func(s Status) bool { return s.Online && s.Config == fmt.Sprintf("%x", sha256.Sum256([]byte(again))) })
	if after := l.Run("nft -a list table inet bantam"); after != before {
		t.Errorf("the table is another one:\n%s\nwas\n%s", after, before)
	}

	// Without zones there is no table, and nothing is forwarded, as before.
	l.reload(strings.ReplaceAll(routerConfig[:strings.Index(routerConfig, "[zone.guest]")], "zone =", "# zone ="))
	l.Gone("nft list ruleset", "bantam")
	if got := l.Run("cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv6/conf/all/forwarding"); got != "0\n0\n" {
		t.Errorf("forwarding is %q, want off", got)
	}
	l.Shows("nft list ruleset", "chain kept")
}

func TestWithoutATableNothingIsForwarded(t *testing.T) {
	l := newLab(t)
	s, problems := system.Parse("x", []byte(routerConfig))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	l.Run("echo 1 > /proc/sys/net/ipv4/ip_forward; echo 1 > /proc/sys/net/ipv6/conf/all/forwarding")
	c, err := rtnl.OpenProtocol(unix.NETLINK_ROUTE) // whose kernel knows no tables
	if err != nil {
		t.Fatal(err)
	}
	w := newWall()
	w.kernel, w.open = nft.Kernel{Conversation: c}, true
	w.follow(s)
	w.raise(newState(), newState())
	if err := w.finish(nil); err == nil || !strings.HasSuffix(err.Error(), "; nothing is forwarded") {
		t.Errorf("told: %v", err)
	}
	if got := forwarding(); got != "0 0" {
		t.Errorf("forwarding is %s", got)
	}

	// A machine that has no zones and forwards as its owner says does not need it.
	l.Run("echo 1 > /proc/sys/net/ipv4/ip_forward")
	plain := newWall()
	plain.kernel, plain.open = nft.Kernel{Conversation: c}, true
	plain.follow(&system.System{Net: map[string]system.Net{"eth0": {}}})
	plain.raise(newState(), newState())
	if err := plain.finish(nil); err != nil {
		t.Errorf("without zones: %v", err)
	}
	if got := forwarding(); got != "1 0" {
		t.Errorf("forwarding is %s, want it as it was", got)
	}
}
