package netcfg

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"

	"bantam/netcfg/rtnl"
)

func TestALinkIsReadAsItIsMade(t *testing.T) {
	v4, v6 := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")
	for _, c := range []struct {
		make   Make
		tune   Tune
		parent int // that the data itself names
	}{
		{make: Make{Kind: "bridge"}, tune: Tune{STP: true, Filtering: true, Ageing: 30000}},
		{make: Make{Kind: "bridge"}},
		{make: Make{Kind: "bridge"}, tune: Tune{Floods: true}},
		{make: Make{Kind: "bridge"}, tune: Tune{Queries: true}},
		{make: Make{Kind: "vlan", ID: 4094}},
		{make: Make{Kind: "bond", Mode: 1}, tune: Tune{Monitor: 100}},
		{make: Make{Kind: "bond", Mode: 4, Fast: true}, tune: Tune{Monitor: 50, Hash: 1}},
		{make: Make{Kind: "dummy"}},
		{make: Make{Kind: "macvlan", Mode: 4}},
		{make: Make{Kind: "vrf", Table: 100000}},
		{make: Make{Kind: "vxlan", ID: 1<<24 - 1, Port: 4789, Local: v4, Remote: v4.Next()}},
		{make: Make{Kind: "vxlan", ID: 7, Port: 8472, Local: v6, Remote: v6.Next()}, parent: 9},
		{make: Make{Kind: "gre", Local: v4, Remote: v4.Next()}},
		{make: Make{Kind: "ipip", Local: v4, Remote: v4.Next()}},
		{make: Make{Kind: "sit", Local: v4, Remote: v4.Next()}},
	} {
		info := c.make.info(c.tune, c.parent)
		m, tune, parent := readInfo(info[4:])
		if m != c.make || tune != c.tune || parent != c.parent {
			t.Errorf("%+v %+v on %d is read as %+v %+v on %d", c.make, c.tune, c.parent, m, tune, parent)
		}
	}
}

func TestVLANsOfAPortAreReadAlsoWhereTheyAreRanges(t *testing.T) {
	var spec, body rtnl.Body
	for _, v := range [][2]uint16{{vlanPVID | vlanUntagged, 1}, {vlanRangeBegin, 10}, {vlanRangeEnd, 12}, {0, 20}} {
		spec.Add(bridgeVLANInfo, binary.NativeEndian.AppendUint16(binary.NativeEndian.AppendUint16(nil, v[0]), v[1]))
	}
	spec.Add(bridgeVLANInfo, []byte{1}) // too short
	body = rtnl.LinkHeader(7, 0, 0)
	body[0] = unix.AF_BRIDGE
	body.Add(unix.IFLA_AF_SPEC, spec)
	index, list, ok := readPortVLANs(body)
	if want := "1u 10 11 12 20"; index != 7 || list != want || !ok {
		t.Errorf("got %d %q %v, want %q", index, list, ok, want)
	}
	if _, _, ok := readPortVLANs(body[:8]); ok {
		t.Error("a message that is too short was read")
	}
}

// The kernel's messages are not foreign, but other programs write parts of them, as names.
func FuzzLinksAreReadWhateverIsInThem(f *testing.F) {
	f.Add([]byte(Make{Kind: "bond", Mode: 4, Fast: true}.info(Tune{Monitor: 50, Hash: 1}, 0)))
	f.Add([]byte(Make{Kind: "vxlan", ID: 7, Port: 1, Remote: netip.MustParseAddr("2001:db8::1")}.info(Tune{}, 9)))
	f.Fuzz(func(t *testing.T, b []byte) {
		readInfo(b)
		readRule(b)
		readPortVLANs(b)
		readLink(append(make([]byte, unix.SizeofIfInfomsg), b...))
	})
}
