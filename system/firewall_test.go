package system

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

func TestZonesThatLeaveThingsOutHaveThemByTheirNames(t *testing.T) {
	const ports = "[net.eth0]\nzone = \"wan\"\n[net.eth1]\nzone = \"lan\"\n[net.eth10]\nzone = \"lan\"\n"
	for _, tt := range []struct{ claim, file, want string }{
		{"no zones, no firewall", "[net.eth0]\n", ""},
		{"two ports and nothing else are a router", ports, "lan [eth1 eth10] to [lan wan] open [all]; wan [eth0] external masquerade to [] open []"},
		{"what is said of lan counts instead", ports + "[zone.lan]\nto = []\nopen = [\"dns\"]\n", "lan [eth1 eth10] to [] open [dns]; wan [eth0] external masquerade to [] open []"},
		{"wan may be internal", ports + "[zone.wan]\nrole = \"internal\"\n", "lan [eth1 eth10] to [lan] open [all]; wan [eth0] to [] open []"},
		{"addresses may stay", ports + "[zone.wan]\nnat = \"off\"\n", "lan [eth1 eth10] to [lan wan] open [all]; wan [eth0] external to [] open []"},
		{"a second way out is for lan too", ports + "[net.wwan0]\nzone = \"mobile\"\n[zone.mobile]\nrole = \"external\"\n",
			"lan [eth1 eth10] to [lan mobile wan] open [all]; mobile [wwan0] external masquerade to [] open []; wan [eth0] external masquerade to [] open []"},
		{"a port that serves is asked", ports + "[net.eth2]\nzone = \"guest\"\naddresses = [\"192.168.2.1/24\"]\nserve = { dhcp = \"100-199\", dns = true }\n[zone.guest]\n",
			"guest [eth2] to [] open [dhcp dns]; lan [eth1 eth10] to [lan wan] open [all]; wan [eth0] external masquerade to [] open []"},
		{"unless it is said what is open", ports + "[net.eth2]\nzone = \"guest\"\naddresses = [\"192.168.2.1/24\"]\nserve = { dhcp = \"100-199\" }\n[zone.guest]\nopen = []\n",
			"guest [eth2] to [] open []; lan [eth1 eth10] to [lan wan] open [all]; wan [eth0] external masquerade to [] open []"},
		{"guests may do what is said", ports + "[net.eth2]\nzone = \"guest\"\n[zone.guest]\nto = [\"wan\"]\nopen = [\"dhcp\"]\n",
			"guest [eth2] to [wan] open [dhcp]; lan [eth1 eth10] to [lan wan] open [all]; wan [eth0] external masquerade to [] open []"},
	} {
		var got []string
		for _, z := range parse(t, tt.file).ZonesInForce() {
			text := fmt.Sprintf("%s %v", z.Name, z.Interfaces)
			if z.External {
				text += " external"
			}
			if z.Masquerade {
				text += " masquerade"
			}
			got = append(got, fmt.Sprintf("%s to %v open %v", text, z.To, z.Open))
		}
		if strings.Join(got, "; ") != tt.want {
			t.Errorf("%s: got %s, want %s", tt.claim, strings.Join(got, "; "), tt.want)
		}
	}
}

func TestPortsAreReadAsAPersonTypesThem(t *testing.T) {
	for text, want := range map[string]string{
		"tcp/443": "tcp/443", "udp/8000-8010": "udp/8000-8010", "tcp/1-65535": "tcp/1-65535", "tcp/5-5": "tcp/5",
		"443": "", "tcp": "", "tcp/": "", "tcp/0": "", "tcp/65536": "", "tcp/9-8": "", "tcp/-5": "", "tcp/5-": "", "TCP/5": "", "tcp/+5": "", "icmp/8": "", "tcp/5-6-7": "",
	} {
		p, fault := ParsePorts(text)
		if got := p.String(); want != "" && (fault != "" || got != want) || want == "" && fault == "" {
			t.Errorf("%s: got %s, %q, want %q", text, got, fault, want)
		}
	}
}

func TestAnAddressIsANetworkOfOne(t *testing.T) {
	for text, want := range map[string]string{"10.0.0.1": "10.0.0.1/32", "10.1.2.3/8": "10.0.0.0/8", "fd00::1": "fd00::1/128", "x": "", "fe80::1%eth0": ""} {
		if p, ok := ParseNetwork(text); ok != (want != "") || ok && p.String() != want {
			t.Errorf("%s: got %v %v, want %q", text, p, ok, want)
		}
	}
}

func TestSSHIsOpenedAtItsPort(t *testing.T) {
	s := parse(t, "[ssh]\nport = 2222\n")
	if got := s.OpenPorts("ssh"); !slices.Equal(got, []PortRange{{"tcp", 2222, 2222}}) {
		t.Errorf("got %v", got)
	}
}

func TestThePageAboutTheFirewallIsOneRouter(t *testing.T) {
	page, err := os.ReadFile("../docs/firewall.md")
	if err != nil {
		t.Fatal(err)
	}
	var file strings.Builder
	for _, line := range strings.Split(string(page), "\n") {
		if text, ok := strings.CutPrefix(line, "    "); ok && !strings.HasPrefix(text, "bantam ") {
			file.WriteString(text + "\n")
		}
	}
	s := parse(t, file.String())
	if len(s.ZonesInForce()) != 3 || len(s.Forwards) != 3 || len(s.Firewall.Rules) != 3 || len(s.Zones) != 2 {
		t.Errorf("got %+v", s)
	}
}
