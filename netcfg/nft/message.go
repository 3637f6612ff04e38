package nft

import (
	"encoding/binary"
	"net/netip"

	"bantam/netcfg/rtnl"

	"golang.org/x/sys/unix"
)

// Attributes that golang.org/x/sys/unix does not name (linux/netfilter/nf_tables.h).
const (
	tableUserdata = 6

	flowtableTable = 1
	flowtableName  = 2
	flowtableHook  = 3

	flowtableHookNumber   = 1
	flowtableHookPriority = 2
	flowtableHookDevices  = 3

	deviceName = 1
)

// Types of the keys of sets, by which nft(8) knows how to show them.
const (
	keyInterface = 41
	keyAddress   = 7
)

// maxComment is nft's own bound of a comment.
const maxComment = 128

// fitting is a comment as far as there is room for it.
func fitting(comment string) string { return comment[:min(len(comment), maxComment-1)] }

// userdata is a comment as nft(8) keeps it: type 0, length, text with a zero.
func userdata(kind uint16, comment string) []byte {
	comment = fitting(comment)
	return rtnl.Attribute(kind, append(append([]byte{0, byte(len(comment) + 1)}, comment...), 0))
}

// comment reads one; what is not ours to read is "".
func comment(userdata []byte) string {
	for len(userdata) >= 2 && int(userdata[1]) <= len(userdata)-2 {
		if userdata[0] == 0 {
			return rtnl.Text(userdata[2 : 2+userdata[1]])
		}
		userdata = userdata[2+userdata[1]:]
	}
	return ""
}

func (t *Table) body() []byte {
	return join(text(unix.NFTA_TABLE_NAME, t.Name), number(unix.NFTA_TABLE_FLAGS, 0), userdata(tableUserdata, t.Comment))
}

func join(parts ...[]byte) (b []byte) {
	for _, part := range parts {
		b = append(b, part...)
	}
	return b
}

// body is all of a set that the kernel tells again.
func (s *Set) body(table string) []byte {
	kind, size := uint32(keyInterface), uint32(unix.IFNAMSIZ)
	if s.Addresses {
		kind, size = keyAddress, 4
	}
	return join(text(unix.NFTA_SET_TABLE, table), text(unix.NFTA_SET_NAME, s.Name), number(unix.NFTA_SET_KEY_TYPE, kind), number(unix.NFTA_SET_KEY_LEN, size))
}

// order tells nft(8) how to read the elements: byte order of the key, 1 for the machine's, 2 for the network's.
func (s *Set) order() []byte {
	value := uint32(1)
	if s.Addresses {
		value = 2
	}
	return rtnl.Attribute(unix.NFTA_SET_USERDATA, binary.NativeEndian.AppendUint32([]byte{0, 4}, value))
}

// key is an element as the kernel has it; ok is false for what cannot be one.
func (s *Set) key(element string) (key []byte, ok bool) {
	if !s.Addresses {
		return interfaceName(element[:min(len(element), unix.IFNAMSIZ-1)]), element != ""
	}
	a, err := netip.ParseAddr(element)
	return a.AsSlice(), err == nil && a.Is4()
}

func elements(table, set string, keys []string) []byte {
	var list []byte
	for _, key := range keys {
		list = append(list, nested(unix.NFTA_LIST_ELEM, nested(unix.NFTA_SET_ELEM_KEY, rtnl.Attribute(unix.NFTA_DATA_VALUE, []byte(key))))...)
	}
	return join(text(unix.NFTA_SET_ELEM_LIST_TABLE, table), text(unix.NFTA_SET_ELEM_LIST_SET, set), nested(unix.NFTA_SET_ELEM_LIST_ELEMENTS, list))
}

func counter(table, name string) []byte {
	return join(object(table, name, unix.NFT_OBJECT_COUNTER), nested(unix.NFTA_OBJ_DATA, number64(unix.NFTA_COUNTER_BYTES, 0), number64(unix.NFTA_COUNTER_PACKETS, 0)))
}

func object(table, name string, kind uint32) []byte {
	return join(text(unix.NFTA_OBJ_TABLE, table), text(unix.NFTA_OBJ_NAME, name), number(unix.NFTA_OBJ_TYPE, kind))
}

func (f *Flowtable) body(table string) []byte {
	var devices []byte
	for _, d := range f.Devices {
		devices = append(devices, text(deviceName, d)...)
	}
	return join(text(flowtableTable, table), text(flowtableName, f.Name), nested(flowtableHook,
		number(flowtableHookNumber, 0), number(flowtableHookPriority, 0), nested(flowtableHookDevices, devices)))
}

func chainName(table, chain string) []byte {
	return join(text(unix.NFTA_CHAIN_TABLE, table), text(unix.NFTA_CHAIN_NAME, chain))
}

func (c *Chain) body(table string) []byte {
	b := chainName(table, c.Name)
	if c.Hook == None {
		return b
	}
	policy := uint32(1) // NF_ACCEPT
	if c.Drop {
		policy = 0
	}
	return join(b, nested(unix.NFTA_CHAIN_HOOK, number(unix.NFTA_HOOK_HOOKNUM, uint32(c.Hook-Prerouting)), number(unix.NFTA_HOOK_PRIORITY, uint32(int32(c.Priority)))),
		number(unix.NFTA_CHAIN_POLICY, policy), text(unix.NFTA_CHAIN_TYPE, c.Type))
}

// rulesOf names all rules of a chain.
func rulesOf(table, chain string) []byte {
	return join(text(unix.NFTA_RULE_TABLE, table), text(unix.NFTA_RULE_CHAIN, chain))
}

func (r *Rule) body(table, chain string) []byte {
	b := join(rulesOf(table, chain), nested(unix.NFTA_RULE_EXPRESSIONS, r.expressions()))
	if r.Comment != "" {
		b = append(b, userdata(unix.NFTA_RULE_USERDATA, r.Comment)...)
	}
	return b
}

// general is struct nfgenmsg, with which the body of every message begins.
func general(family uint8, resource uint16) []byte {
	return binary.BigEndian.AppendUint16([]byte{family, unix.NFNETLINK_V0}, resource)
}

// Inet begins the body of a message about tables of the family inet.
func inet() []byte { return general(unix.NFPROTO_INET, 0) }

// Kind is the type of a message about nftables, e.g. unix.NFT_MSG_GETRULE.
func Kind(message uint16) uint16 { return unix.NFNL_SUBSYS_NFTABLES<<8 | message }

// Request is one message of a batch.
type Request struct {
	Kind, Flags uint16
	Body        []byte
}

func request(message, flags uint16, body []byte) Request {
	return Request{Kind(message), flags, append(inet(), body...)}
}

// Batch is requests as one transaction: the kernel does all of them or none. Their sequence numbers begin with that
// of the batch's beginning; the last one asks for an answer.
func Batch(requests []Request, sequence uint32) (datagram []byte) {
	mark := general(unix.AF_UNSPEC, unix.NFNL_SUBSYS_NFTABLES)
	datagram = rtnl.Message(unix.NFNL_MSG_BATCH_BEGIN, 0, sequence, mark)
	for i, r := range requests {
		if i == len(requests)-1 {
			r.Flags |= unix.NLM_F_ACK
		}
		m := rtnl.Message(r.Kind, r.Flags, sequence+uint32(i)+1, r.Body)
		datagram = append(datagram, append(m, make([]byte, -len(m)&3)...)...)
	}
	return append(datagram, rtnl.Message(unix.NFNL_MSG_BATCH_END, 0, sequence+uint32(len(requests))+1, mark)...)
}
