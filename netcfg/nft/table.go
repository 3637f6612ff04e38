// Package nft makes a table of nftables and keeps it as it shall be, in the kernel's own messages (nfnetlink).
//
// A Table is a plain value with the few kinds of sets and rules that a router needs; Encode of it is not text but
// messages, and Change is the batch that makes one of what the kernel has: nothing where both are equal, elements of
// a set or the rules of a chain where only they differ, everything in one transaction. Counters are objects of the
// table with names of their own, so that they outlive the rules of a chain that is written anew.
//
// It knows tables of the family inet alone, no maps, no intervals in sets, and of a rule one of each kind of match. It
// never touches a table of another name.
package nft

import (
	"net/netip"
)

// Table is one table of the family inet.
type Table struct {
	Name       string
	Comment    string // for people and for whoever finds the table; at most 128 bytes
	Counters   []string
	Sets       []Set
	Flowtables []Flowtable
	Chains     []Chain
}

// Set holds names of interfaces, or with Addresses IPv4 addresses.
type Set struct {
	Name      string
	Addresses bool
	Elements  []string
}

// Flowtable lets packets of established connections pass by the rules, between these interfaces.
type Flowtable struct {
	Name    string
	Devices []string
}

// Chain is a list of rules: one that a hook of the kernel calls, or without a Hook one that rules jump to.
type Chain struct {
	Name     string
	Type     string // filter or nat
	Hook     Hook
	Priority int
	Drop     bool // what no rule decides about
	Rules    []Rule
}

// Hook is where a packet is on its way through the kernel; those of the family inet.
type Hook int

const (
	None Hook = iota // called by other chains
	Prerouting
	Input
	Forward
	Output
	Postrouting
)

// Rule is one rule. Of what is not zero all must hold; then its counter counts and what it does is done.
type Rule struct {
	In, Out     string // sets of interfaces
	Interface   string // e.g. "lo", that the packet came by
	Family      int    // 4 or 6; 0: what Source and Destination say, else both
	Source      netip.Prefix
	Destination netip.Prefix
	AddressedTo string // a set of addresses
	Protocol    uint8  // of the transport layer
	Ports       Range  // of the destination
	ICMP        Range  // types
	OnLink      bool   // no router has passed it on: its hop limit is 255; IPv6
	State       State
	Translated  bool // its destination is another than the one it was sent to
	Spoofed     bool // no route leads to its source by the interface that it came by
	Lost        bool // likewise, of packets that have its mark
	First       bool // the first packet of a TCP connection in either direction
	Limit       Limit
	Counter     string
	Do          Verdict
	Chain       string // with Jump
	To          netip.AddrPort
	Mark        uint32 // with SetMark
	Flowtable   string // with Offload
	Comment     string // at most 128 bytes
}

// Range is of numbers, the first and the last; zero for any.
type Range struct{ First, Last uint16 }

// State is what connection tracking knows of a packet's connection; several may be added.
type State uint32

// As the kernel has them (linux/netfilter/nf_conntrack_common.h and nf_tables: NF_CT_STATE_BIT).
const (
	Invalid     State = 1
	Established State = 2
	Related     State = 4
)

// Limit is how many packets a second match, and how many at once.
type Limit struct{ Rate, Burst uint32 }

// Verdict is what becomes of a packet.
type Verdict int

const (
	Continue Verdict = iota
	Accept
	Drop
	Reject     // and tell the sender that it is prohibited
	Jump       // to Chain, and back at its end
	DNAT       // another destination, To; its port may be 0
	Masquerade // the address of the interface that it leaves by becomes its source
	ClampMSS   // TCP's largest segment shall fit the ways there and back
	Offload    // the rest of the connection goes by Flowtable
	SetMark    // it has Mark from here on
)

// Protocols of the transport layer (IANA).
const (
	ICMP   = 1
	IGMP   = 2
	TCP    = 6
	UDP    = 17
	ICMPv6 = 58
)

// family is that of the packets that a rule means.
func (r *Rule) family() int {
	switch {
	case r.Family != 0:
		return r.Family
	case r.AddressedTo != "", r.Source.IsValid() && r.Source.Addr().Is4(), r.Destination.IsValid() && r.Destination.Addr().Is4(), r.Do == DNAT && r.To.Addr().Is4():
		return 4
	case r.Source.IsValid(), r.Destination.IsValid(), r.OnLink, r.Do == DNAT:
		return 6
	}
	return 0
}
