package firmware

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// A Trailer lies at the end of a file that may be anything else, as OpenWrt's fwtool writes it: a payload, then 16 bytes, big-endian:
// "FWx0", the checksum of all before them, the kind, and how long payload and these are. A file may have a further one of the other kind.
type Trailer struct {
	Kind    TrailerKind
	Payload Part
	sum     uint32
}

// TrailerKind says what a payload is.
type TrailerKind byte

const (
	Signature TrailerKind = 0 // of all before it, as usign or ucert write it
	Info      TrailerKind = 1 // Metadata
)

func (k TrailerKind) String() string {
	if k == Info {
		return "metadata"
	}
	return "signature"
}

const (
	trailerMagic = "FWx0"
	trailerSize  = 16
	infoHeader   = 8 // version and flags, both zero
	infoMax      = 30 << 10
	signatureMax = 1 << 10
)

// most is how long a payload may be (fwtool's limits).
func (k TrailerKind) most() int64 {
	if k == Info {
		return infoHeader + infoMax
	}
	return signatureMax
}

// ReadTrailers finds the trailers of a file, the innermost first, and how long the file is without them. Of none, all of the file is. What
// is there twice, is not whole, or has something behind it, is an error.
func ReadTrailers(f Source) (list []Trailer, body int64, err error) {
	body = f.Size()
	for body >= trailerSize {
		t, ok, err := trailerAt(f, body)
		if err != nil {
			return nil, 0, fmt.Errorf("trailer: %w", err)
		}
		if !ok {
			break
		}
		for _, other := range list {
			if other.Kind == t.Kind {
				return nil, 0, fmt.Errorf("trailer: there are two of %s: somebody has put one behind the other", t.Kind)
			}
		}
		if t.Kind == Signature && len(list) > 0 {
			return nil, 0, errors.New("trailer: the metadata lie behind the signature, which is not of them")
		}
		list = append([]Trailer{t}, list...)
		body = t.Payload.At
	}
	// The size of a payload is in no checksum. If it is wrong, a trailer lies where none belongs.
	stray := Part{"body", max(body-trailerNear, 0), min(body, trailerNear)}
	for _, p := range append([]Part{stray}, payloads(list)...) {
		if at, found := trailerWithin(f, p); found {
			return nil, 0, fmt.Errorf("trailer: one ends at byte %d, which does not belong there: it is damaged, or something was put behind it", at)
		}
	}
	return list, body, nil
}

// trailerAt reads one that ends at a byte; false if none does.
func trailerAt(f Source, end int64) (t Trailer, ok bool, err error) {
	b, err := readAt(f, end-trailerSize, trailerSize)
	if err != nil || string(b[:4]) != trailerMagic {
		return t, false, err
	}
	be := binary.BigEndian
	size := int64(be.Uint32(b[12:]))
	t = Trailer{Kind: TrailerKind(b[8]), sum: be.Uint32(b[4:])}
	if t.Kind > Info || b[9]|b[10]|b[11] != 0 {
		return t, false, fmt.Errorf("unknown kind % x", b[8:12])
	}
	t.Payload = Part{t.Kind.String(), end - size, size - trailerSize}
	if t.Payload.Size <= 0 || t.Payload.Size > t.Kind.most() || t.Payload.At < 0 {
		return t, false, fmt.Errorf("%s of %d bytes: want 1 to %d, and no more than the %d before", t.Kind, t.Payload.Size, t.Kind.most(), end-trailerSize)
	}
	if t.Kind == Info {
		h, err := readAt(f, t.Payload.At, min(infoHeader, t.Payload.Size))
		if err != nil {
			return t, false, err
		}
		if string(h) != string(make([]byte, infoHeader)) {
			return t, false, fmt.Errorf("metadata of an unknown version, % x", h)
		}
	}
	return t, true, nil
}

// trailerNear is how much of a body is searched for trailers.
const trailerNear = 64 << 10

func payloads(list []Trailer) (parts []Part) {
	for _, t := range list {
		parts = append(parts, t.Payload)
	}
	return parts
}

// trailerWithin finds the last trailer that begins in a part of a file, and gives the byte behind it.
func trailerWithin(f Source, p Part) (end int64, found bool) {
	b := make([]byte, min(p.Size+trailerSize, f.Size()-p.At))
	n, _ := f.ReadAt(b, p.At)
	for i := min(n-trailerSize, int(p.Size)-1); i >= 0; i-- {
		if string(b[i:i+4]) == trailerMagic && b[i+8] <= byte(Info) && string(b[i+9:i+12]) == "\x00\x00\x00" {
			return p.At + int64(i) + trailerSize, true
		}
	}
	return 0, false
}

// VerifyTrailers reads the file once and compares the checksums of its trailers.
func VerifyTrailers(f Source, list []Trailer) error {
	crc := crc32.NewIEEE()
	at := int64(0)
	for _, t := range list {
		if err := sum(crc, f, at, t.Payload.End()-at); err != nil {
			return fmt.Errorf("trailer: %w", err)
		}
		if at = t.Payload.End(); ^crc.Sum32() != t.sum {
			return fmt.Errorf("trailer: the file is damaged: checksum %08x, the %s wants %08x", ^crc.Sum32(), t.Kind, t.sum)
		}
	}
	return nil
}

// Bytes reads the payload: a signature, or JSON.
func (t Trailer) Bytes(f Source) ([]byte, error) {
	b, err := readAt(f, t.Payload.At, t.Payload.Size)
	if err != nil {
		return nil, fmt.Errorf("trailer: %w", err)
	}
	if t.Kind == Info {
		b = b[infoHeader:]
	}
	return b, nil
}

// A TrailerWriter passes on what is written to it, and then writes trailers of that.
type TrailerWriter struct {
	w   io.Writer
	crc uint32
}

// NewTrailerWriter begins a file.
func NewTrailerWriter(w io.Writer) *TrailerWriter { return &TrailerWriter{w: w} }

func (t *TrailerWriter) Write(b []byte) (int, error) {
	n, err := t.w.Write(b)
	t.crc = crc32.Update(t.crc, crc32.IEEETable, b[:n])
	return n, err
}

// Trailer ends the file so far with a payload.
func (t *TrailerWriter) Trailer(kind TrailerKind, payload []byte) error {
	if kind == Info {
		payload = append(make([]byte, infoHeader), payload...)
	}
	if size := int64(len(payload)); kind > Info || size == 0 || kind == Info && size == infoHeader || size > kind.most() {
		return fmt.Errorf("trailer: %s of %d bytes: want 1 to %d", kind, size, kind.most())
	}
	if _, err := t.Write(payload); err != nil {
		return err
	}
	b := binary.BigEndian.AppendUint32([]byte(trailerMagic), ^t.crc)
	b = binary.BigEndian.AppendUint32(append(b, byte(kind), 0, 0, 0), uint32(len(payload)+trailerSize))
	_, err := t.Write(b)
	return err
}
