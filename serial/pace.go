package serial

import (
	"bytes"
	"time"
)

// A Pace is how fast bytes are sent to a device whose UART has no flow control and whose processor may be busy: it loses what comes
// while its buffer, of 16 bytes mostly, is full.
type Pace struct {
	Baud int           // of the line, in bits a second
	Line time.Duration // what a device needs after each line, as it may do what that says
}

// fifo is the buffer of the commonest UART, the 16550, and of those that took its place.
const fifo = 16

// bitsPerByte are eight bits with a start and a stop bit.
const bitsPerByte = 10

// Next says how many of the bytes that wait are sent now, at least one, and how long the line is left alone from then on. What is
// typed goes at once; a paste at half of the line's speed, with a rest behind each line.
func (p Pace) Next(waiting []byte) (n int, rest time.Duration) {
	n = min(len(waiting), fifo)
	end := bytes.IndexAny(waiting[:n], "\r\n")
	if end >= 0 {
		n = end + 1
	}
	rest = 2 * time.Duration(n) * bitsPerByte * time.Second / time.Duration(p.Baud)
	if end >= 0 {
		rest += p.Line
	}
	return n, rest
}
