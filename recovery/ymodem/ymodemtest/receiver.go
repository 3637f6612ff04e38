// Package ymodemtest receives files by YMODEM for tests, with a clock that the test moves.
package ymodemtest

import "time"

const (
	soh, stx, eot, ack, can = 0x01, 0x02, 0x04, 0x06, 0x18
	want                    = 'C'
)

// What U-Boot's receiver does with time and errors.
const (
	patience = 2 * time.Second // for each byte
	retries  = 20              // of a block
)

// A Receiver is as U-Boot's: it asks for a block that is damaged, at once where its sum is wrong; where the number of a block is damaged, or none begins,
// it first waits until nothing comes for two seconds, and as long as something comes it waits.
type Receiver struct {
	Got  []byte // blocks whole, what fills up the last one included
	Over bool
	Gone bool // it was cancelled, or gave up

	buf      []byte
	skipped  bool // something that begins no block; an end counts only in front of that
	flushing bool
	next     byte
	stage    int // 0 wants a header, 1 data, 2 the empty header
	silent   time.Duration
	cans     int
	errors   int // of this block
}

// Step takes what has come and lets time pass, and gives what is answered.
func (r *Receiver) Step(in []byte, passed time.Duration) (out []byte) {
	if r.silent += passed; len(in) > 0 {
		r.silent = 0
	}
	if r.flushing && len(in) > 0 {
		return nil
	}
	r.buf = append(r.buf, in...)
	for !r.Over && !r.flushing {
		p := r.frame()
		if p == nil {
			break
		}
		out = append(out, r.answer(p)...)
	}
	if r.silent >= patience && !r.Over {
		r.silent, r.buf, r.skipped = 0, nil, false
		r.flushing = false
		out = append(out, r.again()...)
	}
	return out
}

// frame takes a block or an end, as soon as it is whole; nil: not yet.
func (r *Receiver) frame() (p []byte) {
	for len(r.buf) > 0 && r.buf[0] != soh && r.buf[0] != stx && (r.buf[0] != eot || r.skipped) {
		if r.cans++; r.buf[0] != can {
			r.cans = 0
		}
		if r.cans == 3 {
			r.Over, r.Gone = true, true
			return nil
		}
		r.buf, r.skipped = r.buf[1:], true
	}
	size := 1
	switch {
	case len(r.buf) == 0:
		return nil
	case r.buf[0] == soh:
		size = 133
	case r.buf[0] == stx:
		size = 1029
	}
	if len(r.buf) < size {
		return nil
	}
	p, r.buf = r.buf[:size], r.buf[size:]
	r.skipped, r.cans = false, 0
	return p
}

// again asks for a block once more, or gives up.
func (r *Receiver) again() []byte {
	if r.errors++; r.errors > retries {
		r.Over, r.Gone = true, true
		return []byte{can, can, can, can, '\b', '\b', '\b', '\b'}
	}
	return []byte{want}
}

// answer answers a block or an end.
func (r *Receiver) answer(p []byte) []byte {
	if p[0] == eot {
		if r.stage != 1 {
			return []byte{ack}
		}
		r.stage = 2
		return []byte{ack, ack, want}
	}
	if r.stage == 2 { // whatever comes is the empty header
		r.Over = true
		return []byte{ack}
	}
	size := len(p)
	crc := sum(p[3 : size-2])
	switch {
	case p[1] != ^p[2]:
		r.flushing, r.buf = true, nil
		return nil
	case (p[size-2] != byte(crc>>8) || p[size-1] != byte(crc)) && r.stage == 0:
		return nil
	case p[size-2] != byte(crc>>8) || p[size-1] != byte(crc):
		return r.again()
	case r.stage == 0:
		r.stage, r.next, r.errors = 1, 1, 0
	case p[1] == r.next:
		r.Got = append(r.Got, p[3:size-2]...)
		r.next++
		r.errors = 0
	case p[1] != r.next-1:
		return r.again()
	}
	return []byte{ack}
}

// sum is CRC-16/XMODEM, by the polynomial's long division and not as the sender has it.
func sum(data []byte) uint16 {
	rest := uint32(0)
	for _, b := range append(append([]byte(nil), data...), 0, 0) {
		for bit := 7; bit >= 0; bit-- {
			rest = rest<<1 | uint32(b>>bit&1)
			if rest&0x10000 != 0 {
				rest ^= 0x11021
			}
		}
	}
	return uint16(rest)
}
