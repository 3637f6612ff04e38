package firmware

import (
	"crypto/md5"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
)

// TPLink is the header of firmware for TP-Link's routers of about 2008 to 2016 (version 1, in OpenWrt "tplink-v1"): 512 bytes, big-endian, with a
// salted MD5 of the whole file. Their web page takes a file as long as the partition, OpenWrt one that ends with its data.
type TPLink struct {
	Version     uint32 // 1, or 2 for the same with another number
	Vendor      string // at most 24 bytes, e.g. "TP-LINK Technologies"
	Release     string // at most 36 bytes, e.g. "ver. 1.0"
	HardwareID  uint32 // e.g. 0x10430001
	HardwareRev uint32
	Country     string // two letters, e.g. "US", for models that are sold by country; "" for others
	Load, Entry uint32 // of the kernel
	Layout      uint32 // bytes of the partition
	Kernel      Part
	Root        Part // of size 0 if there is none; for Write its At, or 0 for straight behind the kernel
	Numbers     [3]uint16
	boot        Part
	sum         [md5.Size]byte
}

const (
	tplinkVersion1  = "\x01\x00\x00\x00"
	tplinkVersion2  = "\x02\x00\x00\x00"
	tplinkHeader    = 0x200
	tplinkVendorAt  = 0x04
	tplinkReleaseAt = 0x1C
	tplinkSumAt     = 0x4C
	tplinkRegionAt  = 0x120
	tplinkCountryAt = 0x140

	tplinkSalt     = "\xdc\xd7\x3a\xa5\xc3\x95\x98\xfb\xdd\xf9\xe7\xf4\x0e\xae\x47\x38"
	tplinkBootSalt = "\x8c\xef\x33\x5b\xd5\xc5\xce\xfa\xa7\x9c\x28\xda\xb2\xe9\x0f\x42" // of files with a boot loader
)

// ReadTPLink reads the header of a file, of which all belongs to it: trailers have been found before. ErrOther if the file does not
// begin as one.
func ReadTPLink(f Source) (t TPLink, err error) {
	if !begins(f, 0, tplinkVersion1) && !begins(f, 0, tplinkVersion2) {
		return t, ErrOther
	}
	h, err := readAt(f, 0, tplinkHeader)
	if err != nil || !tplinkVendor(h) {
		return t, ErrOther
	}
	var there bool
	t.Vendor, _ = line(h[tplinkVendorAt:tplinkReleaseAt])
	if t.Release, there = line(h[tplinkReleaseAt:0x40]); !there {
		return t, errors.New("TP-Link: its version is no text")
	}
	be := binary.BigEndian
	part := func(name string, at int) Part {
		return Part{name, int64(be.Uint32(h[at:])), int64(be.Uint32(h[at+4:]))}
	}
	t.Version = be.Uint32(h) >> 24
	t.HardwareID, t.HardwareRev = be.Uint32(h[0x40:]), be.Uint32(h[0x44:])
	t.Load, t.Entry, t.Layout = be.Uint32(h[0x74:]), be.Uint32(h[0x78:]), be.Uint32(h[0x7C:])
	t.Kernel, t.Root, t.boot = part("kernel", 0x80), part("root", 0x88), part("boot loader", 0x90)
	t.Numbers = [3]uint16{be.Uint16(h[0x98:]), be.Uint16(h[0x9A:]), be.Uint16(h[0x9C:])}
	copy(t.sum[:], h[tplinkSumAt:])
	if t.Country, err = tplinkCountry(h[tplinkCountryAt:][:8]); err != nil {
		return t, fmt.Errorf("TP-Link: %w", err)
	}
	if f.Size() > int64(t.Layout) {
		return t, fmt.Errorf("TP-Link: the file has %d bytes, and its layout %d: something was appended", f.Size(), t.Layout)
	}
	for _, p := range []Part{t.Kernel, t.Root, t.boot} {
		if p.Size == 0 && p.Name != "kernel" {
			continue
		}
		if p.At < tplinkHeader || p.Size == 0 {
			return t, fmt.Errorf("TP-Link: %s: %d bytes at byte %d", p.Name, p.Size, p.At)
		}
		if err := p.check(f); err != nil {
			return t, fmt.Errorf("TP-Link: %w", err)
		}
	}
	return t, nil
}

// tplinkVendor tells whether a header has a text for the maker: its first number is too common to know it by.
func tplinkVendor(h []byte) bool {
	if len(h) < tplinkReleaseAt {
		return false
	}
	text, ok := line(h[tplinkVendorAt:tplinkReleaseAt])
	return ok && text != ""
}

// line is a text that zeros fill up; false if it is none.
func line(field []byte) (text string, ok bool) {
	text = strings.TrimRight(string(field), "\x00")
	return text, strings.IndexFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) < 0
}

// tplinkCountry reads the eight hexadecimal digits of a country's letters.
func tplinkCountry(field []byte) (string, error) {
	if strings.Trim(string(field), "\x00") == "" {
		return "", nil
	}
	letters, err := hex.DecodeString(string(field))
	if err != nil || checkCountry(string(letters[:2])) != nil || letters[2]|letters[3] != 0 {
		return "", fmt.Errorf("its country is %q", field)
	}
	return string(letters[:2]), nil
}

func checkCountry(letters string) error {
	if len(letters) != 2 || strings.Trim(letters, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
		return fmt.Errorf("country %q: want two capital letters", letters)
	}
	return nil
}

// Verify reads the file and compares its checksum.
func (t TPLink) Verify(f Source) error {
	h := md5.New()
	if err := sum(h, f, 0, tplinkSumAt); err != nil {
		return fmt.Errorf("TP-Link: %w", err)
	}
	io.WriteString(h, t.salt())
	if err := sum(h, f, tplinkSumAt+md5.Size, f.Size()-tplinkSumAt-md5.Size); err != nil {
		return fmt.Errorf("TP-Link: %w", err)
	}
	if got := h.Sum(nil); string(got) != string(t.sum[:]) {
		return fmt.Errorf("TP-Link: the file is damaged: checksum %x, want %x", got, t.sum)
	}
	return nil
}

func (t TPLink) salt() string {
	if t.boot.Size > 0 {
		return tplinkBootSalt
	}
	return tplinkSalt
}

// Write writes a file with ones between and, if it is for the maker's web page, behind the parts up to Layout. A root of nil is none. Both
// are read twice.
func (t TPLink) Write(w io.Writer, kernel, root Source, factory bool) error {
	size, err := t.place(kernel, root)
	if err != nil {
		return fmt.Errorf("TP-Link: %w", err)
	}
	if factory {
		size = int64(t.Layout)
	}
	h, err := t.header()
	if err != nil {
		return fmt.Errorf("TP-Link: %w", err)
	}
	sum := md5.New()
	if err := t.write(sum, h, kernel, root, size); err != nil {
		return fmt.Errorf("TP-Link: %w", err)
	}
	sum.Sum(h[tplinkSumAt:tplinkSumAt])
	return t.write(w, h, kernel, root, size)
}

// place says where the parts lie, and how long the file is.
func (t *TPLink) place(kernel, root Source) (size int64, err error) {
	if kernel == nil || kernel.Size() == 0 || root != nil && root.Size() == 0 {
		return 0, errors.New("kernel or root has no bytes")
	}
	t.Kernel = Part{"kernel", tplinkHeader, kernel.Size()}
	size = t.Kernel.End()
	if root == nil {
		t.Root = Part{Name: "root"}
	} else {
		at := t.Root.At
		if at == 0 {
			at = size
		}
		if t.Root = (Part{"root", at, root.Size()}); at < size {
			return 0, fmt.Errorf("the kernel ends at byte %d: %d too many for a root at byte %d", size, size-at, at)
		}
		size = t.Root.End()
	}
	if size > int64(t.Layout) {
		return 0, fmt.Errorf("it takes %d bytes: %d more than its layout of %d", size, size-int64(t.Layout), t.Layout)
	}
	return size, nil
}

func (t TPLink) header() ([]byte, error) {
	h := make([]byte, tplinkHeader)
	be := binary.BigEndian
	for _, f := range []struct {
		at, end int
		text    string
	}{{tplinkVendorAt, tplinkReleaseAt, t.Vendor}, {tplinkReleaseAt, 0x40, t.Release}} {
		if text, ok := line([]byte(f.text)); !ok || text != f.text || text == "" || len(text) > f.end-f.at {
			return nil, fmt.Errorf("%q: want 1 to %d bytes of text", f.text, f.end-f.at)
		}
		copy(h[f.at:], f.text)
	}
	if t.Version != 1 && t.Version != 2 {
		return nil, fmt.Errorf("version %d: want 1 or 2", t.Version)
	}
	for _, n := range []struct {
		at    int
		value int64
	}{{0, int64(t.Version) << 24}, {0x40, int64(t.HardwareID)}, {0x44, int64(t.HardwareRev)}, {0x74, int64(t.Load)}, {0x78, int64(t.Entry)}, {0x7C, int64(t.Layout)},
		{0x80, t.Kernel.At}, {0x84, t.Kernel.Size}, {0x88, t.Root.At}, {0x8C, t.Root.Size}} {
		be.PutUint32(h[n.at:], uint32(n.value))
	}
	for i, n := range t.Numbers {
		be.PutUint16(h[0x98+2*i:], n)
	}
	if t.Country != "" {
		if err := checkCountry(t.Country); err != nil {
			return nil, err
		}
		if t.Country == "US" { // all others are one region
			be.PutUint32(h[0x48:], 1)
		}
		copy(h[tplinkRegionAt:], fmt.Sprintf("00000000;%X0000;", t.Country))
		copy(h[tplinkCountryAt:], fmt.Sprintf("%X0000", t.Country))
	}
	copy(h[tplinkSumAt:], tplinkSalt)
	return h, nil
}

func (t TPLink) write(w io.Writer, header []byte, kernel, root Source, size int64) error {
	if _, err := w.Write(header); err != nil {
		return err
	}
	if err := copySource(w, kernel); err != nil {
		return err
	}
	end := t.Kernel.End()
	if root != nil {
		if err := fill(w, 0xFF, t.Root.At-end); err != nil {
			return err
		}
		if err := copySource(w, root); err != nil {
			return err
		}
		end = t.Root.End()
	}
	return fill(w, 0xFF, size-end)
}
