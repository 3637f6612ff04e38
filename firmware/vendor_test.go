package firmware

import (
	"bytes"
	"crypto/md5"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"
)

// No tool of Debian makes these headers. Here they are put together by hand, at the places where documentation has them, with sums
// worked out another way; OpenWrt's firmware-utils make the same bytes.

// put writes big-endian numbers of 32 bits at places of a header.
func put(h []byte, numbers map[int]uint32) []byte {
	for at, n := range numbers {
		binary.BigEndian.PutUint32(h[at:], n)
	}
	return h
}

func ones(count int) []byte { return bytes.Repeat([]byte{0xFF}, count) }

func exampleTPLink() TPLink {
	return TPLink{Version: 1, Vendor: "TP-LINK Technologies", Release: "ver. 1.0", HardwareID: 0x10430001, HardwareRev: 1, Country: "US",
		Load: 0x80060000, Entry: 0x80060000, Layout: 0x7C0000, Root: Part{At: 0x100000}}
}

// tplinkByHand is what mktplinkfw -F 8Mlzma -H 0x10430001 -C US makes.
func tplinkByHand(kernel, root []byte, factory bool) []byte {
	h := put(make([]byte, 0x200), map[int]uint32{0: 0x01000000, 0x40: 0x10430001, 0x44: 1, 0x48: 1, 0x74: 0x80060000, 0x78: 0x80060000, 0x7C: 0x7C0000,
		0x80: 0x200, 0x84: uint32(len(kernel)), 0x88: 0x100000, 0x8C: uint32(len(root))})
	copy(h[4:], "TP-LINK Technologies")
	copy(h[28:], "ver. 1.0")
	copy(h[0x120:], "00000000;55530000;")
	copy(h[0x140:], "55530000")
	copy(h[0x4C:], []byte{0xDC, 0xD7, 0x3A, 0xA5, 0xC3, 0x95, 0x98, 0xFB, 0xDD, 0xF9, 0xE7, 0xF4, 0x0E, 0xAE, 0x47, 0x38})
	b := append(append(h, kernel...), ones(0x100000-0x200-len(kernel))...)
	b = append(b, root...)
	if factory {
		b = append(b, ones(0x7C0000-len(b))...)
	}
	sum := md5.Sum(b)
	copy(b[0x4C:], sum[:])
	return b
}

func TestTPLinkIsMadeAsDocumented(t *testing.T) {
	kernel, root := noise(5000, 1), noise(3000, 2)
	for _, factory := range []bool{false, true} {
		want := tplinkByHand(kernel, root, factory)
		got := written(t, func(w io.Writer) error { return exampleTPLink().Write(w, source(kernel), source(root), factory) })
		if !bytes.Equal(got, want) {
			t.Fatalf("factory %v: got\n%x, want\n%x", factory, got[:0x200], want[:0x200])
		}
		read, err := ReadTPLink(source(got))
		if err != nil || read.Verify(source(got)) != nil {
			t.Fatalf("factory %v: %+v, %v", factory, read, err)
		}
		if !bytes.Equal(all(t, read.Kernel.In(source(got))), kernel) || !bytes.Equal(all(t, read.Root.In(source(got))), root) {
			t.Errorf("factory %v: other parts: %+v", factory, read)
		}
		if read.Country != "US" || read.HardwareID != 0x10430001 || read.Layout != 0x7C0000 || read.Vendor != "TP-LINK Technologies" || read.Release != "ver. 1.0" {
			t.Errorf("factory %v: %+v", factory, read)
		}
	}
}

func verifyTPLink(f Source) error {
	h, err := ReadTPLink(f)
	if err != nil {
		return err
	}
	return h.Verify(f)
}

func TestDamagedTPLink(t *testing.T) {
	h := exampleTPLink()
	h.Root = Part{}
	b := written(t, func(w io.Writer) error { return h.Write(w, source(noise(50, 1)), source(noise(30, 2)), false) })
	eachTruncation(t, b, verifyTPLink)
	eachFlip(b, 0, len(b), func(bit int) { refused(t, fmt.Sprintf("bit %d", bit), verifyTPLink(source(b))) })
	refused(t, "a byte behind it", verifyTPLink(source(append(bytes.Clone(b), 0))))
	// With a boot loader it has another salt.
	put(b, map[int]uint32{0x90: 0x200, 0x94: 50})
	copy(b[0x4C:], "\x8c\xef\x33\x5b\xd5\xc5\xce\xfa\xa7\x9c\x28\xda\xb2\xe9\x0f\x42")
	sum := md5.Sum(b)
	copy(b[0x4C:], sum[:])
	if err := verifyTPLink(source(b)); err != nil {
		t.Errorf("with a boot loader: %v", err)
	}
}

func TestTPLinkAtItsLimits(t *testing.T) {
	for _, c := range []struct {
		claim        string
		change       func(h *TPLink)
		kernel, root int64
		fits         bool
	}{
		{"a kernel alone", func(*TPLink) {}, 1, -1, true},
		{"no kernel", func(*TPLink) {}, 0, 1, false},
		{"an empty root", func(*TPLink) {}, 1, 0, false},
		{"a kernel up to the root", func(*TPLink) {}, 0x100000 - 0x200, 1, true},
		{"one byte less", func(*TPLink) {}, 0x100000 - 0x201, 1, true},
		{"one byte more", func(*TPLink) {}, 0x100000 - 0x1FF, 1, false},
		{"a root up to the end", func(*TPLink) {}, 1, 0x7C0000 - 0x100000, true},
		{"one byte too many", func(*TPLink) {}, 1, 0x7C0000 - 0x100000 + 1, false},
		{"4 GiB", func(h *TPLink) { h.Layout = math.MaxUint32 }, 1, 4 * gib, false},
		{"a vendor of 24 bytes", func(h *TPLink) { h.Vendor = strings.Repeat("v", 24) }, 1, 1, true},
		{"one of 25", func(h *TPLink) { h.Vendor = strings.Repeat("v", 25) }, 1, 1, false},
		{"no vendor", func(h *TPLink) { h.Vendor = "" }, 1, 1, false},
		{"a version of 37 bytes", func(h *TPLink) { h.Release = strings.Repeat("v", 37) }, 1, 1, false},
		{"two lines", func(h *TPLink) { h.Release = "a\nb" }, 1, 1, false},
		{"version 3", func(h *TPLink) { h.Version = 3 }, 1, 1, false},
		{"version 2", func(h *TPLink) { h.Version = 2 }, 1, 1, true},
		{"a country of Europe", func(h *TPLink) { h.Country = "EU" }, 1, 1, true},
		{"a country in words", func(h *TPLink) { h.Country = "Brazil" }, 1, 1, false},
	} {
		h, root := exampleTPLink(), Source(sparse{size: c.root})
		c.change(&h)
		if c.root < 0 {
			root = nil
		}
		var b bytes.Buffer
		err := h.Write(&b, sparse{size: c.kernel}, root, false)
		if c.fits != (err == nil) {
			t.Errorf("%s: %v", c.claim, err)
		}
		if err != nil {
			continue
		}
		got, err := ReadTPLink(source(b.Bytes()))
		if err != nil || got.Verify(source(b.Bytes())) != nil || got.Vendor != h.Vendor || got.Country != h.Country {
			t.Errorf("%s: read as %+v, %v", c.claim, got, err)
		}
	}
}

func exampleSafeloader() Safeloader {
	return Safeloader{
		Vendor:     "CPE510(TP-LINK|UN|N300-5):1.0\r\n",
		Partitions: []FlashPartition{{"fs-uboot", 0, 0x20000}, {"partition-table", 0x20000, 0x2000}, {"os-image", 0x40000, 0x10000}, {"file-system", 0x50000, 0x760000}, {"soft-version", 0x7B0000, 0x100}, {"support-list", 0x7B1000, 0x400}},
		Parts: []SafeloaderPart{
			{"soft-version", source(SafeloaderText(SoftVersion([3]byte{1, 2, 3}, time.Unix(1700000000, 0), 77, 0), 0xFF))},
			{"support-list", source(SafeloaderText("SupportList:\r\nCPE510\r\n", 0xFF))},
			{"os-image", source(noise(1234, 1))},
			{"file-system", source(noise(567, 2))},
		},
	}
}

// safeloaderByHand is what tplink-safeloader makes of the same.
func safeloaderByHand() []byte {
	b := append(put(make([]byte, 24), map[int]uint32{0x14: 31}), "CPE510(TP-LINK|UN|N300-5):1.0\r\n"...)
	b = append(b, ones(0x1014-len(b))...)
	b = append(b, "fwup-ptn partition-table base 0x00800 size 0x00800\t\r\nfwup-ptn soft-version base 0x01000 size 0x00015\t\r\n"+
		"fwup-ptn support-list base 0x01015 size 0x0001f\t\r\nfwup-ptn os-image base 0x01034 size 0x004d2\t\r\nfwup-ptn file-system base 0x01506 size 0x00237\t\r\n\x00"...)
	b = append(b, ones(0x1814-len(b))...)
	b = append(b, "\x00\x04\x00\x00partition fs-uboot base 0x00000 size 0x20000\npartition partition-table base 0x20000 size 0x02000\npartition os-image base 0x40000 size 0x10000\n"+
		"partition file-system base 0x50000 size 0x760000\npartition soft-version base 0x7b0000 size 0x00100\npartition support-list base 0x7b1000 size 0x00400\n\x00"...)
	b = append(b, ones(0x2014-len(b))...)
	b = append(b, 0, 0, 0, 12, 0, 0, 0, 0, 0xFF, 1, 2, 3, 0x20, 0x23, 0x11, 0x14, 0, 0, 0, 77, 0xFF)
	b = append(b, "\x00\x00\x00\x16\x00\x00\x00\x00SupportList:\r\nCPE510\r\n\xFF"...)
	b = append(append(b, noise(1234, 1)...), noise(567, 2)...)
	sum := md5.Sum(append([]byte{0x7A, 0x2B, 0x15, 0xED, 0x9B, 0x98, 0x59, 0x6D, 0xE5, 0x04, 0xAB, 0x44, 0xAC, 0x2A, 0x9F, 0x4E}, b[0x14:]...))
	copy(b[4:], sum[:])
	return put(b, map[int]uint32{0: uint32(len(b))})
}

func verifySafeloader(f Source) error {
	s, err := ReadSafeloader(f)
	if err != nil {
		return err
	}
	return s.Verify(f)
}

func TestSafeloaderIsMadeAsDocumented(t *testing.T) {
	s, want := exampleSafeloader(), safeloaderByHand()
	got := written(t, s.Write)
	if !bytes.Equal(got, want) {
		t.Fatalf("got\n%q, want\n%q", got, want)
	}
	read, err := ReadSafeloader(source(got))
	if err != nil || read.Verify(source(got)) != nil || read.Vendor != s.Vendor || !reflect.DeepEqual(read.Partitions, s.Partitions) || len(read.Parts) != len(s.Parts) {
		t.Fatalf("%+v, %v", read, err)
	}
	for i, p := range read.Parts {
		if p.Name != s.Parts[i].Name || !bytes.Equal(all(t, p.Data), all(t, s.Parts[i].Data)) {
			t.Errorf("part %d: %+v", i, p)
		}
	}
	if text := SoftVersion([3]byte{}, time.Unix(0, 0), 0, 0x01020304); text != "\xFF\x00\x00\x00\x19\x70\x01\x01\x00\x00\x00\x00\x01\x02\x03\x04" {
		t.Errorf("with a level: %q", text)
	}
}

func TestDamagedSafeloader(t *testing.T) {
	s := exampleSafeloader()
	s.Parts = s.Parts[:2]
	b := written(t, s.Write)
	step := 1
	if testing.Short() {
		step = 50
	}
	for size := 0; size < len(b); size += step {
		refused(t, fmt.Sprintf("%d bytes", size), verifySafeloader(source(b[:size])))
	}
	eachFlip(b, 0, 0x60, func(bit int) { refused(t, fmt.Sprintf("bit %d", bit), verifySafeloader(source(b))) })
	eachFlip(b, 0x1014, len(b), func(bit int) { refused(t, fmt.Sprintf("bit %d", bit), verifySafeloader(source(b))) })
	refused(t, "a byte behind it", verifySafeloader(source(append(bytes.Clone(b), 0))))
	for claim, table := range map[string]string{
		"a line that is none":     "fwup-ptn x\n",
		"a number of 33 bits":     "fwup-ptn x base 0x800 size 0x100000000\t\r\n",
		"a number without 0x":     "fwup-ptn x base 800 size 0x1\t\r\n",
		"a part over the table":   "fwup-ptn x base 0x7ff size 0x1\t\r\n",
		"parts over each other":   "fwup-ptn x base 0x800 size 0x10\t\r\nfwup-ptn y base 0x80f size 0x10\t\r\n",
		"a part behind the end":   "fwup-ptn x base 0x800 size 0xffffff\t\r\n",
		"parts that end before":   "fwup-ptn x base 0x800 size 0x10\t\r\n",
		"33 parts":                strings.Repeat("fwup-ptn x base 0x800 size 0x0\t\r\n", 33),
		"a table that is damaged": "fwup-ptn partition-table base 0x800 size 0x800\t\r\nfwup-ptn x base 0x1000 size 0x34\t\r\n",
	} {
		b := bytes.Clone(b)
		copy(b[0x1014:], append([]byte(table), ones(0x800-len(table))...))
		b[0x1814] = 'x'
		sum := md5.Sum(append([]byte(safeloaderSalt), b[0x14:]...))
		copy(b[4:], sum[:])
		refused(t, claim, verifySafeloader(source(b)))
	}
	for claim, change := range map[string]func(s *Safeloader){
		"no parts":                         func(s *Safeloader) { s.Parts = nil },
		"no flash":                         func(s *Safeloader) { s.Partitions = nil },
		"a part of no bytes":               func(s *Safeloader) { s.Parts[0].Data = source(nil) },
		"a part that the flash lacks":      func(s *Safeloader) { s.Parts[0].Name = "os" },
		"a part twice":                     func(s *Safeloader) { s.Parts[0].Name = "os-image" },
		"a table of partitions for a part": func(s *Safeloader) { s.Parts[0].Name = "partition-table" },
		"a partition twice":                func(s *Safeloader) { s.Partitions[0].Name = "os-image" },
		"a partition without name":         func(s *Safeloader) { s.Partitions[0].Name = "" },
		"a partition of two words":         func(s *Safeloader) { s.Partitions[0].Name = "fs uboot" },
		"no room for the table":            func(s *Safeloader) { s.Partitions[1].Size = 0x7FF },
		"one byte too many for its place":  func(s *Safeloader) { s.Parts[2].Data = sparse{size: 0x10001} },
		"behind the end of 4 GiB":          func(s *Safeloader) { s.Partitions[3].At = math.MaxUint32 },
		"a long text":                      func(s *Safeloader) { s.Vendor = strings.Repeat("v", 0xFFD) },
		"more than 4 GiB": func(s *Safeloader) {
			s.Partitions[3] = FlashPartition{"file-system", 0, math.MaxUint32}
			s.Parts[3].Data = sparse{size: math.MaxUint32}
		},
		"33 partitions": func(s *Safeloader) {
			for i := range 27 {
				s.Partitions = append(s.Partitions, FlashPartition{fmt.Sprint(i), 0, 1})
			}
		},
	} {
		s := exampleSafeloader()
		change(&s)
		refused(t, claim, s.Write(io.Discard))
	}
	for claim, change := range map[string]func(s *Safeloader){
		"as much as its place has": func(s *Safeloader) { s.Parts[2].Data = sparse{size: 0x10000} },
		"one byte less":            func(s *Safeloader) { s.Parts[2].Data = sparse{size: 0xFFFF} },
		"an empty text":            func(s *Safeloader) { s.Vendor = "" },
		"no text":                  func(s *Safeloader) { s.Vendor, s.NoVendor = "", true },
		"the longest text":         func(s *Safeloader) { s.Vendor = strings.Repeat("v", 0xFFC) },
		"32 partitions": func(s *Safeloader) {
			for i := range 26 {
				s.Partitions = append(s.Partitions, FlashPartition{fmt.Sprint(i), 0, 1})
			}
		},
	} {
		s := exampleSafeloader()
		change(&s)
		var b bytes.Buffer
		if err := s.Write(&b); err != nil {
			t.Errorf("%s: %v", claim, err)
		} else if err := verifySafeloader(source(b.Bytes())); err != nil {
			t.Errorf("%s: %v", claim, err)
		}
	}
}

// trxByHand is what trx makes of two files.
func trxByHand(one, two []byte) []byte {
	le := binary.LittleEndian
	b := make([]byte, 28)
	copy(b, "HDR0")
	b[14] = 1
	le.PutUint32(b[16:], 28)
	b = append(b, one...)
	b = append(b, make([]byte, (4-len(b)%4)%4)...)
	le.PutUint32(b[20:], uint32(len(b)))
	b = append(b, two...)
	b = append(b, make([]byte, (4096-len(b)%4096)%4096)...)
	le.PutUint32(b[4:], uint32(len(b)))
	le.PutUint32(b[8:], ^bitwiseCRC(b[12:]))
	return b
}

func verifyTRX(f Source) error {
	h, err := ReadTRX(f)
	if err != nil {
		return err
	}
	return h.Verify(f)
}

func TestTRXIsMadeAsDocumented(t *testing.T) {
	for _, sizes := range [][2]int{{1, 1}, {4096 - 28 - 4, 4}, {4096 - 28 - 4, 5}, {5001, 3333}} {
		one, two := noise(sizes[0], 1), noise(sizes[1], 2)
		got, want := written(t, func(w io.Writer) error { return TRX{}.Write(w, source(one), source(two)) }), trxByHand(one, two)
		if !bytes.Equal(got, want) {
			t.Fatalf("%v: got %d bytes\n%x, want %d\n%x", sizes, len(got), got[:28], len(want), want[:28])
		}
		read, err := ReadTRX(source(append(got, "what follows"...)))
		if err != nil || len(read.Parts) != 2 || read.Size != int64(len(want)) || read.Verify(source(got)) != nil {
			t.Fatalf("%v: %+v, %v", sizes, read, err)
		}
		if !bytes.HasPrefix(all(t, read.Parts[0].In(source(got))), one) || !bytes.HasPrefix(all(t, read.Parts[1].In(source(got))), two) {
			t.Errorf("%v: other parts: %+v", sizes, read)
		}
	}
}

func TestDamagedTRX(t *testing.T) {
	b := trxByHand(noise(100, 1), noise(50, 2))
	eachTruncation(t, b, verifyTRX)
	eachFlip(b, 0, len(b), func(bit int) { refused(t, fmt.Sprintf("bit %d", bit), verifyTRX(source(b))) })
	for claim, offsets := range map[string][3]uint32{
		"no parts": {}, "a part over the header": {27}, "a part behind the end": {4096}, "parts in another order": {100, 28}, "one place for two": {28, 28}, "a first that is none": {0, 28},
	} {
		for i, at := range offsets {
			binary.LittleEndian.PutUint32(b[16+4*i:], at)
		}
		binary.LittleEndian.PutUint32(b[8:], ^bitwiseCRC(b[12:]))
		refused(t, claim, verifyTRX(source(b)))
	}
	for claim, parts := range map[string][]Source{
		"none": nil, "four": bytesParts(4), "an empty one": {source(nil)}, "4 GiB": {sparse{size: 4 * gib}}, "4 GiB with its header": {sparse{size: 4*gib - 4096 - 27}},
	} {
		refused(t, claim, TRX{}.Write(io.Discard, parts...))
	}
	f := sparse{size: 3 * gib, at: map[int64][]byte{0: b[:28]}}
	binary.LittleEndian.PutUint32(b[4:], 3*gib)
	binary.LittleEndian.PutUint32(b[16:], 28)
	binary.LittleEndian.PutUint32(b[20:], 0x80000004)
	if h, err := ReadTRX(f); err != nil || h.Parts[1].At != 0x80000004 || h.Parts[1].End() != 3*gib {
		t.Errorf("of 3 GiB: %+v, %v", h, err)
	}
}

// chkSum is Netgear's checksum from its definition, with numbers that do not overflow.
func chkSum(parts ...[]byte) uint32 {
	low, high := uint64(0), uint64(0)
	for _, b := range parts {
		for _, c := range b {
			low = (low + uint64(c)) % (1 << 32)
			high = (high + low) % (1 << 32)
		}
	}
	for low > 0xFFFF {
		low = low%0x10000 + low/0x10000
	}
	for high > 0xFFFF {
		high = high%0x10000 + high/0x10000
	}
	return uint32(high<<16 | low)
}

// chkByHand is what mkchkimg makes.
func chkByHand(board string, kernel, root []byte) []byte {
	h := put(make([]byte, 40), map[int]uint32{0: 0x2A23245E, 4: uint32(40 + len(board)), 16: chkSum(kernel), 20: chkSum(root), 24: uint32(len(kernel)), 28: uint32(len(root)), 32: chkSum(kernel, root)})
	copy(h[8:], []byte{1, 99, 99, 99, 99, 99, 99, 99})
	put(h, map[int]uint32{36: chkSum(h, []byte(board))})
	return append(append(append(h, board...), kernel...), root...)
}

func verifyCHK(f Source) error {
	c, err := ReadCHK(f)
	if err != nil {
		return err
	}
	return c.Verify(f)
}

func TestCHKIsMadeAsDocumented(t *testing.T) {
	kernel, root := noise(100_000, 1), noise(300_000, 2)
	for _, root := range [][]byte{nil, root} {
		want := chkByHand("U12H072T00_NETGEAR", kernel, root)
		got := written(t, func(w io.Writer) error {
			if root == nil {
				return CHK{Board: "U12H072T00_NETGEAR", Region: 1}.Write(w, source(kernel), nil)
			}
			return CHK{Board: "U12H072T00_NETGEAR", Region: 1}.Write(w, source(kernel), source(root))
		})
		if !bytes.Equal(got, want) {
			t.Fatalf("got\n%x, want\n%x", got[:58], want[:58])
		}
		read, err := ReadCHK(source(got))
		if err != nil || read.Verify(source(got)) != nil || read.Board != "U12H072T00_NETGEAR" || read.Region != 1 || !bytes.Equal(all(t, read.Root.In(source(got))), root) {
			t.Fatalf("%+v, %v", read, err)
		}
	}
}

func TestDamagedCHK(t *testing.T) {
	b := chkByHand("B", noise(60, 1), noise(30, 2))
	eachTruncation(t, b, verifyCHK)
	eachFlip(b, 0, len(b), func(bit int) { refused(t, fmt.Sprintf("bit %d", bit), verifyCHK(source(b))) })
	refused(t, "a byte behind it", verifyCHK(source(append(bytes.Clone(b), 0))))
	for claim, file := range map[string][]byte{
		"no kernel": chkByHand("B", nil, noise(30, 2)), "no board": chkByHand("", noise(60, 1), nil), "a board of 65 bytes": chkByHand(strings.Repeat("b", 65), noise(60, 1), nil), "two lines": chkByHand("a\nb", noise(60, 1), nil),
	} {
		refused(t, claim, verifyCHK(source(file)))
	}
	if err := verifyCHK(source(chkByHand(strings.Repeat("b", 64), noise(60, 1), nil))); err != nil {
		t.Errorf("a board of 64 bytes: %v", err)
	}
	one := source([]byte{1})
	refused(t, "a board of 65 bytes", CHK{Board: strings.Repeat("b", 65)}.Write(io.Discard, one, nil))
	refused(t, "no board", CHK{}.Write(io.Discard, one, nil))
	refused(t, "an empty kernel", CHK{Board: "B"}.Write(io.Discard, source(nil), nil))
	refused(t, "an empty root", CHK{Board: "B"}.Write(io.Discard, one, source(nil)))
	refused(t, "4 GiB", CHK{Board: "B"}.Write(io.Discard, sparse{size: 4 * gib}, nil))
	h := put(bytes.Clone(b[:41]), map[int]uint32{24: 3 * gib, 28: 3 * gib, 36: 0})
	put(h, map[int]uint32{36: chkSum(h)})
	if c, err := ReadCHK(sparse{size: 6*gib + 41, at: map[int64][]byte{0: h}}); err != nil || c.Root.At != 3*gib+41 {
		t.Errorf("of 6 GiB: %+v, %v", c, err)
	}
}

func dniByHand(text string, data []byte) []byte {
	b := append(append([]byte(text), make([]byte, 128-len(text))...), data...)
	sum := 0
	for _, c := range b {
		sum += int(c)
	}
	return append(b, byte(255-sum%256))
}

func verifyDNI(f Source) error {
	d, err := ReadDNI(f)
	if err != nil {
		return err
	}
	return d.Verify(f)
}

func TestDNIIsMadeAsDocumented(t *testing.T) {
	data := noise(5000, 1)
	for text, d := range map[string]DNI{
		"device:R6100\nversion:V1.00.00\nregion:\n":                                 {Device: "R6100", Version: "1.00.00"},
		"device:R6100\nversion:V1.2\nregion:NA\nhd_id:29764434+0+128+128+2x2+2x2\n": {Device: "R6100", Version: "1.2", Region: "NA", Hardware: "29764434+0+128+128+2x2+2x2"},
		"device:R\nversion:V1\nregion:\nhd_id:" + strings.Repeat("h", 92) + "\n":    {Device: "R", Version: "1", Hardware: strings.Repeat("h", 92)},
	} {
		got, want := written(t, func(w io.Writer) error { return d.Write(w, source(data)) }), dniByHand(text, data)
		if !bytes.Equal(got, want) {
			t.Fatalf("got\n%q, want\n%q", got[:128], want[:128])
		}
		read, err := ReadDNI(source(got))
		if d.Data = read.Data; err != nil || read != d || read.Verify(source(got)) != nil || !bytes.Equal(all(t, read.Data.In(source(got))), data) {
			t.Errorf("%+v, %v, want %+v", read, err, d)
		}
	}
}

func TestDamagedDNI(t *testing.T) {
	const text = "device:R6100\nversion:V1.00.00\nregion:\n"
	b := dniByHand(text, noise(60, 1))
	eachTruncation(t, b, verifyDNI) // one in 256 would have the right sum by chance; none of these
	eachFlip(b, 0, len(b), func(bit int) { refused(t, fmt.Sprintf("bit %d", bit), verifyDNI(source(b))) })
	refused(t, "a byte behind it", verifyDNI(source(append(bytes.Clone(b), 1))))
	for claim, text := range map[string]string{
		"no device": "device:\nversion:V1\n", "no version": "device:R\n", "a line that is none": "device:R\nversion:V1\nx\n", "something behind a zero": "device:R\nversion:V1\n\x00x", "a bell": "device:R\a\nversion:V1\n",
	} {
		refused(t, claim, verifyDNI(source(dniByHand(text, noise(60, 1)))))
	}
	good := DNI{Device: "R", Version: "1"}
	refused(t, "no data", good.Write(io.Discard, source(nil)))
	for claim, d := range map[string]DNI{
		"no device": {Version: "1"}, "no version": {Device: "R"}, "a device of two lines": {Device: "a\nb", Version: "1"}, "one byte too many": {Device: "R", Version: "1", Hardware: strings.Repeat("h", 93)},
	} {
		refused(t, claim, d.Write(io.Discard, source([]byte{1})))
	}
	if d, err := ReadDNI(sparse{size: 5 * gib, at: map[int64][]byte{0: b[:128]}}); err != nil || d.Data.Size != 5*gib-129 {
		t.Errorf("of 5 GiB: %+v, %v", d, err)
	}
}

// No reader of a vendor's header does harm, whatever the bytes, and none takes another's.
func FuzzVendors(f *testing.F) {
	s := exampleSafeloader()
	var safeloader bytes.Buffer
	if err := s.Write(&safeloader); err != nil {
		f.Fatal(err)
	}
	f.Add(safeloader.Bytes())
	f.Add(tplinkByHand([]byte{1}, []byte{2}, false)[:0x201])
	f.Add(trxByHand([]byte{1}, []byte{2}))
	f.Add(chkByHand("B", []byte{1}, []byte{2}))
	f.Add(dniByHand("device:R\nversion:V1\nregion:\n", []byte{1}))
	f.Fuzz(func(t *testing.T, b []byte) {
		taken := 0
		for _, verify := range []func(Source) error{verifySafeloader, verifyTPLink, verifyTRX, verifyCHK, verifyDNI} {
			if err := verify(source(b)); !errors.Is(err, ErrOther) {
				taken++
			}
		}
		if taken > 2 { // the safeloader is known by its middle
			t.Errorf("%d readers take %q", taken, b)
		}
	})
}
