package system

import (
	"slices"
	"strconv"

	"bantam/system/syntax"
)

func (l *linkCheck) checkBridgeVLANs(name, path string, list *syntax.Node, b *Bridge) {
	ids, untagged := map[int]bool{}, map[string]int{}
	for i, vlan := range b.VLANs {
		n := list.Item(i)
		at := path + "[" + strconv.Itoa(i) + "]"
		if n == nil || n.Kind != syntax.TableKind {
			continue
		}
		if l.within(n, "id", at, vlan.ID, 1, 4094) {
			if ids[vlan.ID] {
				l.fail(n.Get("id"), "say everything of a VLAN in one table", "%s.id: VLAN %d is in the list twice", at, vlan.ID)
			}
			ids[vlan.ID] = true
		}
		for _, key := range []string{"tagged", "untagged"} {
			ports := vlan.Tagged
			if key == "untagged" {
				ports = vlan.Untagged
			}
			for j, port := range ports {
				item := n.Get(key).Item(j)
				switch {
				case !ok(item):
				case key == "tagged" && port == name:
					l.fail(item, "leave it out", "%s.tagged: the bridge itself has every VLAN of the list", at)
				case port != name && !slices.Contains(b.Ports, port):
					suggestion := didYouMean(port, slices.DeleteFunc(slices.Clone(b.Ports), func(p string) bool { return slices.Contains(vlan.Tagged, p) || untagged[p] != 0 }))
					if suggestion == "" {
						suggestion = "add it to the ports"
					}
					l.fail(item, suggestion, "%s.%s: %q is no port of this bridge", at, key, port)
				case key == "untagged" && untagged[port] != 0:
					l.fail(item, "write it as tagged in one of them", "%s.untagged: %s is untagged in VLAN %d already", at, port, untagged[port])
				case key == "untagged":
					untagged[port] = vlan.ID
					if slices.Contains(vlan.Tagged, port) {
						l.fail(item, "", "%s.untagged: %s is in tagged too", at, port)
					}
				}
			}
		}
	}
}
