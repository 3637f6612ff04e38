package applet

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// The test binary sends a frame with a tag on a link, as not every kernel can.
func init() {
	name := os.Getenv("APPLET_TEST_TAGGED")
	if name == "" {
		return
	}
	frame := "\xff\xff\xff\xff\xff\xff\x02\x00\x00\x00\x00\x01\x81\x00\x00\x07\x08\x00" +
		"\x45\x00\x00\x20\x00\x01\x00\x00\x40\x11\x00\x00\x0a\x00\x07\x01\x0a\x00\x07\x02" + "\x04\xd2\x00\x63\x00\x0c\x00\x00data"
	link, err := net.InterfaceByName(name)
	if err != nil {
		panic(err)
	}
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW, 0)
	if err != nil {
		panic(err)
	}
	if err := unix.Sendto(fd, []byte(frame), 0, &unix.SockaddrLinklayer{Ifindex: link.Index}); err != nil {
		panic(err)
	}
	os.Exit(0)
}

func TestTcpdumpOfALink(t *testing.T) {
	needTool(t, "tcpdump", "tcpdump")
	out := inNamespaces(t, syscall.CLONE_NEWNET|syscall.CLONE_NEWPID|syscall.CLONE_NEWNS, `
mount --make-rprivate /
mount -t proc proc /proc
mount -t sysfs none /sys
here=$(readlink /proc/self/ns/net)
unshare -n sleep 1000 & peer=$!
until [ "$(readlink /proc/$peer/ns/net)" != "$here" ]; do sleep 0.02; done
on() { nsenter -t $peer -n "$@"; }
ip link set lo up
ip link add va type veth peer name vb netns $peer
ip addr add 10.0.1.1/24 dev va; ip link set va up
on ip addr add 10.0.1.2/24 dev vb; on ip link set vb up
export APPLET_TEST_RUN=tcpdump
start() { # NAME ARGUMENT...
	: > err # the shell does it late, in the background
	"$SELF" -n "$@" > out 2> err & dump=$!
	until grep -q "^tcpdump: listening" err; do kill -0 $dump || { cat err; exit 1; }; sleep 0.02; done
}
start -i va -c 2 icmp
awk '$1 == "Uid:" || $1 == "Gid:" || $1 == "CapEff:" || $1 == "CapPrm:" {print $2}; $1 == "Groups:" {print NF}' /proc/$dump/status
APPLET_TEST_RUN=ping "$SELF" -c 1 10.0.1.2 > ping.txt
wait $dump
sed 's/^[0-9:.]* //; s/id [0-9]*/id N/' out; grep captured err

echo a whole file, and the tag
start -i va -w file "vlan 7 and udp port 99 or arp"
until "$SELF" -r file | grep -q UDP; do APPLET_TEST_TAGGED=vb on "$SELF"; sleep 0.02; done
kill -INT $dump; wait $dump
grep -c "packets received by filter, 0 dropped by kernel" err
"$SELF" -er file "vlan 7 and udp" | sed 1q | cut -d " " -f 2-
command tcpdump -Z root -ner file "vlan 7 and udp" 2>/dev/null | sed 1q | cut -d " " -f 2-

echo a cooked one
start -i any -c 2 -w file icmp
APPLET_TEST_RUN=ping "$SELF" -c 1 10.0.1.2 > ping.txt
wait $dump
"$SELF" -r file | sed 's/^[0-9:.]* //; s/id [0-9]*/id N/'
command tcpdump -Z root -nr file icmp 2>/dev/null | sed 's/^[0-9:.]* //; s/id [0-9]*/id N/' | grep -c "IP 10.0.1.* length 64"
command tcpdump -Z root -nr file -w - icmp 2>/dev/null | "$SELF" -r - icmp | wc -l

echo what the filter refuses
start -i va -c 1 -s 40 "icmp and host 10.0.1.2 and not src 10.0.1.1"
APPLET_TEST_RUN=ping "$SELF" -c 1 10.0.1.2 > ping.txt
wait $dump
sed 's/^[0-9:.]* //; s/id [0-9]*/id N/' out
"$SELF" -i none 2>&1 || "$SELF" -i va port x 2>&1 || true
`)
	want := `65534
65534
1
0000000000000000
0000000000000000
IP 10.0.1.1 > 10.0.1.2: ICMP echo request, id N, seq 1, length 64
IP 10.0.1.2 > 10.0.1.1: ICMP echo reply, id N, seq 1, length 64
tcpdump: 2 packets captured
a whole file, and the tag
1
02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff, ethertype 802.1Q (0x8100), length 50: vlan 7, p 0, ethertype IPv4 (0x0800), 10.0.7.1.1234 > 10.0.7.2.99: UDP, length 4
02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff, ethertype 802.1Q (0x8100), length 50: vlan 7, p 0, ethertype IPv4 (0x0800), 10.0.7.1.1234 > 10.0.7.2.99: UDP, length 4
a cooked one
IP 10.0.1.1 > 10.0.1.2: ICMP echo request, id N, seq 1, length 64
IP 10.0.1.2 > 10.0.1.1: ICMP echo reply, id N, seq 1, length 64
2
2
what the filter refuses
IP 10.0.1.2 > 10.0.1.1: ICMP, length 64 [|cut off]
tcpdump: none: no such link; ` + "`ip link` lists them" + `
tcpdump: port x: not a number up to 65535
`
	if out != want {
		t.Errorf("got\n%s\nwant\n%s", out, want)
	}
}

func TestTcpdumpRefusesWhatIsNoFileOfIt(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs to be root")
	}
	for name, content := range map[string]string{"short": "x", "other": strings.Repeat("x", 100), "pcapng": "\x0a\x0d\x0d\x0a" + strings.Repeat("\x00", 40)} {
		path := write(t, filepath.Join(t.TempDir(), name), content)
		out, err := applet(t, "tcpdump", "-r", path).CombinedOutput()
		if err == nil || !strings.Contains(string(out), "pcap") {
			t.Errorf("%s: %v, %q", name, err, out)
		}
	}
}
