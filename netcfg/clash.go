package netcfg

import (
	"fmt"
	"slices"
	"time"

	"bantam/boottime"
	"bantam/netcfg/dhcp6"
)

// An IPv6 address that ends some day, and that another machine has, the kernel takes away by itself: without a pause we
// would put it there again at once, for ever.

// clash notes an address that the kernel has taken away for that.
func (d *daemon) clash(a address) {
	k := AddressKey{d.indexes[a.index], a.prefix}
	if _, ours := d.owned.Addresses[k]; !ours {
		return
	}
	now := boottime.Now()
	d.clashes[k] = now + retake
	if c := d.dhcp6[k.Link]; c != nil {
		d.note(c.watch(dhcp6.Conflict{Address: a.prefix.Addr()}), now)
	}
}

// avoid leaves out for a while what another machine has, and tells until when.
func (d *daemon) avoid(w *DesiredState) (until time.Duration) {
	until = forever
	var problems []string
	for k, end := range d.clashes {
		if _, wanted := w.Addresses[k]; !wanted || end <= d.looked {
			delete(d.clashes, k)
			continue
		}
		delete(w.Addresses, k)
		problems = append(problems, fmt.Sprintf("%s: address %s is used by another machine", k.Link, k.Prefix))
		until = min(until, end)
	}
	slices.Sort(problems)
	w.Problems = append(w.Problems, problems...)
	return until
}
