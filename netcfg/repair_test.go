package netcfg

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"bantam/netcfg/dhcp4"
	"bantam/system"
)

func TestAnAddressThatTheKernelEndedIsNoLongerOurs(t *testing.T) {
	k, owned := newFakeKernel("eth0", "eth1"), newOwned()
	facts := Facts{Leases: map[string]*dhcp4.Lease{"eth1": lease("10.1.0.5/24", "10.1.0.1")}}
	settle(t, k, &owned, map[string]system.Net{"eth0": static(), "eth1": dhcp}, facts)
	theirs := AddressKey{"eth1", netip.MustParsePrefix("10.1.0.5/24")}
	delete(k.Addresses, theirs) // the lease has run out
	one := map[string]system.Net{"eth0": static()}
	settle(t, k, &owned, one, Facts{})
	k.Addresses[theirs] = Address{Until: forever}
	if settle(t, k, &owned, one, Facts{}); !has(k, "eth1", "10.1.0.5/24") {
		t.Error("an address that somebody else set was removed")
	}
}

func TestALeaseLongerThanA32BitKernelCountsSettles(t *testing.T) {
	k, owned := newFakeKernel("eth0"), newOwned()
	k.longest = (1<<31 - 1) / 250 * time.Second // LONG_MAX/HZ
	l := lease("10.0.0.5/24", "10.0.0.1")
	l.Expires = 365 * 24 * time.Hour
	facts := Facts{Leases: map[string]*dhcp4.Lease{"eth0": l}}
	settle(t, k, &owned, nil, facts)
	// It is prolonged before it ends there, and put right when somebody shortens it.
	key := AddressKey{"eth0", netip.MustParsePrefix("10.0.0.5/24")}
	k.Addresses[key] = Address{Until: time.Hour, Ours: true}
	settle(t, k, &owned, nil, facts)
	if got := k.Addresses[key].Until; got != k.longest {
		t.Errorf("until %v, want %v", got, k.longest)
	}
}

func TestARouteToASubnetThatSomebodyTookAwayIsPutBackOnce(t *testing.T) {
	k, owned := newFakeKernel("eth0"), newOwned()
	n := static("10.0.0.2/24", "10.0.0.3/24", "10.9.0.1/32", "2001:db8::2/64")
	n.Gateway, n.Gateway6 = "10.0.0.1", "2001:db8::1"
	net := map[string]system.Net{"eth0": n}
	settle(t, k, &owned, net, Facts{})
	k.flushed, k.Routes = true, map[RouteKey]Route{}
	done, _ := settle(t, k, &owned, net, Facts{})
	var text []string
	for _, o := range done {
		text = append(text, o.String())
	}
	want := "[route eth0 10.0.0.0/24 metric 100 route eth0 2001:db8::/64 metric 100" +
		" route eth0 0.0.0.0/0 via 10.0.0.1 metric 100 route eth0 ::/0 via 2001:db8::1 metric 100]"
	if got := fmt.Sprint(text); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestAnAddressWithAnotherEndIsRemoved(t *testing.T) {
	k, owned := newFakeKernel("eth0"), newOwned()
	net := map[string]system.Net{"eth0": static("10.0.0.2/24")}
	settle(t, k, &owned, net, Facts{})
	k.Addresses[AddressKey{"eth0", netip.MustParsePrefix("10.5.0.1/32")}] = Address{Until: forever, Peer: netip.MustParseAddr("10.5.0.2")}
	if settle(t, k, &owned, net, Facts{}); len(k.Addresses) != 1 {
		t.Errorf("left: %v", k.Addresses)
	}
}
