//go:build !mips && !mipsle

package netcfg

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"bantam/netcfg/rtnl"
)

// each applies all, and tells of each that was refused by its number.
func (r *rtnetlink) each(ops []Op) map[int]error {
	refused := map[int]error{}
	for at := 0; at < len(ops); {
		for _, err := range r.Together(ops[at:]) {
			if err != nil {
				refused[at] = err
			}
			at++
		}
	}
	return refused
}

func TestOfManyRequestsThoseThatAreRefusedAreToldAndTheOthersDone(t *testing.T) {
	t.Parallel()
	d := crowded(t, 2, "[net.eth0]\naddresses = [\"10.0.0.2/24\"]\n")
	d.start(t)
	k := d.kernel.(*rtnetlink)
	const routes, port = 3*rtnl.Together + 1, 7 // the last datagram has one request, and one in the middle cannot be made
	var ops []Op
	for i := range routes {
		via := "10.0.0.1"
		if i%10 == 5 || i == routes-1 {
			via = "192.0.2.1" // on no link
		}
		ops = append(ops, Op{Verb: AddRoute, Link: "eth0", To: RouteKey{Link: "eth0", To: netip.MustParsePrefix(fmt.Sprintf("172.16.%d.0/24", i))},
			Route: Route{Protocol: protocolOurs, Via: netip.MustParseAddr(via)}})
	}
	ops[port].Link = "eth9"
	changes := k.Counted.Changes
	refused := k.each(ops)
	if k.Counted.Changes != changes+routes-1 {
		t.Errorf("%d requests", k.Counted.Changes-changes)
	}
	there := ipShow(t, "route show proto 66")
	for i, o := range ops {
		want := error(nil)
		switch {
		case i == port:
			want = unix.ENODEV
		case !strings.HasPrefix(o.Route.Via.String(), "10."):
			want = unix.ENETUNREACH
		}
		if !errors.Is(refused[i], want) {
			t.Errorf("%v: %v, want %v", o, refused[i], want)
		}
		if made := strings.Contains(there, o.To.To.String()+" "); made != (want == nil) {
			t.Errorf("%v: it is there: %v", o, made)
		}
	}
	// What is gone already is no fault, anywhere in a datagram.
	for i := range ops {
		ops[i].Verb = RemoveRoute
	}
	ops[port].Link = "eth0"
	if refused := k.each(append(ops, ops...)); len(refused) > 0 {
		t.Error(refused)
	}
	if there := ipShow(t, "route show proto 66"); there != "" {
		t.Error(there)
	}
}

func TestALinksParametersOfIPv4AreSetInOneMessage(t *testing.T) {
	t.Parallel()
	d := crowded(t, 2, "[net.eth0]\n")
	k := d.kernel.(*rtnetlink)
	if _, err := k.Observe(); err != nil {
		t.Fatal(err)
	}
	var ops []Op
	for path, value := range map[string]string{
		"ipv4/conf/eth0/send_redirects": "0", "ipv4/conf/eth0/promote_secondaries": "1", "ipv4/conf/eth0/ignore_routes_with_linkdown": "1",
		"ipv4/conf/eth0/accept_redirects": "0",
	} {
		ops = append(ops, Op{Verb: SetSysctl, Path: "net/" + path, Value: value})
	}
	n := len(ops)
	ops = append(ops, Op{Verb: SetSysctl, Path: "net/ipv4/conf/eth1/send_redirects", Value: "0"}, // another link's
		Op{Verb: SetSysctl, Path: "net/ipv6/conf/eth0/accept_redirects", Value: "0"}, // which no message sets
		Op{Verb: SetSysctl, Path: "net/ipv4/conf/eth0/rp_filter", Value: "2"},        // which we know no place of
		Op{Verb: SetSysctl, Path: "net/ipv4/conf/eth0/nothing", Value: "2", Optional: true},
		Op{Verb: SetSysctl, Path: "net/ipv4/conf/eth0/nothing", Value: "2"})
	if together := len(k.Together(ops)); together != n || k.Counted.Changes != 1 {
		t.Errorf("%d of %d parameters by %d messages", together, n, k.Counted.Changes)
	}
	if refused := k.each(ops); len(refused) != 1 || !errors.Is(refused[len(ops)-1], os.ErrNotExist) {
		t.Errorf("refused: %v", refused)
	}
	for _, o := range ops[:n+3] {
		if text, err := os.ReadFile("/proc/sys/" + o.Path); err != nil || strings.TrimSpace(string(text)) != o.Value {
			t.Errorf("%s is %q, %v, want %s", o.Path, text, err, o.Value)
		}
	}
}
