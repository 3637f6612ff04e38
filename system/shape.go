package system

import (
	"slices"

	"bantam/system/syntax"
)

// Shape keeps the queues of a line here, where each connection gets its share, and not in a modem, where whoever sends much makes
// all others wait.
type Shape struct {
	Down Rate `toml:"down" doc:"how much may come in, a little less than the line carries, e.g. \"90 Mbit\""`
	Up   Rate `toml:"up" doc:"how much may leave, a little less than the line carries, e.g. \"19 Mbit\""`
}

// shapedPrefix begins the names of the links through which goes what comes in by a link that is shaped, e.g. ifb-wan.
const shapedPrefix = "ifb-"

// ShapedBy is the name of the link through which goes what comes in by another.
func ShapedBy(link string) string { return shapedPrefix + link }

// shapeModules are those that limits need: one way of queueing or the other, and a way around for what comes in.
var shapeModules = []NeededModule{{Name: "sch_cake", Optional: true}, {Name: "sch_htb", Optional: true}, {Name: "sch_fq_codel", Optional: true}}
var shapeDownModules = []NeededModule{{Name: "ifb"}, {Name: "sch_ingress", Optional: true}, {Name: "cls_matchall"}, {Name: "act_mirred"}}

// checkShape checks the limits of a link.
func (l *linkCheck) checkShape(name string, n *syntax.Node, at string, net Net) {
	s := n.Get("shape")
	if !ok(s) || net.Shape == nil {
		return
	}
	at += ".shape"
	by := ShapedBy(name)
	switch {
	case badBelow(s):
	case net.Shape.Down == 0 && net.Shape.Up == 0:
		l.failKey(s, `write e.g. { down = "90 Mbit", up = "19 Mbit" }`, "%s: it limits nothing", at)
	case name == "lo":
		l.failKey(s, "", "%s: what the machine says to itself has no limit", at)
	case net.VRF != nil:
		l.failKey(s, "write it in the tables of its ports", "%s: packets do not leave by a vrf", at)
	case net.Shape.Down != 0 && interfaceFault(by) != "":
		l.failKey(s.Get("down"), "give the link a name of at most 11 characters", "%s.down: what comes in goes through a link called %s, and that %s", at, by, interfaceFault(by))
	case net.Shape.Down != 0 && slices.Contains(sortedKeys(l.system.Net), by):
		l.failKey(s.Get("down"), "give [net."+by+"] another name", "%s.down: what comes in goes through a link called %s, and there is another one of that name", at, by)
	}
}
