package netcfg

import (
	"cmp"
	"fmt"
	"testing"

	"bantam/system"
)

func TestContainersAndEnslavedLinksAreNoPortsUnlessNamed(t *testing.T) {
	names := func(net map[string]system.Net, links map[string]Link) (list []string) {
		for _, p := range ports(net, links) {
			list = append(list, p.Name)
		}
		return list
	}
	links := map[string]Link{
		"eth0": {Index: 2, Ethernet: true, Hardware: true},
		"eth1": {Index: 3, Ethernet: true, Hardware: true, Master: "br0"},
		"veth": {Index: 4, Ethernet: true, Kind: "veth"},
		"ve-1": {Index: 5, Ethernet: true, Kind: "veth", Master: "br0"},
		"br0":  {Index: 6, Ethernet: true, Kind: "bridge"},
	}
	if got := fmt.Sprint(names(nil, links)); got != "[eth0]" {
		t.Errorf("with hardware: %v", got)
	}
	if got := fmt.Sprint(names(map[string]system.Net{"ve-1": dhcp, "veth": dhcp}, links)); got != "[ve-1 veth]" {
		t.Errorf("named: %v", got)
	}
	delete(links, "eth0")
	delete(links, "eth1")
	if got := fmt.Sprint(names(nil, links)); got != "[veth]" {
		t.Errorf("in a container: %v", got)
	}
}

func TestNamesAreInTheOrderOfTheirNumbersWithoutMakingStrings(t *testing.T) {
	want := []string{"a", "a0", "a1b", "a2", "a02b", "a2b", "a10", "aa", "eth", "eth-1", "eth2", "eth2.9", "eth2.10", "eth10", "eth0012", "lan"}
	for i, a := range want {
		for j, b := range want {
			if got := naturally(a, b); got != cmp.Compare(i, j) {
				t.Errorf("%s, %s: got %d", a, b, got)
			}
		}
	}
	if n := testing.AllocsPerRun(10, func() { naturally("enp3s0f10", "enp3s0f9") }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
