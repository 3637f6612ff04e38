package applet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"bantam/init/applet/packet"
)

// liveLink is an AF_PACKET socket. Ethernet comes with its header; every other
// kind of link, and all of them together ("any"), as Linux's cooked packets.
type liveLink struct {
	*dump
	fd          int
	name        string
	cooked      bool
	buffer      []byte
	control     []byte
	interrupted chan os.Signal
}

func (d *dump) openLink(name string) (packetSource, error) {
	l := &liveLink{dump: d, fd: -1, name: name, buffer: make([]byte, packet.MaxBytes+64), control: make([]byte, 512)}
	if name == "" {
		l.name = firstLink()
	}
	index := 0
	if l.name == "any" {
		l.cooked = true
	} else {
		link, err := net.InterfaceByName(l.name)
		if err != nil {
			return nil, fmt.Errorf("%s: no such link; `ip link` lists them", l.name)
		}
		index = link.Index
		l.cooked = !isEthernet(l.name)
	}
	layout, kind := packet.LiveEthernet, unix.SOCK_RAW
	if l.cooked {
		layout, kind = packet.LiveCooked, unix.SOCK_DGRAM
	}
	program, err := packet.Compile(d.filter, layout, d.snaplen, lookupAddresses)
	if err != nil {
		return nil, err
	}
	// Without a protocol it takes nothing until it is bound: the filter comes first.
	if l.fd, err = unix.Socket(unix.AF_PACKET, kind|unix.SOCK_CLOEXEC, 0); err != nil {
		return nil, fmt.Errorf("socket(AF_PACKET): %w", err)
	}
	if err := l.prepare(program, index); err != nil {
		unix.Close(l.fd)
		return nil, fmt.Errorf("%s: %w", l.name, err)
	}
	l.interrupted = make(chan os.Signal, 1)
	signal.Notify(l.interrupted, os.Interrupt, syscall.SIGTERM)
	return l, nil
}

// firstLink is the first that is up and not the loopback.
func firstLink() string {
	links, _ := net.Interfaces()
	for _, link := range links {
		if link.Flags&net.FlagUp != 0 && link.Flags&net.FlagLoopback == 0 {
			return link.Name
		}
	}
	return "lo"
}

// isEthernet tells by /sys; the loopback has Ethernet's header too.
func isEthernet(name string) bool {
	text, err := os.ReadFile("/sys/class/net/" + name + "/type")
	if err != nil {
		return false
	}
	kind, _ := strconv.Atoi(strings.TrimSpace(string(text)))
	return kind == unix.ARPHRD_ETHER || kind == unix.ARPHRD_LOOPBACK
}

func (l *liveLink) prepare(program []packet.Instruction, index int) error {
	filters := make([]unix.SockFilter, len(program))
	for i, p := range program {
		filters[i] = unix.SockFilter{Code: p.Code, Jt: p.Jt, Jf: p.Jf, K: p.K}
	}
	if err := unix.SetsockoptSockFprog(l.fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: uint16(len(filters)), Filter: &filters[0]}); err != nil {
		return fmt.Errorf("setsockopt(SO_ATTACH_FILTER): %w", err)
	}
	if err := unix.SetsockoptInt(l.fd, unix.SOL_PACKET, unix.PACKET_AUXDATA, 1); err != nil {
		return fmt.Errorf("setsockopt(PACKET_AUXDATA): %w", err)
	}
	if err := unix.SetsockoptInt(l.fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1); err != nil {
		return fmt.Errorf("setsockopt(SO_TIMESTAMPNS): %w", err)
	}
	unix.SetsockoptInt(l.fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 2<<20) // as much as is allowed
	if index > 0 && !l.opts.has('p') {
		if err := unix.SetsockoptPacketMreq(l.fd, unix.SOL_PACKET, unix.PACKET_ADD_MEMBERSHIP, &unix.PacketMreq{Ifindex: int32(index), Type: unix.PACKET_MR_PROMISC}); err != nil {
			return fmt.Errorf("promiscuous mode: %w", err)
		}
	}
	everything := binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, unix.ETH_P_ALL))
	if err := unix.Bind(l.fd, &unix.SockaddrLinklayer{Protocol: everything, Ifindex: index}); err != nil {
		return fmt.Errorf("bind: %w", err)
	}
	return nil
}

func (l *liveLink) open() (packet.Link, error) {
	kind, link := "Ethernet", packet.Ethernet
	if l.cooked {
		kind, link = "Linux cooked", packet.Cooked
	}
	l.c.warn("listening on %s (%s), snapshot length %d bytes", PrintableLine(l.name), kind, l.snaplen)
	return link, nil
}

func (l *liveLink) next(wait func()) (packet.Captured, error) {
	for {
		n, cn, _, from, err := unix.Recvmsg(l.fd, l.buffer, l.control, unix.MSG_DONTWAIT|unix.MSG_TRUNC)
		select {
		case <-l.interrupted:
			return packet.Captured{}, io.EOF
		default:
		}
		switch err {
		case nil:
			return l.captured(n, l.control[:cn], from), nil
		case unix.EAGAIN:
			wait()
			unix.Poll([]unix.PollFd{{Fd: int32(l.fd), Events: unix.POLLIN}}, 250)
		case unix.EINTR:
		case unix.ENETDOWN:
			return packet.Captured{}, errors.New(l.name + ": the link went down")
		default:
			return packet.Captured{}, fmt.Errorf("recvmsg: %w", err)
		}
	}
}

// captured puts the tag that the kernel took off back, and Linux's cooked header
// in front of what has no other.
func (l *liveLink) captured(n int, control []byte, from unix.Sockaddr) packet.Captured {
	p := packet.Captured{At: time.Now(), Length: n}
	b := l.buffer[:min(n, len(l.buffer))]
	var tag []byte
	messages, _ := unix.ParseSocketControlMessage(control)
	for _, m := range messages {
		switch {
		case m.Header.Level == unix.SOL_SOCKET && m.Header.Type == unix.SO_TIMESTAMPNS && len(m.Data) >= int(unsafe.Sizeof(unix.Timespec{})):
			at := (*unix.Timespec)(unsafe.Pointer(&m.Data[0]))
			p.At = time.Unix(at.Unix())
		case m.Header.Level == unix.SOL_PACKET && m.Header.Type == unix.PACKET_AUXDATA && len(m.Data) >= int(unsafe.Sizeof(unix.TpacketAuxdata{})):
			aux := (*unix.TpacketAuxdata)(unsafe.Pointer(&m.Data[0]))
			p.Length = int(aux.Len)
			if aux.Status&unix.TP_STATUS_VLAN_VALID != 0 {
				kind := uint16(unix.ETH_P_8021Q)
				if aux.Status&unix.TP_STATUS_VLAN_TPID_VALID != 0 {
					kind = aux.Vlan_tpid
				}
				tag = binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(nil, kind), aux.Vlan_tci)
			}
		}
	}
	header := []byte{}
	if l.cooked {
		header = cookedHeader(from)
	} else if len(b) >= 12 {
		header, b = b[:12:12], b[12:]
	}
	if l.cooked && tag != nil {
		// The type is behind the tag, and the tag's in the header.
		kind := append([]byte(nil), header[14:]...)
		header, tag = append(header[:14], tag[:2]...), append(tag[2:4:4], kind...)
	}
	p.Bytes = append(append(append(make([]byte, 0, len(header)+len(tag)+len(b)), header...), tag...), b...)
	p.Length += len(tag)
	if l.cooked {
		p.Length += len(header)
	}
	p.Bytes = p.Bytes[:min(len(p.Bytes), int(l.snaplen))]
	return p
}

// cookedHeader is LINUX_SLL's (pcap-linktype(7)).
func cookedHeader(from unix.Sockaddr) []byte {
	header := make([]byte, 16)
	if from, ok := from.(*unix.SockaddrLinklayer); ok {
		binary.BigEndian.PutUint16(header, uint16(from.Pkttype))
		binary.BigEndian.PutUint16(header[2:], from.Hatype)
		binary.BigEndian.PutUint16(header[4:], uint16(from.Halen))
		copy(header[6:14], from.Addr[:])
		binary.NativeEndian.PutUint16(header[14:], from.Protocol)
	}
	return header
}

func (l *liveLink) counts(taken int) {
	l.c.warn("%d packets captured", taken)
	if stats, err := unix.GetsockoptTpacketStats(l.fd, unix.SOL_PACKET, unix.PACKET_STATISTICS); err == nil {
		l.c.warn("%d packets received by filter, %d dropped by kernel", stats.Packets, stats.Drops)
	}
}

func (l *liveLink) close() {
	signal.Stop(l.interrupted)
	unix.Close(l.fd)
}
