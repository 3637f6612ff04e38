package dhcp4

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

// Where a message has what (RFC 2131, 2).
const (
	atServerName = 44
	atFile       = 108
	atCookie     = 236
	headerSize   = 240
)

// message is a good ACK or OFFER whose options are these bytes, and so its fields file and sname.
func (b *bench) message(kind dhcpv4.MessageType, options, file, name []byte) []byte {
	m := b.reply(kind, nil)[:headerSize]
	copy(m[atFile:], file)
	copy(m[atServerName:], name)
	return append(m, options...)
}

// Options of a lease of 10.0.0.5, an hour long.
var (
	offerType = []byte{53, 1, 2}
	ackType   = []byte{53, 1, 5}
	required  = []byte{54, 4, 10, 0, 0, 1, 51, 4, 0, 0, 14, 16}
	maskOf24  = []byte{1, 4, 255, 255, 255, 0}
	routerAt1 = []byte{3, 4, 10, 0, 0, 1}
	oneServer = []byte{6, 4, 10, 0, 0, 53}
	end       = []byte{255}
)

func overload(n byte) []byte { return []byte{52, 1, n} }

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

func TestOptionsAreFoundWhereverAServerPutsThem(t *testing.T) {
	network := join(maskOf24, routerAt1, oneServer)
	for name, c := range map[string]struct{ options, file, sname []byte }{
		"among the options":                     {join(required, network, end), nil, nil},
		"in file":                               {join(required, overload(1), end), join(network, end), nil},
		"in sname":                              {join(required, overload(2), end), nil, join(network, end)},
		"in both":                               {join(required, overload(3), end), join(maskOf24, end), join(routerAt1, oneServer, end)},
		"in file to its last byte":              {join(required, overload(1), end), join(network, []byte{224, 108}, make([]byte, 108)), nil},
		"without an End option":                 {join(required, network), nil, nil},
		"in file without one":                   {join(required, overload(1)), network, nil},
		"among the options, with names in file": {join(required, network, end), []byte("pxelinux.0"), []byte{52, 1, 3, 9, 200}},
		"in halves":                             {join(required, overload(1), maskOf24, routerAt1, []byte{6, 2, 10, 0}, end), join([]byte{6, 2, 0, 53}, end), nil},
	} {
		b := newBench(t)
		b.step(CarrierUp{})
		b.step(Datagram{b.message(dhcpv4.MessageTypeOffer, join(offerType, c.options), c.file, c.sname)})
		b.phase(Requesting)
		b.step(Datagram{b.message(dhcpv4.MessageTypeAck, join(ackType, c.options), c.file, c.sname)})
		for b.c.Phase() == Probing {
			b.wake()
		}
		l := b.c.Lease()
		if l == nil {
			t.Errorf("%s: %s", name, b.c.Reason())
			continue
		}
		const want = "10.0.0.5/24 [{0.0.0.0/0 10.0.0.1}] [10.0.0.53] 1h0m0s"
		show := func(l *Lease) string { return fmt.Sprint(l.Address, l.Routes, l.DNS, l.Expires-l.Start) }
		if got := show(l); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
		if l, err := Restore(l.ACK, l.Start, ourMAC); err != nil || show(l) != want {
			t.Errorf("%s: restored: %+v, %v", name, l, err)
		}
	}
}

func TestAnswersThatCannotBeReadAreCountedAndTold(t *testing.T) {
	good := join(offerType, required, maskOf24, routerAt1)
	for name, message := range map[string]func(b *bench) []byte{
		"cut off in an option": func(b *bench) []byte { return b.message(0, good[:len(good)-1], nil, nil) },
		"an option too long":   func(b *bench) []byte { return b.message(0, join(good, []byte{15, 200, 'a'}), nil, nil) },
		"an option too long in file": func(b *bench) []byte {
			return b.message(0, join(good, overload(1), end), append(bytes.Repeat([]byte{0}, 126), 15, 200), nil)
		},
		"an option too long in sname": func(b *bench) []byte {
			return b.message(0, join(good, overload(2), end), nil, append(bytes.Repeat([]byte{0}, 61), 15, 2, 'a'))
		},
		"a mask with holes": func(b *bench) []byte {
			return b.message(0, join(offerType, required, []byte{1, 4, 255, 0, 255, 0}, end), nil, nil)
		},
	} {
		b := newBench(t)
		b.step(CarrierUp{})
		deadline := b.c.Deadline()
		b.step(Datagram{message(b)})
		b.phase(Selecting)
		if b.c.Deadline() != deadline || len(b.sent) > 0 {
			t.Errorf("%s: the schedule moved", name)
		}
		if n := b.c.Counts(); n.Refused != 1 || n.Ignored != 0 || n.Refusal == "" || !strings.Contains(b.c.Reason(), n.Refusal) {
			t.Errorf("%s: %+v, %q", name, n, b.c.Reason())
		}
		b.answer(dhcpv4.MessageTypeOffer, nil)
		b.phase(Requesting)
	}
	b := newBench(t)
	b.step(CarrierUp{})
	for i, junk := range [][]byte{nil, []byte("junk"), make([]byte, 239), make([]byte, 2000), b.reply(dhcpv4.MessageTypeNak, nil)} {
		b.step(Datagram{junk})
		if n := b.c.Counts(); n.Ignored != i+1 || n.Refused != 0 {
			t.Errorf("junk %d: %+v", i, n)
		}
	}
}

func TestWhatARenewalLeavesOutStaysAsItWas(t *testing.T) {
	for name, c := range map[string]struct {
		options []byte
		want    string
	}{
		"nothing but the server":      {[]byte{54, 4, 10, 0, 0, 1}, "10.0.0.5/24 [{0.0.0.0/0 10.0.0.1}] [10.0.0.53] [lan] 1h0m0s 10m0s"},
		"a lease time alone":          {[]byte{54, 4, 10, 0, 0, 1, 51, 4, 0, 0, 28, 32}, "10.0.0.5/24 [{0.0.0.0/0 10.0.0.1}] [10.0.0.53] [lan] 2h0m0s 1h0m0s"},
		"without a mask":              {join(required, []byte{3, 4, 10, 0, 0, 9}), "10.0.0.5/24 [{0.0.0.0/0 10.0.0.9}] [10.0.0.53] [lan] 1h0m0s 30m0s"},
		"with it, it has said all":    {join(required, maskOf24), "10.0.0.5/24 [] [] [] 1h0m0s 30m0s"},
		"another mask":                {join(required, []byte{1, 4, 255, 255, 0, 0}), "10.0.0.5/16 [] [] [] 1h0m0s 30m0s"},
		"a search list and no domain": {join(required, []byte{119, 3, 1, 'b', 0}), "10.0.0.5/24 [{0.0.0.0/0 10.0.0.1}] [10.0.0.53] [b] 1h0m0s 30m0s"},
	} {
		b := newBench(t)
		all := func(m *dhcpv4.DHCPv4) {
			option(6, 10, 0, 0, 53)(m)
			option(15, []byte("lan")...)(m)
			option(58, 0, 0, 2, 88)(m)
		}
		b.step(CarrierUp{})
		b.answer(dhcpv4.MessageTypeOffer, all)
		b.step(Datagram{b.message(dhcpv4.MessageTypeAck, join(ackType, []byte{54, 4, 10, 0, 0, 1}), nil, nil)}) // also the first
		for b.c.Phase() != Renewing {
			b.wake()
		}
		for range 2 { // what was left out once is known all the same the next time
			b.step(Datagram{b.message(dhcpv4.MessageTypeAck, join(ackType, c.options), nil, nil)})
			b.phase(Bound)
			show := func(l *Lease) string {
				return fmt.Sprint(l.Address, l.Routes, l.DNS, l.Search, l.Expires-l.Start, l.Renew-l.Start)
			}
			l := b.c.Lease()
			if got := show(l); got != c.want {
				t.Errorf("%s: got %s, want %s", name, got, c.want)
			}
			if r, err := Restore(l.ACK, l.Start, ourMAC); err != nil || show(r) != show(l) {
				t.Errorf("%s: restored: %+v, %v", name, r, err)
			}
			for b.c.Phase() != Renewing {
				b.wake()
			}
		}
	}
}

func TestAnotherAddressHasNoneOfTheFormersNetwork(t *testing.T) {
	b := newBench(t)
	b.bind()
	for b.c.Phase() != Renewing {
		b.wake()
	}
	b.answer(dhcpv4.MessageTypeAck, func(m *dhcpv4.DHCPv4) {
		m.YourIPAddr = []byte{192, 168, 7, 5}
		m.Options.Del(dhcpv4.OptionSubnetMask)
		m.Options.Del(dhcpv4.OptionRouter)
	})
	b.phase(Probing)
	if l := b.c.wanted; l.Address.String() != "192.168.7.5/24" || len(l.Routes) > 0 {
		t.Errorf("lease %+v", l)
	}
}

func TestAProbeInAnothersNameIsNone(t *testing.T) {
	b := newBench(t)
	b.step(CarrierUp{})
	b.answer(dhcpv4.MessageTypeOffer, nil)
	b.answer(dhcpv4.MessageTypeAck, nil)
	b.phase(Probing)
	probe := ARP{Frame: [6]byte{2, 0, 0, 0, 0, 7}, SenderMAC: strange, Sender: netip.IPv4Unspecified(), Target: offeredIP}
	b.step(probe)
	b.phase(Probing)
	if n := b.c.Counts(); n.Ignored != 1 {
		t.Errorf("%+v", n)
	}
	probe.Frame = probe.SenderMAC
	b.step(probe)
	b.phase(Waiting)
	// Who has the address is believed also through one that answers for him (proxy ARP).
	b = newBench(t)
	b.step(CarrierUp{})
	b.answer(dhcpv4.MessageTypeOffer, nil)
	b.answer(dhcpv4.MessageTypeAck, nil)
	b.step(ARP{Frame: [6]byte{2, 0, 0, 0, 0, 7}, SenderMAC: strange, Sender: offeredIP})
	b.phase(Waiting)
}

func TestALeaseOfSecondsIsRenewedInTime(t *testing.T) {
	b := newBench(t)
	short := func(m *dhcpv4.DHCPv4) { m.UpdateOption(dhcpv4.OptIPAddressLeaseTime(2 * time.Second)) }
	b.step(CarrierUp{})
	b.answer(dhcpv4.MessageTypeOffer, short)
	b.answer(dhcpv4.MessageTypeAck, short)
	for b.c.Phase() == Probing {
		b.wake()
	}
	for range 100 {
		b.wake()
		if b.c.Lease() == nil {
			t.Fatal("the lease ended")
		}
		if b.c.Phase() == Renewing {
			b.answer(dhcpv4.MessageTypeAck, short)
		}
	}
}
