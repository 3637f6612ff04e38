package applet

import (
	"strings"
	"syscall"
	"testing"
)

// What ours changes theirs shows, and what theirs changes ours shows with the same words.
func TestIpLikeIproute2(t *testing.T) {
	needTool(t, "ip", "iproute2")
	out := inNamespaces(t, syscall.CLONE_NEWNET, `
has() { tr '\n' ' ' | tr -s ' \t' ' ' | grep -qF -- "$1" || echo "lacks: $1"; }
ip link add d0 type veth peer name a-name
ours ip link add br0 type bridge
ip -d link show br0 | has " bridge "
if ip link add link d0 name v8 type vlan id 8 2>/dev/null; then # the kernel has it
	ours ip link add v7 link d0 type vlan id 7
	ip -d link show v7 | has "v7@d0:"
	ip -d link show v7 | has "vlan protocol 802.1Q id 7"
	ours ip link show v7 | has "v7@d0: <"
fi
ours ip link set d0 address 02:00:00:00:00:01 mtu 1400 promisc on up
ours ip link set a-name name e1 master br0
ours ip link set e1 up
ip link show d0 | has "PROMISC,UP"
ip link show d0 | has "mtu 1400"
ip link show d0 | has "02:00:00:00:00:01"
ip link show e1 | has "master br0"
ours ip link show e1 | has "master br0"
ours ip link set e1 nomaster
ip -o link show e1 | grep master || true
ours ip addr add 10.0.0.1/24 dev d0
ours ip addr add 10.0.0.9 dev d0 label d0:1
ours ip addr add 10.1.0.1/30 dev d0 brd 10.1.0.2 scope link
ip addr add 10.3.0.1 peer 10.3.0.2/32 dev d0
ours ip addr add fd00::1/64 dev d0
ip addr show d0 | has "inet 10.0.0.1/24 brd 10.0.0.255 scope global d0"
ip addr show d0 | has "inet 10.0.0.9/32 scope global d0:1"
ip addr show d0 | has "inet 10.1.0.1/30 brd 10.1.0.2 scope link d0"
ip addr show d0 | has "inet6 fd00::1/64 scope global"
ours ip addr show d0 | has "inet 10.3.0.1/32 scope global"
ours ip addr show d0 | has "inet 10.0.0.9/32 scope global d0:1"
ours ip addr add 10.0.0.1/24 dev d0 2>&1 | has "file exists"
ours ip route add 192.168.0.0/16 via 10.0.0.2
ours ip route add default via 10.0.0.3 metric 50
ours ip route add 172.16.0.1 dev d0
ours ip route add 172.17.0.0/16 dev d0 src 10.0.0.1 table 1000
ours ip route add 172.18.0.0/16 via 10.99.0.5 dev d0 onlink
ours ip route replace 192.168.0.0/16 via 10.0.0.4
ip route add blackhole 172.19.0.0/16 proto static
ip route add 172.20.0.0/16 proto bird nexthop via 10.0.0.5 weight 2 nexthop via 10.0.0.6
ip -6 route add default via fd00::7 dev d0 proto static
ours ip route add fd05::/48 via fd00::8 metric 7
ip route show | has "192.168.0.0/16 via 10.0.0.4 dev d0"
ip route show | has "default via 10.0.0.3 dev d0 metric 50"
ip route show | has "172.16.0.1 dev d0 scope link"
ip route show | has "172.18.0.0/16 via 10.99.0.5 dev d0 onlink"
ip route show table 1000 | has "172.17.0.0/16 dev d0 scope link src 10.0.0.1"
ip -6 route show | has "fd05::/48 via fd00::8 dev d0 metric 7"
ours ip route | has "default via 10.0.0.3 dev d0 proto boot metric 50"
ours ip route | has "blackhole 172.19.0.0/16 proto static"
ours ip route | has "172.20.0.0/16 nexthop via 10.0.0.5 dev d0 weight 2 nexthop via 10.0.0.6 dev d0 weight 1 proto bird"
ours ip route | has "172.18.0.0/16 via 10.99.0.5 dev d0 proto boot onlink"
ours ip route show table 1000 | has "172.17.0.0/16 dev d0 proto boot scope link src 10.0.0.1"
ours ip -6 route | has "default via fd00::7 dev d0 proto static"
ours ip route get 192.168.3.4 | has "192.168.3.4 via 10.0.0.4 dev d0"
ours ip route get fd05::1 | has "fd05::1 via fd00::8 dev d0"
ours ip route add 192.169.0.0/16 via fd00::3 2>&1 | has "fd00::3 is of another family"
ours ip route del 172.17.0.0/16 table 1000
ip route show table 1000
ip neigh add 10.0.0.77 lladdr 02:00:00:00:00:77 dev d0 nud reachable
ip neigh add fd00::77 lladdr 02:00:00:00:00:78 dev d0 nud permanent router
ip neigh add 10.0.0.78 lladdr 02:00:00:00:00:79 dev e1 nud stale
ours ip neigh | has "10.0.0.77 dev d0 lladdr 02:00:00:00:00:77 REACHABLE"
ours ip neigh | has "fd00::77 dev d0 lladdr 02:00:00:00:00:78 router PERMANENT"
ours ip neigh show dev e1 | grep -c .
ours ip neigh flush dev d0
ip neigh show dev d0 | grep -c 02:
ip rule add from 192.168.2.0/24 table 100 priority 100
ip rule add to 10.0.0.0/8 fwmark 5 iif lo lookup 101 proto 66
ip rule add from 10.1.1.1 fwmark 0x10/0xff oif d0 prohibit
ip rule add not from all fwmark 7 lookup main suppress_prefixlength 0 priority 300
ip rule add iif nobody-here blackhole priority 301
ip rule add goto 32766 tos 0x10 priority 302
ip -6 rule add from fd00::/48 table 200
ip -6 rule add to fd00::1 unreachable
for family in -4 -6; do
	ip $family rule show | sed 's/ *$//' > theirs
	ours ip $family rule | diff theirs - > /dev/null || echo "rules differ: $(ours ip $family rule; cat theirs)"
	wc -l < theirs
done
ours ip rule add from 10.0.0.1 table 7 2>&1 | has 'rule knows no "add"'
ours ip addr del 10.0.0.9/32 dev d0
ours ip addr flush dev d0
ip -o addr show dev d0
ours ip link del br0
ip -o link show type bridge
ours ip link delete up 2>&1 | has "no such link"
ours ip link set d0 mtu -1 2>&1 | has "mtu: -1 is not a number"
ours ip link set no-such-link up 2>&1 || true
`)
	if want := "1\n1\n9\n4\nip: link set no-such-link up: no such link\n"; out != want {
		t.Errorf("got\n%s\nwant\n%s", out, want)
	}
}

// What the kernel says of a rule may be anything.
func FuzzRules(f *testing.F) {
	f.Add(make([]byte, ruleHeader-1))
	f.Add(append(make([]byte, ruleHeader), 5, 0, fraFrom, 0, 1, 0, 0, 0, 4, 0, fraMask, 0))
	f.Fuzz(func(t *testing.T, b []byte) {
		if text, ok := ruleText(b); ok && !strings.Contains(text, ":\tfrom ") && !strings.Contains(text, ":\tnot from ") {
			t.Errorf("%x is told as %q", b, text)
		}
	})
}
