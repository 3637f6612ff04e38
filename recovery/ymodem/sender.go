// Package ymodem sends one file by YMODEM (Chuck Forsberg's XMODEM/YMODEM protocol reference of 1988), as the command `rb` of Debian's
// lrzsz and U-Boot's `loady` receive it: blocks of 1024 bytes with a CRC, each acknowledged.
//
// A Sender has no line and no clock of its own: Step takes what has come and gives what is to be sent. Limits: one file, CRC alone (no
// checksums of one byte), no streaming (YMODEM-g), which a line that loses bytes does not bear.
package ymodem

import (
	"errors"
	"fmt"
	"time"
)

// The protocol's bytes.
const (
	soh  = 0x01 // begins a block of 128 bytes
	stx  = 0x02 // begins one of 1024
	eot  = 0x04
	ack  = 0x06
	nak  = 0x15
	can  = 0x18
	want = 'C' // the receiver begins, or begins anew, with CRCs
)

// Sizes of blocks.
const (
	short = 128
	long  = 1024
)

// What ends a transfer that does not go on.
var (
	ErrCancelled = errors.New("the receiver has cancelled it")
	ErrSilent    = errors.New("the receiver does not answer any more")
	ErrNoStart   = errors.New("the receiver does not begin")
	ErrNoisy     = errors.New("the line loses too much for blocks of 1024 bytes")
)

// Cancellation is what tells a receiver to stop.
var Cancellation = []byte{can, can, can, can, can, can, can, can}

// How long something is waited for, beside what the line takes, and how often it is tried.
const (
	startPatience = 20 * time.Second
	startPause    = 300 * time.Millisecond // that a receiver may take from its answer to the header to its wish for data
	patience      = 400 * time.Millisecond
	patienceAtEnd = 4 * time.Second         // rb believes an end only behind which nothing comes for two or three
	rest          = 2600 * time.Millisecond // U-Boot, when it has lost a block's beginning, waits until nothing comes for two seconds
	quiet         = 250 * time.Millisecond  // after which a second answer to a block that was sent twice is not to be expected
	mostLong      = 10                      // faults in a row
	mostShort     = 60
	mostAtEnd     = 6
	bitsPerByte   = 10
)

type state int

const (
	starting state = iota
	heading        // the header is sent
	headed         // and acknowledged
	sending
	settling // a block that was sent more than once is acknowledged, maybe more than once
	ending   // EOT is sent
	closing  // the empty header behind the last file is
	over
)

// A Sender is one file on its way.
type Sender struct {
	Name string // as the receiver may call it, e.g. image
	Data []byte
	Baud int // of the line, in bits a second
	// Short has it send no long blocks, for a line that loses much. Not in the middle of a transfer: where the answer to a long block was
	// lost, its receiver would take a short one of the same number for that again, and lack what lies between.
	Short bool

	state   state
	sum     byte // number of the block that is sent, modulo 256
	at      int  // offset in Data of that
	size    int  // bytes of Data in it
	frame   int  // of the line, that it takes
	faults  int  // in a row
	again   bool // the block was sent more than once
	rested  bool // nothing was sent for long enough
	fillers int  // how much has been sent to complete a block of which the receiver has lost bytes
	cancels int  // CANs in a row
	wake    time.Time
	started bool
	err     error
}

// Done says whether it is over, and how.
func (s *Sender) Done() (bool, error) { return s.state == over, s.err }

// Acknowledged is how many bytes of Data the receiver has taken.
func (s *Sender) Acknowledged() int {
	if s.state == over && s.err == nil {
		return len(s.Data)
	}
	return min(s.at, len(s.Data))
}

// Cancel gives what tells a receiver to stop, and ends the transfer.
func (s *Sender) Cancel(why error) []byte {
	s.state, s.err = over, why
	return append([]byte(nil), Cancellation...)
}

// Step takes what has come since the last step, and gives what is to be sent, and until when the next step has time if nothing comes.
// The first one has nothing that has come.
func (s *Sender) Step(now time.Time, in []byte) (out []byte, wake time.Time) {
	if !s.started {
		s.started, s.wake = true, now.Add(startPatience)
	}
	for _, b := range in {
		if s.state == over {
			break
		}
		out = append(out, s.take(now, b)...)
	}
	if s.state != over && !now.Before(s.wake) {
		out = append(out, s.expire(now)...)
	}
	return out, s.wake
}

// take goes on after a byte of the receiver.
func (s *Sender) take(now time.Time, b byte) []byte {
	if b == can {
		if s.cancels++; s.cancels >= 2 {
			s.state, s.err = over, ErrCancelled
		}
		return nil
	}
	s.cancels = 0
	switch s.state {
	case starting:
		if b == want {
			return s.header(now)
		}
	case heading:
		switch b {
		case ack:
			s.state, s.wake = headed, now.Add(startPause)
		case nak:
			return s.repeat(now, s.header)
		case want: // not at once: those from before the header come late
			if s.rested {
				return s.repeat(now, s.header)
			}
		}
	case headed:
		if b == want {
			s.faults, s.sum = 0, 1
			return s.block(now)
		}
	case sending:
		switch b {
		case ack:
			if s.again {
				s.state, s.wake = settling, now.Add(quiet)
				return nil
			}
			return s.next(now)
		case nak, want: // U-Boot asks for a block that did not come as it does for the first
			return s.repeat(now, s.block)
		}
	case settling:
		s.wake = now.Add(quiet)
	case ending:
		switch b {
		case ack:
			s.state, s.wake = closing, now.Add(startPause)
			s.faults = -1 // the empty header is not sent yet
		case want: // the answer before it was lost
			return s.last(now)
		case nak:
			return s.repeat(now, s.end)
		}
	case closing:
		switch {
		case b == want && s.faults < 0:
			return s.last(now)
		case b == ack && s.faults >= 0:
			s.state = over
		}
	}
	return nil
}

// expire goes on when nothing has come.
func (s *Sender) expire(now time.Time) []byte {
	switch s.state {
	case starting:
		return s.Cancel(ErrNoStart)
	case heading:
		if !s.rested {
			s.rested, s.wake = true, now.Add(rest)
			return nil
		}
		return s.repeat(now, s.header)
	case headed: // U-Boot asks only after some time
		s.faults, s.sum = 0, 1
		return s.block(now)
	case sending:
		if s.fillers < long+short { // it may be waiting for the rest of a block, of which bytes were lost
			n := min(max(8, s.fillers), long)
			s.fillers += n
			s.wake = now.Add(s.lineTime(n) + patience/4)
			return make([]byte, n)
		}
		if !s.rested {
			s.rested, s.wake = true, now.Add(rest)
			return nil
		}
		return s.repeat(now, s.block)
	case settling:
		return s.next(now)
	case ending:
		return s.repeat(now, s.end)
	case closing:
		if s.faults++; s.faults > mostAtEnd { // it has all it wants
			s.state = over
			return nil
		}
		return s.last(now)
	}
	return nil
}

// repeat sends something again, unless that was in vain too often.
func (s *Sender) repeat(now time.Time, send func(time.Time) []byte) []byte {
	s.faults++
	switch {
	case s.state == sending && s.frame > long && s.faults > mostLong:
		return s.Cancel(ErrNoisy)
	case s.faults > mostShort, s.state == ending && s.faults > mostAtEnd:
		return s.Cancel(fmt.Errorf("%w: at %d of %d bytes, after %d tries", ErrSilent, s.at, len(s.Data), s.faults))
	}
	out := send(now)
	s.again = true
	return out
}

func (s *Sender) lineTime(bytes int) time.Duration {
	return time.Duration(bytes) * bitsPerByte * time.Second / time.Duration(s.Baud)
}

// sent notes when an answer is late.
func (s *Sender) sent(now time.Time, out []byte) []byte {
	s.wake = now.Add(s.lineTime(len(out)) + patience)
	s.again, s.rested, s.fillers, s.frame = false, false, 0, len(out)
	return out
}

func (s *Sender) header(now time.Time) []byte {
	s.state = heading
	text := fmt.Sprintf("%s\x00%d\x00", s.Name, len(s.Data))
	return s.sent(now, packet(soh, 0, []byte(text), short, 0))
}

// next goes on behind the block that was acknowledged.
func (s *Sender) next(now time.Time) []byte {
	s.at += s.size
	s.sum++
	s.faults = 0
	return s.block(now)
}

func (s *Sender) block(now time.Time) []byte {
	rest := s.Data[s.at:]
	if len(rest) == 0 {
		s.size = 0
		return s.end(now)
	}
	s.state = sending
	kind, room := byte(stx), long
	if s.Short || len(rest) <= short {
		kind, room = soh, short
	}
	s.size = min(len(rest), room)
	return s.sent(now, packet(kind, s.sum, rest[:s.size], room, 0x1a))
}

func (s *Sender) end(now time.Time) []byte {
	s.state = ending
	out := s.sent(now, []byte{eot})
	s.wake = now.Add(patienceAtEnd)
	return out
}

func (s *Sender) last(now time.Time) []byte {
	s.state, s.faults = closing, max(s.faults, 0)
	return s.sent(now, packet(soh, 0, nil, short, 0))
}

// packet is a block as it goes over the line.
func packet(kind, number byte, data []byte, size int, fill byte) []byte {
	p := append(make([]byte, 0, size+5), kind, number, ^number)
	p = append(p, data...)
	for len(p) < size+3 {
		p = append(p, fill)
	}
	crc := crc16(p[3:])
	return append(p, byte(crc>>8), byte(crc))
}
