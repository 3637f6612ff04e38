//go:build !mips && !mipsle

package netserve

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"bantam/netcfg/netlab"
)

const lanServes = `
[net.lan]
addresses = ["192.168.1.1/24"]
serve = { dhcp = "100-149", lease = "1h", domain = "lan.example", name_servers = ["192.168.1.53"], ntp = ["192.168.1.123"], options = { 66 = "boot.example", 150 = "hex:c0a80105" } }
`

// udhcpc asks for an address, and leaves with it set.
func (c *client) udhcpc(more string) string {
	c.t.Helper()
	script := c.dir + "/udhcpc-" + c.name
	text := "#!/bin/sh\n[ \"$1\" = bound ] && { ip addr flush dev eth0 scope global; ip addr add $ip/$mask dev eth0; set >" + script + ".out; }\nexit 0\n"
	if err := os.WriteFile(script, []byte(text), 0o755); err != nil {
		c.t.Fatal(err)
	}
	c.In("busybox udhcpc -f -q -n -t 5 -T 2 -i eth0 -s " + script + " " + more)
	out, err := os.ReadFile(script + ".out")
	if err != nil {
		c.t.Fatal(err)
	}
	return string(out)
}

// lease waits for that of an address.
func (l *lab) lease(address string) (found Lease) {
	l.t.Helper()
	l.Eventually("lease of "+address, func() error {
		s, err := ReadState(l.dir + "/leases.json")
		if err != nil {
			return err
		}
		for _, lease := range s.Leases {
			if lease.Address == netip.MustParseAddr(address) {
				found = lease
				return nil
			}
		}
		return fmt.Errorf("%+v", s)
	})
	return found
}

func TestUdhcpcGetsAnAddressAndAllThatIsTold(t *testing.T) {
	l := newLab(t, "busybox:busybox-static")
	l.configure(lanServes)
	l.serve()
	l.logs("DHCP from 192.168.1.1/24")
	c := l.client("02:00:00:00:00:01")
	out := c.udhcpc("-x hostname:laptop -O tftp -O ntpsrv -O 150")
	for _, want := range []string{"mask='24'", "router='192.168.1.1'", "dns='192.168.1.53'", "domain='lan.example'", "lease='3600'", "serverid='192.168.1.1'", "tftp='boot.example'", "ntpsrv='192.168.1.123'", "opt150='c0a80105'"} {
		if !strings.Contains(out, want) {
			t.Errorf("want %s in\n%s", want, out)
		}
	}
	s, err := ReadState(l.dir + "/leases.json")
	l.Eventually("leases", func() error {
		if s, err = ReadState(l.dir + "/leases.json"); err != nil || len(s.Leases) != 1 {
			return fmt.Errorf("%+v %v", s, err)
		}
		return nil
	})
	if lease := s.Leases[0]; lease.MAC != "02:00:00:00:00:01" || lease.Name != "laptop" || lease.Port != "lan" {
		t.Errorf("got %+v", lease)
	}
	if strings.Contains(l.Log.String(), "not confined") {
		t.Error("it is not confined")
	}
	if status := l.Run(fmt.Sprintf("cat /proc/%d/status", l.proc.Process.Pid)); !strings.Contains(status, "CapPrm:\t0000000000000000") || !strings.Contains(status, "Seccomp:\t2") {
		t.Errorf("it has kept rights:\n%s", status)
	}
}

// dhclient runs ISC's client until it has written down n leases, and returns them.
func (c *client) dhclient(n int) (leases string) {
	c.t.Helper()
	dir := c.dir + "/dhclient-" + c.name
	if err := os.MkdirAll(dir, 0o755); err != nil {
		c.t.Fatal(err)
	}
	conf := "send host-name \"desk\"; send dhcp-client-identifier \"something of its own\"; request subnet-mask, routers, domain-name, domain-name-servers;\n"
	for name, text := range map[string]string{"script": "#!/bin/sh\nexit 0\n", "conf": conf} {
		if err := os.WriteFile(dir+"/"+name, []byte(text), 0o755); err != nil {
			c.t.Fatal(err)
		}
	}
	if n == 1 { // a copy, for AppArmor lets the real one write to few places
		c.Run("cp $(command -v dhclient) " + dir + "/dhclient")
	}
	cmd := c.Start(dir+"/dhclient", "-4", "-d", "-cf", dir+"/conf", "-lf", dir+"/leases", "-pf", dir+"/pid", "-sf", dir+"/script", "eth0")
	c.Eventually("dhclient", func() error {
		text, err := os.ReadFile(dir + "/leases")
		if leases = string(text); err == nil && strings.Count(leases, "fixed-address ") < n {
			err = fmt.Errorf("got\n%s", leases)
		}
		return err
	})
	cmd.Process.Kill()
	cmd.Wait()
	return leases
}

func TestDhclientGetsAnAddressAndComesBackToIt(t *testing.T) {
	l := newLab(t, "dhclient:isc-dhcp-client")
	l.configure(lanServes)
	l.serve()
	c := l.client("02:00:00:00:00:02")
	out := c.dhclient(1)
	for _, want := range []string{"option routers 192.168.1.1;", "option domain-name \"lan.example\";", "option dhcp-server-identifier 192.168.1.1;", "option dhcp-lease-time 3600;"} {
		if !strings.Contains(out, want) {
			t.Errorf("want %s in\n%s", want, out)
		}
	}
	_, rest, _ := strings.Cut(out, "fixed-address ")
	address, _, _ := strings.Cut(rest, ";")
	if lease := l.lease(address); lease.Name != "desk" || string(lease.Client) != "id:something of its own" {
		t.Errorf("got %+v", lease)
	}
	if again := c.dhclient(2); strings.Count(again, "fixed-address "+address+";") < 2 { // INIT-REBOOT
		t.Errorf("not the same address:\n%s", again)
	}
}

func TestAnAddressThatAnswersIsNotGivenAway(t *testing.T) {
	l := newLab(t, "busybox:busybox-static")
	l.configure("[net.lan]\naddresses = [\"192.168.1.1/24\"]\nserve = { dhcp = \"50-51\" }\n")
	squatter := l.client("02:00:00:00:00:50")
	squatter.In("ip addr add 192.168.1.50/24 dev eth0")
	l.serve()
	c := l.client("02:00:00:00:00:03")
	if out := c.udhcpc(""); !strings.Contains(out, "ip='192.168.1.51'") {
		t.Errorf("got\n%s", out)
	}
	other := l.client("02:00:00:00:00:04")
	other.In("! busybox udhcpc -f -q -n -t 2 -T 1 -i eth0 -s /bin/true")
	l.logs("192.168.1.50 is used by 02:00:00:00:00:50")
}

func TestAServerThatWasKilledKnowsAllAgain(t *testing.T) {
	l := newLab(t, "busybox:busybox-static")
	l.configure(lanServes)
	l.serve()
	var addresses []string
	clients := []*client{l.client("02:00:00:00:00:05"), l.client("02:00:00:00:00:06")}
	for _, c := range clients {
		out := c.udhcpc("")
		_, rest, _ := strings.Cut(out, "\nip='")
		address, _, _ := strings.Cut(rest, "'")
		addresses = append(addresses, address)
		l.lease(address)
	}
	before := l.lease(addresses[0])
	l.crash()
	l.serve()
	l.logs("DHCP from 192.168.1.1/24")
	for i, c := range clients {
		if out := c.udhcpc(""); !strings.Contains(out, "ip='"+addresses[i]+"'") {
			t.Errorf("had %s, now\n%s", addresses[i], out)
		}
	}
	if after := l.lease(addresses[0]); after.Until < before.Until {
		t.Errorf("the lease until %v ends at %v", before.Until, after.Until)
	}
	// After a reboot there is nothing but what was remembered.
	l.crash()
	if err := os.Remove(l.dir + "/leases.json"); err != nil {
		t.Fatal(err)
	}
	l.serve()
	if lease := l.lease(addresses[1]); lease.MAC != "02:00:00:00:00:06" || lease.Until < before.Until {
		t.Errorf("got %+v", lease)
	}
}

func TestAnotherRangeAndAHostAreTakenUpAtOnce(t *testing.T) {
	l := newLab(t, "busybox:busybox-static")
	l.configure(lanServes)
	l.serve()
	c := l.client("02:00:00:00:00:07")
	c.udhcpc("")
	l.configure(strings.Replace(lanServes, "100-149", "200-209", 1) + "[host.printer]\nmac = \"02:00:00:00:00:07\"\naddress = \"192.168.1.9\"\n")
	l.Eventually("the host's address", func() error {
		if out := c.udhcpc(""); !strings.Contains(out, "ip='192.168.1.9'") {
			return fmt.Errorf("got\n%s", out)
		}
		return nil
	})
	if lease := l.lease("192.168.1.9"); lease.Name != "printer" {
		t.Errorf("got %+v", lease)
	}
}

// What tcpdump calls wrong, others do.
func TestTcpdumpFindsNothingWrong(t *testing.T) {
	l := newLab(t, "busybox:busybox-static", "tcpdump:tcpdump")
	l.configure(lanServes)
	seen := &netlab.Output{}
	tcpdump := exec.Command("tcpdump", "-n", "-l", "-vvv", "-i", "lan", "udp port 67 or udp port 68")
	tcpdump.Stdout, tcpdump.Stderr = seen, seen
	l.Begin(tcpdump)
	l.Eventually("tcpdump", func() error {
		if !strings.Contains(seen.String(), "listening on lan") {
			return fmt.Errorf("got %s", seen)
		}
		return nil
	})
	l.serve()
	c := l.client("02:00:00:00:00:08")
	c.udhcpc("")
	l.Eventually("an ACK", func() error {
		if text := seen.String(); !strings.Contains(text, "DHCP-Message (53), length 1: ACK") {
			return fmt.Errorf("got %s", text)
		}
		return nil
	})
	text := seen.String()
	for _, bad := range []string{"bad cksum", "bad udp cksum", "ERROR", "[|", "trailing"} {
		if strings.Contains(text, bad) {
			t.Errorf("%s in\n%s", bad, text)
		}
	}
	if !strings.Contains(text, "[udp sum ok] BOOTP/DHCP, Reply") {
		t.Errorf("no reply with a good sum in\n%s", text)
	}
}

func TestNetworkdGetsAnAddress(t *testing.T) {
	l := newLab(t, netlab.Networkd+":systemd")
	l.configure(lanServes)
	l.serve()
	c := l.client("02:00:00:00:00:09")
	c.Start(netlab.NetworkdOn("")...)
	c.Shows("ip -4 addr show dev eth0", "inet 192.168.1.1")
	c.Shows("ip -4 route show default", "default via 192.168.1.1 dev eth0 proto dhcp")
	out := c.In("ip -4 -o addr show dev eth0")
	address, _, _ := strings.Cut(strings.Fields(out)[3], "/")
	if lease := l.lease(address); lease.MAC != "02:00:00:00:00:09" {
		t.Errorf("got %+v", lease)
	}
}

// Whenever the server is killed, everybody gets an address, and no two the same.
func TestAServerThatIsKilledAgainAndAgainGivesNoAddressTwice(t *testing.T) {
	l := newLab(t, "busybox:busybox-static")
	l.configure("[net.lan]\naddresses = [\"192.168.1.1/24\"]\nserve = { dhcp = \"50-57\" }\n")
	l.serve()
	var clients []*client
	for i := range 6 {
		clients = append(clients, l.client(fmt.Sprintf("02:00:00:00:02:%02x", i)))
	}
	var running []*exec.Cmd
	for i, c := range clients {
		script := c.dir + "/" + c.name
		if err := os.WriteFile(script, []byte("#!/bin/sh\n[ \"$1\" = bound ] && ip addr add $ip/$mask dev eth0\nexit 0\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		running = append(running, c.Start("busybox", "udhcpc", "-f", "-q", "-n", "-t", "30", "-T", "1", "-i", "eth0", "-s", script))
		time.Sleep(time.Duration(i) * 130 * time.Millisecond) // any moment of an exchange
		l.crash()
		l.serve()
	}
	for i, cmd := range running {
		if err := cmd.Wait(); err != nil {
			t.Errorf("client %d: %v", i, err)
		}
	}
	seen := map[string]int{}
	for i, c := range clients {
		fields := strings.Fields(c.In("ip -4 -o addr show dev eth0"))
		if len(fields) < 4 {
			t.Errorf("client %d has no address", i)
			continue
		}
		if other, twice := seen[fields[3]]; twice {
			t.Errorf("clients %d and %d have %s", other, i, fields[3])
		}
		seen[fields[3]] = i
	}
}
