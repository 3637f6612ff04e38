package system

import (
	"fmt"
	"strings"
	"testing"
)

func TestARangeIsOfHostNumbersOrOfAddresses(t *testing.T) {
	for _, tt := range []struct{ addresses, dhcp, want string }{
		{"192.168.1.1/24", "100-199", "192.168.1.100 192.168.1.199"},
		{"192.168.1.1/24", " 100 - 199 ", "192.168.1.100 192.168.1.199"},
		{"192.168.1.1/24", "7", "192.168.1.7 192.168.1.7"},
		{"10.1.2.3/16", "256-511", "10.1.1.0 10.1.1.255"},
		{"fd00::1/64 10.0.0.1/8 192.168.1.1/24", "192.168.1.9-192.168.1.10", "192.168.1.9 192.168.1.10"},
		{"192.168.1.1/30", "2", "192.168.1.2 192.168.1.2"},
		{"192.168.1.1/24", "0-5", "not a host"},
		{"192.168.1.1/24", "1-255", "not a host"},
		{"192.168.1.1/24", "-5", "no range"},
		{"192.168.1.1/24", "5-", "no range"},
		{"192.168.1.1/24", "99999999999999999999-3", "no range"},
		{"192.168.1.1/24", "192.168.1.5-9", "no range"},
		{"192.168.1.1/24", "192.168.1.5-fd00::1", "no range"},
		{"192.168.1.1/24", "192.168.1.5-192.168.2.9", "not a host"},
		{"192.168.1.1/24", "192.168.1.200-192.168.1.100", "ends before it begins"},
		{"192.168.1.1/24", "1", "no address but the port's own"},
		{"192.168.1.1/32", "1", "not a host"},
		{"192.168.1.1/31", "1", "not a host"},
		{"10.0.0.1/8", "1-4096", "10.0.0.1 10.0.16.0"},
		{"10.0.0.1/8", "1-4097", "more than 4096"},
		{"fd00::1/64", "1-2", "needs a fixed IPv4 address"},
		{"", "1-2", "needs a fixed IPv4 address"},
	} {
		s := Serve{DHCP: tt.dhcp}
		pool, err := s.Pool(strings.Fields(tt.addresses))
		got := fmt.Sprint(pool.First, pool.Last)
		if err != nil {
			got = err.Error()
		} else {
			got = pool.First.String() + " " + pool.Last.String()
		}
		if !strings.Contains(got, tt.want) {
			t.Errorf("%s of %s: got %s, want %s", tt.dhcp, tt.addresses, got, tt.want)
		}
	}
}

func TestWhatADHCPServerLeavesOpenIsRemarked(t *testing.T) {
	const head = "[net.lan]\naddresses = [\"192.168.1.1/24\"]\n"
	for _, tt := range []struct{ name, text, want string }{
		{"own address", head + "serve = { dhcp = \"1-9\", gateway = \"none\" }\n", "3:18: remark: net.lan.serve.dhcp has 192.168.1.1 in it"},
		{"no forwarding", head + "serve = { dhcp = \"100-109\" }\n", "it forwards nothing"},
		{"forwarding", head + "serve = { dhcp = \"100-109\" }\n[sysctl]\nnet.ipv4.ip_forward = 1\n", ""},
		{"a firewall forwards", head + "serve = { dhcp = \"100-109\" }\nzone = \"lan\"\n[net.wan]\nzone = \"wan\"\n", ""},
		{"another router", head + "serve = { dhcp = \"100-109\", gateway = \"192.168.1.254\" }\n", ""},
	} {
		var got strings.Builder
		for _, p := range Remarks("f", []byte(tt.text)) {
			got.WriteString(p.String() + "\n")
		}
		if _, problems := Parse("f", []byte(tt.text)); len(problems) > 0 {
			t.Fatal(problems)
		}
		if tt.want == "" && got.Len() > 0 || !strings.Contains(got.String(), tt.want) {
			t.Errorf("%s: got %q, want %q", tt.name, got.String(), tt.want)
		}
	}
}
