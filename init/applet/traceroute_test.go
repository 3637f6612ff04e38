package applet

import (
	"bytes"
	"encoding/binary"
	"net"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestTracerouteThroughARouter has three namespaces in a row, and Debian's
// traceroute beside ours.
func TestTracerouteThroughARouter(t *testing.T) {
	needTool(t, "traceroute", "traceroute")
	out := inNamespaces(t, syscall.CLONE_NEWNET|syscall.CLONE_NEWPID|syscall.CLONE_NEWNS, `
mount --make-rprivate /
mount -t proc proc /proc
ip link set lo up
echo 10.0.1.2 router.example > hosts; mount --bind hosts /etc/hosts
here=$(readlink /proc/self/ns/net)
unshare -n sleep 1000 & router=$!
unshare -n sleep 1000 & host=$!
for p in $router $host; do until [ "$(readlink /proc/$p/ns/net)" != "$here" ]; do sleep 0.02; done; done
on() { p=$1; shift; nsenter -t $p -n "$@"; }
ip link add va type veth peer name vb netns $router
on $router ip link add vc type veth peer name vd netns $host
up() { on $1 ip addr add $3/24 dev $2; on $1 ip -6 addr add $4/64 dev $2 nodad; on $1 ip link set $2 up; }
up $$ va 10.0.1.1 fd00:1::1
up $router vb 10.0.1.2 fd00:1::2
up $router vc 10.0.2.2 fd00:2::2
up $host vd 10.0.2.1 fd00:2::1
for p in $router $host; do on $p sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv4.icmp_ratemask=0 net.ipv6.icmp.ratemask=0; done
ip route add default via 10.0.1.2; ip -6 route add default via fd00:1::2
on $host ip route add default via 10.0.2.2; on $host ip -6 route add default via fd00:2::2
for r in "unreachable 10.1.0.0/16" "prohibit 10.2.0.0/16" "blackhole 10.3.0.0/16" "unreachable fd00:11::/64" "prohibit fd00:12::/64"; do on $router ip route add $r; done
theirs=$(command -v traceroute)
# Without -w 5,0,0 theirs gives a probe up after three times what its neighbour took.
same() {
	ours traceroute -n -m 4 "$@" | sed 's/[0-9.]* ms/T ms/g' > ours.txt
	"$theirs" -n -m 4 -w 5,0,0 "$@" | sed 's/[0-9.]* ms/T ms/g' > theirs.txt
	cmp -s ours.txt theirs.txt || { echo "differ: $*"; cat ours.txt theirs.txt; }
}
for to in 10.0.2.1 fd00:2::1 10.0.1.1 fd00:11::1 fd00:12::1; do
	same $to; same -q 1 $to; same -I $to
done
same -q 1 -m 1 10.1.0.1 # this kind of error Linux limits to 5, whatever the settings
for to in 10.0.2.1 fd00:2::1; do
	sysctl -qw net.ipv4.ping_group_range="1 0"
	ours traceroute -nI $to | sed 's/[0-9.]* ms/T ms/g' > raw.txt
	sysctl -qw net.ipv4.ping_group_range="0 0"
	ours traceroute -nI $to | sed 's/[0-9.]* ms/T ms/g' | diff raw.txt -
done
same -m 1 10.0.2.1
same -q 2 -w 0.3 -m 3 10.3.0.1
ours traceroute -n -q 2 -m 1 10.2.0.1 | grep -c '^ 1  10.0.1.2  .* ms !X  .* ms !X$'
ours traceroute -q 1 10.0.1.2 | grep -c '^ 1  router.example (10.0.1.2)  .* ms$'
ip route del default
ours traceroute 10.5.0.1 2>&1 | grep -c "network is unreachable"
`)
	if want := "1\n1\n1\n"; out != want {
		t.Errorf("got\n%s\nwant\n%s", out, want)
	}
}

func TestHopLinesNameEachHostOnce(t *testing.T) {
	ms := func(n int) time.Duration { return time.Duration(n) * time.Millisecond }
	for want, probes := range map[string][]probe{
		"  a  1.000 ms  2.000 ms *":               {{took: ms(1), from: "a"}, {took: ms(2), from: "a"}, {}},
		" * * *":                                  {{}, {}, {}},
		" *  a  1.000 ms  b  2.000 ms !H":         {{}, {took: ms(1), from: "a"}, {took: ms(2), from: "b", mark: "!H"}},
		"  a  1.000 ms  b  0.000 ms  a  2.000 ms": {{took: ms(1), from: "a"}, {took: 1, from: "b"}, {took: ms(2), from: "a"}},
	} {
		got, line := "", hopLine{}
		for _, p := range probes {
			got += line.add(p, func(s string) string { return " " + s })
		}
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// extendedError is a sock_extended_err with the sockaddr of who sent it.
func extendedError(origin, kind, code byte, mtu uint32, family uint16) []byte {
	data := make([]byte, 16+28)
	data[4], data[5], data[6] = origin, kind, code
	binary.NativeEndian.PutUint32(data[8:], mtu)
	binary.NativeEndian.PutUint16(data[16:], family)
	copy(data[20:], []byte{10, 0, 0, 1})
	data[24] = 0xfd
	return data
}

func TestMarksOfICMPErrors(t *testing.T) {
	for _, c := range []struct {
		claim      string
		data       []byte
		from, mark string
		final, ok  bool
	}{
		{"a router ends the hop limit", extendedError(2, 11, 0, 0, unix.AF_INET), "10.0.0.1", "", false, true},
		{"a closed port is the end", extendedError(2, 3, 3, 0, unix.AF_INET), "10.0.0.1", "", true, true},
		{"host", extendedError(2, 3, 1, 0, unix.AF_INET), "10.0.0.1", "!H", true, true},
		{"a firewall", extendedError(2, 3, 13, 0, unix.AF_INET), "10.0.0.1", "!X", true, true},
		{"too big", extendedError(2, 3, 4, 1280, unix.AF_INET), "10.0.0.1", "!F-1280", true, true},
		{"a code of the future", extendedError(2, 3, 99, 0, unix.AF_INET), "10.0.0.1", "!<99>", true, true},
		{"another message", extendedError(2, 12, 1, 0, unix.AF_INET), "10.0.0.1", "!<12-1>", true, true},
		{"a router of IPv6", extendedError(3, 3, 0, 0, unix.AF_INET6), "fd00::", "", false, true},
		{"no route, IPv6", extendedError(3, 1, 0, 0, unix.AF_INET6), "fd00::", "!N", true, true},
		{"a closed port, IPv6", extendedError(3, 1, 4, 0, unix.AF_INET6), "fd00::", "", true, true},
		{"of this machine", extendedError(1, 0, 0, 0, unix.AF_INET), "", "", false, false},
		{"nobody's", extendedError(2, 11, 0, 0, 0), "", "", false, false},
		{"cut off", extendedError(3, 3, 0, 0, unix.AF_INET6)[:30], "", "", false, false},
	} {
		if from, mark, final, ok := icmpError(c.data); from != c.from || mark != c.mark || final != c.final || ok != c.ok {
			t.Errorf("%s: got %q, %q, %v, %v", c.claim, from, mark, final, ok)
		}
	}
}

func FuzzTracerouteAnswers(f *testing.F) {
	f.Add(true, false, echoRequest(false, 1, 2, 8), []byte{})
	f.Add(false, true, bytes.Repeat([]byte{0x45}, 60), bytes.Repeat([]byte{0, 11}, 60))
	f.Fuzz(func(t *testing.T, data, echo bool, packet, control []byte) {
		for _, raw := range []bool{false, true} {
			tracer := &tracer{echo: echo, raw: raw, to: sixOrFour(raw), six: !raw, probes: make([]probe, 9)}
			a, _ := tracer.answer(data, &unix.SockaddrInet4{Port: firstPort}, packet, control)
			tracer.note(a)
		}
		icmpError(control)
	})
}

func sixOrFour(four bool) *net.IPAddr {
	if four {
		return &net.IPAddr{IP: net.IPv4(10, 0, 0, 1)}
	}
	return &net.IPAddr{IP: net.IPv6loopback}
}
