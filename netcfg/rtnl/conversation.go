// Package rtnl speaks rtnetlink (rtnetlink(7)), by which the kernel is asked for links, addresses, routes and
// neighbours, and changes them. It knows messages, attributes, and how a link is named in one; not what stands in them.
package rtnl

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// The kernel's tables can be long: a router may have a million routes, of which
// one is ours. So dumps are asked for with filters, read message by message
// without a list in between, and left where there is enough. Libraries do none
// of this.

// Conversation is one with the kernel about the network namespace of the thread.
type Conversation struct {
	Counted  Counters
	protocol int // of netlink
	fd       int // for changes
	sequence uint32
	buffer   []byte
	requests []byte // that are sent together, see Changes
}

// Counters say what a conversation has cost.
type Counters struct {
	Changes  int // requests that change something
	Dumps    int
	Messages int // that dumps have sent
}

// AnswerSize holds the largest datagram of a dump: the kernel makes them of
// at most 32 KB but where one object alone is larger.
const AnswerSize = 1 << 16

// answerTime bounds the wait for the kernel, which answers within the call.
var answerTime = unix.Timeval{Sec: 60}

func Open() (*Conversation, error) { return OpenProtocol(unix.NETLINK_ROUTE) }

// OpenProtocol speaks another protocol of netlink, whose messages have the same form.
func OpenProtocol(protocol int) (*Conversation, error) {
	fd, err := openSocket(protocol)
	if err != nil {
		return nil, err
	}
	return &Conversation{protocol: protocol, fd: fd, buffer: make([]byte, AnswerSize)}, nil
}

func openSocket(protocol int) (int, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, protocol)
	if err != nil {
		return -1, fmt.Errorf("socket(AF_NETLINK): %w", err)
	}
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &answerTime); err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("setsockopt(SO_RCVTIMEO): %w", err)
	}
	return fd, nil
}

func (c *Conversation) Close() { unix.Close(c.fd) }

// Attribute is one of a message (struct rtattr), with padding.
func Attribute(kind uint16, value []byte) []byte {
	b := make(Body, 0, 4+(len(value)+3)&^3)
	b.Add(kind, value)
	return b
}

func Attribute32(kind uint16, value uint32) []byte {
	return Attribute(kind, binary.NativeEndian.AppendUint32(nil, value))
}

// AttributeText is one with the zero at its end that Text takes away.
func AttributeText(kind uint16, text string) []byte { return Attribute(kind, append([]byte(text), 0)) }

// LinkHeader is struct ifinfomsg, for a change of the flags in mask.
func LinkHeader(index int, flags, mask uint32) []byte {
	b := make([]byte, 4, unix.SizeofIfInfomsg)
	for _, field := range []uint32{uint32(index), flags, mask} {
		b = binary.NativeEndian.AppendUint32(b, field)
	}
	return b
}

// Attributes reads one attribute after the other. What is malformed ends it.
type Attributes struct {
	Rest  []byte
	Kind  uint16
	Value []byte
}

func (a *Attributes) Next() bool {
	if len(a.Rest) < 4 {
		return false
	}
	size := int(binary.NativeEndian.Uint16(a.Rest))
	if size < 4 || size > len(a.Rest) {
		return false
	}
	a.Kind, a.Value = binary.NativeEndian.Uint16(a.Rest[2:])&^unix.NLA_F_NESTED, a.Rest[4:size]
	a.Rest = a.Rest[min((size+3)&^3, len(a.Rest)):]
	return true
}

// Read32 is the number in an attribute; 0 where it is too short.
func Read32(b []byte) uint32 {
	if len(b) < 4 {
		return 0
	}
	return binary.NativeEndian.Uint32(b)
}

// Number is that in an attribute of one, two or four bytes; 0 where it is none of these.
func Number(b []byte) int {
	switch len(b) {
	case 1:
		return int(b[0])
	case 2:
		return int(binary.NativeEndian.Uint16(b))
	case 4:
		return int(int32(binary.NativeEndian.Uint32(b)))
	}
	return 0
}

// Message puts the header (struct nlmsghdr) before the parts of a body.
func Message(kind, flags uint16, sequence uint32, parts ...[]byte) []byte {
	return appendMessage(make([]byte, 0, 128), kind, flags, sequence, parts...)
}

func appendMessage(b []byte, kind, flags uint16, sequence uint32, parts ...[]byte) []byte {
	var header [unix.NLMSG_HDRLEN]byte
	at := len(b)
	b = append(b, header[:]...)
	for _, part := range parts {
		b = append(b, part...)
	}
	binary.NativeEndian.PutUint32(b[at:], uint32(len(b)-at))
	binary.NativeEndian.PutUint16(b[at+4:], kind)
	binary.NativeEndian.PutUint16(b[at+6:], unix.NLM_F_REQUEST|flags)
	binary.NativeEndian.PutUint32(b[at+8:], sequence)
	return b
}

// Messages reads one message of a datagram after the other. What is malformed ends it.
type Messages struct {
	Rest        []byte
	Kind, Flags uint16
	Sequence    uint32
	Body        []byte
}

func (m *Messages) Next() bool {
	if len(m.Rest) < unix.NLMSG_HDRLEN {
		return false
	}
	size := binary.NativeEndian.Uint32(m.Rest)
	if size < unix.NLMSG_HDRLEN || uint64(size) > uint64(len(m.Rest)) {
		return false
	}
	m.Kind, m.Flags = binary.NativeEndian.Uint16(m.Rest[4:]), binary.NativeEndian.Uint16(m.Rest[6:])
	m.Sequence, m.Body = Read32(m.Rest[8:]), m.Rest[unix.NLMSG_HDRLEN:size]
	m.Rest = m.Rest[min((int(size)+3)&^3, len(m.Rest)):]
	return true
}

// verdict is the kernel's in an NLMSG_ERROR or NLMSG_DONE message; a done
// message of an older kernel says nothing.
func verdict(body []byte) error {
	if errno := -int32(Read32(body)); errno != 0 {
		return unix.Errno(errno)
	}
	return nil
}

// receive reads one datagram of the kernel.
func (c *Conversation) receive(fd int) ([]byte, error) {
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

// Change makes a request that has no answer but yes or an errno.
func (c *Conversation) Change(kind, flags uint16, parts ...[]byte) error {
	c.ask(kind, flags|unix.NLM_F_ACK, parts...)
	return c.settle(1)[0]
}

// Together is how many requests are made in one datagram: the kernel does one after the other and tells of those that it
// refuses, of which each takes a piece of the socket's room.
const Together = 64

// Changes makes count requests as Change does, one after the other whether or not one before it was refused, and
// tells what became of each. body appends the body of a request to b, which is empty.
func (c *Conversation) Changes(count int, body func(i int, b *Body) (kind, flags uint16)) (faults []error) {
	var b Body
	for first := 0; first < count; first += Together {
		n := min(Together, count-first)
		for i := range n {
			b = b[:0]
			kind, flags := body(first+i, &b)
			if i == n-1 {
				flags |= unix.NLM_F_ACK // nothing is told of what is done, but that this one is
			}
			c.ask(kind, flags, b)
		}
		faults = append(faults, c.settle(n)...)
	}
	return faults
}

// ask adds a request to those that settle sends.
func (c *Conversation) ask(kind, flags uint16, parts ...[]byte) {
	c.Counted.Changes++
	c.sequence++
	c.requests = appendMessage(c.requests, kind, flags, c.sequence, parts...)
}

// settle sends the last n requests, and waits until the last one of them, which asks for it, is answered.
func (c *Conversation) settle(n int) []error {
	faults, first := make([]error, n), c.sequence-uint32(n)+1
	err := send(c.fd, c.requests)
	c.requests = c.requests[:0]
	for err == nil {
		var datagram []byte
		if datagram, err = c.receive(c.fd); err != nil {
			break
		}
		for m := (Messages{Rest: datagram}); m.Next(); {
			if i := m.Sequence - first; m.Kind == unix.NLMSG_ERROR && i < uint32(n) {
				if faults[i] = verdict(m.Body); m.Sequence == c.sequence {
					return faults
				}
			}
		}
	}
	for i := range faults { // of none is known that it was done
		if faults[i] == nil {
			faults[i] = err
		}
	}
	return faults
}

// errInterrupted is a dump during which something changed: it may lack something.
var errInterrupted = errors.New("interrupted by changes")

// Dump asks for all objects of a kind and hands their messages to each until
// that has enough; whole tells whether there were no more. A dump that changes
// have interrupted is repeated, with a new each of begin. The kernel makes a dump
// while it is read, so one that is left costs it no more.
func (c *Conversation) Dump(kind uint16, body []byte, begin func() (each func(body []byte) bool)) (whole bool, err error) {
	for range 4 {
		if whole, err = c.dumpOnce(kind, body, begin()); !errors.Is(err, errInterrupted) {
			break
		}
	}
	return whole, err
}

func (c *Conversation) dumpOnce(kind uint16, body []byte, each func([]byte) bool) (whole bool, err error) {
	fd, err := openSocket(c.protocol) // of its own, so that it can be left
	if err != nil {
		return false, err
	}
	defer unix.Close(fd)
	c.Counted.Dumps++
	// Kernels before 4.20 cannot filter, and send all; who reads filters too.
	unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_GET_STRICT_CHK, 1)
	if err := send(fd, Message(kind, unix.NLM_F_DUMP, 1, body)); err != nil {
		return false, err
	}
	interrupted := false
	for {
		datagram, err := c.receive(fd)
		if err != nil {
			return false, err
		}
		for m := (Messages{Rest: datagram}); m.Next(); {
			interrupted = interrupted || m.Flags&unix.NLM_F_DUMP_INTR != 0
			switch m.Kind {
			case unix.NLMSG_DONE, unix.NLMSG_ERROR:
				if err := verdict(m.Body); err != nil || !interrupted {
					return err == nil, err
				}
				return false, errInterrupted
			default:
				c.Counted.Messages++
				if !each(m.Body) {
					return false, nil
				}
			}
		}
	}
}

// List is a whole dump of what read can read.
func List[T any](c *Conversation, kind uint16, body []byte, read func([]byte) (T, bool)) (all []T, err error) {
	_, err = c.Dump(kind, body, func() func([]byte) bool {
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

// Ask makes a request that has one object as its answer.
func (c *Conversation) Ask(kind uint16, parts ...[]byte) (answer []byte, err error) {
	c.sequence++
	if err := send(c.fd, Message(kind, 0, c.sequence, parts...)); err != nil {
		return nil, err
	}
	for {
		datagram, err := c.receive(c.fd)
		if err != nil {
			return nil, err
		}
		for m := (Messages{Rest: datagram}); m.Next(); {
			switch {
			case m.Sequence != c.sequence:
			case m.Kind == unix.NLMSG_ERROR:
				return nil, verdict(m.Body)
			default:
				return bytes.Clone(m.Body), nil
			}
		}
	}
}

// Text is that of an attribute, without the zero at its end.
func Text(b []byte) string { return string(bytes.TrimRight(b, "\x00")) }
