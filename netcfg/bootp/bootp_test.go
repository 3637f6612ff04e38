package bootp

import (
	"bytes"
	"encoding/binary"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

var card = [6]byte{2, 0, 0, 0, 0, 7}

// full is a message with all that one may have.
func full() *Message {
	return &Message{
		Reply: true, XID: 0x01020304, Seconds: 300, Flags: Broadcast, MAC: card,
		Client: netip.MustParseAddr("10.0.0.1"), Your: netip.MustParseAddr("10.0.0.2"), Relay: netip.MustParseAddr("10.0.0.3"),
		Options: Options{
			MessageType: {byte(Offer)}, SubnetMask: {255, 255, 255, 0}, RelayAgent: {1, 2, 3}, 254: {9}, ParameterList: nil,
			DomainSearch: bytes.Repeat([]byte{7}, 600), ClasslessRoutes: bytes.Repeat([]byte{8}, 255), FQDN: bytes.Repeat([]byte{6}, 256),
		},
	}
}

// theirs is the same of another codec.
func theirs(m *Message) *dhcpv4.DHCPv4 {
	op := dhcpv4.OpcodeBootRequest
	if m.Reply {
		op = dhcpv4.OpcodeBootReply
	}
	other := &dhcpv4.DHCPv4{
		OpCode: op, HWType: Ethernet, NumSeconds: m.Seconds, Flags: m.Flags, ClientHWAddr: m.MAC[:],
		ClientIPAddr: m.Client.AsSlice(), YourIPAddr: m.Your.AsSlice(), GatewayIPAddr: m.Relay.AsSlice(), Options: dhcpv4.Options(m.Options),
	}
	binary.BigEndian.PutUint32(other.TransactionID[:], m.XID)
	return other
}

func TestMessagesAreWrittenAsAnotherCodecWritesThem(t *testing.T) {
	for name, m := range map[string]*Message{
		"full":  full(),
		"short": {MAC: card, Options: Options{MessageType: {byte(Discover)}}},
		"none":  {},
	} {
		if got, want := m.Bytes(), theirs(m).ToBytes(); !bytes.Equal(got, want) {
			t.Errorf("%s:\n%x\nwant\n%x", name, got, want)
		}
	}
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	want := full()
	got, err := Read(want.Bytes())
	if err != nil || !same(got, want) {
		t.Errorf("%+v, %v\nwant %+v", got, err, want)
	}
	got.Options[SubnetMask][0] = 1
	if want.Options[SubnetMask][0] != 255 {
		t.Error("what is read is not its own")
	}
}

func same(a, b *Message) bool {
	x, y := *a, *b
	x.Options, y.Options = nil, nil
	return x.Reply == y.Reply && x.XID == y.XID && x.Seconds == y.Seconds && x.Flags == y.Flags && x.Client == y.Client && x.Your == y.Your && x.Relay == y.Relay && x.MAC == y.MAC &&
		maps.EqualFunc(a.Options, b.Options, bytes.Equal)
}

func TestMessagesThatAreNoneAreRefused(t *testing.T) {
	whole := full().Bytes()
	with := func(at int, value byte) []byte {
		b := slices.Clone(whole)
		b[at] = value
		return b
	}
	for name, c := range map[string]struct {
		text []byte
		want string
	}{
		"nothing":                {nil, "too short"},
		"a byte less":            {whole[:headerSize-1], "too short"},
		"of BOOTP":               {with(atCookie, 0), "not a message of DHCP"},
		"neither asks nor tells": {with(0, 3), "not a message of an Ethernet card"},
		"another kind of card":   {with(1, 6), "not a message of an Ethernet card"},
		"another address length": {with(2, 16), "not a message of an Ethernet card"},
	} {
		if m, err := Read(c.text); m != nil || err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, %v", name, m, err)
		}
	}
}

func TestOptionsAreRead(t *testing.T) {
	for name, c := range map[string]struct {
		options, file, serverName []byte
		want                      Options
		cut                       bool
	}{
		"none":                       {nil, nil, nil, Options{}, false},
		"no end":                     {[]byte{53, 1, 2}, nil, nil, Options{53: {2}}, false},
		"nothing counts after it":    {[]byte{53, 1, 2, 255, 1, 1, 1}, nil, nil, Options{53: {2}}, false},
		"padding":                    {[]byte{0, 0, 53, 1, 2, 0, 255}, nil, nil, Options{53: {2}}, false},
		"empty":                      {[]byte{55, 0, 255}, nil, nil, Options{55: nil}, false},
		"again":                      {[]byte{6, 2, 10, 0, 6, 2, 0, 1, 255}, nil, nil, Options{6: {10, 0, 0, 1}}, false},
		"a code alone":               {[]byte{53, 1, 2, 6}, nil, nil, Options{53: {2}}, false},
		"shorter than it says":       {[]byte{53, 1, 2, 6, 4, 1, 2, 3}, nil, nil, Options{53: {2}}, true},
		"overload":                   {[]byte{52, 1, 3, 255}, []byte{6, 2, 10, 0, 255}, []byte{6, 2, 0, 1}, Options{6: {10, 0, 0, 1}}, false},
		"overload that is cut off":   {[]byte{52, 1, 1, 255}, bytes.Repeat([]byte{7, 255}, 64), nil, Options{}, true},
		"overload of a strange size": {[]byte{52, 2, 1, 1, 255}, []byte{6, 1, 1}, nil, Options{52: {1, 1}}, false},
		"fields of names":            {[]byte{53, 1, 2, 255}, []byte("pxelinux.0"), []byte("server"), Options{53: {2}}, false},
	} {
		m := &Message{}
		text := append(m.Bytes()[:headerSize], c.options...)
		copy(text[atFile:atCookie], c.file)
		copy(text[atServerName:atFile], c.serverName)
		got, err := Read(text)
		if got == nil || (err != nil) != c.cut || !maps.EqualFunc(got.Options, c.want, bytes.Equal) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

func TestKindsHaveNames(t *testing.T) {
	for k, want := range map[Kind]string{Discover: "DISCOVER", Inform: "INFORM", 0: "message of kind 0", 9: "message of kind 9", 255: "message of kind 255"} {
		if k.String() != want {
			t.Errorf("%d is %s", k, k)
		}
	}
	if got := (&Message{Options: Options{MessageType: {1, 2}}}).Kind(); got != 0 {
		t.Errorf("two bytes are %v", got)
	}
}

// What we read the other codec reads as well, but for what it does not know: missing ends, overload and cards that are not Ethernet's.
func FuzzRead(f *testing.F) {
	f.Add(full().Bytes())
	f.Add((&Message{Options: Options{Overload: {3}}}).Bytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := Read(b)
		if m == nil {
			return
		}
		other, otherErr := dhcpv4.FromBytes(append(b[:headerSize:headerSize], endCode))
		if otherErr != nil {
			t.Fatalf("only we read it: %v", otherErr)
		}
		otherErr = other.Options.FromBytes(b[headerSize:])
		maps.DeleteFunc(other.Options, func(code byte, value []byte) bool { return len(value) == 0 && !m.Options.Has(code) }) // of a code alone
		if !other.Options.Has(dhcpv4.OptionOptionOverload) {
			if (err == nil) != (otherErr == nil) || !maps.EqualFunc(m.Options, other.Options, bytes.Equal) {
				t.Fatalf("%v, %v; the other %v, %v", m.Options, err, other.Options, otherErr)
			}
		}
		if err != nil {
			return
		}
		if again, err := Read(m.Bytes()); err != nil || !m.Options.Has(Overload) && !same(again, m) {
			t.Fatalf("%+v, written and read, is %+v, %v", m, again, err)
		}
	})
}
