package netserve

import (
	"fmt"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"bantam/netcfg/frame"
)

// What needs a capability is done once, before anything is read: each socket is for all ports, hears only those that a
// filter names, which may be changed without any right, and says with each packet to which one it goes.

const (
	loadWord = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
	loadHalf = unix.BPF_LD | unix.BPF_H | unix.BPF_ABS
	ifEqual  = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
	accept   = unix.BPF_RET | unix.BPF_K

	linkIndex = 0xfffff000 + 8 // SKF_AD_OFF + SKF_AD_IFINDEX of linux/filter.h
)

// mostFiltered is how many ports a filter can name; its jumps have eight bits.
const mostFiltered = 100

// onLinks lets packets of some links through.
func onLinks(indexes []int) []unix.SockFilter {
	filter := []unix.SockFilter{{Code: loadWord, K: linkIndex}}
	for i := range min(len(indexes), mostFiltered) {
		filter = append(filter, unix.SockFilter{Code: ifEqual, K: uint32(indexes[i]), Jf: 1}, unix.SockFilter{Code: accept, K: 0xffff})
	}
	return append(filter, unix.SockFilter{Code: accept})
}

// arpAnswers lets answers of ARP through, or nothing.
func arpAnswers(wanted bool) []unix.SockFilter {
	if !wanted {
		return []unix.SockFilter{{Code: accept}}
	}
	return []unix.SockFilter{{Code: loadHalf, K: 6}, {Code: ifEqual, K: 2, Jf: 1}, {Code: accept, K: 0xffff}, {Code: accept}}
}

// dhcpSocket hears requests, and answers clients that have an address.
func dhcpSocket() (int, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return -1, fmt.Errorf("socket(AF_INET): %w", err)
	}
	if err = frame.Attach(fd, onLinks(nil)); err == nil {
		err = unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_PKTINFO, 1)
	}
	if err == nil {
		err = unix.Bind(fd, &unix.SockaddrInet4{Port: serverPort})
	}
	if err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("UDP port %d: %w", serverPort, err)
	}
	return fd, nil
}

// packetSocket hears answers of ARP, and sends whole frames, also to clients without an address.
func packetSocket() (int, error) {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return -1, fmt.Errorf("socket(AF_PACKET): %w", err)
	}
	if err = frame.Attach(fd, arpAnswers(false)); err == nil {
		err = unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: frame.BigEndian(unix.ETH_P_ARP)})
	}
	if err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("packet socket: %w", err)
	}
	return fd, nil
}

// routerSocket hears router solicitations, and advertises.
func routerSocket() (int, error) {
	fd, err := frame.ICMPv6(solicitation)
	if err != nil {
		return -1, err
	}
	for option, value := range map[int]int{unix.IPV6_RECVPKTINFO: 1, unix.IPV6_RECVHOPLIMIT: 1, unix.IPV6_MULTICAST_LOOP: 0} {
		if err == nil {
			err = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, option, value)
		}
	}
	if err == nil {
		err = frame.Attach(fd, onLinks(nil))
	}
	if err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("ICMPv6 socket: %w", err)
	}
	return fd, nil
}

// dropCapabilities gives all rights away but those of a set, in all threads and for good.
func dropCapabilities(keep uint32) error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	none := [2]unix.CapUserData{{Effective: keep, Permitted: keep}}
	_, _, errno := syscall.AllThreadsSyscall(unix.SYS_CAPSET, uintptr(unsafe.Pointer(&header)), uintptr(unsafe.Pointer(&none[0])), 0)
	if errno != 0 {
		return fmt.Errorf("capset: %w", errno)
	}
	return nil
}
