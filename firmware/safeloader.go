package firmware

import (
	"crypto/md5"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
)

// Safeloader is what the web pages of TP-Link's newer routers take: a size, big-endian, a salted MD5, the maker's text, and parts by name, the
// first of which is a table of the flash's partitions. (As the maker's boot loader has it; layout after the comments of OpenWrt's
// tplink-safeloader.)
type Safeloader struct {
	Vendor     string           // e.g. "CPE510(TP-LINK|UN|N300-5):1.0\r\n"; may be ""
	NoVendor   bool             // not even an empty text, as some models have it
	Partitions []FlashPartition // of the flash
	Parts      []SafeloaderPart // without that table
	size       int64
	sum        [md5.Size]byte
}

// A FlashPartition is a part of flash that has a name.
type FlashPartition struct {
	Name     string
	At, Size uint32 // bytes
}

// A SafeloaderPart is what one of the partitions shall hold, e.g. "os-image".
type SafeloaderPart struct {
	Name string
	Data Source
}

const (
	safeloaderSummed    = 0x14
	safeloaderVendorMax = 0x1000 - 4
	safeloaderTableAt   = 0x1014
	safeloaderTableSize = 0x800
	safeloaderTable     = "fwup-ptn"
	safeloaderFlash     = "partition-table"
	safeloaderPartsMax  = 32
	safeloaderSalt      = "\x7a\x2b\x15\xed\x9b\x98\x59\x6d\xe5\x04\xab\x44\xac\x2a\x9f\x4e"
	safeloaderFlashHead = "\x00\x04\x00\x00"
	safeloaderFlashRow  = "partition"
	safeloaderPartLine  = safeloaderTable + " %s base 0x%05x size 0x%05x\t\r\n"
	safeloaderFlashLine = safeloaderFlashRow + " %s base 0x%05x size 0x%05x\n"
)

// ReadSafeloader reads header and tables of a file, of which all belongs to it. ErrOther if no table is where one should be.
func ReadSafeloader(f Source) (s Safeloader, err error) {
	if !begins(f, safeloaderTableAt, safeloaderTable) {
		return s, ErrOther
	}
	if err := s.read(f); err != nil {
		return Safeloader{}, fmt.Errorf("TP-Link safeloader: %w", err)
	}
	return s, nil
}

func (s *Safeloader) read(f Source) error {
	h, err := readAt(f, 0, safeloaderTableAt+safeloaderTableSize)
	if err != nil {
		return err
	}
	be := binary.BigEndian
	if s.size = int64(be.Uint32(h)); s.size != f.Size() {
		return fmt.Errorf("it says %d bytes, and has %d", s.size, f.Size())
	}
	copy(s.sum[:], h[4:])
	if length := be.Uint32(h[safeloaderSummed:]); length <= safeloaderVendorMax {
		s.Vendor = string(h[safeloaderSummed+4:][:length])
	} else if s.NoVendor = length == math.MaxUint32; !s.NoVendor {
		return fmt.Errorf("a text of %d bytes: this kind is not known", length)
	}
	table, err := parseTable(string(h[safeloaderTableAt:]), safeloaderTable, "")
	if err != nil {
		return err
	}
	end := int64(safeloaderTableSize)
	for i, row := range table {
		p := Part{row.Name, int64(row.At), int64(row.Size)}
		if p.At < end {
			return fmt.Errorf("%s at byte %d lies over what ends at %d", p.Name, p.At, end)
		}
		end = p.End()
		p.At += safeloaderTableAt
		if err := p.check(f); err != nil {
			return err
		}
		if i > 0 || p.Name != safeloaderFlash || p.Size != safeloaderTableSize {
			s.Parts = append(s.Parts, SafeloaderPart{p.Name, p.In(f)})
			continue
		}
		b, err := readAt(f, p.At, p.Size)
		if err != nil {
			return err
		}
		if s.Partitions, err = parseTable(string(b), safeloaderFlashRow, safeloaderFlashHead); err != nil {
			return err
		}
	}
	if end += safeloaderTableAt; end != s.size {
		return fmt.Errorf("its parts end at byte %d of %d", end, s.size)
	}
	return nil
}

// parseTable reads lines with a first word, up to a zero or the byte that fills the rest.
func parseTable(text, first, head string) (list []FlashPartition, err error) {
	text, ok := strings.CutPrefix(text, head)
	if !ok {
		return nil, errors.New("its table of partitions has another beginning")
	}
	for {
		row, rest, ok := strings.Cut(text, "\n")
		var p FlashPartition
		if !ok || strings.HasPrefix(text, "\x00") || strings.HasPrefix(text, "\xFF") {
			break
		}
		if len(list) == safeloaderPartsMax {
			return nil, fmt.Errorf("more than %d partitions", safeloaderPartsMax)
		}
		words := strings.Fields(row)
		if len(words) != 6 || words[0] != first || words[2] != "base" || words[4] != "size" || !hexadecimal(words[3], &p.At) || !hexadecimal(words[5], &p.Size) {
			return nil, fmt.Errorf("line %q in its table: want \"%s NAME base 0x... size 0x...\"", row, first)
		}
		p.Name = words[1]
		list = append(list, p)
		text = rest
	}
	if len(list) == 0 {
		return nil, errors.New("its table is empty")
	}
	return list, nil
}

// hexadecimal reads a number of up to 32 bits.
func hexadecimal(word string, to *uint32) bool {
	digits, ok := strings.CutPrefix(word, "0x")
	n, err := strconv.ParseUint(digits, 16, 32)
	*to = uint32(n)
	return ok && err == nil
}

// check refuses what cannot be written, or that the maker's loader would.
func (s *Safeloader) check() error {
	room := map[string]uint32{}
	for _, p := range s.Partitions {
		if _, there := room[p.Name]; there || p.Name == "" || strings.ContainsAny(p.Name, " \t\r\n\x00\xFF") {
			return fmt.Errorf("partition %q is there twice, or has no name", p.Name)
		}
		if room[p.Name] = p.Size; p.At > math.MaxUint32-p.Size {
			return fmt.Errorf("partition %q: %d bytes at byte %d", p.Name, p.Size, p.At)
		}
	}
	seen := map[string]bool{safeloaderFlash: true}
	for _, p := range s.Parts {
		most, there := room[p.Name]
		if !there || seen[p.Name] {
			return fmt.Errorf("%q is not among the partitions of the flash, or there twice", p.Name)
		}
		if seen[p.Name] = true; p.Data.Size() == 0 || p.Data.Size() > int64(most) {
			return fmt.Errorf("%q has %d bytes: want 1 to %d", p.Name, p.Data.Size(), most)
		}
	}
	if len(s.Parts) == 0 || room[safeloaderFlash] < safeloaderTableSize {
		return fmt.Errorf("it has no parts, or the flash no %s", safeloaderFlash)
	}
	return nil
}

// Verify reads the file and compares its checksum.
func (s *Safeloader) Verify(f Source) error {
	h := md5.New()
	io.WriteString(h, safeloaderSalt)
	if err := sum(h, f, safeloaderSummed, s.size-safeloaderSummed); err != nil {
		return fmt.Errorf("TP-Link safeloader: %w", err)
	}
	if got := h.Sum(nil); string(got) != string(s.sum[:]) {
		return fmt.Errorf("TP-Link safeloader: the file is damaged: checksum %x, want %x", got, s.sum)
	}
	return nil
}

// Write writes a file. Parts are read twice.
func (s *Safeloader) Write(w io.Writer) error {
	if err := s.check(); err != nil {
		return fmt.Errorf("TP-Link safeloader: %w", err)
	}
	h, err := s.header()
	if err != nil {
		return fmt.Errorf("TP-Link safeloader: %w", err)
	}
	sum := md5.New()
	io.WriteString(sum, safeloaderSalt)
	sum.Write(h[safeloaderSummed:])
	if err := s.writeParts(sum); err != nil {
		return fmt.Errorf("TP-Link safeloader: %w", err)
	}
	sum.Sum(h[4:4])
	if _, err := w.Write(h); err != nil {
		return err
	}
	return s.writeParts(w)
}

// header is all up to the first part behind the table of partitions.
func (s *Safeloader) header() ([]byte, error) {
	parts := fmt.Sprintf(safeloaderPartLine, safeloaderFlash, safeloaderTableSize, safeloaderTableSize)
	at := int64(2 * safeloaderTableSize)
	for _, p := range s.Parts {
		parts += fmt.Sprintf(safeloaderPartLine, p.Name, at, p.Data.Size())
		at += p.Data.Size()
	}
	parts += "\x00"
	flash := safeloaderFlashHead
	for _, p := range s.Partitions {
		flash += fmt.Sprintf(safeloaderFlashLine, p.Name, p.At, p.Size)
	}
	flash += "\x00"
	size := safeloaderTableAt + at
	if size > math.MaxUint32 || len(parts) > safeloaderTableSize || len(flash) > safeloaderTableSize || len(s.Vendor) > safeloaderVendorMax || len(s.Partitions) > safeloaderPartsMax || len(s.Parts) >= safeloaderPartsMax {
		return nil, fmt.Errorf("%d bytes, %d of text, %d partitions and %d parts: more than can be said", size, len(s.Vendor), len(s.Partitions), len(s.Parts))
	}
	h := make([]byte, safeloaderTableAt+2*safeloaderTableSize)
	for i := range h {
		h[i] = 0xFF
	}
	be := binary.BigEndian
	be.PutUint32(h, uint32(size))
	if !s.NoVendor {
		be.PutUint32(h[safeloaderSummed:], uint32(len(s.Vendor)))
		copy(h[safeloaderSummed+4:], s.Vendor)
	}
	copy(h[safeloaderTableAt:], parts)
	copy(h[safeloaderTableAt+safeloaderTableSize:], flash)
	return h, nil
}

func (s *Safeloader) writeParts(w io.Writer) error {
	for _, p := range s.Parts {
		if err := copySource(w, p.Data); err != nil {
			return fmt.Errorf("%s: %w", p.Name, err)
		}
	}
	return nil
}

// SafeloaderText is what parts of text or numbers consist of, e.g. "support-list": a length, four zeros, the text, and a byte behind it.
func SafeloaderText(text string, behind byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(text)))
	return append(append(append(b, 0, 0, 0, 0), text...), behind)
}

// SoftVersion is the text of "soft-version": a version, a date, a revision, and for models that compare it a level of compatibility, else 0.
func SoftVersion(version [3]byte, date time.Time, revision, level uint32) string {
	date = date.UTC()
	bcd := func(n int) byte { return byte(n/10<<4 | n%10) }
	b := append([]byte{0xFF}, version[:]...)
	b = append(b, bcd(date.Year()/100), bcd(date.Year()%100), bcd(int(date.Month())), bcd(date.Day()))
	b = binary.BigEndian.AppendUint32(b, revision)
	if level != 0 {
		b = binary.BigEndian.AppendUint32(b, level)
	}
	return string(b)
}
