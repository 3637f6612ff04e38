//go:build !mips && !mipsle

package netcfg

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"golang.org/x/sys/unix"
)

func TestAPortIsRenewedOnRequest(t *testing.T) {
	l := newLab(t, "dnsmasq:dnsmasq-base")
	p := l.peer()
	p.cable("eth0", "10.1.0.1/24")
	p.dnsmasq(1)
	l.netcfg("[net.eth0]\n[net.eth9]\noptional = true\n")
	address := l.status("online", online).Ports[0].Addresses[0].Prefix
	acks := strings.Count(l.Log.String(), "DHCPACK")
	if _, err := l.reports.Renew("eth0"); err != nil {
		t.Fatal(err)
	}
	l.Eventually("another ACK", func() error {
		if n := strings.Count(l.Log.String(), "DHCPACK"); n == acks {
			return fmt.Errorf("%d", n)
		}
		return nil
	})
	l.Shows("ip addr show eth0", address)
	if n := strings.Count(l.Log.String(), "DHCPDISCOVER"); n > 3 {
		t.Errorf("%d DISCOVERs: it began from nothing", n)
	}
	for port, want := range map[string]string{"eth9": "eth9 is not there: waiting for port eth9", "eth1": `"eth1" is no port that is looked after, as these are: eth0 eth9`} {
		if _, err := l.reports.Renew(port); err == nil || err.Error() != want {
			t.Errorf("%s: %v", port, err)
		}
	}
	l.proc.Process.Kill()
	l.Eventually("its end", func() error {
		if _, err := l.reports.Renew("eth0"); err == nil || !strings.Contains(err.Error(), "does not run") {
			return fmt.Errorf("%v", err)
		}
		return nil
	})
}

func TestAServerThatSystemTomlDoesNotNameIsCountedNotBelieved(t *testing.T) {
	l := newLab(t)
	p := l.peer()
	p.cable("eth0", "10.1.0.1/24")
	r := p.rogue(func(r *rogue, m *dhcpv4.DHCPv4) {
		kind := dhcpv4.MessageTypeOffer
		if m.MessageType() == dhcpv4.MessageTypeRequest {
			kind = dhcpv4.MessageTypeAck
		}
		bad := fromServer(answerTo(m, kind, 77).ToBytes())
		bad[len(bad)-1] ^= 1 // the check sum tells
		r.raw(bad)
		r.send(answerTo(m, kind, 66))
	})
	l.netcfg("[net.eth0]\ndhcp_servers = [\"10.1.0.1\"]\n")
	s := l.status("the refusal is told", func(s Status) bool {
		return len(s.Ports) > 0 && s.Ports[0].DHCP != nil && s.Ports[0].DHCP.Refused > 0 && s.Ports[0].DHCP.Damaged > 0
	})
	if want := "offer refused: 10.1.0.6 is not in dhcp_servers"; s.Ports[0].DHCP.Refusal != want || !strings.Contains(s.Ports[0].Waiting, want) {
		t.Errorf("%+v, waiting %q", s.Ports[0].DHCP, s.Ports[0].Waiting)
	}
	if n := len(r.asked(dhcpv4.MessageTypeRequest)); n > 0 {
		t.Errorf("%d requests", n)
	}
	l.reload("[net.eth0]\ndhcp_servers = [\"10.1.0.6\"]\n")
	l.Shows("ip addr show eth0", "inet 10.1.0.66/24")
	l.reload("[net.eth0]\ndhcp_servers = [\"10.1.0.1\"]\n")
	l.Gone("ip addr show eth0", "inet 10.1.0.66/24")
}

func TestPacketsForWhichThereWasNoRoomAreCounted(t *testing.T) {
	l := newLab(t)
	p := l.peer()
	p.cable("eth0", "10.1.0.1/24")
	l.ip("link set eth0 up")
	l.Shows("ip link show eth0", "LOWER_UP")
	eth0, err := net.InterfaceByName("eth0")
	if err != nil {
		t.Fatal(err)
	}
	mac := [6]byte(eth0.HardwareAddr)
	w, err := openWire("eth0", eth0.Index, mac)
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	message := make([]byte, 1400)
	copy(message, []byte{2, 1, 6})
	copy(message[28:], mac[:])
	srv := p.station(unix.ETH_P_IP)
	defer unix.Close(srv.fd)
	l.Eventually("packets are lost", func() error {
		for range 500 {
			if err := srv.broadcast(fromServer(message)); err != nil {
				return err
			}
		}
		before := w.lost
		if w.count(); w.lost == before {
			return fmt.Errorf("%d", w.lost)
		}
		return nil
	})
}
