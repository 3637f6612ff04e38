//go:build !mips && !mipsle

package netcfg

import (
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"

	"bantam/netcfg/frame"
)

// passes tells whether the kernel's filter machine lets a packet through. Any
// socket can have a filter; this one needs no privilege.
func passes(t *testing.T, filter []unix.SockFilter, packet []byte) bool {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fds[0])
	defer unix.Close(fds[1])
	if err := frame.Attach(fds[1], filter); err != nil {
		t.Fatal(err)
	}
	unix.Write(fds[0], packet)
	n, err := unix.Read(fds[1], make([]byte, 1<<16))
	return err == nil && n == len(packet)
}

func TestOnlyAnswersToOurTransactionPassTheFilter(t *testing.T) {
	mac := [6]byte{2, 0, 0, 0xab, 0xcd, 0xef}
	message := make([]byte, 300)
	copy(message, []byte{2, 1, 6, 0, 0x12, 0x34, 0x56, 0x78})
	copy(message[28:], mac[:])
	answer := fromServer(message)
	for _, c := range []struct {
		name string
		at   int // the byte that is altered
		want bool
	}{
		{"the answer", -1, true},
		{"TCP", 9, false},
		{"a fragment", 7, false},
		{"to another port", ipHeader + 3, false},
		{"first byte of another transaction", ipHeader + udpHeader + 4, false},
		{"last byte of another transaction", ipHeader + udpHeader + 7, false},
		{"first byte of another station", ipHeader + udpHeader + 28, false},
		{"last byte of another station", ipHeader + udpHeader + 33, false},
		{"another address for us", ipHeader + udpHeader + 16, true},
	} {
		packet := append([]byte(nil), answer...)
		if c.at >= 0 {
			packet[c.at]++
		}
		if got := passes(t, dhcpFilter(0x12345678, mac), packet); got != c.want {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
	options := append(append(append([]byte(nil), answer[:ipHeader]...), 1, 1, 1, 1), answer[ipHeader:]...)
	options[0]++ // six words
	if !passes(t, dhcpFilter(0x12345678, mac), options) {
		t.Error("an answer with IP options does not pass")
	}
}

func TestOnlyARPAboutTheWatchedAddressPassesTheFilter(t *testing.T) {
	ours, other, none := netip.MustParseAddr("10.0.0.5"), netip.MustParseAddr("10.0.0.9"), netip.IPv4Unspecified()
	for _, c := range []struct {
		name           string
		sender, target netip.Addr
		want           bool
	}{
		{"it is used", ours, other, true},
		{"it is announced", ours, ours, true},
		{"it is probed for", none, ours, true},
		{"somebody asks for it", other, ours, false},
		{"something else is probed for", none, other, false},
	} {
		if got := passes(t, arpFilter(ours), frame.ARPRequest([6]byte{2, 0, 0, 0, 0, 9}, c.sender, c.target)); got != c.want {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}
