package system

import (
	"strings"
	"testing"
)

func TestWhatNetworksMeanTogetherIsRemarkedOn(t *testing.T) {
	const wan = "[net.w]\nzone = \"wan\"\n"
	for name, c := range map[string]struct{ text, want string }{
		"a home":                       {wan + "[net.l]\naddresses = [\"192.168.1.1/24\"]\nzone = \"lan\"\nserve = { dhcp = \"100-199\", dns = true }\n", ""},
		"one network on two ports":     {"[net.a]\naddresses = [\"192.168.1.1/24\"]\n[net.b]\naddresses = [\"192.168.1.2/24\"]\n", "net.b has the network 192.168.1.0/24, and a has 192.168.1.0/24"},
		"one in the other":             {"[net.a]\naddresses = [\"10.0.0.1/8\"]\n[net.b]\naddresses = [\"10.1.0.1/16\"]\n", "net.b has the network 10.1.0.0/16, and a has 10.0.0.0/8"},
		"of IPv6":                      {"[net.a]\naddresses = [\"fd00::1/64\"]\n[net.b]\naddresses = [\"fd00::2/64\"]\n", "net.b has the network fd00::/64"},
		"two addresses of one port":    {"[net.a]\naddresses = [\"192.168.1.1/24\", \"192.168.1.2/24\"]\n", ""},
		"a single address in another":  {"[net.a]\naddresses = [\"192.168.1.1/24\"]\n[net.b]\naddresses = [\"192.168.1.2/32\"]\n", ""},
		"networks of a VRF":            {"[net.a]\naddresses = [\"192.168.1.1/24\"]\n[net.b]\naddresses = [\"192.168.1.2/24\"]\n[net.red]\nvrf = { table = 10, ports = [\"b\"] }\n", ""},
		"a server behind the firewall": {wan + "[zone.guests]\nopen = [\"dhcp\"]\n[net.g]\naddresses = [\"192.168.1.1/24\"]\nzone = \"guests\"\nserve = { dhcp = \"100-199\", dns = true }\n", "net.g serves dns, and its zone guests lets nobody ask"},
		"opened by its port":           {wan + "[zone.guests]\nopen = [\"dhcp\", \"udp/53\"]\n[net.g]\naddresses = [\"192.168.1.1/24\"]\nzone = \"guests\"\nserve = { dhcp = \"100-199\", dns = true }\n", ""},
		"opened by a rule":             {wan + "[zone.guests]\nopen = [\"dhcp\"]\n[firewall]\nrules = [{ from = \"guests\" }]\n[net.g]\naddresses = [\"192.168.1.1/24\"]\nzone = \"guests\"\nserve = { dhcp = \"100-199\", dns = true }\n", ""},
		"closed by a rule, too":        {wan + "[zone.guests]\nopen = []\n[firewall]\nrules = [{ from = \"guests\", action = \"drop\" }]\n[net.g]\naddresses = [\"192.168.1.1/24\"]\nzone = \"guests\"\nserve = { dns = true }\n", "net.g serves dns, and its zone guests lets nobody ask"},
		"three alike":                  {"[net.a]\naddresses = [\"10.0.0.1/8\"]\n[net.b]\naddresses = [\"10.0.0.2/8\", \"10.0.0.3/8\"]\n", "net.b has the network 10.0.0.0/8"},
		"a forward for some alone":     {wan + "[net.l]\naddresses = [\"192.168.1.1/24\"]\nzone = \"lan\"\n[zone.wan]\nopen = [\"tcp/22\"]\n[forward]\n\"tcp/22\" = { to = \"192.168.1.10\", from = [\"198.51.100.0/24\"] }\n", ""},
		"a forward of a tunnel's port": {wan + "[net.l]\naddresses = [\"192.168.1.1/24\"]\nzone = \"lan\"\n[net.wg]\nwireguard = { listen_port = 51820 }\n[forward]\n\"udp/51820\" = { to = \"192.168.1.10\" }\n", "forward.\"udp/51820\" takes udp/51820, which the tunnel wg listens at"},
		"a server without a zone":      {wan + "[net.l]\naddresses = [\"192.168.1.1/24\"]\nserve = { dhcp = \"100-199\" }\n", "net.l serves dhcp, and the firewall, as it is in no zone, lets nobody ask"},
		"one where there is no zone":   {"[net.l]\naddresses = [\"192.168.1.1/24\"]\nserve = { dhcp = \"100-199\", gateway = \"none\" }\n", ""},
		"a forward of what is open":    {wan + "[net.l]\naddresses = [\"192.168.1.1/24\"]\nzone = \"lan\"\n[zone.wan]\nopen = [\"tcp/22\"]\n[forward]\n\"tcp/20-30\" = { to = \"192.168.1.10\" }\n", "forward.\"tcp/20-30\" takes tcp/22, which zone wan has open: by IPv4 it leads to 192.168.1.10"},
		"a forward of another port":    {wan + "[net.l]\naddresses = [\"192.168.1.1/24\"]\nzone = \"lan\"\n[zone.wan]\nopen = [\"tcp/22\"]\n[forward]\n\"tcp/23\" = { to = \"192.168.1.10\" }\n", ""},
	} {
		if _, problems := Parse("f", []byte(c.text)); len(problems) > 0 {
			t.Errorf("%s: %v", name, problems)
			continue
		}
		got := Remarks("f", []byte(c.text))
		if c.want == "" && len(got) > 0 || c.want != "" && (len(got) != 1 || !strings.Contains(got[0].String(), c.want) || got[0].Line == 0) {
			t.Errorf("%s: %v, want %q", name, got, c.want)
		}
	}
}
