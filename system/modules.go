package system

import "bantam/system/syntax"

// kindModules are the kernel modules that links of a kind need.
var kindModules = map[string]string{
	"bridge": "bridge", "vlan": "8021q", "bond": "bonding", "dummy": "dummy", "veth": "veth", "macvlan": "macvlan", "vrf": "vrf", "vxlan": "vxlan",
	"gre": "ip_gre", "ipip": "ipip", "sit": "sit", "pppoe": "pppoe", "wireguard": "wireguard",
}

// firewallModules are those that a firewall needs, and those that make it better or that some kernels have as parts of others.
var firewallModules = []NeededModule{
	{Name: "nf_tables"}, {Name: "nf_conntrack"}, {Name: "nft_ct"}, {Name: "nft_chain_nat"}, {Name: "nft_nat"}, {Name: "nft_masq"},
	{Name: "nft_limit"}, {Name: "nft_reject_inet"}, {Name: "nft_fib_inet"},
	{Name: "nft_objref", Optional: true}, {Name: "nft_counter", Optional: true}, {Name: "nf_flow_table_inet", Optional: true}, {Name: "nft_flow_offload", Optional: true},
}

// wifiModules are those that every radio needs, and what mac80211 encrypts with where its card does not, which it asks for when
// the first key is set.
var wifiModules = []NeededModule{
	{Name: "cfg80211"}, {Name: "mac80211", Optional: true}, {Name: "ccm", Optional: true}, {Name: "ctr", Optional: true},
	{Name: "cmac", Optional: true}, {Name: "gcm", Optional: true},
}

// NeededModule is a kernel module that a system needs without naming it.
type NeededModule struct {
	Name     string
	Path     string // the key that asks for it, e.g. net.lan
	Optional bool   // it is loaded where the kernel has it
}

// NeededModules are the kernel modules that a system needs beside those that it names and that hardware asks for, each once: those of
// its links, then those of its firewall.
func (s *System) NeededModules() (needed []NeededModule) {
	had := map[string]bool{}
	zone := ""
	need := func(path string, modules []NeededModule) {
		for _, m := range modules {
			if m.Path = path; !had[m.Name] {
				had[m.Name] = true
				needed = append(needed, m)
			}
		}
	}
	for _, name := range sortedKeys(s.Net) {
		if s.Net[name].Zone != "" && zone == "" {
			zone = "net." + name + ".zone"
		}
		kind := s.Net[name].Kind()
		if kind == "wifi" {
			need(syntax.Join("net", name)+".wifi", wifiModules)
		}
		if kind == "tunnel" {
			kind = s.Net[name].Tunnel.Kind
		}
		if module := kindModules[kind]; module != "" {
			need("net."+name, []NeededModule{{Name: module}})
		}
		if shape := s.Net[name].Shape; shape != nil {
			need("net."+name+".shape", shapeModules)
			if shape.Down != 0 {
				need("net."+name+".shape", shapeDownModules)
			}
		}
	}
	if zone != "" {
		need(zone, firewallModules)
	}
	return needed
}

// AllModules are those that a system names, in the order of the file, and those that it needs.
func (s *System) AllModules() []string {
	all := append([]string(nil), s.Modules...)
	for _, m := range s.NeededModules() {
		all = append(all, m.Name)
	}
	return all
}
