package system

import (
	"fmt"
	"testing"
)

func TestNameServersAreReadAsTheyAreWritten(t *testing.T) {
	for _, c := range []struct{ text, want, fault string }{
		{"9.9.9.9", "9.9.9.9:53", ""},
		{"9.9.9.9:5353", "9.9.9.9:5353", ""},
		{"2620:fe::fe", "[2620:fe::fe]:53", ""},
		{"[2620:fe::fe]:5353", "[2620:fe::fe]:5353", ""},
		{"fe80::1%eth0", "[fe80::1%eth0]:53", ""},
		{"tls://9.9.9.9#dns.quad9.net", "9.9.9.9:853 dns.quad9.net", ""},
		{"tls://[2620:fe::fe]:8853#dns.quad9.net", "[2620:fe::fe]:8853 dns.quad9.net", ""},
		{"tls://[2620:fe::fe]#dns.quad9.net", "[2620:fe::fe]:853 dns.quad9.net", ""},
		{"tls://2620:fe::fe#dns.quad9.net", "[2620:fe::fe]:853 dns.quad9.net", ""},
		{"tls://9.9.9.9", "", "does not say whose certificate is to be believed"},
		{"tls://9.9.9.9#", "", "has a name for its certificate that has an empty part"},
		{"dns.quad9.net", "", "is not the address of a name server"},
		{"0.0.0.0", "", "is not the address of one machine"},
		{"9.9.9.9:0", "", "has a port that is none"},
		{"::ffff:9.9.9.9", "", "is an IPv4 address in IPv6 form"},
		{"", "", "is not the address of a name server"},
	} {
		s, err := ParseNameServer(c.text)
		got, fault := s.Address.String(), ""
		if s.TLS != "" {
			got += " " + s.TLS
		}
		if err != nil {
			got, fault = "", fmt.Sprint(err)
		}
		if got != c.want || fault != c.fault {
			t.Errorf("%q: got %s %s, want %s %s", c.text, got, fault, c.want, c.fault)
		}
	}
}
