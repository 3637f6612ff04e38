package netcfg

import (
	"fmt"
	"slices"
	"strings"

	"bantam/order"
	"bantam/system"
)

// found is what became of the port that a [net.NAME] with match is for.
type found struct {
	now     string // the name that it has, which may be the one that it is to have; "" for none
	waiting string // why there is none
}

// matched finds the ports that tables choose by what they are.
func matched(net map[string]system.Net, links map[string]Link) map[string]found {
	all := map[string]found{}
	for name, n := range net {
		if n.Match == nil {
			continue
		}
		var fit []string
		for other, l := range links {
			if fits(*n.Match, other, l) {
				fit = append(fit, other)
			}
		}
		order.By(fit, naturally)
		switch {
		case slices.Contains(fit, name):
			all[name] = found{now: name}
		case len(fit) == 0:
			all[name] = found{waiting: fmt.Sprintf("waiting for the port with %s", n.Match)}
		case len(fit) > 1:
			all[name] = found{waiting: fmt.Sprintf("%s are ports with %s: its match has to say more", strings.Join(fit, " and "), n.Match)}
		default:
			all[name] = found{now: fit[0]}
		}
	}
	moves := map[string]bool{} // the names that get free
	for name, f := range all {
		moves[f.now] = f.now != name
	}
	for name, f := range all {
		if _, taken := links[name]; taken && f.now != name && !moves[name] {
			all[name] = found{waiting: fmt.Sprintf("another port is called %s already, so %s cannot be", name, orDash(f.now))}
			if f.now == "" {
				all[name] = found{waiting: f.waiting + "; what is called " + name + " is another one"}
			}
		}
	}
	return all
}

// fits tells whether a port is what a table is for. Links that are on a port have its MAC address as well.
func fits(m system.Match, name string, l Link) bool {
	if l.Mark == Made || l.Make.Kind != "" && l.Make.Kind != "veth" {
		return false
	}
	mac := l.Permanent
	if mac == [6]byte{} {
		mac = l.MAC
	}
	wanted, _ := system.ParseMAC(m.MAC)
	return (m.Port == "" || l.Former == m.Port || name == m.Port && l.Mark != Renamed) &&
		(m.MAC == "" || mac == wanted) && (m.Path == "" || l.isAt(m.Path)) && (m.Driver == "" || l.Driver == m.Driver)
}
