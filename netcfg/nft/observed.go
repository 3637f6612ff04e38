package nft

import (
	"encoding/binary"
	"net/netip"
	"slices"

	"bantam/netcfg/rtnl"

	"golang.org/x/sys/unix"
)

// Observed is a table as the kernel has it. The parts are its messages' bodies, as they came.
type Observed struct {
	There      bool
	Comment    string
	table      []byte
	Counters   map[string]Count
	sets       map[string][]byte
	elements   map[string][]string // by set, sorted
	flowtables map[string][]byte
	chains     map[string][]byte
	rules      map[string][][]byte // by chain, in their order
	strange    map[string]uint32   // objects that are no counters: their types
}

// Count is what a counter has counted.
type Count struct {
	Packets uint64 `json:"packets"`
	Bytes   uint64 `json:"bytes"`
}

// NewObserved is that there is no such table.
func NewObserved() Observed {
	return Observed{
		Counters: map[string]Count{}, sets: map[string][]byte{}, elements: map[string][]string{}, flowtables: map[string][]byte{},
		chains: map[string][]byte{}, rules: map[string][][]byte{}, strange: map[string]uint32{},
	}
}

// attribute finds the first one of a kind.
func attribute(b []byte, kind uint16) []byte {
	for a := (rtnl.Attributes{Rest: b}); a.Next(); {
		if a.Kind == kind {
			return a.Value
		}
	}
	return nil
}

// told is a message about the table of that name without its general part.
func told(message []byte, table string) ([]byte, bool) {
	if len(message) < 4 || message[0] != unix.NFPROTO_INET {
		return nil, false
	}
	// All kinds of messages but those about the table itself name it in their first kind of attribute.
	b := message[4:]
	return b, rtnl.Text(attribute(b, 1)) == table
}

// Read takes one message of an answer, of the kind that was asked for.
func (o *Observed) Read(asked uint16, table string, message []byte) {
	b, ours := told(message, table)
	if !ours {
		return
	}
	switch name := rtnl.Text(attribute(b, 2)); asked { // NFTA_SET_NAME, NFTA_OBJ_NAME, flowtableName, NFTA_RULE_CHAIN
	case unix.NFT_MSG_GETTABLE:
		o.There, o.table, o.Comment = true, slices.Clone(b), comment(attribute(b, tableUserdata))
	case unix.NFT_MSG_GETSET:
		o.sets[name] = slices.Clone(b)
	case unix.NFT_MSG_GETSETELEM:
		o.readElements(name, attribute(b, unix.NFTA_SET_ELEM_LIST_ELEMENTS))
	case unix.NFT_MSG_GETFLOWTABLE:
		o.flowtables[name] = slices.Clone(b)
	case unix.NFT_MSG_GETCHAIN:
		name = rtnl.Text(attribute(b, unix.NFTA_CHAIN_NAME))
		o.chains[name] = slices.Clone(b)
	case unix.NFT_MSG_GETRULE:
		o.rules[name] = append(o.rules[name], slices.Clone(b))
	case unix.NFT_MSG_GETOBJ:
		if kind := number32(attribute(b, unix.NFTA_OBJ_TYPE)); kind != unix.NFT_OBJECT_COUNTER {
			o.strange[name] = kind
			return
		}
		data := attribute(b, unix.NFTA_OBJ_DATA)
		o.Counters[name] = Count{Packets: readNumber64(attribute(data, unix.NFTA_COUNTER_PACKETS)), Bytes: readNumber64(attribute(data, unix.NFTA_COUNTER_BYTES))}
	}
}

func (o *Observed) readElements(set string, list []byte) {
	for a := (rtnl.Attributes{Rest: list}); a.Next(); {
		key := attribute(attribute(a.Value, unix.NFTA_SET_ELEM_KEY), unix.NFTA_DATA_VALUE)
		if a.Kind == unix.NFTA_LIST_ELEM && len(key) > 0 {
			o.elements[set] = append(o.elements[set], string(key))
		}
	}
	slices.Sort(o.elements[set])
}

func number32(b []byte) uint32 {
	if len(b) < 4 {
		return 0
	}
	return binary.BigEndian.Uint32(b)
}

func readNumber64(b []byte) uint64 {
	if len(b) < 8 {
		return 0
	}
	return binary.BigEndian.Uint64(b)
}

// Elements are those of a set, as a Set has them.
func (o *Observed) Elements(set string) (list []string) {
	addresses := number32(attribute(o.sets[set], unix.NFTA_SET_KEY_LEN)) == 4
	for _, key := range o.elements[set] {
		if a, ok := netip.AddrFromSlice([]byte(key)); ok && addresses {
			list = append(list, a.String())
		} else {
			list = append(list, rtnl.Text([]byte(key)))
		}
	}
	return list
}

// RuleSeen is what can be told of a rule that the kernel has.
type RuleSeen struct {
	Comment string
	Counter string // "" for one that does not count
}

// Rules are those of a chain.
func (o *Observed) Rules(chain string) (list []RuleSeen) {
	for _, b := range o.rules[chain] {
		r := RuleSeen{Comment: comment(attribute(b, unix.NFTA_RULE_USERDATA))}
		for e := (rtnl.Attributes{Rest: attribute(b, unix.NFTA_RULE_EXPRESSIONS)}); e.Next(); {
			if rtnl.Text(attribute(e.Value, unix.NFTA_EXPR_NAME)) == "objref" {
				r.Counter = rtnl.Text(attribute(attribute(e.Value, unix.NFTA_EXPR_DATA), unix.NFTA_OBJREF_IMM_NAME))
			}
		}
		list = append(list, r)
	}
	return list
}

// covers says whether the kernel's attributes are those that were asked for. It adds some of its own, so those are
// looked at that were asked for; of a list none may be there besides.
func covers(want, have []byte) bool {
	seen := map[uint16]int{}
	for len(want) >= 4 {
		size := int(binary.NativeEndian.Uint16(want))
		if size < 4 || size > len(want) {
			return false
		}
		raw, value := binary.NativeEndian.Uint16(want[2:]), want[4:size]
		want = want[min((size+3)&^3, len(want)):]
		kind := raw &^ unix.NLA_F_NESTED
		other, there := nth(have, kind, seen[kind])
		seen[kind]++
		switch {
		case !there:
			return false
		case raw == kind && string(value) != string(other), raw != kind && !covers(value, other):
			return false
		}
	}
	_, more := nth(have, unix.NFTA_LIST_ELEM, seen[unix.NFTA_LIST_ELEM])
	return seen[unix.NFTA_LIST_ELEM] == 0 && len(seen) > 0 || !more
}

func nth(b []byte, kind uint16, n int) ([]byte, bool) {
	for a := (rtnl.Attributes{Rest: b}); a.Next(); {
		if a.Kind != kind {
			continue
		}
		if n == 0 {
			return a.Value, true
		}
		n--
	}
	return nil, false
}

// Concerns says whether a message of the kernel, told or asked for, is about the table of that name.
func Concerns(kind uint16, body []byte, table string) bool {
	_, ours := told(body, table)
	return ours && kind>>8 == unix.NFNL_SUBSYS_NFTABLES
}

// Sets and Chains are the names of the table's, in order.
func (o *Observed) Sets() []string   { return names(o.sets) }
func (o *Observed) Chains() []string { return names(o.chains) }
