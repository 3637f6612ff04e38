package applet

import (
	"strings"
	"syscall"
	"testing"
)

func TestSysctlLikeProcps(t *testing.T) {
	needTool(t, "sysctl", "procps")
	out := inNamespaces(t, syscall.CLONE_NEWNET, `
ip link add e.1 type veth peer name p
same() {
	ours sysctl "$@" > ours.txt 2>/dev/null && a=0 || a=$?
	command sysctl "$@" > theirs.txt 2>/dev/null && b=0 || b=$?
	[ "$((a > 0))" = "$((b > 0))" ] || echo "status $a, want $b: $*"
	cmp -s ours.txt theirs.txt || { echo "differ: $*"; diff ours.txt theirs.txt || true; }
}
same kernel.ostype net.ipv4.tcp_rmem net.ipv4.ip_local_port_range
same -n net.ipv4.tcp_rmem kernel.ostype
same -N net.ipv4.tcp_rmem
same net/ipv4/ip_forward
same net.ipv4.ip_forward=1
same -w net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=1
same -q net.ipv4.ip_forward=1
same net.ipv4.ip_forward
same net.ipv4.conf.e/1.forwarding=1
same net/ipv4/conf/e.1/forwarding
same net.ipv4.conf.e/1.forwarding=nonsense
same -e net.no.such kernel.ostype
same net.no.such
same -w net.ipv4.ip_forward
same -- kernel.ostype
cat > conf <<X
# a comment
; another
net.ipv4.ip_forward = 0
net.ipv4.conf.e/1.forwarding=0
X
same -p conf
same net.ipv4.ip_forward
echo "no value" >> conf
echo "-net.no.such = 1" > optional
ours sysctl -p optional 2>/dev/null || echo "an optional parameter fails"
ours sysctl -p conf 2>&1 | grep -c "conf:5: .* is not NAME = VALUE"
ours sysctl -a | grep -c "^net.ipv4.conf.e/1.forwarding = 0"
ours sysctl net.ipv4.conf.e/1 | grep -c "[.]forwarding = "
ours sysctl net..ipv4 2>&1 | grep -c "not a parameter's name"
`)
	if want := "1\n1\n1\n1\n"; out != want {
		t.Errorf("got\n%s\nwant\n%s", out, want)
	}
}

func TestSsAndIpCountersLikeIproute2(t *testing.T) {
	needTool(t, "ss", "iproute2")
	out := inNamespaces(t, syscall.CLONE_NEWNET|syscall.CLONE_NEWPID|syscall.CLONE_NEWNS, `
mount --make-rprivate /
mount -t proc proc /proc
ip link set lo up
export APPLET_TEST_RUN=nc
"$SELF" -l 81 >/dev/null 2>&1 & first=$!
(sleep 1000 | "$SELF" -l 82) >/dev/null 2>&1 &
"$SELF" -ul 83 >/dev/null 2>&1 &
all() { for port in 81 82 83; do ss -Hlntu | grep -q ":$port " || return 1; done; }
until all; do sleep 0.05; done
(sleep 1000 | "$SELF" 127.0.0.1 82) >/dev/null 2>&1 &
until ss -Hnt | grep -q ESTAB; do sleep 0.05; done
plain() { sed 's/\*:/0.0.0.0:/g; s/\[::\]:/0.0.0.0:/g; s/\[::ffff:\([0-9.]*\)\]/\1/g' | awk '{print $1,$2,$5,$6}' | sort; }
for o in -Htan -Htuan -Htln -Huln -Htn -Hna4t -Htun; do
	ss $o | grep -v '^u_' | awk -v o=$o '{ if (o ~ /t.*u|u.*t/) print; else if (o ~ /u/) print "udp", $0; else print "tcp", $0 }' | plain > theirs.txt
	ours ss $o | plain > ours.txt
	cmp -s ours.txt theirs.txt || { echo "differ: $o"; diff ours.txt theirs.txt || true; }
done
ours ss -tlnp | grep :81 | grep -c "pid=$first,"
ours netstat -tln | grep -c LISTEN
ours ss -s | grep -c "^TCP: estab 2, listen"
counters() { "$@" | awk '/[RT]X:/ { getline; print $1,$2,$3,$4,$5,$6 }'; }
counters command ip -s link show lo > theirs.txt
until counters ours ip -s link show lo > ours.txt; cmp -s ours.txt theirs.txt; do counters command ip -s link show lo > theirs.txt; done
wc -l < ours.txt
ours ip -o addr show lo | awk '{print $1,$2,$3,$4}' > ours.txt
ip -o addr show lo | awk '{print $1,$2,$3,$4}' > theirs.txt
cmp ours.txt theirs.txt
ours ip -o -s link | wc -l
`)
	if want := "1\n1\n1\n2\n1\n"; out != want {
		t.Errorf("got\n%s\nwant\n%s", out, want)
	}
}

func TestSocketsOfTheKernelsTables(t *testing.T) {
	const tcp = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:0016 00000000:0000 0A 00000000:00000001 00:00000000 00000000     0        0 1234 1 0 100 0 0 10 0
   1: short
   2: 00000000:0016 00000000:0000 FF 00000000:00000000 00:00000000 00000000     0        0 1234 1 0
`
	got := parseSockets("tcp", tcp)
	if len(got) != 1 || got[0].local != "0.0.0.0:22" || got[0].peer != "0.0.0.0:*" || got[0].state != "LISTEN" || got[0].received != 1 || got[0].inode != "1234" {
		t.Errorf("got %+v", got)
	}
	for _, text := range []string{"", ":", "zz:11", "00000000", "0000:11", strings.Repeat("0", 1000) + ":1"} {
		endpoint(text) // no panic
	}
}
