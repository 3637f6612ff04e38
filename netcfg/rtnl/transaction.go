package rtnl

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"
)

// Refusal is why the kernel did not do a transaction.
type Refusal struct {
	Request int    // of the first one that it refused, from 0; -1: of all together
	Text    string // the kernel's own words, "" where it has none
	Errno   unix.Errno
}

func (r *Refusal) Error() string {
	text := r.Errno.Error()
	if r.Text != "" {
		text += " (" + r.Text + ")"
	}
	if r.Request >= 0 {
		text = fmt.Sprintf("request %d: %s", r.Request, text)
	}
	return text
}

func (r *Refusal) Unwrap() error { return r.Errno }

// Transaction sends a datagram of requests that are done together or not at all: a beginning with number first, then
// count requests with the numbers behind it, of which the last one asks for an answer. The error is a *Refusal where
// the kernel has said no.
func (c *Conversation) Transaction(datagram []byte, first uint32, count int) error {
	fd, err := openSocket(c.protocol) // of its own: what else comes of it nobody reads
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	c.Counted.Changes++
	unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_EXT_ACK, 1)
	unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, len(datagram)+AnswerSize)
	if err := send(fd, datagram); err != nil {
		return err
	}
	var refusal *Refusal
	for {
		answer, err := c.receive(fd)
		if err != nil {
			return err
		}
		for m := (Messages{Rest: answer}); m.Next(); {
			if m.Kind != unix.NLMSG_ERROR {
				continue
			}
			said := ReadRefusal(m.Body, m.Flags)
			said.Request = int(int32(m.Sequence-first)) - 1
			if said.Errno != 0 && refusal == nil {
				refusal = said
			}
			if said.Request == count-1 || said.Request < 0 && said.Errno != 0 {
				if refusal != nil {
					return refusal
				}
				return nil
			}
		}
	}
}

// ReadRefusal reads the body of an NLMSG_ERROR message: struct nlmsgerr, and with NETLINK_EXT_ACK attributes behind it.
func ReadRefusal(body []byte, flags uint16) *Refusal {
	r := &Refusal{Request: -1, Errno: unix.Errno(-int32(Read32(body)))}
	at := 4 + unix.NLMSG_HDRLEN
	if flags&unix.NLM_F_ACK_TLVS == 0 || len(body) < at {
		return r
	}
	if flags&unix.NLM_F_CAPPED == 0 { // the whole request comes back
		at = 4 + (int(min(binary.NativeEndian.Uint32(body[4:]), uint32(len(body))))+3)&^3
	}
	for a := (Attributes{Rest: body[min(at, len(body)):]}); a.Next(); {
		if a.Kind == unix.NLMSGERR_ATTR_MSG {
			r.Text = Text(a.Value)
		}
	}
	return r
}
