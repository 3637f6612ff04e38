package dhcp4

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"bantam/netcfg/bootp"
	"bantam/netcfg/dnsname"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

func option(code uint8, value ...byte) func(*dhcpv4.DHCPv4) {
	return func(m *dhcpv4.DHCPv4) { m.UpdateOption(dhcpv4.OptGeneric(dhcpv4.GenericOptionCode(code), value)) }
}

func address(a, b, c, d byte) func(*dhcpv4.DHCPv4) {
	return func(m *dhcpv4.DHCPv4) { m.YourIPAddr = []byte{a, b, c, d} }
}

// leaseOf reads what another codec writes.
func leaseOf(m *dhcpv4.DHCPv4) (*Lease, error) {
	own, err := bootp.Read(m.ToBytes())
	if err != nil {
		return nil, err
	}
	return readLease(own, 0)
}

func TestOffersThatCannotBeUsedAreRefused(t *testing.T) {
	for name, change := range map[string]func(*dhcpv4.DHCPv4){
		"no address":              address(0, 0, 0, 0),
		"a loopback address":      address(127, 0, 0, 1),
		"a multicast address":     address(224, 0, 0, 1),
		"the broadcast address":   address(255, 255, 255, 255),
		"the subnet's own":        address(10, 0, 0, 0),
		"the subnet's broadcast":  address(10, 0, 0, 255),
		"the server's own":        address(10, 0, 0, 1),
		"a mask with holes":       option(1, 255, 0, 255, 0),
		"a mask of zero":          option(1, 0, 0, 0, 0),
		"a mask of three bytes":   option(1, 255, 255, 255),
		"a mask of half the net":  option(1, 128, 0, 0, 0),
		"a lease of zero":         option(51, 0, 0, 0, 0),
		"a server of 0.0.0.0":     option(54, 0, 0, 0, 0),
		"a server of three bytes": option(54, 10, 0, 0),
		"no server":               func(m *dhcpv4.DHCPv4) { m.Options.Del(dhcpv4.OptionServerIdentifier) },
		"a request as answer":     func(m *dhcpv4.DHCPv4) { m.OpCode = dhcpv4.OpcodeBootRequest },
	} {
		b := newBench(t)
		b.step(CarrierUp{})
		b.answer(dhcpv4.MessageTypeOffer, change)
		if b.c.Phase() != Selecting {
			t.Errorf("%s: taken", name)
		}
	}
}

func TestTimesOfALease(t *testing.T) {
	at := func(code uint8, seconds uint32) func(*dhcpv4.DHCPv4) {
		return option(code, byte(seconds>>24), byte(seconds>>16), byte(seconds>>8), byte(seconds))
	}
	for name, c := range map[string]struct {
		change          []func(*dhcpv4.DHCPv4)
		t1, t2, expires time.Duration
	}{
		"absent timers are a half and seven eighths": {nil, 1800 * time.Second, 3150 * time.Second, time.Hour},
		"given timers count":                         {[]func(*dhcpv4.DHCPv4){at(58, 100), at(59, 200)}, 100 * time.Second, 200 * time.Second, time.Hour},
		"disordered timers are replaced":             {[]func(*dhcpv4.DHCPv4){at(58, 3000), at(59, 200)}, 3000 * time.Second, 3150 * time.Second, time.Hour},
		"timers beyond the lease are replaced":       {[]func(*dhcpv4.DHCPv4){at(58, 9000), at(59, 9999)}, 1800 * time.Second, 3150 * time.Second, time.Hour},
		"zero timers are replaced":                   {[]func(*dhcpv4.DHCPv4){at(58, 0), at(59, 0)}, 1800 * time.Second, 3150 * time.Second, time.Hour},
		"a T1 of a second is replaced":               {[]func(*dhcpv4.DHCPv4){at(58, 1)}, 1800 * time.Second, 3150 * time.Second, time.Hour},
		"but of a lease of seconds it counts":        {[]func(*dhcpv4.DHCPv4){at(51, 4), at(58, 2), at(59, 3)}, 2 * time.Second, 3 * time.Second, 4 * time.Second},
		"68 years":                                   {[]func(*dhcpv4.DHCPv4){at(51, 1<<31)}, 1 << 30 * time.Second, 7 << 28 * time.Second, 1 << 31 * time.Second},
		"all ones is for ever":                       {[]func(*dhcpv4.DHCPv4){at(51, infinity)}, Forever, Forever, Forever},
		"no lease time is the fallback":              {[]func(*dhcpv4.DHCPv4){func(m *dhcpv4.DHCPv4) { m.Options.Del(dhcpv4.OptionIPAddressLeaseTime) }}, 1800 * time.Second, 3150 * time.Second, time.Hour},
	} {
		b := newBench(t)
		m, _ := dhcpv4.FromBytes(b.reply(dhcpv4.MessageTypeAck, nil))
		for _, change := range c.change {
			change(m)
		}
		l, err := leaseOf(m)
		if err != nil || l.Renew != c.t1 || l.Rebind != c.t2 || l.Expires != c.expires {
			t.Errorf("%s: got %+v %v", name, l, err)
		}
	}
}

func TestOptionsThatCannotBeUsedAreDropped(t *testing.T) {
	via := func(last byte) string { return fmt.Sprintf("[{0.0.0.0/0 10.0.0.%d}]", last) }
	for name, c := range map[string]struct {
		change         func(*dhcpv4.DHCPv4)
		routes, search string
		dns            int
	}{
		"a newline in the domain":       {option(15, []byte("x\nnameserver 6.6.6.6")...), via(1), "[]", 0},
		"a NUL in the domain":           {option(15, 'a', 0, 'b'), via(1), "[]", 0},
		"a domain with a trailing NUL":  {option(15, 'a', '.', 'b', 0), via(1), "[a.b]", 0},
		"a space in the domain":         {option(15, []byte("a b")...), via(1), "[]", 0},
		"name servers of odd length":    {option(6, 1, 2, 3, 4, 5), via(1), "[]", 0},
		"impossible name servers":       {option(6, 0, 0, 0, 0, 127, 0, 0, 1, 9, 9, 9, 9), via(1), "[]", 1},
		"twenty name servers":           {option(6, manyServers(20)...), via(1), "[]", maxServers},
		"an impossible router":          {option(3, 0, 0, 0, 0, 10, 0, 0, 3), via(3), "[]", 0},
		"the subnet's broadcast first":  {option(3, 10, 0, 0, 255, 10, 0, 0, 3), via(3), "[]", 0},
		"the subnet's own first":        {option(3, 10, 0, 0, 0, 10, 0, 0, 3), via(3), "[]", 0},
		"the broadcast in 121":          {option(121, 24, 10, 9, 9, 10, 0, 0, 255, 0, 10, 0, 0, 3), "[{0.0.0.0/0 10.0.0.3}]", "[]", 0},
		"the broadcast as name server":  {option(6, 10, 0, 0, 255, 10, 0, 0, 53), via(1), "[]", 1},
		"ourselves as router":           {option(3, 10, 0, 0, 5), "[]", "[]", 0},
		"121 overrides 3":               {option(121, 0, 10, 0, 0, 2, 24, 10, 9, 9, 0, 0, 0, 0), "[{0.0.0.0/0 10.0.0.2} {10.9.9.0/24 invalid IP}]", "[]", 0},
		"a broken 121 leaves 3":         {option(121, 33, 10, 0, 0, 2), via(1), "[]", 0},
		"a short 121 leaves 3":          {option(121, 24, 10, 9, 9, 10, 0), via(1), "[]", 0},
		"bits beyond the prefix length": {option(121, 20, 10, 9, 255, 10, 0, 0, 2), "[{10.9.240.0/20 10.0.0.2}]", "[]", 0},
		"a route for multicast in 121":  {option(121, 4, 224, 10, 0, 0, 2, 0, 10, 0, 0, 3), "[{0.0.0.0/0 10.0.0.3}]", "[]", 0},
		"ourselves as gateway in 121":   {option(121, 24, 10, 9, 9, 10, 0, 0, 5, 0, 10, 0, 0, 3), "[{0.0.0.0/0 10.0.0.3}]", "[]", 0},
		"nothing usable in 121":         {option(121, 0, 127, 0, 0, 1), via(1), "[]", 0},
		"a search list with a pointer":  {option(119, 1, 'a', 1, 'b', 0, 1, 'c', 0xc0, 2), via(1), "[a.b c.b]", 0},
		"a search list that loops":      {option(119, 1, 'a', 0xc0, 0), via(1), "[]", 0},
	} {
		m, _ := dhcpv4.FromBytes(newBench(t).reply(dhcpv4.MessageTypeAck, c.change))
		l, err := leaseOf(m)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := fmt.Sprint(l.Routes); got != c.routes {
			t.Errorf("%s: routes %s, want %s", name, got, c.routes)
		}
		if got := fmt.Sprint(l.Search); got != c.search || len(l.DNS) != c.dns {
			t.Errorf("%s: search %s, want %s; %d name servers, want %d", name, got, c.search, len(l.DNS), c.dns)
		}
	}
}

func manyServers(n int) (raw []byte) {
	for i := range n {
		raw = append(raw, 10, 0, 1, byte(i+1))
	}
	return raw
}

// FuzzAnswers sends a client whatever it likes, in every phase, and looks at
// what it would configure.
func FuzzAnswers(f *testing.F) {
	b := &bench{c: New(Identity{MAC: ourMAC}, nil, false)}
	for _, kind := range []dhcpv4.MessageType{dhcpv4.MessageTypeOffer, dhcpv4.MessageTypeAck, dhcpv4.MessageTypeNak} {
		f.Add(b.reply(kind, nil)[240:], []byte(nil), uint16(3))
		f.Add(b.reply(kind, option(52, 3))[240:], append(make([]byte, 64), 3, 4, 10, 0, 0, 9, 255), uint16(3))
		f.Add(b.reply(kind, option(121, 24, 10, 9, 9, 10, 0, 0, 1))[240:], []byte(nil), uint16(40))
		f.Add(b.reply(kind, option(119, 1, 'a', 0xc0, 0))[240:], []byte(nil), uint16(400))
	}
	f.Fuzz(func(t *testing.T, options, fields []byte, wait uint16) {
		b := newBench(t)
		b.step(CarrierUp{})
		for range 8 {
			frame := append(b.reply(dhcpv4.MessageTypeOffer, nil)[:240], options...)
			copy(frame[atServerName:atCookie], fields)
			b.step(Datagram{frame})
			b.answer(dhcpv4.MessageTypeOffer, nil)
			b.step(Datagram{frame})
			b.now += time.Duration(wait) * time.Second / 10
			b.step(nil)
			if d := b.c.Deadline(); d <= b.now && b.c.Phase() != Stopped {
				t.Fatalf("%v: wants to be woken at once, again and again", b.c.Phase())
			}
			l := b.c.Lease()
			if l == nil {
				continue
			}
			a := l.Address.Addr()
			if l.Address.Bits() < 8 || a.IsLoopback() || a.IsMulticast() || a.IsUnspecified() || !l.ValidAt(b.now) ||
				len(l.Routes) > maxRoutes || len(l.DNS) > maxServers || len(l.Search) > maxSearch ||
				slices.ContainsFunc(l.Search, func(s string) bool { return !dnsname.Valid(s) }) ||
				slices.Contains(l.DNS, netip.IPv4Unspecified()) {
				t.Fatalf("configured: %+v", l)
			}
			if r, err := Restore(l.ACK, l.Start, ourMAC); err != nil || fmt.Sprint(r.Address, r.Routes, r.DNS, r.Search, r.Expires) != fmt.Sprint(l.Address, l.Routes, l.DNS, l.Search, l.Expires) {
				t.Fatalf("restored: %+v, %v, want %+v", r, err, l)
			}
		}
	})
}

func TestTimeServersOfALease(t *testing.T) {
	for _, c := range []struct {
		name, want string
		change     func(*dhcpv4.DHCPv4)
	}{
		{"two", "[10.0.0.1 192.0.2.123]", option(42, 10, 0, 0, 1, 192, 0, 2, 123)},
		{"the same twice", "[10.0.0.1]", option(42, 10, 0, 0, 1, 10, 0, 0, 1)},
		{"of odd length", "[]", option(42, 10, 0, 0, 1, 192, 0, 2)},
		{"nobody's and everybody's", "[192.0.2.123]", option(42, 0, 0, 0, 0, 10, 0, 0, 255, 224, 0, 1, 1, 127, 0, 0, 1, 192, 0, 2, 123)},
	} {
		m, _ := dhcpv4.FromBytes(newBench(t).reply(dhcpv4.MessageTypeAck, c.change))
		l, err := leaseOf(m)
		if err != nil || fmt.Sprint(l.NTP) != c.want {
			t.Errorf("%s: got %v (%v), want %s", c.name, l.NTP, err, c.want)
		}
	}
	m, _ := dhcpv4.FromBytes(newBench(t).reply(dhcpv4.MessageTypeAck, option(42, manyServers(20)...)))
	if l, err := leaseOf(m); err != nil || len(l.NTP) != maxServers {
		t.Errorf("twenty: got %v (%v)", l.NTP, err)
	}
}
