package wgnl

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

	"bantam/netcfg/rtnl"
	"bantam/order"
)

// Kernel is WireGuard of the network namespace of the thread.
type Kernel struct {
	*rtnl.Conversation
	family uint16
}

// ErrNone is that this kernel has no WireGuard.
var ErrNone = errors.New("this kernel has no WireGuard (the module wireguard)")

const wireGuardFamily = "wireguard"

// Open asks for WireGuard's number, which it has as long as its module is there.
func Open() (Kernel, error) {
	c, err := rtnl.OpenProtocol(unix.NETLINK_GENERIC)
	if err != nil {
		return Kernel{}, fmt.Errorf("open generic netlink: %w", err)
	}
	family, err := c.Family(wireGuardFamily)
	if errors.Is(err, rtnl.ErrNoFamily) {
		err = ErrNone
	}
	if err != nil {
		c.Close()
		return Kernel{}, err
	}
	return Kernel{c, family}, nil
}

// Device reads a link with its peers.
func (k Kernel) Device(link string) (d Device, err error) {
	_, err = k.Dump(k.family, get(link), func() func([]byte) bool {
		d = Device{}
		return func(b []byte) bool { d.Read(b); return true }
	})
	if err != nil {
		return d, fmt.Errorf("read WireGuard of %s: %w", link, err)
	}
	for _, p := range d.Peers {
		Sort(p.Allowed)
	}
	return d, nil
}

// Change changes a link.
func (k Kernel) Change(link string, c Change) error {
	return k.Conversation.Change(k.family, 0, c.Encode(link))
}

// Sort puts networks into the one order in which they can be compared.
func Sort(list []netip.Prefix) []netip.Prefix {
	order.By(list, func(a, b netip.Prefix) int {
		return cmp.Or(a.Addr().Compare(b.Addr()), cmp.Compare(a.Bits(), b.Bits()))
	})
	return slices.Compact(list)
}
