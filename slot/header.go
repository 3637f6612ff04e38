package slot

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Where things lie in a slot.
const (
	HeaderSize    = 2 * SectorSize
	SumsAt        = 2 * SectorSize // the byte
	KernelAt      = 4              // the sector
	headerSectors = 2
)

// MaxArgs is how long the words for the kernel may be.
const MaxArgs = 600

// A Header is what a slot says of itself.
type Header struct {
	Kernel     Range  // e.g. 4+16108
	Initrd     Range  // straight behind it; the origin's sector follows
	Args       string // words for the kernel, e.g. "console=ttyS0 bantam.disk=..."; the loader adds bantam.slot=
	Generation string // digest of the generation that it was written for, "sha256:..."
	Boot       string // digest of what kernel and initrd are made of
}

// NewHeader lays out a slot for a kernel and an initrd of so many bytes.
func NewHeader(kernel, initrd int64) Header {
	k := Range{KernelAt, sectors(kernel)}
	return Header{Kernel: k, Initrd: Range{k.End(), sectors(initrd)}}
}

func sectors(bytes int64) uint64 { return uint64(bytes+SectorSize-1) / SectorSize }

// Origin is the sector of the origin.
func (h Header) Origin() uint64 { return h.Initrd.End() }

// Sectors is how long the slot must be at least.
func (h Header) Sectors() uint64 { return h.Origin() + 1 }

const (
	kernelKey     = "KERNEL"
	initrdKey     = "INITRD"
	originKey     = "ORIGIN"
	argsKey       = "ARGS"
	generationKey = "GENERATION"
	bootKey       = "BOOT"
)

// Encode writes the header. The numbers are there twice: GRUB names sectors by FIRST+COUNT, U-Boot counts in hexadecimal and
// reads initrd and origin as one.
func (h Header) Encode() ([]byte, error) {
	if h.Kernel.First != KernelAt || h.Kernel.Count == 0 || h.Initrd.First != h.Kernel.End() || h.Initrd.Count == 0 || h.Initrd.End() > 1<<40 {
		return nil, fmt.Errorf("slot header: kernel %v and initrd %v: want them one behind the other from sector %d", h.Kernel, h.Initrd, KernelAt)
	}
	for _, digest := range []string{h.Generation, h.Boot} {
		if !isDigest(digest) {
			return nil, fmt.Errorf("slot header: %q is no digest", digest)
		}
	}
	if err := checkArgs(h.Args); err != nil {
		return nil, err
	}
	number := func(n uint64) string { return strconv.FormatUint(n, 16) }
	return encodeBlock(HeaderSize, []variable{
		{generationKey, h.Generation},
		{bootKey, h.Boot},
		{kernelKey, h.Kernel.String()},
		{initrdKey, h.Initrd.String()},
		{originKey, Range{h.Origin(), 1}.String()},
		{"KERNEL_FIRST", number(h.Kernel.First)},
		{"KERNEL_COUNT", number(h.Kernel.Count)},
		{"INITRD_FIRST", number(h.Initrd.First)},
		{"INITRD_COUNT", number(h.Initrd.Count + 1)},
		{"INITRD_BYTES", number((h.Initrd.Count + 1) * SectorSize)},
		{argsKey, h.Args},
	})
}

// checkArgs accepts words for the kernel that GRUB and U-Boot pass on as they are.
func checkArgs(args string) error {
	// What one of their parsers takes as its own.
	if i := strings.IndexAny(args, "\"'\\$#;|&<>{}()*?`\n\r\x00"); i >= 0 || len(args) > MaxArgs || args != strings.Join(strings.Fields(args), " ") {
		return fmt.Errorf("kernel command line %q: want words with one blank between them, at most %d bytes, without any of \"'\\$#;|&<>{}()*?`", args, MaxArgs)
	}
	return variable{argsKey, args}.check()
}

// isDigest accepts what switcher.Digest calls valid; that package uses this one.
func isDigest(text string) bool {
	digits, ok := strings.CutPrefix(text, "sha256:")
	return ok && len(digits) == 64 && strings.Trim(digits, "0123456789abcdef") == ""
}

// ErrEmpty is returned for a header of zeros: nothing was written yet, or somebody has begun to.
var ErrEmpty = errors.New("slot header: nothing is in this slot")

// ParseHeader reads a header. One that is not to the byte as Encode writes it is an error.
func ParseHeader(b []byte) (h Header, err error) {
	if len(b) != HeaderSize {
		return h, fmt.Errorf("slot header: %d bytes, want %d", len(b), HeaderSize)
	}
	if bytes.Count(b, []byte{0}) == len(b) {
		return h, ErrEmpty
	}
	list, err := parseBlock(b)
	if err != nil {
		return h, fmt.Errorf("slot header: %w", err)
	}
	for _, v := range list {
		switch v.Name {
		case kernelKey:
			h.Kernel, err = parseRange(v.Value)
		case initrdKey:
			h.Initrd, err = parseRange(v.Value)
		case argsKey:
			h.Args = v.Value
		case generationKey:
			h.Generation = v.Value
		case bootKey:
			h.Boot = v.Value
		}
		if err != nil {
			return h, fmt.Errorf("slot header: %w", err)
		}
	}
	if want, err := h.Encode(); err != nil || !bytes.Equal(want, b) {
		return h, errors.Join(errors.New("slot header: it is damaged, or made for another version of Bantam"), err)
	}
	return h, nil
}

func parseRange(text string) (r Range, err error) {
	first, count, _ := strings.Cut(text, "+")
	if r.First, err = strconv.ParseUint(first, 10, 64); err != nil {
		return r, err
	}
	r.Count, err = strconv.ParseUint(count, 10, 64)
	return r, err
}
