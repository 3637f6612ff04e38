package netcfg

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"bantam/netcfg/rtnl"
)

// What ports of a bridge know of VLANs (linux/if_bridge.h).
const (
	onlyVLANs = 2 // RTEXT_FILTER_BRVLAN

	bridgeFlags    = 0 // IFLA_BRIDGE_FLAGS
	bridgeVLANInfo = 2 // IFLA_BRIDGE_VLAN_INFO
	bridgeSelf     = 2 // BRIDGE_FLAGS_SELF

	vlanPVID       = 2
	vlanUntagged   = 4
	vlanRangeBegin = 8
	vlanRangeEnd   = 16
)

// vlanSet is which VLANs a port has, and whether it has them untagged.
type vlanSet map[int]bool

// list is the set as a State has it, e.g. "10u 20": one text for one set.
func (v vlanSet) list() string {
	ids := make([]int, 0, len(v))
	for id := range v {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	var words []string
	for _, id := range ids {
		word := strconv.Itoa(id)
		if v[id] {
			word += "u"
		}
		words = append(words, word)
	}
	return strings.Join(words, " ")
}

func vlanSetOf(list string) vlanSet {
	set := vlanSet{}
	for _, word := range strings.Fields(list) {
		number, untagged := strings.CutSuffix(word, "u")
		if id, err := strconv.Atoi(number); err == nil {
			set[id] = untagged
		}
	}
	return set
}

// readVLANs adds those of all ports, where a bridge looks at VLANs.
func (r *rtnetlink) readVLANs(into *State) error {
	filtering := false
	for _, l := range into.Links {
		filtering = filtering || l.Tune.Filtering
	}
	if !filtering {
		return nil
	}
	type port struct {
		index int
		list  string
	}
	body := append(make([]byte, unix.SizeofIfInfomsg), rtnl.Attribute32(unix.IFLA_EXT_MASK, onlyVLANs)...)
	body[0] = unix.AF_BRIDGE
	ports, err := rtnl.List(r.Conversation, unix.RTM_GETLINK, body, func(b []byte) (p port, ok bool) {
		p.index, p.list, ok = readPortVLANs(b)
		return p, ok
	})
	if err != nil {
		return fmt.Errorf("list VLANs: %w", err)
	}
	for _, p := range ports {
		name := r.names[p.index]
		if l, there := into.Links[name]; there && p.list != "" { // a card with a switch of its own tells of that as well
			l.VLANs = p.list
			into.Links[name] = l
			seen := r.links[name]
			seen.VLANs = p.list
			r.links[name] = seen
		}
	}
	return nil
}

// readPortVLANs reads the body of an RTM_NEWLINK message of the family AF_BRIDGE.
func readPortVLANs(b []byte) (index int, list string, ok bool) {
	if len(b) < unix.SizeofIfInfomsg || b[0] != unix.AF_BRIDGE {
		return 0, "", false
	}
	set, first := vlanSet{}, 0
	for a := (rtnl.Attributes{Rest: b[unix.SizeofIfInfomsg:]}); a.Next(); {
		if a.Kind != unix.IFLA_AF_SPEC {
			continue
		}
		for v := (rtnl.Attributes{Rest: a.Value}); v.Next(); {
			if v.Kind != bridgeVLANInfo || len(v.Value) < 4 {
				continue
			}
			flags, id := binary.NativeEndian.Uint16(v.Value), int(binary.NativeEndian.Uint16(v.Value[2:]))
			switch {
			case flags&vlanRangeBegin != 0:
				first = id
				continue
			case flags&vlanRangeEnd == 0 || first == 0:
				first = id
			}
			for n := first; n <= id && n < 4096; n++ {
				set[n] = flags&vlanUntagged != 0
			}
			first = 0
		}
	}
	return int(int32(rtnl.Read32(b[4:]))), set.list(), true
}

// setVLANs takes VLANs from a port, or from a bridge itself, and gives it others.
func (r *rtnetlink) setVLANs(l seenLink, want string) error {
	header := rtnl.LinkHeader(l.Index, 0, 0)
	header[0] = unix.AF_BRIDGE
	change := func(kind uint16, id int, untagged bool) error {
		var flags uint16
		if untagged {
			flags = vlanPVID | vlanUntagged
		}
		var info, body rtnl.Body
		if l.Kind == "bridge" {
			info.Add16(bridgeFlags, bridgeSelf)
		}
		info.Add(bridgeVLANInfo, binary.NativeEndian.AppendUint16(binary.NativeEndian.AppendUint16(nil, flags), uint16(id)))
		body.Add(unix.IFLA_AF_SPEC, info)
		return r.Change(kind, 0, header, body)
	}
	have, wanted := vlanSetOf(l.VLANs), vlanSetOf(want)
	for _, word := range strings.Fields(want) {
		for id, untagged := range vlanSetOf(word) {
			if before, there := have[id]; !there || before != untagged {
				if err := change(unix.RTM_SETLINK, id, untagged); err != nil {
					return err
				}
			}
		}
	}
	for id := range have {
		if _, stays := wanted[id]; !stays {
			if err := change(unix.RTM_DELLINK, id, false); err != nil {
				return err
			}
		}
	}
	return nil
}
