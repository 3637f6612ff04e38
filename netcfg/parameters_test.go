package netcfg

import (
	"maps"
	"slices"
	"testing"

	"bantam/system"
)

// Whatever we set on a port is either refused in [sysctl], since we would set it
// anew for ever, or set to what [sysctl] says.
func TestEveryParameterOfAPortIsRefusedOrFollowed(t *testing.T) {
	followed := map[string]bool{}
	for _, mode := range []string{"auto", "static", "off"} {
		n := static("10.0.0.2/24")
		n.IPv6 = mode
		desired := Desired(map[string]system.Net{"eth0": n}, system.DNS{}, Facts{Links: newFakeKernel("eth0").Links})
		for path := range desired.Sysctls {
			s, problems := system.Parse("system.toml", []byte("[net.eth0]\naddresses = [\"10.0.0.2/24\"]\nipv6 = \"auto\"\n[sysctl]\n\""+path+"\" = 7\n"))
			if len(problems) > 0 {
				continue
			}
			w := DesiredState{State: State{Sysctls: maps.Clone(desired.Sysctls)}}
			if w.follow(s.Sysctl); w.Sysctls[path] != "7" {
				t.Errorf("%s is neither refused nor followed", path)
			}
			followed[path] = true
		}
	}
	want := []string{
		"net/ipv4/conf/all/accept_redirects", "net/ipv4/conf/all/send_redirects", "net/ipv4/conf/eth0/accept_redirects",
		"net/ipv4/conf/eth0/send_redirects", "net/ipv6/conf/eth0/accept_ra_min_hop_limit", "net/ipv6/conf/eth0/accept_ra_rt_info_max_plen",
		"net/ipv6/conf/eth0/accept_redirects", "net/ipv6/conf/eth0/max_addresses",
	}
	if got := slices.Sorted(maps.Keys(followed)); !slices.Equal(got, want) {
		t.Errorf("followed: got %q, want %q", got, want)
	}
}
