package netcfg

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"

	"bantam/netcfg/rtnl"
)

// Make is how a link is made; one that shall be made in another way is deleted and made anew.
type Make struct {
	Kind          string // rtnetlink's word: "bridge", "vlan", "bond", "dummy", "veth", "macvlan", "vrf", "vxlan", "gre", "ipip", "sit"
	Parent        string // the link that it is on
	ID            int    // of a VLAN or VXLAN
	Mode          int    // of a bond or macvlan, the kernel's number
	Fast          bool   // of a bond: LACP every second
	Table         int    // of a VRF
	Local, Remote netip.Addr
	Port          int    // UDP port of a VXLAN
	Peer          string // of a veth; "" where the other end is in another network namespace
}

// Tune is what can be changed of a link while it is used.
type Tune struct {
	STP       bool // of a bridge
	Filtering bool // of a bridge: it looks at VLANs
	Ageing    int  // of a bridge, in hundredths of a second (USER_HZ)
	Floods    bool // of a bridge: multicast, to ports that did not ask for it
	Queries   bool // of a bridge: what multicast its ports want
	Monitor   int  // of a bond, in milliseconds
	Hash      int  // of a bond, the kernel's number
}

// isMade tells whether a link is as it shall be made. Of a cable whose other end has moved away, that end is not known.
func (m Make) isMade(have Make) bool {
	if m.Kind == "veth" && have.Peer == "" {
		have.Peer = m.Peer
	}
	return m == have
}

// Words of system.toml and the kernel's numbers for them (linux/if_bonding.h, linux/if_link.h).
var (
	bondModes    = numbers{{"balance-rr", 0}, {"active-backup", 1}, {"balance-xor", 2}, {"802.3ad", 4}}
	bondHashes   = numbers{{"layer2", 0}, {"layer3+4", 1}, {"layer2+3", 2}}
	macvlanModes = numbers{{"private", 1}, {"vepa", 2}, {"bridge", 4}, {"passthru", 8}}
)

// balances tells whether a bond distributes packets by a hash.
func (m Make) balances() bool { return m.Kind == "bond" && (m.Mode == 2 || m.Mode == 4) }

// Attributes that package unix does not have.
const (
	vethInfoPeer = 1
	greLocal     = 6
	greRemote    = 7
	greTTL       = 8
	iptunLocal   = 2
	iptunRemote  = 3
	iptunTTL     = 4

	tunnelTTL = 64 // else a packet's own, which may end within the tunnel
)

func yes(on bool) byte {
	if on {
		return 1
	}
	return 0
}

// info is the attribute IFLA_LINKINFO for a new link. parent is the index of the link that it is on.
func (m Make) info(t Tune, parent int) rtnl.Body {
	var data rtnl.Body
	switch m.Kind {
	case "vlan":
		data.Add16(unix.IFLA_VLAN_ID, uint16(m.ID))
	case "bond":
		data.Add8(unix.IFLA_BOND_MODE, byte(m.Mode))
		if m.Mode == bondModes.of("802.3ad") {
			data.Add8(unix.IFLA_BOND_AD_LACP_RATE, yes(m.Fast))
		}
	case "veth":
		peer := make(rtnl.Body, unix.SizeofIfInfomsg)
		peer.AddText(unix.IFLA_IFNAME, m.Peer)
		peer.Add32(unix.IFLA_GROUP, markGroups[Made])
		data.Nest(vethInfoPeer, peer)
	case "macvlan":
		data.Add32(unix.IFLA_MACVLAN_MODE, uint32(m.Mode))
	case "vrf":
		data.Add32(unix.IFLA_VRF_TABLE, uint32(m.Table))
	case "vxlan":
		data.Add32(unix.IFLA_VXLAN_ID, uint32(m.ID))
		data.Add(unix.IFLA_VXLAN_PORT, []byte{byte(m.Port >> 8), byte(m.Port)})
		endpoint(&data, m.Remote, unix.IFLA_VXLAN_GROUP, unix.IFLA_VXLAN_GROUP6)
		endpoint(&data, m.Local, unix.IFLA_VXLAN_LOCAL, unix.IFLA_VXLAN_LOCAL6)
		if parent != 0 {
			data.Add32(unix.IFLA_VXLAN_LINK, uint32(parent))
		}
	case "gre":
		m.tunnel(&data, greLocal, greRemote, greTTL)
	case "ipip", "sit":
		m.tunnel(&data, iptunLocal, iptunRemote, iptunTTL)
	}
	m.tuning(&data, t, Tune{})
	return m.linkInfo(data)
}

func (m Make) linkInfo(data rtnl.Body) (b rtnl.Body) {
	var info rtnl.Body
	info.AddText(unix.IFLA_INFO_KIND, m.Kind)
	if len(data) > 0 {
		info.Nest(unix.IFLA_INFO_DATA, data)
	}
	b.Nest(unix.IFLA_LINKINFO, info)
	return b
}

func (m Make) tunnel(data *rtnl.Body, local, remote, ttl uint16) {
	endpoint(data, m.Local, local, 0)
	endpoint(data, m.Remote, remote, 0)
	data.Add8(ttl, tunnelTTL)
}

func endpoint(data *rtnl.Body, a netip.Addr, kind4, kind6 uint16) {
	if !a.IsValid() {
		return
	}
	if a.Is6() {
		kind4 = kind6
	}
	data.Add(kind4, a.AsSlice())
}

// tuning adds what can be changed, where it was otherwise.
func (m Make) tuning(data *rtnl.Body, t, had Tune) {
	switch m.Kind {
	case "bridge":
		data.Add32(unix.IFLA_BR_AGEING_TIME, uint32(t.Ageing))
		data.Add32(unix.IFLA_BR_STP_STATE, uint32(yes(t.STP)))
		if t.Floods != had.Floods || t.Queries != had.Queries { // a kernel may be without
			data.Add8(unix.IFLA_BR_MCAST_SNOOPING, yes(!t.Floods))
			data.Add8(unix.IFLA_BR_MCAST_QUERIER, yes(t.Queries))
		}
		if t.Filtering != had.Filtering { // then no port is in a VLAN that it was not told
			data.Add8(unix.IFLA_BR_VLAN_FILTERING, yes(t.Filtering))
			data.Add16(unix.IFLA_BR_VLAN_DEFAULT_PVID, uint16(yes(!t.Filtering)))
		}
	case "bond":
		data.Add32(unix.IFLA_BOND_MIIMON, uint32(t.Monitor))
		if m.balances() {
			data.Add8(unix.IFLA_BOND_XMIT_HASH_POLICY, byte(t.Hash))
		}
	}
}

// readInfo reads IFLA_LINKINFO. parent is the index of the link that the data names, 0 for none.
func readInfo(b []byte) (m Make, t Tune, parent int) {
	var data []byte
	for a := (rtnl.Attributes{Rest: b}); a.Next(); {
		switch a.Kind {
		case unix.IFLA_INFO_KIND:
			m.Kind = rtnl.Text(a.Value)
		case unix.IFLA_INFO_DATA:
			data = a.Value
		}
	}
	for a := (rtnl.Attributes{Rest: data}); a.Next(); {
		number := rtnl.Number(a.Value)
		address, _ := netip.AddrFromSlice(a.Value)
		if address.IsValid() && address.IsUnspecified() {
			address = netip.Addr{}
		}
		switch m.Kind {
		case "bridge":
			switch a.Kind {
			case unix.IFLA_BR_AGEING_TIME:
				t.Ageing = number
			case unix.IFLA_BR_STP_STATE:
				t.STP = number != 0
			case unix.IFLA_BR_MCAST_SNOOPING:
				t.Floods = number == 0
			case unix.IFLA_BR_MCAST_QUERIER:
				t.Queries = number != 0
			case unix.IFLA_BR_VLAN_FILTERING:
				t.Filtering = number != 0
			}
		case "vlan":
			if a.Kind == unix.IFLA_VLAN_ID {
				m.ID = number
			}
		case "bond":
			switch a.Kind {
			case unix.IFLA_BOND_MODE:
				m.Mode = number
			case unix.IFLA_BOND_MIIMON:
				t.Monitor = number
			case unix.IFLA_BOND_XMIT_HASH_POLICY:
				t.Hash = number
			case unix.IFLA_BOND_AD_LACP_RATE:
				m.Fast = number != 0
			}
		case "macvlan":
			if a.Kind == unix.IFLA_MACVLAN_MODE {
				m.Mode = number
			}
		case "vrf":
			if a.Kind == unix.IFLA_VRF_TABLE {
				m.Table = number
			}
		case "vxlan":
			switch a.Kind {
			case unix.IFLA_VXLAN_ID:
				m.ID = number
			case unix.IFLA_VXLAN_GROUP, unix.IFLA_VXLAN_GROUP6:
				m.Remote = address
			case unix.IFLA_VXLAN_LOCAL, unix.IFLA_VXLAN_LOCAL6:
				m.Local = address
			case unix.IFLA_VXLAN_LINK:
				parent = number
			case unix.IFLA_VXLAN_PORT:
				if len(a.Value) == 2 {
					m.Port = int(binary.BigEndian.Uint16(a.Value))
				}
			}
		case "gre":
			switch a.Kind {
			case greLocal:
				m.Local = address
			case greRemote:
				m.Remote = address
			}
		case "ipip", "sit":
			switch a.Kind {
			case iptunLocal:
				m.Local = address
			case iptunRemote:
				m.Remote = address
			}
		}
	}
	if !m.balances() {
		t.Hash = 0
	}
	return m, t, parent
}
