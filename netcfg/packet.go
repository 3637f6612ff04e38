package netcfg

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"bantam/netcfg/dhcp4"
	"bantam/netcfg/frame"

	"golang.org/x/sys/unix"
)

// wire is one port's way to DHCP servers and to its neighbours. Packet sockets
// work before there is an address, need no capability but CAP_NET_RAW, and do
// not mind that the link goes down and up again. The price: for its unicast
// answers a server gets an ICMP "port unreachable" from the kernel, which knows
// of no socket on port 68. Servers ignore it.
type wire struct {
	index int
	mac   [6]byte
	ip    int // AF_PACKET, IPv4, filtered for UDP port 68
	arp   int // AF_PACKET, ARP, filtered for one address; -1 while there is none
	raw   int // AF_INET, for unicast: the kernel routes and resolves
	watch netip.Addr

	damaged, lost int // packets

	transaction uint32 // whose answers ip hears
}

var everybody = [8]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}

func openWire(name string, index int, mac [6]byte) (*wire, error) {
	w := &wire{index: index, mac: mac, ip: -1, arp: -1, raw: -1}
	var err error
	if w.ip, err = packetSocket(index, unix.ETH_P_IP, dhcpFilter(0, mac)); err != nil {
		return nil, err
	}
	if err := unix.SetsockoptInt(w.ip, unix.SOL_PACKET, unix.PACKET_AUXDATA, 1); err != nil {
		w.close()
		return nil, fmt.Errorf("setsockopt(PACKET_AUXDATA): %w", err)
	}
	if w.raw, err = unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.IPPROTO_RAW); err != nil {
		w.close()
		return nil, fmt.Errorf("socket(AF_INET, SOCK_RAW): %w", err)
	}
	if err := unix.BindToDevice(w.raw, name); err != nil {
		w.close()
		return nil, fmt.Errorf("bind to device %s: %w", name, err)
	}
	return w, nil
}

func (w *wire) close() {
	for _, fd := range []int{w.ip, w.arp, w.raw} {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
}

// packetSocket hears one protocol on one link. It is bound last, so that
// nothing arrives before the filter is in place. What it sends goes past the
// link's queue, which the kernel sets up only some time, up to a second, after the carrier has come.
func packetSocket(index int, protocol uint16, filter []unix.SockFilter) (int, error) {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return -1, fmt.Errorf("socket(AF_PACKET): %w", err)
	}
	if err = frame.Attach(fd, filter); err == nil {
		unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_QDISC_BYPASS, 1) // without it the first packet may be lost, and is sent again
		if err = unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: frame.BigEndian(protocol), Ifindex: index}); err != nil {
			err = fmt.Errorf("bind(AF_PACKET): %w", err)
		}
	}
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// do carries out one action of the DHCP client. What is lost is sent again by its schedule.
func (w *wire) do(a dhcp4.Action) error {
	switch a := a.(type) {
	case dhcp4.SendDHCP:
		packet := datagram(a.From, a.To, a.Payload)
		if a.To != limitedBroadcast {
			if err := unix.Sendto(w.raw, packet, 0, &unix.SockaddrInet4{Addr: a.To.As4()}); err != nil {
				return fmt.Errorf("send to %v: %w", a.To, err)
			}
			return nil
		}
		return w.broadcast(w.ip, unix.ETH_P_IP, packet)
	case dhcp4.SendARP:
		if w.arp >= 0 {
			return w.broadcast(w.arp, unix.ETH_P_ARP, frame.ARPRequest(w.mac, a.Sender, a.Target))
		}
	}
	return nil
}

var limitedBroadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255})

func (w *wire) broadcast(fd int, protocol uint16, packet []byte) error {
	// A link that was down since leaves ENETDOWN behind, for the next call to fail with.
	unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
	to := &unix.SockaddrLinklayer{Protocol: frame.BigEndian(protocol), Ifindex: w.index, Halen: 6, Addr: everybody}
	if err := unix.Sendto(fd, packet, 0, to); err != nil {
		return fmt.Errorf("broadcast: %w", err)
	}
	return nil
}

// expect makes the DHCP socket hear of one transaction only.
func (w *wire) expect(transaction uint32) error {
	if transaction == w.transaction {
		return nil
	}
	w.transaction = transaction
	return frame.Attach(w.ip, dhcpFilter(transaction, w.mac))
}

// listen makes the ARP socket hear of address only; an invalid one closes it.
func (w *wire) listen(address netip.Addr) error {
	if address == w.watch {
		return nil
	}
	w.watch = netip.Addr{}
	if w.arp >= 0 {
		unix.Close(w.arp)
		w.arp = -1
	}
	if !address.IsValid() {
		return nil
	}
	fd, err := packetSocket(w.index, unix.ETH_P_ARP, arpFilter(address))
	if err != nil {
		return err // the next step tries again
	}
	w.arp, w.watch = fd, address
	return nil
}

// receiveDHCP returns the next message that a server sent; false when there is none.
func (w *wire) receiveDHCP(buffer []byte) (payload []byte, more bool) {
	var control [64]byte
	n, nc, _, from, err := unix.Recvmsg(w.ip, buffer, control[:], unix.MSG_DONTWAIT)
	if err != nil {
		// EAGAIN, or ENETDOWN once after the link went down: the socket lives on.
		return nil, false
	}
	if !onOurLAN(from) {
		return nil, true
	}
	payload, ok := payloadOf(buffer[:n], checksummed(control[:nc]))
	if !ok {
		w.damaged++
	}
	return payload, true
}

// count adds up the packets for which there was no room; the kernel begins anew with each look.
func (w *wire) count() {
	if s, err := unix.GetsockoptTpacketStats(w.ip, unix.SOL_PACKET, unix.PACKET_STATISTICS); err == nil {
		w.lost += int(s.Drops)
	}
}

// onOurLAN tells whether a packet could have been for this port. Others are heard
// too: a packet of a VLAN that this machine has not, its tag already taken off.
func onOurLAN(from unix.Sockaddr) bool {
	link, ok := from.(*unix.SockaddrLinklayer)
	return ok && link.Pkttype != unix.PACKET_OTHERHOST
}

const checksumNotReady = 1 << 3 // TP_STATUS_CSUMNOTREADY

// checksummed tells whether the check sum of a packet is filled in (struct tpacket_auxdata).
func checksummed(control []byte) bool {
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return true
	}
	for _, m := range messages {
		if m.Header.Level == unix.SOL_PACKET && m.Header.Type == unix.PACKET_AUXDATA && len(m.Data) >= 4 {
			return binary.NativeEndian.Uint32(m.Data)&checksumNotReady == 0
		}
	}
	return true
}

// receiveARP returns the next ARP packet about the watched address; false when there is none.
func (w *wire) receiveARP(buffer []byte) (packet dhcp4.ARP, ok, more bool) {
	if w.arp < 0 {
		return packet, false, false
	}
	n, from, err := unix.Recvfrom(w.arp, buffer, unix.MSG_DONTWAIT)
	if err != nil {
		return packet, false, false
	}
	packet, ok = readARP(buffer[:n])
	if link, linked := from.(*unix.SockaddrLinklayer); linked {
		packet.Frame = [6]byte(link.Addr[:6])
	}
	return packet, ok && onOurLAN(from), true
}
