package slot

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite golden files")

// golden compares bytes with a file, or rewrites the file.
func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("differs from %s (go test -update rewrites it) %v\ngot:\n%s\nwant:\n%s", file, err, got, want)
	}
}

// example is the header of a slot with a kernel of 8,247,232 bytes and an initrd of 4,842,001.
func example() Header {
	h := NewHeader(8247232, 4842001)
	h.Args = "console=tty0 console=ttyS0,115200 quiet panic=10 bantam.disk=25A3A9F1-87AD-8C3E-A8FC-0D0AA0DDD0F2"
	h.Generation = "sha256:" + strings.Repeat("0123456789abcdef", 4)
	h.Boot = "sha256:" + strings.Repeat("fedcba9876543210", 4)
	return h
}

func encoded(t *testing.T, h Header) []byte {
	t.Helper()
	b, err := h.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestHeaderIsReadAsWritten(t *testing.T) {
	h := example()
	b := encoded(t, h)
	golden(t, "testdata/header.golden", b)
	if got, err := ParseHeader(b); err != nil || got != h || len(b) != HeaderSize {
		t.Errorf("got %+v, %v\nwant %+v", got, err, h)
	}
	if h.Kernel.String() != "4+16108" || h.Initrd.String() != "16112+9458" || h.Origin() != 25570 || h.Sectors() != 25571 {
		t.Errorf("kernel %v, initrd %v, origin %d, %d sectors", h.Kernel, h.Initrd, h.Origin(), h.Sectors())
	}
	if _, err := ParseHeader(make([]byte, HeaderSize)); !errors.Is(err, ErrEmpty) {
		t.Errorf("of zeros: %v", err)
	}
	h.Args = strings.Repeat("a", MaxArgs)
	if _, err := ParseHeader(encoded(t, h)); err != nil {
		t.Errorf("with the longest words: %v", err)
	}
}

func TestBadHeadersAreNotWritten(t *testing.T) {
	for claim, change := range map[string]func(h *Header){
		"no kernel":                   func(h *Header) { *h = Header{Args: h.Args, Generation: h.Generation, Boot: h.Boot} },
		"an empty kernel":             func(h *Header) { h.Kernel.Count = 0; h.Initrd.First = KernelAt },
		"an initrd elsewhere":         func(h *Header) { h.Initrd.First++ },
		"an empty initrd":             func(h *Header) { h.Initrd.Count = 0 },
		"a kernel over the header":    func(h *Header) { h.Kernel.First = 2 },
		"no digest of the generation": func(h *Header) { h.Generation = "" },
		"a digest in upper case":      func(h *Header) { h.Boot = strings.ToUpper(h.Boot) },
		"a line end in the words":     func(h *Header) { h.Args = "quiet\nKERNEL=0+1" },
		"a quote in the words":        func(h *Header) { h.Args = `dyndbg="file"` },
		"a pattern in the words":      func(h *Header) { h.Args = "console=tty*" },
		"a variable in the words":     func(h *Header) { h.Args = "root=$root" },
		"two blanks in the words":     func(h *Header) { h.Args = "quiet  panic=10" },
		"words of another alphabet":   func(h *Header) { h.Args = "name=grün" },
		"words that are too long":     func(h *Header) { h.Args = strings.Repeat("a", MaxArgs+1) },
	} {
		h := example()
		change(&h)
		if b, err := h.Encode(); err == nil {
			t.Errorf("%s: written as\n%s", claim, b)
		}
	}
}

// eachFlip yields data with each of its bits turned, one after the other.
func eachFlip(data []byte, yield func(bit int, flipped []byte)) {
	for bit := range 8 * len(data) {
		data[bit/8] ^= 1 << (bit % 8)
		yield(bit, data)
		data[bit/8] ^= 1 << (bit % 8)
	}
}

// Where a flipped bit gives a header that is well formed, as in a digit, the sums find it.
func TestEveryFlippedBitOfAHeaderIsFound(t *testing.T) {
	h := example()
	sums, err := Sums{}.Encode(h)
	if err != nil {
		t.Fatal(err)
	}
	eachFlip(encoded(t, h), func(bit int, flipped []byte) {
		got, err := ParseHeader(flipped)
		if err == nil {
			_, err = ParseSums(sums, got)
		}
		if err == nil {
			t.Errorf("bit %d: read as %+v", bit, got)
		}
	})
}

func TestSumsAreReadAsWritten(t *testing.T) {
	h := example()
	want := Sums{Kernel: 0x12345678, Initrd: 0xFEDCBA98}
	b, err := want.Encode(h)
	if err != nil || len(b) != SumsSize {
		t.Fatalf("%d bytes, %v", len(b), err)
	}
	golden(t, "testdata/sums.golden", b[:SectorSize])
	if got, err := ParseSums(b, h); err != nil || got != want {
		t.Errorf("got %x, %v\nwant %x", got, err, want)
	}
	eachFlip(b, func(bit int, flipped []byte) {
		if got, err := ParseSums(flipped, h); err == nil && got == want {
			t.Errorf("bit %d: %q is taken for the sums", bit, flipped)
		}
	})
}

func FuzzHeader(f *testing.F) {
	b, err := example().Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := ParseHeader(b)
		if err != nil {
			return
		}
		if again := encoded(t, h); !bytes.Equal(again, b) {
			t.Errorf("%q became %q", b, again)
		}
	})
}

func FuzzSums(f *testing.F) {
	b, err := Sums{}.Encode(example())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		if s, err := ParseSums(b, example()); err == nil {
			if again, err := s.Encode(example()); err != nil || !bytes.Equal(again, b) {
				t.Errorf("%q became %q, %v", b, again, err)
			}
		}
	})
}
