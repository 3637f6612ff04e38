package system

// The kinds of links that a [net.NAME] makes; none of them means that there is a port of that name.

// Match says which port gets the name of its table, whatever the kernel calls it. All that is given must fit.
type Match struct {
	Port   string `toml:"port" doc:"the name that the kernel gives it, e.g. \"eth0\""`
	MAC    string `toml:"mac" doc:"the hardware address on its label, e.g. \"52:54:00:12:34:56\""`
	Path   string `toml:"path" doc:"the place where it is plugged in, as bantam net shows it, e.g. \"0000:00:03.0\""`
	Driver string `toml:"driver" doc:"the driver that serves it, e.g. \"igb\""`
}

// Bridge is a switch made of ports.
type Bridge struct {
	Ports     []string     `toml:"ports" doc:"the ports that are its own, which have no addresses then, e.g. [\"eth1\", \"eth2\"]"`
	STP       bool         `toml:"stp" doc:"true: spanning tree, where cables may form a loop; a port carries nothing for its first 30 s" default:"false"`
	Ageing    Duration     `toml:"ageing" doc:"how long it remembers at which port a machine is" default:"5m"`
	Multicast string       `toml:"multicast" values:"snoop,query,flood" doc:"who gets it: \"snoop\" (ports that asked for it), \"query\" (and the bridge asks) or \"flood\" (all)" default:"snoop"`
	VLANs     []BridgeVLAN `toml:"vlans" doc:"which VLANs its ports carry; without it, all without looking at them"`
}

// BridgeVLAN is one VLAN of a bridge, which the bridge itself has as well, for a [net.NAME] with vlan.
type BridgeVLAN struct {
	ID       int      `toml:"id" doc:"number of the VLAN, 1 to 4094, e.g. 10"`
	Tagged   []string `toml:"tagged" doc:"ports that carry it with its number, e.g. to another switch"`
	Untagged []string `toml:"untagged" doc:"ports whose machines are in it and know nothing of VLANs; the bridge's own name is this machine"`
}

// VLAN is one network of several that a link carries (IEEE 802.1Q).
type VLAN struct {
	Parent string `toml:"parent" doc:"the port or bridge that carries it, e.g. \"eth0\""`
	ID     int    `toml:"id" doc:"number of the VLAN, 1 to 4094, e.g. 7"`
}

// Bond is several ports that are used as one.
type Bond struct {
	Ports   []string `toml:"ports" doc:"the ports that it is made of, e.g. [\"eth0\", \"eth1\"]"`
	Mode    string   `toml:"mode" values:"active-backup,802.3ad,balance-xor,balance-rr" doc:"\"active-backup\" (one works), \"802.3ad\" (LACP), \"balance-xor\" (by hash) or \"balance-rr\" (in turn)" default:"active-backup"`
	Monitor Duration `toml:"monitor" doc:"how often the ports' cables are looked at" default:"100ms"`
	Hash    string   `toml:"hash" values:"layer2,layer2+3,layer3+4" doc:"what decides which port a packet takes: \"layer2\" (MAC), \"layer2+3\" (and IP) or \"layer3+4\" (IP and ports)" default:"layer2"`
	Fast    bool     `toml:"fast" doc:"true: LACP says every second that it is there, not every 30 s" default:"false"`
}

// Veth is a cable between two links of this machine.
type Veth struct {
	Peer string `toml:"peer" doc:"the name of its other end, e.g. \"inner\""`
}

// Macvlan is a second MAC address of a port with addresses of its own.
type Macvlan struct {
	Parent string `toml:"parent" doc:"the port that it is on, e.g. \"eth0\""`
	Mode   string `toml:"mode" values:"bridge,private,vepa,passthru" doc:"to others on the port: \"bridge\" (direct), \"private\" (none), \"vepa\" (by the switch), \"passthru\" (it is alone)" default:"bridge"`
}

// VRF is a routing table of its own for its ports.
type VRF struct {
	Table int      `toml:"table" doc:"number of its routing table, 1 to 2147483647 but for 253 to 255, e.g. 10"`
	Ports []string `toml:"ports" doc:"the links whose routes are in it, e.g. [\"eth1\"]"`
}

// VXLAN carries Ethernet in UDP (RFC 7348).
type VXLAN struct {
	ID     int    `toml:"id" doc:"number of the network, 1 to 16777215, e.g. 42"`
	Local  string `toml:"local" doc:"address of this machine that packets come from, e.g. \"192.0.2.1\""`
	Remote string `toml:"remote" doc:"address of the other end, or a multicast group, e.g. \"192.0.2.2\""`
	Port   int    `toml:"port" doc:"UDP port, 1 to 65535" default:"4789"`
	Parent string `toml:"parent" doc:"the port that a multicast group is on, e.g. \"eth0\""`
}

// Tunnel carries IP in IPv4.
type Tunnel struct {
	Kind   string `toml:"kind" values:"gre,ipip,sit" doc:"\"gre\" (IPv4 and IPv6 in IPv4), \"ipip\" (IPv4 in IPv4) or \"sit\" (IPv6 in IPv4)"`
	Local  string `toml:"local" doc:"IPv4 address of this machine that packets come from, e.g. \"192.0.2.1\""`
	Remote string `toml:"remote" doc:"IPv4 address of the other end, e.g. \"198.51.100.2\""`
}

// Rule says which routing table certain packets take.
type Rule struct {
	From     string `toml:"from" doc:"packets from these addresses, e.g. \"192.168.2.0/24\""`
	To       string `toml:"to" doc:"packets to these addresses, e.g. \"10.0.0.0/8\""`
	Iif      string `toml:"iif" doc:"packets that came in by this link, e.g. \"guest\"; \"lo\" is what this machine sends"`
	Mark     int    `toml:"mark" doc:"packets that the firewall gave this mark, 1 to 2147483647"`
	Table    int    `toml:"table" doc:"the routing table that they take, 1 to 2147483647, e.g. 100"`
	Priority int    `toml:"priority" doc:"of two rules that fit the lower number is used, 1 to 32765" default:"10000"`
}

// Leads says whether packets go anywhere by the route.
func (r Route) Leads() bool { return r.Type == "" || r.Type == "unicast" }

// RulePriority is that of a rule that does not say one: behind the kernel's for VRFs, before its main table.
const RulePriority = 10000

// VXLANPort is the UDP port of VXLAN where none is said (RFC 7348).
const VXLANPort = 4789

// Kind is what kind of link a table makes, by its key; "" for a port that is there.
func (n Net) Kind() string {
	if kinds := n.kinds(); len(kinds) > 0 {
		return kinds[0]
	}
	return ""
}

// Makes says whether the network configurator makes the link; a session's comes and goes with the session, and a radio's is
// there or its access point's to make.
func (n Net) Makes() bool { return n.PPPoE == nil && n.Wifi == nil && n.Kind() != "" }

// IsPort says whether the table is for a port that is there, and not for a link that is made.
func (n Net) IsPort() bool { return n.Kind() == "" || n.Wifi != nil && n.Wifi.Radio == "" }

// kinds are all of the keys of that sort that a table has, one where it is right.
func (n Net) kinds() (kinds []string) {
	for _, k := range []struct {
		name string
		is   bool
	}{
		{"bridge", n.Bridge != nil}, {"vlan", n.VLAN != nil}, {"bond", n.Bond != nil}, {"dummy", n.Dummy}, {"veth", n.Veth != nil},
		{"macvlan", n.Macvlan != nil}, {"vrf", n.VRF != nil}, {"vxlan", n.VXLAN != nil}, {"tunnel", n.Tunnel != nil},
		{"pppoe", n.PPPoE != nil},
		{"wireguard", n.WireGuard != nil},
		{"wifi", n.Wifi != nil},
	} {
		if k.is {
			kinds = append(kinds, k.name)
		}
	}
	return kinds
}

// Members are the links that belong to a bridge, bond or VRF.
func (n Net) Members() []string {
	switch {
	case n.Bridge != nil:
		return n.Bridge.Ports
	case n.Bond != nil:
		return n.Bond.Ports
	case n.VRF != nil:
		return n.VRF.Ports
	}
	return nil
}

// Parent is the link that a made one is on; "" for none.
func (n Net) Parent() string {
	switch {
	case n.VLAN != nil:
		return n.VLAN.Parent
	case n.Macvlan != nil:
		return n.Macvlan.Parent
	case n.VXLAN != nil:
		return n.VXLAN.Parent
	case n.PPPoE != nil:
		return n.PPPoE.Port
	case n.Wifi != nil:
		return n.Wifi.Radio
	}
	return ""
}

// Masters tells of each link that belongs to a bridge, bond or VRF which one that is.
func Masters(net map[string]Net) map[string]string {
	masters := map[string]string{}
	for _, name := range sortedKeys(net) {
		for _, member := range net[name].Members() {
			if masters[member] == "" {
				masters[member] = name
			}
		}
	}
	return masters
}
