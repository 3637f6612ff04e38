// Package tftp gives one file to one client by TFTP (RFC 1350, with the options blksize and tsize of RFC 2348 and 2349, timeout of
// 2349, windowsize of 7440, agreed upon as RFC 2347 says), which is how boot loaders fetch what they start or write.
//
// A Transfer is the answer to one request, without sockets and clock; a Server has the sockets. Limits: nothing is taken, only given;
// the mode is octet.
package tftp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// Operations.
const (
	opRead  = 1
	opWrite = 2
	opData  = 3
	opAck   = 4
	opError = 5
	opOACK  = 6
)

// Codes of errors.
const (
	codeOther    = 0
	codeNotFound = 1
	codeDenied   = 2
	codeIllegal  = 4
	codeOption   = 8
)

// What is agreed upon without a word, and at most.
const (
	usualBlock    = 512
	leastBlock    = 8
	mostBlock     = 65464
	mostWindow    = 64
	usualPatience = time.Second
	mostTries     = 12
)

// What ends a transfer that does not go on.
var (
	ErrSilent  = errors.New("it does not answer any more")
	ErrRefused = errors.New("it has ended it")
)

// A File is what is given.
type File struct {
	Name string // "": whatever is asked for
	Data io.ReaderAt
	Size int64
}

// A Request is a client's first packet.
type Request struct {
	Write   bool
	Name    string
	Mode    string
	options [][2]string
}

// ParseRequest reads one. Anything else is an error.
func ParseRequest(packet []byte) (r Request, err error) {
	if len(packet) < 4 {
		return r, errors.New("no request")
	}
	switch binary.BigEndian.Uint16(packet) {
	case opRead:
	case opWrite:
		r.Write = true
	default:
		return r, errors.New("no request")
	}
	words := strings.Split(string(packet[2:]), "\x00")
	if len(words) < 3 || words[0] == "" {
		return r, errors.New("a request without a name or mode")
	}
	r.Name, r.Mode = words[0], strings.ToLower(words[1])
	for i := 2; i+1 < len(words); i += 2 {
		r.options = append(r.options, [2]string{strings.ToLower(words[i]), words[i+1]})
	}
	return r, nil
}

// A Transfer is a file on its way to a client.
type Transfer struct {
	file     File
	block    int64
	window   int64
	patience time.Duration
	agreed   []byte // the packet that says what was agreed upon; nil: nothing was asked for, or it is acknowledged

	acked, sent int64 // blocks
	gap         int64 // the block that a client of windows lacked last, for which a window was sent again
	tries       int
	wake        time.Time
	over        bool
	err         error
}

// Done says whether it is over, and how.
func (t *Transfer) Done() (bool, error) { return t.over, t.err }

// Acknowledged is how many bytes have arrived.
func (t *Transfer) Acknowledged() int64 { return min(t.acked*t.block, t.file.Size) }

// Deadline is when Expire is due.
func (t *Transfer) Deadline() time.Time { return t.wake }

// Begin answers a request: with packets, and with a transfer, unless it is refused.
func Begin(now time.Time, r Request, file File) (t *Transfer, out [][]byte, err error) {
	t = &Transfer{file: file, block: usualBlock, window: 1, patience: usualPatience}
	asked := r.Name[strings.LastIndexAny(r.Name, `/\`)+1:]
	switch {
	case r.Write:
		return nil, [][]byte{fault(codeDenied, "this server only gives")}, errors.New("wants to write")
	case file.Name != "" && asked != file.Name:
		return nil, [][]byte{fault(codeNotFound, "there is only "+file.Name)}, fmt.Errorf("asks for %q, and there is only %s", r.Name, file.Name)
	case r.Mode != "octet":
		return nil, [][]byte{fault(codeIllegal, "mode octet alone")}, fmt.Errorf("asks for mode %q, and there is only octet", r.Mode)
	}
	var agreed []byte
	for _, o := range r.options {
		n, err := strconv.ParseInt(o[1], 10, 64)
		if err != nil {
			continue // not understood, so not agreed upon
		}
		switch o[0] {
		case "blksize":
			if n < leastBlock {
				return nil, [][]byte{fault(codeOption, "blksize")}, fmt.Errorf("asks for blocks of %d bytes", n)
			}
			n = min(n, mostBlock)
			t.block = n
		case "tsize":
			n = file.Size
		case "timeout":
			if n < 1 || n > 255 {
				continue
			}
			t.patience = time.Duration(n) * time.Second
		case "windowsize":
			if n < 1 {
				continue
			}
			n = min(n, mostWindow)
			t.window = n
		default:
			continue
		}
		agreed = fmt.Appendf(agreed, "%s\x00%d\x00", o[0], n)
	}
	if agreed != nil {
		t.agreed = append([]byte{0, opOACK}, agreed...)
	}
	return t, t.send(now), nil
}

// last is the number of the last block, which is shorter than the others, maybe empty.
func (t *Transfer) last() int64 { return t.file.Size/t.block + 1 }

// send gives what is due.
func (t *Transfer) send(now time.Time) (out [][]byte) {
	t.wake = now.Add(t.patience)
	if t.agreed != nil {
		return [][]byte{t.agreed}
	}
	for n := t.acked + 1; n <= min(t.acked+t.window, t.last()); n++ {
		at := (n - 1) * t.block
		packet := make([]byte, 4+min(t.block, t.file.Size-at))
		binary.BigEndian.PutUint16(packet, opData)
		binary.BigEndian.PutUint16(packet[2:], uint16(n)) // goes round behind 65535, as every boot loader takes it
		if got, err := t.file.Data.ReadAt(packet[4:], at); err != nil && got != len(packet)-4 {
			t.over, t.err = true, err
			return [][]byte{fault(codeOther, "the file cannot be read")}
		}
		out = append(out, packet)
		t.sent = max(t.sent, n)
	}
	return out
}

// Receive goes on with a packet of the client.
func (t *Transfer) Receive(now time.Time, packet []byte) (out [][]byte) {
	if t.over || len(packet) < 4 {
		return nil
	}
	number := binary.BigEndian.Uint16(packet[2:])
	switch binary.BigEndian.Uint16(packet) {
	case opError:
		t.over, t.err = true, fmt.Errorf("%w: %s (code %d)", ErrRefused, strings.TrimRight(string(packet[4:]), "\x00"), number)
	case opAck:
		if t.agreed != nil {
			if number == 0 {
				t.agreed, t.tries = nil, 0
				return t.send(now)
			}
			return nil
		}
		n := t.acked + int64(number-uint16(t.acked))
		switch {
		case n > t.sent: // of a block that it cannot have
			return nil
		case n == t.acked && (t.window == 1 || t.gap == n+1): // a second one answers what was sent twice: answering it would double all that follow
			return nil
		case n == t.acked:
			t.gap = n + 1
		case n == t.last():
			t.acked, t.over = n, true
			return nil
		case n > t.acked:
			t.acked, t.tries = n, 0
		}
		return t.send(now)
	}
	return nil
}

// Expire sends again what was not answered.
func (t *Transfer) Expire(now time.Time) (out [][]byte) {
	if t.over || now.Before(t.wake) {
		return nil
	}
	if t.tries++; t.tries > mostTries {
		t.over, t.err = true, ErrSilent
		return [][]byte{fault(codeOther, "no answer")}
	}
	return t.send(now)
}

// fault is a packet that says no.
func fault(code uint16, text string) []byte {
	packet := binary.BigEndian.AppendUint16([]byte{0, opError}, code)
	return append(append(packet, text...), 0)
}
