//go:build !mips && !mipsle

package netserve

import (
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"bantam/netcfg/dnsforward"
	"bantam/system"
)

const lanForwards = `
hostname = "router"
[net.lan]
addresses = ["192.168.1.1/24"]
serve = { dhcp = "100-149", lease = "1h", dns = true }
[host.printer]
mac = "02:00:00:00:00:99"
address = "192.168.1.9"
[dns]
servers = ["192.168.1.53"]
names = { "www.example.org" = ["192.168.1.6"] }
[dns.zone."corp.example"]
servers = ["192.168.1.53"]
`

func TestNamesOfLeasesAreKnownAndAllOthersAreAskedFor(t *testing.T) {
	l := newLab(t, "busybox:busybox-static", "dig:bind9-dnsutils", "dnsmasq:dnsmasq-base")
	l.configure(lanForwards)
	l.serve()
	l.logs("DNS for this machine and lan")
	upstream := l.client("02:00:00:00:00:53")
	upstream.In("ip addr add 192.168.1.53/24 dev eth0")
	upstream.Start("dnsmasq", "-d", "-C", "/dev/null", "-h", "-R", "--user=root", "--pid-file="+l.dir+"/dnsmasq.pid",
		"--host-record=mail.example.org,203.0.113.9", "--address=/bad.example.org/192.168.1.1", "--address=/corp.example/10.1.2.3")
	c := l.client("02:00:00:00:00:01")
	out := c.udhcpc("-x hostname:laptop")
	for _, want := range []string{"dns='192.168.1.1'", "domain='lan'"} {
		if !strings.Contains(out, want) {
			t.Errorf("DHCP does not tell %s:\n%s", want, out)
		}
	}
	_, rest, _ := strings.Cut(out, "\nip='")
	address, _, _ := strings.Cut(rest, "'")
	l.lease(address)
	for _, q := range []struct{ ask, want string }{
		{"laptop.lan", address}, {"laptop", address}, {"-x " + address, "laptop.lan."},
		{"printer.lan", "192.168.1.9"}, {"-x 192.168.1.9", "printer.lan."}, {"router.lan", "192.168.1.1"}, {"www.example.org", "192.168.1.6"},
		{"mail.example.org", "203.0.113.9"}, {"host.corp.example", "10.1.2.3"},
	} {
		c.Shows("dig +short +time=5 +tries=1 @192.168.1.1 "+q.ask, q.want+"\n")
	}
	for ask, want := range map[string]string{"nobody.lan": "NXDOMAIN", "-x 192.168.1.77": "NXDOMAIN", "bad.example.org": "NOERROR"} {
		if got := c.In("dig +time=5 +tries=1 @192.168.1.1 " + ask); !strings.Contains(got, "status: "+want) || !strings.Contains(got, "ANSWER: 0") {
			t.Errorf("%s: want %s without answer:\n%s", ask, want, got)
		}
	}
	conn, err := net.Dial("unix", l.dir+"/dns")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	var s dnsforward.Status
	if err := json.NewDecoder(conn).Decode(&s); err != nil || len(s.Servers) != 2 || s.Servers[0].State != "answers" || s.Counts.Rebind != 1 || s.Domain != "lan" {
		t.Errorf("%v: %+v", err, s)
	}
	l.crash()
	l.serve() // what was leased is known to the next one
	c.Shows("dig +short +time=5 +tries=1 @192.168.1.1 laptop.lan", address+"\n")
}

func TestTheMachineItselfForwardsWithoutAnyPort(t *testing.T) {
	l := newLab(t, "dig:bind9-dnsutils", "dnsmasq:dnsmasq-base")
	l.configure("[dns]\nservers = [\"192.168.1.53\"]\nnames = { nas = [\"192.168.1.5\"] }\n")
	l.serve()
	l.logs("DNS for this machine")
	for _, at := range []string{"127.0.0.1", "::1"} {
		if got := l.Run("dig +short +time=5 +tries=1 @" + at + " nas.lan"); got != "192.168.1.5\n" {
			t.Errorf("%s: %q", at, got)
		}
	}
	c := l.client("02:00:00:00:00:01")
	c.In("ip addr add 192.168.1.50/24 dev eth0")
	if got := c.In("dig +time=1 +tries=1 @192.168.1.1 nas.lan || true"); strings.Contains(got, "status:") {
		t.Errorf("somebody else is answered:\n%s", got)
	}
}

func TestWhomTheForwarderAsks(t *testing.T) {
	for _, c := range []struct {
		claim, written string
		announced      []string
		want           string
	}{
		{"those of the network", "", []string{"10.0.2.3", "fe80::1%eth0"}, "10.0.2.3 fe80::1%eth0"},
		{"those that are written first", `"9.9.9.9", "9.9.9.10:5353"`, []string{"10.0.2.3"}, "9.9.9.9 9.9.9.10:5353 10.0.2.3"},
		{"nobody twice", `"9.9.9.9"`, []string{"9.9.9.9", "10.0.2.3"}, "9.9.9.9 10.0.2.3"},
		{"over TLS, and then nobody whom the network names", `"tls://9.9.9.9#dns.quad9.net"`, []string{"10.0.2.3"}, "tls://9.9.9.9#dns.quad9.net"},
		{"who writes both wants both", `"tls://9.9.9.9#dns.quad9.net", "192.0.2.1"`, []string{"10.0.2.3"}, "tls://9.9.9.9#dns.quad9.net 192.0.2.1"},
		{"not ourselves", "", []string{"127.0.0.1", "::1", "192.168.1.1", "10.0.2.3"}, "10.0.2.3"},
		{"nobody", "", nil, ""},
	} {
		sys, problems := system.Parse("system.toml", []byte("[dns]\nservers = ["+c.written+"]\n[net.lan]\naddresses = [\"192.168.1.1/24\"]\nserve = { dns = true }\n[net.eth0]\n"))
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		config := ConfigOf(sys)
		config.Upstream = c.announced
		links := map[string]link{"lan": {name: "lan", index: 7, up: true, addresses: []address{{prefix: netip.MustParsePrefix("192.168.1.1/24")}}}}
		got, indexes := config.forwards(links, nil, 0)
		var texts []string
		for _, s := range got.Servers {
			texts = append(texts, s.String())
		}
		if text := strings.Join(texts, " "); text != c.want {
			t.Errorf("%s: got %s, want %s", c.claim, text, c.want)
		}
		if fmt.Sprint(indexes) != "map[lan:7 lo:1]" {
			t.Errorf("%s: devices %v", c.claim, indexes)
		}
	}
}

func TestNameServersThatClientsAreTold(t *testing.T) {
	for _, c := range []struct {
		claim, text string // more of [dns], and of serve
		serve       string
		announced   []string
		want        string
	}{
		{"those of the network", "", "", []string{"10.0.2.3", "2001:db8::53"}, "[10.0.2.3 2001:db8::53]"},
		{"not who can only be asked from here", "", "", []string{"fe80::1%eth0", "127.0.0.53", "::1", "169.254.1.1", "10.0.2.3"}, "[10.0.2.3]"},
		{"those that are written first", `servers = ["9.9.9.9", "9.9.9.10:5353"]`, "", []string{"10.0.2.3"}, "[9.9.9.9 10.0.2.3]"},
		{"the network has no say where one is asked over TLS", `servers = ["tls://9.9.9.9#dns.quad9.net"]`, "", []string{"10.0.2.3"}, "[]"},
		{"those of the port alone", `servers = ["9.9.9.9"]`, `, name_servers = ["192.168.1.53"]`, []string{"10.0.2.3"}, "[192.168.1.53]"},
		{"this machine", `servers = ["9.9.9.9"]`, ", dns = true", []string{"10.0.2.3"}, "[]"},
		{"nobody", "", "", nil, "[]"},
	} {
		sys, problems := system.Parse("system.toml", []byte("[dns]\n"+c.text+"\n[net.lan]\naddresses = [\"192.168.1.1/24\"]\nserve = { dhcp = \"100-249\""+c.serve+" }\n[net.eth0]\n"))
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		config := ConfigOf(sys)
		config.Upstream = c.announced
		if got := fmt.Sprint(config.nameServers(config.port("lan"))); got != c.want {
			t.Errorf("%s: got %s, want %s", c.claim, got, c.want)
		}
	}
}

func TestALeaseThatIsOverHasNoName(t *testing.T) {
	config := Config{DNS: system.DNS{Domain: "lan"}}
	leases := []Lease{{Name: "old", Address: netip.MustParseAddr("192.168.1.100"), Until: time.Hour}, {Name: "new", Address: netip.MustParseAddr("192.168.1.101"), Until: 3 * time.Hour}}
	got, _ := config.forwards(nil, leases, 2*time.Hour)
	if len(got.Hosts) != 1 || got.Hosts[0].Name != "new" || !got.Hosts[0].Leased {
		t.Errorf("hosts: %+v", got.Hosts)
	}
}
