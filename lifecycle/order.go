package lifecycle

import "slices"

// Order sorts the names of services so that each comes after all that it follows,
// otherwise by name. follows lists the waits of one of them, and to says for whom
// a wait is; a name that is not among names counts for nothing.
//
// A wait that closes a circle counts for nothing either: circle, unless it is nil,
// is told the waits around it, of which the closing one is the last. They are valid
// only while it runs. The walk has its own stack: a file decides how deep it goes.
func Order[Wait any](names []string, follows func(name string) []Wait, to func(Wait) string, circle func(waits []Wait)) []string {
	const unseen, done = 0, -1
	place := make(map[string]int, len(names)) // on the way to where the walk is, from 1
	known := make(map[string]bool, len(names))
	for _, name := range names {
		known[name] = true
	}
	type stop struct {
		name string
		left []Wait
	}
	var order []string
	var way []stop
	var waits []Wait // waits[i] led from way[i] to way[i+1]
	enter := func(name string) {
		way = append(way, stop{name, follows(name)})
		place[name] = len(way)
	}
	for _, start := range slices.Sorted(slices.Values(names)) {
		if place[start] != unseen {
			continue
		}
		for enter(start); len(way) > 0; {
			here := &way[len(way)-1]
			if len(here.left) == 0 {
				place[here.name] = done
				order = append(order, here.name)
				way = way[:len(way)-1]
				waits = waits[:max(len(way)-1, 0)]
				continue
			}
			wait := here.left[0]
			here.left = here.left[1:]
			switch other := to(wait); {
			case !known[other]:
			case place[other] == unseen:
				waits = append(waits, wait)
				enter(other)
			case place[other] != done && circle != nil:
				circle(append(waits[place[other]-1:], wait))
			}
		}
	}
	return order
}
