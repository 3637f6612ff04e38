//go:build !mips && !mipsle

package netcfg

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestOptionsForWhichDnsmasqHasNoOtherRoomAreRead(t *testing.T) {
	l := newLab(t, "dnsmasq:dnsmasq-base")
	p := l.peer()
	p.cable("eth0", "10.1.0.1/24")
	var fill []string // dnsmasq begins with the last, and so comes to name server and domain when the frame is full
	for code := range 40 {
		fill = append(fill, fmt.Sprintf("--dhcp-option-force=%d,1.2.3.4", 160+code))
	}
	for code := range 5 {
		fill = append(fill, fmt.Sprintf("--dhcp-option-force=%d,%s", 230+code, strings.Repeat("x", 190)))
	}
	p.dnsmasq(1, fill...)
	l.netcfg("[net.eth0]\n")
	s := l.status("online", online)
	if !slices.Equal(s.DNS, []string{"10.0.0.53"}) || !slices.Equal(s.Search, []string{"lan.example"}) {
		t.Errorf("name servers %v, search %v", s.DNS, s.Search)
	}
	const inFile = "option: 15 domain-name  lan.example" // told first, as it comes before the options in the packet
	if log := l.Log.String(); !strings.Contains(log, "option-overload  01") || strings.Index(log, inFile) > strings.Index(log, "message-type") {
		t.Error("everything had room among the options: the test shows nothing")
	}
}
