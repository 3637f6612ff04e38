package netcfg

import (
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// The kernel's tables can be long: a router may have a million routes, of which
// one is ours. So dumps are asked for with filters, read message by message
// without a list in between, and left where there is enough. Libraries do none
// of this.

// conversation speaks rtnetlink (rtnetlink(7)) in the thread's network namespace.
type conversation struct {
	fd       int // for changes
	sequence uint32
	buffer   []byte
	counted  counters
}

// counters say what the conversation has cost.
type counters struct {
	Changes  int // requests that change something
	Dumps    int
	Messages int // that dumps have sent
	Files    int // below /proc/sys that were read
}

// answerSize holds the largest datagram of a dump: the kernel makes them of
// at most 32 KB but where one object alone is larger.
const answerSize = 1 << 16

// answerTime bounds the wait for the kernel, which answers within the call.
var answerTime = unix.Timeval{Sec: 60}

func openConversation() (*conversation, error) {
	fd, err := openRoutingSocket()
	if err != nil {
		return nil, err
	}
	return &conversation{fd: fd, buffer: make([]byte, answerSize)}, nil
}

func openRoutingSocket() (int, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return -1, fmt.Errorf("socket(AF_NETLINK): %w", err)
	}
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &answerTime); err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("setsockopt(SO_RCVTIMEO): %w", err)
	}
	return fd, nil
}

func (c *conversation) close() { unix.Close(c.fd) }

// attribute is one of a message (struct rtattr), with padding.
func attribute(kind uint16, value []byte) []byte {
	b := binary.NativeEndian.AppendUint16(nil, uint16(4+len(value)))
	b = append(binary.NativeEndian.AppendUint16(b, kind), value...)
	return append(b, make([]byte, -len(b)&3)...)
}

func attribute32(kind uint16, value uint32) []byte {
	return attribute(kind, binary.NativeEndian.AppendUint32(nil, value))
}

// attributes reads one attribute after the other. What is malformed ends it.
type attributes struct {
	rest  []byte
	kind  uint16
	value []byte
}

func (a *attributes) next() bool {
	if len(a.rest) < 4 {
		return false
	}
	size := int(binary.NativeEndian.Uint16(a.rest))
	if size < 4 || size > len(a.rest) {
		return false
	}
	a.kind, a.value = binary.NativeEndian.Uint16(a.rest[2:])&^unix.NLA_F_NESTED, a.rest[4:size]
	a.rest = a.rest[min((size+3)&^3, len(a.rest)):]
	return true
}

func read32(b []byte) uint32 {
	if len(b) < 4 {
		return 0
	}
	return binary.NativeEndian.Uint32(b)
}

// message puts the header (struct nlmsghdr) before the parts of a body.
func message(kind, flags uint16, sequence uint32, parts ...[]byte) []byte {
	b := make([]byte, unix.NLMSG_HDRLEN, 128)
	for _, part := range parts {
		b = append(b, part...)
	}
	binary.NativeEndian.PutUint32(b, uint32(len(b)))
	binary.NativeEndian.PutUint16(b[4:], kind)
	binary.NativeEndian.PutUint16(b[6:], unix.NLM_F_REQUEST|flags)
	binary.NativeEndian.PutUint32(b[8:], sequence)
	return b
}

// messages reads one message of a datagram after the other. What is malformed ends it.
type messages struct {
	rest        []byte
	kind, flags uint16
	sequence    uint32
	body        []byte
}

func (m *messages) next() bool {
	if len(m.rest) < unix.NLMSG_HDRLEN {
		return false
	}
	size := binary.NativeEndian.Uint32(m.rest)
	if size < unix.NLMSG_HDRLEN || uint64(size) > uint64(len(m.rest)) {
		return false
	}
	m.kind, m.flags = binary.NativeEndian.Uint16(m.rest[4:]), binary.NativeEndian.Uint16(m.rest[6:])
	m.sequence, m.body = read32(m.rest[8:]), m.rest[unix.NLMSG_HDRLEN:size]
	m.rest = m.rest[min((int(size)+3)&^3, len(m.rest)):]
	return true
}

// verdict is the kernel's in an NLMSG_ERROR or NLMSG_DONE message; a done
// message of an older kernel says nothing.
func verdict(body []byte) error {
	if errno := -int32(read32(body)); errno != 0 {
		return unix.Errno(errno)
	}
	return nil
}

// receive reads one datagram of the kernel.
func (c *conversation) receive(fd int) ([]byte, error) {
	for {
		n, from, err := unix.Recvfrom(fd, c.buffer, 0)
		switch kernel, ok := from.(*unix.SockaddrNetlink); {
		case err == unix.EINTR:
		case err != nil:
			return nil, fmt.Errorf("recvfrom(AF_NETLINK): %w", err)
		case ok && kernel.Pid == 0:
			return c.buffer[:n], nil
		}
	}
}

func send(fd int, request []byte) error {
	if err := unix.Sendto(fd, request, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return fmt.Errorf("sendto(AF_NETLINK): %w", err)
	}
	return nil
}

// change makes a request that has no answer but yes or an errno.
func (c *conversation) change(kind, flags uint16, parts ...[]byte) error {
	c.counted.Changes++
	c.sequence++
	if err := send(c.fd, message(kind, flags|unix.NLM_F_ACK, c.sequence, parts...)); err != nil {
		return err
	}
	for {
		datagram, err := c.receive(c.fd)
		if err != nil {
			return err
		}
		for m := (messages{rest: datagram}); m.next(); {
			if m.kind == unix.NLMSG_ERROR && m.sequence == c.sequence {
				return verdict(m.body)
			}
		}
	}
}

// errInterrupted is a dump during which something changed: it may lack something.
var errInterrupted = errors.New("interrupted by changes")

// dump asks for all objects of a kind and hands their messages to each until
// that has enough; whole tells whether there were no more. A dump that changes
// have interrupted is repeated, with a new each of begin. The kernel makes a dump
// while it is read, so one that is left costs it no more.
func (c *conversation) dump(kind uint16, body []byte, begin func() (each func(body []byte) bool)) (whole bool, err error) {
	for range 4 {
		if whole, err = c.dumpOnce(kind, body, begin()); !errors.Is(err, errInterrupted) {
			break
		}
	}
	return whole, err
}

func (c *conversation) dumpOnce(kind uint16, body []byte, each func([]byte) bool) (whole bool, err error) {
	fd, err := openRoutingSocket() // of its own, so that it can be left
	if err != nil {
		return false, err
	}
	defer unix.Close(fd)
	c.counted.Dumps++
	// Kernels before 4.20 cannot filter, and send all; who reads filters too.
	unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_GET_STRICT_CHK, 1)
	if err := send(fd, message(kind, unix.NLM_F_DUMP, 1, body)); err != nil {
		return false, err
	}
	interrupted := false
	for {
		datagram, err := c.receive(fd)
		if err != nil {
			return false, err
		}
		for m := (messages{rest: datagram}); m.next(); {
			interrupted = interrupted || m.flags&unix.NLM_F_DUMP_INTR != 0
			switch m.kind {
			case unix.NLMSG_DONE, unix.NLMSG_ERROR:
				if err := verdict(m.body); err != nil || !interrupted {
					return err == nil, err
				}
				return false, errInterrupted
			default:
				c.counted.Messages++
				if !each(m.body) {
					return false, nil
				}
			}
		}
	}
}

// list is a whole dump of what read can read.
func list[T any](c *conversation, kind uint16, body []byte, read func([]byte) (T, bool)) (all []T, err error) {
	_, err = c.dump(kind, body, func() func([]byte) bool {
		all = nil
		return func(b []byte) bool {
			if one, ok := read(b); ok {
				all = append(all, one)
			}
			return true
		}
	})
	return all, err
}
