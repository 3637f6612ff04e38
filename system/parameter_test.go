package system

import (
	"strings"
	"testing"
)

func TestParameterOfAnInterfaceWithADotInEverySpelling(t *testing.T) {
	for _, line := range []string{
		`sysctl.net.ipv4.conf."eth0.103".rp_filter = 1`,
		`sysctl.net.ipv4.conf."eth0/103".rp_filter = 1`,
		`sysctl."net.ipv4.conf.eth0/103.rp_filter" = 1`,
		`sysctl."net/ipv4/conf/eth0.103/rp_filter" = 1`,
		`sysctl."net.ipv4.conf.eth0.103.rp_filter" = 1`,
		`sysctl.net.ipv4.conf."eth0.103.rp_filter" = 1`,
		`sysctl."net.ipv4".conf."eth0.103" = { rp_filter = true }`,
		`sysctl."net/ipv4/conf"."eth0.103".rp_filter = "1"`,
	} {
		s := parse(t, line)
		const name = "net.ipv4.conf.eth0/103.rp_filter"
		if len(s.Sysctl) != 1 || s.Sysctl[name] != "1" {
			t.Errorf("%s: got %v, want %s", line, s.Sysctl, name)
		}
	}
}

func TestParameterPath(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"dots separate", "net.ipv4.ip_forward", "net/ipv4/ip_forward"},
		{"slashes separate", "net/ipv4/ip_forward", "net/ipv4/ip_forward"},
		{"a slash is the dot of an interface", "net.ipv4.conf.eth0/1.rp_filter", "net/ipv4/conf/eth0.1/rp_filter"},
		{"so is a dot", "net.ipv6.neigh.br.lan.7.retrans_time_ms", "net/ipv6/neigh/br.lan.7/retrans_time_ms"},
		{"what other names have", "net.ipv4.conf.wg+ü.rp_filter", "net/ipv4/conf/wg+ü/rp_filter"},
		{"a dot elsewhere", "fs/binfmt_misc/python3.11", "fs/binfmt_misc/python3.11"},
		{"no way out of an interface's name", "net.ipv4.conf.//.rp_filter", ""},
		{"no way out", "net.ipv4.//.x", ""},
		{"no name of 16 bytes", "net.ipv4.conf.abcdefghijklmnop.rp_filter", ""},
		{"an empty part", "net..x", ""},
		{"nothing", "", ""},
		{"an absolute path", "/proc/sys/kernel/panic", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := ParameterPath(tt.in); got != tt.want {
				t.Errorf("ParameterPath(%q) = %q, want %q", tt.in, got, tt.want)
			}
			if tt.want == "" {
				return
			}
			if spelled := parameterName(parameterParts(tt.in)); ParameterPath(spelled) != tt.want {
				t.Errorf("spelled %s it is %q", spelled, ParameterPath(spelled))
			}
		})
	}
}

func TestParametersOfTheNetworkConfigurator(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"IPv6 of a port that is named", "[net.eth0]\n[sysctl]\nnet.ipv6.conf.eth0.disable_ipv6 = 1",
			`sysctl."net.ipv6.conf.eth0.disable_ipv6": the network configurator decides this for its port eth0; write [net.eth0] ipv6 = "off"`},
		{"the same where none is named", "sysctl.net.ipv6.conf.eth7.accept_ra = 0",
			`the network configurator decides this for its port eth7; write [net.eth7] ipv6 = "auto", "static" or "off"`},
		{"a name with a dot", "[net.\"eth0.7\"]\n[sysctl]\nnet.ipv6.conf.\"eth0.7\".autoconf = 1",
			`its port eth0.7; write [net."eth0.7"] ipv6 = "auto", "static" or "off"`},
		{"IPv6 of all", "sysctl.net.ipv6.conf.all.disable_ipv6 = 1", `decides this for each port; write [net.NAME] ipv6 = "off"`},
		{"forwarding of one port", "sysctl.net.ipv4.conf.eth0.forwarding = 1", "write net.ipv4.ip_forward = 1"},
		{"forwarding of one port, IPv6", "sysctl.net.ipv6.conf.eth0.forwarding = 1", "write net.ipv6.conf.all.forwarding = 1"},
		{"what nothing in [net] says", "sysctl.net.ipv4.conf.eth0.promote_secondaries = 0", "decides this for its port eth0"},
		{"forwarding", "sysctl.net.ipv4.ip_forward = 1\nsysctl.net.ipv6.conf.all.forwarding = 1", ""},
		{"loopback", "sysctl.net.ipv6.conf.lo.disable_ipv6 = 1", ""},
		{"interfaces that come later", "sysctl.net.ipv6.conf.default.accept_ra = 0", ""},
		{"an interface that no [net] names", "[net.eth0]\n[sysctl]\nnet.ipv6.conf.eth1.disable_ipv6 = 1", ""},
		{"a tunnel", "sysctl.net.ipv6.conf.wg0.accept_ra = 0", ""},
		{"another parameter of a port", "sysctl.net.ipv4.conf.eth0.rp_filter = 1", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, problems := Parse("system.toml", []byte(tt.text))
			text := ""
			for _, p := range problems {
				text += p.String()
			}
			if !strings.Contains(text, tt.want) || (text == "") != (tt.want == "") {
				t.Errorf("got %q, want %q in it", text, tt.want)
			}
		})
	}
}
