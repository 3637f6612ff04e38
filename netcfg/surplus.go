package netcfg

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"bantam/order"
)

// One router advertisement makes some forty routes, and who sends it need not
// be a router: in a second a neighbour could make more than the machine can look
// through, or hold. The kernel bounds the addresses that it makes (max_addresses)
// but no routes. So each link keeps those that were there while they were few,
// and what comes beyond maxAdvertised is taken away.

// surplusTold is how long it is told that there were too many.
const surplusTold = time.Minute

// Surplus lists routes of router advertisements that are too many on their link,
// and those that stay there. Of those that stay the known ones come first, then
// those in whose prefix the link has an address, then those to routers.
func Surplus(want, have State, known map[RouteKey]bool) (kept map[RouteKey]bool, ops []Op) {
	inhabited := map[AddressKey]bool{}
	for k := range have.Addresses {
		inhabited[AddressKey{k.Link, k.Prefix.Masked()}] = true
	}
	rank := func(k RouteKey) int {
		switch {
		case known[k]:
			return 0
		case inhabited[AddressKey{k.Link, k.To}]:
			return 1
		case k.Router.IsValid():
			return 2
		}
		return 3
	}
	var keys []RouteKey
	for k, r := range have.Routes {
		if r.Announced && want.Links[k.Link].Announcements {
			keys = append(keys, k)
		}
	}
	order.By(keys, func(a, b RouteKey) int { return cmp.Or(cmp.Compare(rank(a), rank(b)), compareRoutes(a, b)) })
	kept = map[RouteKey]bool{}
	count := map[string]int{}
	for _, k := range keys {
		if count[k.Link]++; count[k.Link] <= maxAdvertised {
			kept[k] = true
			continue
		}
		ops = append(ops, Op{Verb: RemoveRoute, Link: k.Link, To: k, Route: have.Routes[k]})
	}
	return kept, ops
}

// relieve removes what router advertisements have made too much of.
func (d *daemon) relieve(want, have State) {
	var surplus []Op
	d.owned.Routers, surplus = Surplus(want, have, d.owned.Routers)
	for _, o := range surplus {
		if _, told := d.flooded[o.Link]; !told {
			d.logf("%s", tooMany(o.Link))
		}
		d.flooded[o.Link] = d.looked + surplusTold
		if err := d.kernel.Apply(o); err != nil {
			d.logf("%v", err)
			return // the next event brings us back
		}
		delete(have.Routes, o.To)
		d.dirty = true // there may be more
	}
}

func tooMany(link string) string {
	return fmt.Sprintf("%s: router advertisements made more than %d routes; those that came last are removed", link, maxAdvertised)
}

// floods tells of the links that had too many lately, and until when.
func (d *daemon) floods() (problems []string, until time.Duration) {
	until = forever
	for link, end := range d.flooded {
		if end <= d.looked {
			delete(d.flooded, link)
			continue
		}
		problems = append(problems, tooMany(link))
		until = min(until, end)
	}
	slices.Sort(problems)
	return problems, until
}
