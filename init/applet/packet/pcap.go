package packet

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"
)

// Captured is a packet, or its first bytes.
type Captured struct {
	At     time.Time
	Length int // on the wire
	Bytes  []byte
}

// MaxBytes of a packet are kept.
const MaxBytes = 262144

// Numbers of link types (pcap-linktype(7)).
const (
	linkEthernet, linkCooked, linkCooked2 = 1, 113, 276

	magicMicro, magicNano = 0xa1b2c3d4, 0xa1b23c4d
)

// Writer writes a pcap file (pcap-savefile(5)): times in microseconds, little endian.
type Writer struct{ w *bufio.Writer }

// NewWriter begins a file.
func NewWriter(w io.Writer, link Link, snaplen uint32) (*Writer, error) {
	kind := uint32(linkCooked)
	if link.ethernet {
		kind = linkEthernet
	}
	header := make([]byte, 0, 24)
	header = binary.LittleEndian.AppendUint32(header, magicMicro)
	header = binary.LittleEndian.AppendUint16(header, 2)
	header = binary.LittleEndian.AppendUint16(header, 4)
	header = append(header, make([]byte, 8)...)
	header = binary.LittleEndian.AppendUint32(header, snaplen)
	header = binary.LittleEndian.AppendUint32(header, kind)
	out := &Writer{bufio.NewWriter(w)}
	_, err := out.w.Write(header)
	return out, err
}

// Write adds a packet.
func (w *Writer) Write(p Captured) error {
	header := make([]byte, 0, 16)
	for _, n := range []int{int(p.At.Unix()), p.At.Nanosecond() / 1000, len(p.Bytes), p.Length} {
		header = binary.LittleEndian.AppendUint32(header, uint32(n))
	}
	if _, err := w.w.Write(header); err != nil {
		return err
	}
	_, err := w.w.Write(p.Bytes)
	return err
}

// Flush sends what is buffered.
func (w *Writer) Flush() error { return w.w.Flush() }

// Reader reads a pcap file of either byte order.
type Reader struct {
	Link  Link
	r     io.Reader
	order binary.ByteOrder
	unit  int64 // nanoseconds
}

// NewReader reads a file's header.
func NewReader(r io.Reader) (*Reader, error) {
	header := make([]byte, 24)
	if _, err := io.ReadFull(r, header); err != nil {
		return nil, errors.New("no pcap file: too short")
	}
	in := &Reader{r: bufio.NewReader(r), order: binary.LittleEndian, unit: 1000}
	if header[0] == 0xa1 {
		in.order = binary.BigEndian
	}
	switch in.order.Uint32(header) {
	case magicMicro:
	case magicNano:
		in.unit = 1
	case 0x0a0d0d0a:
		return nil, errors.New("a pcapng file; convert it with tcpdump -r FILE -w NEW on a workstation")
	default:
		return nil, errors.New("no pcap file")
	}
	switch kind := in.order.Uint32(header[20:]) & 0xffff; kind {
	case linkEthernet:
		in.Link = Ethernet
	case linkCooked:
		in.Link = Cooked
	case linkCooked2:
		in.Link = Cooked2
	default:
		return nil, fmt.Errorf("link type %d is not known, only Ethernet and Linux's cooked ones", kind)
	}
	return in, nil
}

// Read returns the next packet, io.EOF behind the last.
func (r *Reader) Read() (Captured, error) {
	header := make([]byte, 16)
	if _, err := io.ReadFull(r.r, header); err == io.ErrUnexpectedEOF {
		return Captured{}, errors.New("the file is cut off")
	} else if err != nil {
		return Captured{}, err
	}
	size := r.order.Uint32(header[8:])
	if size > MaxBytes {
		return Captured{}, fmt.Errorf("a packet of %d bytes: the file is damaged", size)
	}
	p := Captured{
		At:     time.Unix(int64(r.order.Uint32(header)), int64(r.order.Uint32(header[4:]))*r.unit),
		Length: int(r.order.Uint32(header[12:])), Bytes: make([]byte, size),
	}
	if _, err := io.ReadFull(r.r, p.Bytes); err != nil {
		return Captured{}, errors.New("the file is cut off")
	}
	return p, nil
}
