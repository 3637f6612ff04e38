package nft

import "net/netip"

// whole has every kind of match and verdict but Offload, which many kernels lack.
func whole() Table {
	prefix := netip.MustParsePrefix
	return Table{
		Name: "bantam", Comment: "a table", Counters: []string{"dropped", "forward-tcp-443"},
		Sets: []Set{
			{Name: "zone-lan", Elements: []string{"eth1", "lan"}},
			{Name: "zone-wan", Elements: []string{"wan"}},
			{Name: "outside", Addresses: true, Elements: []string{"203.0.113.7"}},
		},
		Chains: []Chain{
			{Name: "early", Type: "filter", Hook: Prerouting, Priority: -300, Rules: []Rule{
				{Family: 6, Protocol: ICMPv6, ICMP: Range{133, 136}, OnLink: true, Do: Accept},
				{In: "zone-wan", Source: prefix("240.0.0.0/4"), Do: Drop},
				{In: "zone-wan", Source: prefix("fec0::/10"), Do: Drop},
				{Spoofed: true, Counter: "dropped", Do: Drop, Comment: "no way back"},
			}},
			{Name: "input", Type: "filter", Hook: Input, Drop: true, Rules: []Rule{
				{Interface: "lo", Do: Accept},
				{State: Established | Related, Do: Accept},
				{State: Invalid, Do: Drop},
				{Family: 4, Protocol: ICMP, ICMP: Range{8, 8}, Limit: Limit{10, 20}, Do: Accept},
				{Protocol: IGMP, Family: 4, Do: Accept},
				{In: "zone-wan", Do: Jump, Chain: "from-wan"},
			}},
			{Name: "from-wan", Rules: []Rule{
				{Source: prefix("fe80::/10"), Protocol: UDP, Ports: Range{546, 546}, Do: Accept},
				{Protocol: TCP, Ports: Range{8000, 8010}, Do: Accept},
				{Source: prefix("198.51.100.0/25"), Destination: prefix("203.0.113.7/32"), Protocol: TCP, Ports: Range{22, 22}, Do: Accept},
				{Counter: "dropped", Do: Drop},
			}},
			{Name: "forward", Type: "filter", Hook: Forward, Drop: true, Rules: []Rule{
				{Do: SetMark, Mark: 51820},
				{In: "zone-wan", Spoofed: true, Lost: true, Do: Drop},
				{Protocol: TCP, First: true, Do: ClampMSS},
				{Translated: true, Destination: prefix("192.168.1.10/32"), Protocol: TCP, Ports: Range{443, 443}, Counter: "forward-tcp-443", Do: Accept},
				{In: "zone-lan", Out: "zone-wan", Do: Accept, Comment: "the house may go out"},
				{In: "zone-lan", Do: Reject},
			}},
			{Name: "dstnat", Type: "nat", Hook: Prerouting, Priority: -100, Rules: []Rule{
				{AddressedTo: "outside", Protocol: TCP, Ports: Range{443, 443}, Do: DNAT, To: netip.MustParseAddrPort("192.168.1.10:8443")},
				{AddressedTo: "outside", Protocol: UDP, Ports: Range{5000, 5001}, Do: DNAT, To: netip.MustParseAddrPort("192.168.1.11:0")},
				{Destination: prefix("2001:db8::7/128"), Protocol: TCP, Ports: Range{443, 443}, Do: DNAT, To: netip.MustParseAddrPort("[fd00::10]:443")},
			}},
			{Name: "srcnat", Type: "nat", Hook: Postrouting, Priority: 100, Rules: []Rule{
				{Out: "zone-wan", Family: 4, Do: Masquerade},
			}},
		},
	}
}
