//go:build !mips && !mipsle

package netcfg

import (
	"bytes"
	"encoding/binary"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"bantam/netcfg/frame"
)

// spoiled are answers that would be fine but for one thing. None may be taken,
// so each has an address of its own by which a request would give it away.
var spoiled = map[string]change{
	"another transaction":        func(m *dhcpv4.DHCPv4) { m.TransactionID[0]++ },
	"another station":            func(m *dhcpv4.DHCPv4) { m.ClientHWAddr = net.HardwareAddr{2, 0, 0, 0, 0, 9} },
	"a request":                  func(m *dhcpv4.DHCPv4) { m.OpCode = dhcpv4.OpcodeBootRequest },
	"another kind of hardware":   func(m *dhcpv4.DHCPv4) { m.HWType = 6 },
	"an acknowledgement":         option(53, byte(dhcpv4.MessageTypeAck)),
	"a refusal":                  option(53, byte(dhcpv4.MessageTypeNak)),
	"no such kind of message":    option(53, 99),
	"a lease of zero":            option(51, 0, 0, 0, 0),
	"a lease of a second":        option(51, 0, 0, 0, 1),
	"a mask with holes":          option(1, 255, 0, 255, 0),
	"a mask of zero":             option(1, 0, 0, 0, 0),
	"a mask of three bytes":      option(1, 255, 255, 255),
	"no server":                  func(m *dhcpv4.DHCPv4) { m.Options.Del(dhcpv4.OptionServerIdentifier) },
	"a multicast server":         option(54, 224, 0, 0, 1),
	"a server of three bytes":    option(54, 10, 1, 0),
	"a multicast address":        func(m *dhcpv4.DHCPv4) { m.YourIPAddr = net.IP{224, 0, 0, 1} },
	"a loopback address":         func(m *dhcpv4.DHCPv4) { m.YourIPAddr = net.IP{127, 0, 0, 1} },
	"the broadcast address":      func(m *dhcpv4.DHCPv4) { m.YourIPAddr = net.IP{255, 255, 255, 255} },
	"no address":                 func(m *dhcpv4.DHCPv4) { m.YourIPAddr = net.IP{0, 0, 0, 0} },
	"the subnet's own address":   func(m *dhcpv4.DHCPv4) { m.YourIPAddr = net.IP{10, 1, 0, 0} },
	"the server's own address":   func(m *dhcpv4.DHCPv4) { m.YourIPAddr = net.IP{10, 1, 0, 6} },
	"the subnet's own broadcast": func(m *dhcpv4.DHCPv4) { m.YourIPAddr = net.IP{10, 1, 0, 255} },
}

// mangled are packets that no parser may trip over.
func mangled(offer *dhcpv4.DHCPv4) [][]byte {
	packet := func(alter func(b []byte) []byte) []byte {
		b := alter(fromServer(offer.ToBytes()))
		if len(b) >= ipHeader {
			b[10], b[11] = 0, 0
			binary.BigEndian.PutUint16(b[10:], ^frame.Fold(frame.Sum(0, b[:ipHeader])))
		}
		return b
	}
	set := func(at int, value uint16) []byte {
		return packet(func(b []byte) []byte { binary.BigEndian.PutUint16(b[at:], value); return b })
	}
	whole := fromServer(offer.ToBytes())
	list := [][]byte{
		set(6, 0x2000),          // the first fragment
		set(6, 0x0001),          // a later one
		set(2, 0xffff),          // longer than what came
		set(2, ipHeader),        // too short for UDP
		set(ipHeader+4, 0),      // UDP without length
		set(ipHeader+4, 0xffff), // UDP beyond the packet
		set(ipHeader+6, 0x1234), // a wrong check sum
		packet(func(b []byte) []byte { b[0] = 0x4f; return b }), // options where there are none
		packet(func(b []byte) []byte { b[0] = 0x41; return b }), // a header of four bytes
		packet(func(b []byte) []byte { b[0] = 0x65; return b }), // not version 4
		fromServer(nil),
		fromServer(bytes.Repeat([]byte{0xff}, 300)),
		fromServer(make([]byte, 8900)),                                                    // a jumbo frame of nothing
		fromServer(append(offer.ToBytes()[:240], bytes.Repeat([]byte{15, 255}, 4300)...)), // options without end
	}
	for n := 1; n < len(whole); n += 7 { // cut off anywhere
		list = append(list, bytes.Clone(whole[:n]))
	}
	return list
}

func TestAHostileServerIsOutlastedAndAnHonestOneWins(t *testing.T) {
	l := newLab(t, "dnsmasq:dnsmasq-base")
	p := l.peer()
	p.cable("eth0", "10.1.0.1/24")
	l.ip("link set eth0 mtu 9000")
	p.In("ip link set srv mtu 9000")
	refusing := make(chan struct{})
	var once sync.Once
	r := p.rogue(func(r *rogue, m *dhcpv4.DHCPv4) {
		switch server := m.ServerIdentifier(); {
		case m.MessageType() == dhcpv4.MessageTypeDiscover:
			address := byte(100)
			for name, spoil := range spoiled {
				address++
				r.send(answerTo(m, dhcpv4.MessageTypeOffer, address, option(15, []byte(name+"\nnameserver 6.6.6.6\n")...), spoil))
			}
			offer := answerTo(m, dhcpv4.MessageTypeOffer, 90)
			for _, packet := range mangled(offer) {
				r.raw(packet)
			}
			flood(r, m, dhcpv4.MessageTypeOffer, 2000)
			r.send(answerTo(m, dhcpv4.MessageTypeOffer, 66)) // and one to take
		case m.MessageType() == dhcpv4.MessageTypeRequest:
			// A storm of refusals, in our own name, whoever was asked.
			flood(r, m, dhcpv4.MessageTypeNak, 500)
			for range 500 {
				r.send(answerTo(m, dhcpv4.MessageTypeNak, 0))
			}
			if server.Equal(net.IP{10, 1, 0, 6}) {
				once.Do(func() { close(refusing) })
			}
		}
	})
	l.netcfg("[net.eth0]\n")
	select {
	case <-refusing:
	case <-time.After(time.Minute):
		t.Fatal("the rogue's own offer was not asked for")
	}
	p.dnsmasq(1)
	s := l.status("online", online)
	if got := s.Ports[0].Addresses[0].Source; got != "dhcp 10.1.0.1" {
		t.Errorf("the lease is from %q", got)
	}
	l.resolvConf("nameserver 10.0.0.53\nsearch lan.example\n")
	for _, m := range r.asked(dhcpv4.MessageTypeRequest) {
		server, address := m.ServerIdentifier(), m.RequestedIPAddress()
		if !server.Equal(net.IP{10, 1, 0, 1}) && !(server.Equal(net.IP{10, 1, 0, 6}) && address.Equal(net.IP{10, 1, 0, 66})) {
			t.Errorf("a spoiled offer was taken: %v of %v", address, server)
		}
	}
	// Thousands of packets make it send no more than a few: two rounds with the
	// rogue, one with the honest server, and what the schedule has for lost ones.
	discovers, requests := len(r.asked(dhcpv4.MessageTypeDiscover)), len(r.asked(dhcpv4.MessageTypeRequest))
	r.mu.Lock()
	defer r.mu.Unlock()
	if discovers > 8 || requests > 8 || r.sent < 4000 {
		t.Errorf("%d DISCOVERs and %d REQUESTs for %d packets", discovers, requests, r.sent)
	}
	if lines := strings.Count(l.Log.String(), "eth0: "); lines > 20 {
		t.Errorf("%d lines of log", lines)
	}
}

// flood sends answers to somebody else's transactions.
func flood(r *rogue, m *dhcpv4.DHCPv4, kind dhcpv4.MessageType, count int) {
	for i := range count {
		r.send(answerTo(m, kind, 99, func(a *dhcpv4.DHCPv4) {
			binary.BigEndian.PutUint32(a.TransactionID[:], binary.BigEndian.Uint32(m.TransactionID[:])+uint32(i)+1)
		}))
	}
}

func (l *lab) resolvConf(want string) {
	l.t.Helper()
	text, err := os.ReadFile(filepath.Join(l.dir, "net/resolv.conf"))
	if err != nil {
		l.t.Fatal(err)
	}
	_, got, _ := strings.Cut(string(text), "\n") // after the comment
	if got != want {
		l.t.Errorf("resolv.conf: got\n%s\nwant\n%s", got, want)
	}
}

func TestALeaseFromAHostileServerWritesNoLinesOfItsOwn(t *testing.T) {
	l := newLab(t)
	p := l.peer()
	p.cable("eth0", "10.1.0.1/24")
	injections := []change{
		option(3, 192, 0, 2, 1),                                     // a gateway outside the subnet
		option(6, 127, 0, 0, 1, 224, 0, 0, 1, 10, 1, 0, 53),         // only the last can be one
		option(12, []byte("box\nnameserver 6.6.6.6\n")...),          // a host name
		option(15, []byte("x\nnameserver 6.6.6.6\n")...),            // a domain
		option(119, []byte("\x03lan\x00\x05a\nb c\x00\xc0\x00")...), // a search list: good, bad, good again
		option(26, 0, 68), // an MTU too small for anything
	}
	p.rogue(func(r *rogue, m *dhcpv4.DHCPv4) {
		switch m.MessageType() {
		case dhcpv4.MessageTypeDiscover:
			r.send(answerTo(m, dhcpv4.MessageTypeOffer, 66, injections...))
		case dhcpv4.MessageTypeRequest:
			r.send(answerTo(m, dhcpv4.MessageTypeAck, 66, injections...))
		}
	})
	l.netcfg("[net.eth0]\n")
	l.status("online", online)
	l.resolvConf("nameserver 10.1.0.53\nsearch lan\n")
	l.Shows("ip route", "default via 192.0.2.1 dev eth0 proto 66 src 10.1.0.66 metric 100 onlink")
	l.Shows("ip link show eth0", "mtu 1500")
}

func TestAnAddressThatAnotherMachineAnswersForIsDeclined(t *testing.T) {
	l := newLab(t)
	p := l.peer()
	p.cable("eth0", "10.1.0.1/24")
	p.In("ip addr add 10.1.0.77/24 dev srv") // its kernel answers ARP
	type moment struct {
		declined, again time.Time
	}
	var mu sync.Mutex
	var at moment
	address := byte(77)
	r := p.rogue(func(r *rogue, m *dhcpv4.DHCPv4) {
		mu.Lock()
		defer mu.Unlock()
		switch m.MessageType() {
		case dhcpv4.MessageTypeDiscover:
			if !at.declined.IsZero() && at.again.IsZero() {
				at.again = r.at
			}
			r.send(answerTo(m, dhcpv4.MessageTypeOffer, address))
		case dhcpv4.MessageTypeRequest:
			r.send(answerTo(m, dhcpv4.MessageTypeAck, address))
		case dhcpv4.MessageTypeDecline:
			at.declined, address = r.at, 78
		}
	})
	l.netcfg("[net.eth0]\n")
	l.status("the conflict is told", func(s Status) bool {
		return len(s.Ports) > 0 && strings.Contains(s.Ports[0].Waiting, "10.1.0.77 is used by ")
	})
	if out := l.ip("addr show eth0"); strings.Contains(out, "10.1.0.77") {
		t.Errorf("the address was set:\n%s", out)
	}
	l.status("online", online)
	l.Shows("ip addr show eth0", "inet 10.1.0.78/24")
	declines := r.asked(dhcpv4.MessageTypeDecline)
	if len(declines) != 1 {
		t.Fatalf("%d DECLINEs", len(declines))
	}
	if d := declines[0]; !d.RequestedIPAddress().Equal(net.IP{10, 1, 0, 77}) || !d.ServerIdentifier().Equal(net.IP{10, 1, 0, 6}) {
		t.Errorf("DECLINE of %v to %v", d.RequestedIPAddress(), d.ServerIdentifier())
	}
	mu.Lock()
	defer mu.Unlock()
	if pause := at.again.Sub(at.declined); pause < 10*time.Second-100*time.Millisecond {
		t.Errorf("asked again after %v (RFC 2131, 3.1, says ten seconds at least)", pause)
	}
}
