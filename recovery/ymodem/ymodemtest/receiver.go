// Package ymodemtest receives files by YMODEM for tests, with a clock that the test moves.
package ymodemtest

import "time"

const (
	soh, stx, eot, ack, nak, can = 0x01, 0x02, 0x04, 0x06, 0x15, 0x18
	want                         = 'C'
)

// A Receiver is as U-Boot's: it asks for what does not come, and refuses what is damaged.
type Receiver struct {
	Got  []byte // blocks whole, what fills up the last one included
	Over bool
	Gone bool // it was cancelled

	buf     []byte
	next    byte
	stage   int // 0 wants a header, 1 data, 2 the empty header
	silent  time.Duration
	cans    int
	skipped bool // something that begins no block; an end counts only in front of that
}

// Step takes what has come and lets time pass, and gives what is answered.
func (r *Receiver) Step(in []byte, passed time.Duration) (out []byte) {
	if len(in) > 0 {
		r.silent = 0
	} else {
		r.silent += passed
	}
	r.buf = append(r.buf, in...)
	for !r.Over {
		for len(r.buf) > 0 && r.buf[0] != soh && r.buf[0] != stx && (r.buf[0] != eot || r.skipped) {
			r.skipped = true
			if r.cans++; r.buf[0] != can {
				r.cans = 0
			}
			r.buf = r.buf[1:]
			if r.cans >= 3 {
				r.Over, r.Gone = true, true
				return out
			}
		}
		if len(r.buf) == 0 {
			break
		}
		if r.buf[0] == eot {
			r.buf, r.skipped = r.buf[1:], false
			if r.stage == 1 {
				r.stage = 2
				out = append(out, ack, want)
			}
			continue
		}
		size := 133
		if r.buf[0] == stx {
			size = 1029
		}
		if len(r.buf) < size {
			break
		}
		p := r.buf[:size]
		r.buf, r.skipped = r.buf[size:], false
		out = append(out, r.block(p))
		if r.stage == 1 && r.next == 1 && len(r.Got) == 0 && out[len(out)-1] == ack {
			out = append(out, want)
		}
	}
	if r.silent >= 2*time.Second && !r.Over {
		r.silent, r.buf, r.skipped = 0, nil, false
		out = append(out, want)
	}
	return out
}

// block answers a block.
func (r *Receiver) block(p []byte) byte {
	size := len(p)
	crc := sum(p[3 : size-2])
	switch {
	case p[1] != ^p[2] || p[size-2] != byte(crc>>8) || p[size-1] != byte(crc):
		r.buf = nil
		return nak
	case r.stage == 0:
		r.stage, r.next = 1, 1
	case r.stage == 2:
		r.Over = true
	case p[1] == r.next:
		r.Got = append(r.Got, p[3:size-2]...)
		r.next++
	case p[1] != r.next-1:
		return nak
	}
	return ack
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
