package netcfg

import (
	"encoding/binary"
	"testing"

	"bantam/netcfg/rtnl"

	"golang.org/x/sys/unix"
)

// IFF_RUNNING comes up to a second after the carrier, when the kernel's link watch has looked: nobody waits for it.
func TestACarrierCountsBeforeTheLinkWatchHasSeenIt(t *testing.T) {
	name := []byte{0, 0, 0, 0, 'e', 't', 'h', '0', 0, 0, 0, 0}
	binary.NativeEndian.PutUint16(name, 9)
	binary.NativeEndian.PutUint16(name[2:], unix.IFLA_IFNAME)
	for flags, want := range map[uint32]bool{
		unix.IFF_UP:                     false,
		unix.IFF_UP | unix.IFF_LOWER_UP: true,
		unix.IFF_UP | unix.IFF_LOWER_UP | unix.IFF_RUNNING: true,
	} {
		message := make([]byte, unix.SizeofIfInfomsg)
		binary.NativeEndian.PutUint32(message[8:], flags)
		if l, ok := readLink(append(message, name...)); !ok || l.name != "eth0" || l.Carrier != want {
			t.Errorf("flags %#x: carrier %v of %q, %v; want %v", flags, l.Carrier, l.name, ok, want)
		}
	}
}

// A station is associated before its access point lets it in; what it sends between is lost.
func TestAStationHasACarrierWhenItIsLetIn(t *testing.T) {
	for state, want := range map[byte]bool{2: false, 5: false, operUp: true} {
		message := make([]byte, unix.SizeofIfInfomsg)
		binary.NativeEndian.PutUint32(message[8:], unix.IFF_UP|unix.IFF_LOWER_UP)
		message = append(message, rtnl.AttributeText(unix.IFLA_IFNAME, "wlan0")...)
		message = append(message, rtnl.Attribute(unix.IFLA_OPERSTATE, []byte{state})...)
		message = append(message, rtnl.Attribute(unix.IFLA_LINKMODE, []byte{linkModeDormant})...)
		if l, ok := readLink(message); !ok || l.Carrier != want {
			t.Errorf("state %d: carrier %v of %q, %v; want %v", state, l.Carrier, l.name, ok, want)
		}
	}
}

// The queue of a link is set up only then too, and would drop what is sent before.
func TestPacketsGoPastTheQueueOfTheLink(t *testing.T) {
	fd, err := packetSocket(1, unix.ETH_P_ARP, nothingHeard)
	if err != nil && unix.Geteuid() != 0 {
		t.Skip("needs root")
	}
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	probe, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(probe)
	if unix.SetsockoptInt(probe, unix.SOL_PACKET, unix.PACKET_QDISC_BYPASS, 1) == unix.ENOPROTOOPT {
		t.Skip("this kernel, or what emulates it (qemu-user), has no PACKET_QDISC_BYPASS")
	}
	if past, err := unix.GetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_QDISC_BYPASS); err != nil || past != 1 {
		t.Errorf("PACKET_QDISC_BYPASS is %d, %v", past, err)
	}
}

var nothingHeard = []unix.SockFilter{{Code: unix.BPF_RET | unix.BPF_K}}
