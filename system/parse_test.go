package system

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"bantam/system/syntax"
)

// parse is Parse of a file that must be valid.
func parse(t *testing.T, src string) *System {
	t.Helper()
	s, problems := Parse("system.toml", []byte(src))
	for _, p := range problems {
		t.Error(p)
	}
	if s == nil {
		t.FailNow()
	}
	return s
}

func TestAnEmptyFileIsTheDefaultMachine(t *testing.T) {
	want := &System{
		Hostname: "bantam",
		Console:  Console{Login: "root"},
		SSH:      SSH{Port: 22},
		Time:     Time{DHCP: true, Zone: "UTC"},
		Firewall: Firewall{Offload: "auto"},
		Proof:    Proof{Network: "auto", Timeout: Duration(time.Minute), Settle: Duration(2 * time.Second)},
		DNS:      DNS{Domain: DefaultDomain},
	}
	for _, src := range []string{"", "\n\n", "# nothing\r\n", "\ufeff"} {
		if got := parse(t, src); !reflect.DeepEqual(got, want) {
			t.Errorf("%q: got %+v, want %+v", src, got, want)
		}
	}
	if !reflect.DeepEqual(Default(), want) {
		t.Errorf("Default() = %+v, want %+v", Default(), want)
	}
}

func TestDefaultsDependOnOtherKeys(t *testing.T) {
	s := parse(t, `
[net.a]
[net.b]
addresses = ["10.0.0.2/24"]
[net.c]
addresses = ["2001:db8::2/64"]
[net.d]
ipv4 = "dhcp"
addresses = ["10.0.1.2/24"]
[user.u]
uid = 7
[user.v]
uid = 8
gid = 9
[service.long]
command = ["x"]
[service.once]
command = ["x"]
ready = "exited"
[check.c]
command = ["x"]
`)
	cases := []struct {
		claim     string
		got, want any
	}{
		{"a port without addresses uses DHCP", s.Net["a"].IPv4, "dhcp"},
		{"a port with an IPv4 address is static", s.Net["b"].IPv4, "static"},
		{"an IPv6 address leaves DHCP on", s.Net["c"].IPv4, "dhcp"},
		{"DHCP and an address go together", s.Net["d"].IPv4, "dhcp"},
		{"IPv6 is automatic", s.Net["b"].IPv6, "auto"},
		{"a gid is the uid", s.Users["u"].GID, 7},
		{"a gid may differ", s.Users["v"].GID, 9},
		{"a service always restarts", s.Services["long"].Restart, "always"},
		{"a one-shot never restarts", s.Services["once"].Restart, "never"},
		{"a service runs as root", s.Services["long"].User, "root"},
		{"a service has 30 s to start", s.Services["long"].StartTimeout, Duration(30 * time.Second)},
		{"a service is asked to end by TERM", s.Services["long"].StopSignal, "TERM"},
		{"a check has 10 s", s.Checks["c"].Timeout, Duration(10 * time.Second)},
	}
	for _, c := range cases {
		if c.got != c.want {
			t.Errorf("%s: got %v, want %v", c.claim, c.got, c.want)
		}
	}
}

func TestSysctlTakesNestedAndQuotedNames(t *testing.T) {
	s := parse(t, "[sysctl]\nnet.ipv4.ip_forward = true\n\"kernel.panic\" = 10\n[sysctl.vm]\noverridden-name = 'a b'\n")
	want := Sysctl{"net.ipv4.ip_forward": "1", "kernel.panic": "10", "vm.overridden-name": "a b"}
	if !reflect.DeepEqual(s.Sysctl, want) {
		t.Errorf("got %v, want %v", s.Sysctl, want)
	}
}

func TestANameServerOfOneLinkHasItsPort(t *testing.T) {
	s := parse(t, "dns.servers = [\"fe80::1%eth0\", \"9.9.9.9\"]")
	if want := []string{"fe80::1%eth0", "9.9.9.9"}; !reflect.DeepEqual(s.DNS.Servers, want) {
		t.Errorf("got %q, want %q", s.DNS.Servers, want)
	}
}

func TestSyntaxOfEveryKindIsRead(t *testing.T) {
	s := parse(t, "hostname='a'\r\nservice.\"s\" = { command = [ # why\r\n \"x\\t\\u0041\",\r\n '''\r\nl1\r\nl2''', \"\"\"\\\r\n  y\"\"\",\r\n], }\r\n[[net.eth0.routes]]\r\nto = \"10.0.0.0/8\"\r\n[[net.eth0.routes]]\r\nto = \"11.0.0.0/8\"")
	if got, want := s.Services["s"].Command, []string{"x\tA", "l1\nl2", "y"}; !reflect.DeepEqual(got, want) {
		t.Errorf("command: got %q, want %q", got, want)
	}
	if got := len(s.Net["eth0"].Routes); got != 2 {
		t.Errorf("got %d routes, want 2", got)
	}
}

func TestTooLargeFilesAreRefused(t *testing.T) {
	if _, problems := Parse("f", make([]byte, MaxSize+1)); len(problems) != 1 {
		t.Errorf("got %v, want one problem", problems)
	}
	comment := "#" + strings.Repeat(" ", MaxSize-1)
	parse(t, comment)
}

func TestAFileFullOfFaultsGivesABoundedReport(t *testing.T) {
	for _, line := range []string{"x = [\n", "[", "x = {\n", "x = {y={\n", "a = 'x\n", "x = \"\"\"\n", "[[a]]\n", "a.b.c = 1\n", "\x00\n"} {
		_, problems := Parse("f", []byte(strings.Repeat(line, 20000)))
		if len(problems) == 0 || len(problems) > maxProblems+1 {
			t.Errorf("%q: got %d problems", line, len(problems))
		}
	}
}

// A file within the limit of size must not take minutes or gigabytes, whatever it repeats.
func TestNothingIsReadWithoutEnd(t *testing.T) {
	for _, pattern := range []string{"1.", "sysctl.", "a . ", "'a'.", "é.", "a={", "a.b={", "[", "a=[", " "} {
		src := []byte(strings.Repeat(pattern, MaxSize/len(pattern)-10) + ".x = 1\n")
		if _, problems := Parse("f", src); len(problems) == 0 || len(problems) > 2 {
			t.Errorf("%q: %v", pattern, problems)
		}
		if all := Scan(src); len(all) > syntax.MaxDepth {
			t.Errorf("%q: %d entries", pattern, len(all))
		}
	}
	parse(t, "sysctl.a.b.c.d.e.f.g.h = 1")
}

func TestDurationsPrintAsShortAsTheyAreWritten(t *testing.T) {
	for _, text := range []string{"90s", "1m30s", "1m", "1h", "1h5s", "500ms", "10s", "20m"} {
		var d Duration
		if err := d.UnmarshalText([]byte(text)); err != nil {
			t.Fatal(err)
		}
		var again Duration
		if err := again.UnmarshalText([]byte(d.String())); err != nil || again != d || len(d.String()) > len(text)+2 {
			t.Errorf("%s prints as %s, read again as %v (%v)", text, d, again, err)
		}
	}
}
