package firmware

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
)

// UImage is the header of U-Boot's legacy image (its include/image.h): 64 bytes, big-endian, before the data. Words are U-Boot's own,
// as mkimage takes them.
type UImage struct {
	OS          string // e.g. "linux"
	Arch        string // e.g. "mips"; that of a machine: UBootArch
	Type        string // e.g. "kernel"
	Compression string // of the data, e.g. "lzma", "none"
	Name        string // at most 32 bytes, e.g. "Bantam"
	Time        uint32 // seconds since 1970
	Load, Entry uint32 // addresses
	Size        uint32 // of the data
	Sum         uint32 // their CRC-32
}

const (
	// UImageHeader is the size of the header.
	UImageHeader = 64

	uimageMagic   = "\x27\x05\x19\x56"
	uimageNameMax = 32
	uimagePartMax = 16 // in an image of several parts
)

// Numbers of U-Boot's include/image.h.
var (
	uimageOS          = words{5: "linux", 17: "u-boot"}
	uimageArch        = words{2: "arm", 3: "x86", 5: "mips", 22: "arm64", 24: "x86_64", 26: "riscv"}
	uimageType        = words{1: "standalone", 2: "kernel", 3: "ramdisk", 4: "multi", 5: "firmware", 6: "script", 7: "filesystem", 8: "flat_dt", 14: "kernel_noload"}
	uimageCompression = words{0: "none", 1: "gzip", 2: "bzip2", 3: "lzma", 4: "lzo", 5: "lz4", 6: "zstd"}
)

// words are the names of numbers; an empty one is a number that we do not know.
type words [27]string

func (w *words) name(what string, number byte) (string, error) {
	if int(number) >= len(w) || w[number] == "" {
		return "", fmt.Errorf("%s %d is unknown", what, number)
	}
	return w[number], nil
}

func (w *words) number(what, name string) (byte, error) {
	for i, word := range w {
		if word == name && name != "" {
			return byte(i), nil
		}
	}
	return 0, fmt.Errorf("%s %q is unknown", what, name)
}

// UBootArch is U-Boot's word for an architecture of Go's, e.g. "x86_64" for "amd64"; "" if it has none.
func UBootArch(goarch string) string {
	switch goarch {
	case "arm", "arm64", "mips":
		return goarch
	case "mipsle":
		return "mips"
	case "amd64":
		return "x86_64"
	case "riscv64":
		return "riscv"
	}
	return ""
}

// ReadUImage reads the header at the beginning of a file and checks that the data are there. Others may follow them. ErrOther if
// the file does not begin as one.
func ReadUImage(f Source) (u UImage, err error) {
	h, err := header(f, FormatUImage, uimageMagic, UImageHeader)
	if err != nil {
		return u, err
	}
	be := binary.BigEndian
	want := be.Uint32(h[4:])
	copy(h[4:8], make([]byte, 4)) // the checksum is over a header without it
	if got := crc32.ChecksumIEEE(h); got != want {
		return u, fmt.Errorf("uImage: its header is damaged: checksum %08x, want %08x", got, want)
	}
	u.Time, u.Size, u.Load, u.Entry, u.Sum = be.Uint32(h[8:]), be.Uint32(h[12:]), be.Uint32(h[16:]), be.Uint32(h[20:]), be.Uint32(h[24:])
	name, _, _ := bytes.Cut(h[32:], []byte{0})
	u.Name = string(name)
	var faults [4]error
	u.OS, faults[0] = uimageOS.name("operating system", h[28])
	u.Arch, faults[1] = uimageArch.name("architecture", h[29])
	u.Type, faults[2] = uimageType.name("type", h[30])
	u.Compression, faults[3] = uimageCompression.name("compression", h[31])
	if err := cmp.Or(faults[:]...); err != nil {
		return u, fmt.Errorf("uImage: %w", err)
	}
	if u.Size == 0 {
		return u, errors.New("uImage: it has no data")
	}
	if err := u.Data().check(f); err != nil {
		return u, fmt.Errorf("uImage: %w", err)
	}
	return u, nil
}

// Data is what the header describes.
func (u UImage) Data() Part { return Part{u.Type, UImageHeader, int64(u.Size)} }

// Verify reads the data and compares their checksum.
func (u UImage) Verify(f Source) error {
	got, err := sumCRC(f, UImageHeader, int64(u.Size))
	if err != nil {
		return fmt.Errorf("uImage: %w", err)
	}
	if got != u.Sum {
		return fmt.Errorf("uImage: its data are damaged: checksum %08x, want %08x", got, u.Sum)
	}
	return nil
}

// Parts are the data, or, of the types "multi" and "script", what their list of lengths divides them into.
func (u UImage) Parts(f Source) (list []Part, err error) {
	if !u.lists() {
		return []Part{u.Data()}, nil
	}
	for at := int64(UImageHeader); ; at += 4 {
		b, err := readAt(f, at, 4)
		if err != nil {
			return nil, fmt.Errorf("uImage: list of parts: %w", err)
		}
		size := int64(binary.BigEndian.Uint32(b))
		if size == 0 {
			break
		}
		if len(list) == uimagePartMax {
			return nil, fmt.Errorf("uImage: list of parts: more than %d", uimagePartMax)
		}
		list = append(list, Part{Name: fmt.Sprintf("part %d", len(list)), Size: size})
	}
	at := UImageHeader + 4*int64(len(list)+1)
	for i := range list {
		list[i].At = at
		if list[i].End() > u.Data().End() {
			return nil, fmt.Errorf("uImage: %s ends behind the data", list[i].Name)
		}
		at = roundUp(list[i].End(), 4)
	}
	if len(list) == 0 {
		return nil, errors.New("uImage: list of parts: it is empty")
	}
	return list, nil
}

// lists tells types whose data begin with a list of parts.
func (u UImage) lists() bool { return u.Type == "multi" || u.Type == "script" }

// Write writes header and data: one part, or for "multi" several. Size and Sum are found out; the rest of the header is as it is.
// The parts are read twice.
func (u UImage) Write(w io.Writer, parts ...Source) error {
	list, size, err := u.list(parts)
	if err != nil {
		return fmt.Errorf("uImage: %w", err)
	}
	crc := crc32.NewIEEE()
	if err := writeParts(crc, list, parts); err != nil {
		return fmt.Errorf("uImage: %w", err)
	}
	u.Size, u.Sum = uint32(size), crc.Sum32()
	h, err := u.header()
	if err != nil {
		return fmt.Errorf("uImage: %w", err)
	}
	if _, err := w.Write(h); err != nil {
		return err
	}
	return writeParts(w, list, parts)
}

// list is what stands before the parts, and how many bytes the data are together.
func (u UImage) list(parts []Source) (list []byte, size int64, err error) {
	if len(parts) == 0 || len(parts) > uimagePartMax || len(parts) > 1 && u.Type != "multi" {
		return nil, 0, fmt.Errorf("%d parts for type %q", len(parts), u.Type)
	}
	for i, p := range parts {
		if p.Size() <= 0 || p.Size() > math.MaxUint32 {
			return nil, 0, fmt.Errorf("part %d has %d bytes: want 1 to %d", i, p.Size(), uint32(math.MaxUint32))
		}
		list = binary.BigEndian.AppendUint32(list, uint32(p.Size()))
		size = roundUp(size, 4) + p.Size()
	}
	list = append(list, 0, 0, 0, 0)
	if !u.lists() {
		list = nil
	}
	if size += int64(len(list)); size > math.MaxUint32 {
		return nil, 0, fmt.Errorf("%d bytes of data: at most %d", size, uint32(math.MaxUint32))
	}
	return list, size, nil
}

// writeParts writes the data.
func writeParts(w io.Writer, list []byte, parts []Source) error {
	if _, err := w.Write(list); err != nil {
		return err
	}
	for i, p := range parts {
		if err := copySource(w, p); err != nil {
			return err
		}
		if i < len(parts)-1 {
			if err := fill(w, 0, roundUp(p.Size(), 4)-p.Size()); err != nil {
				return err
			}
		}
	}
	return nil
}

func (u UImage) header() ([]byte, error) {
	if len(u.Name) > uimageNameMax {
		return nil, fmt.Errorf("name %q: %d bytes: at most %d", u.Name, len(u.Name), uimageNameMax)
	}
	h := make([]byte, UImageHeader)
	copy(h, uimageMagic)
	be := binary.BigEndian
	for at, value := range map[int]uint32{8: u.Time, 12: u.Size, 16: u.Load, 20: u.Entry, 24: u.Sum} {
		be.PutUint32(h[at:], value)
	}
	var faults [4]error
	h[28], faults[0] = uimageOS.number("operating system", u.OS)
	h[29], faults[1] = uimageArch.number("architecture", u.Arch)
	h[30], faults[2] = uimageType.number("type", u.Type)
	h[31], faults[3] = uimageCompression.number("compression", u.Compression)
	copy(h[32:], u.Name)
	be.PutUint32(h[4:], crc32.ChecksumIEEE(h))
	return h, cmp.Or(faults[:]...)
}
