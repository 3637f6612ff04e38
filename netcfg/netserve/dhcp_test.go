//go:build !mips && !mipsle

package netserve

import (
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"
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
	c.in("busybox udhcpc -f -q -n -t 5 -T 2 -i eth0 -s " + script + " " + more)
	out, err := os.ReadFile(script + ".out")
	if err != nil {
		c.t.Fatal(err)
	}
	return string(out)
}

// lease waits for that of an address.
func (l *lab) lease(address string) (found Lease) {
	l.t.Helper()
	l.eventually("lease of "+address, func() error {
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
	l.eventually("leases", func() error {
		if s, err = ReadState(l.dir + "/leases.json"); err != nil || len(s.Leases) != 1 {
			return fmt.Errorf("%+v %v", s, err)
		}
		return nil
	})
	if lease := s.Leases[0]; lease.MAC != "02:00:00:00:00:01" || lease.Name != "laptop" || lease.Port != "lan" {
		t.Errorf("got %+v", lease)
	}
	if strings.Contains(l.log.String(), "not confined") {
		t.Error("it is not confined")
	}
	if status := l.run(fmt.Sprintf("cat /proc/%d/status", l.proc.Process.Pid)); !strings.Contains(status, "CapPrm:\t0000000000000000") || !strings.Contains(status, "Seccomp:\t2") {
		t.Errorf("it has kept rights:\n%s", status)
	}
}
