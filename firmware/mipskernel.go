package firmware

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// A MIPSKernel is Linux for routers whose U-Boot knows one image and no device tree: a vmlinuz that unpacks itself, with
// CONFIG_MIPS_RAW_APPENDED_DTB, and the tree that belongs behind it. With an initrd it becomes the one image (Image): initrd, vmlinuz and
// tree, one behind the other, loaded so that vmlinuz comes to lie where it is linked to. The kernel unpacks itself to the beginning of memory,
// takes the tree along, and reads in it where the initrd lies: in front of vmlinuz, where nothing is written over.
//
// So another initrd needs neither a linker nor a compressor.
type MIPSKernel struct {
	Name        string // at most 32 bytes, e.g. "Linux 6.12.117-bantam"
	Load, Entry uint32 // addresses of vmlinuz, of unmapped memory (KSEG0)
	VMLinuz     Source
	Tree        Source
}

const (
	kseg0    = 0x8000_0000
	kseg0End = 0xA000_0000

	// MIPSKernelRoom is what the kernel has at the beginning of memory, unpacked, with all that it clears and finds before it looks at
	// the initrd.
	MIPSKernelRoom = 24 << 20

	mipsTreeMost = 1 << 20 // what the kernel's linker script leaves
	mipsPage     = 4096    // an initrd begins at a page
)

var mipsHeader = UImage{OS: "linux", Arch: "mips", Type: "multi", Compression: "none"}

// Write writes the kernel as a part of generations: a uImage of two parts.
func (k MIPSKernel) Write(w io.Writer) error {
	if err := k.check(); err != nil {
		return fmt.Errorf("kernel for mips: %w", err)
	}
	u := mipsHeader
	u.Name, u.Load, u.Entry = k.Name, k.Load, k.Entry
	return u.Write(w, k.VMLinuz, k.Tree)
}

// ReadMIPSKernel reads what Write wrote.
func ReadMIPSKernel(f Source) (k MIPSKernel, err error) {
	u, err := ReadUImage(f)
	if err != nil {
		return k, err
	}
	if u.OS != mipsHeader.OS || u.Arch != mipsHeader.Arch || u.Type != mipsHeader.Type || u.Compression != mipsHeader.Compression {
		return k, fmt.Errorf("kernel for mips: a uImage with %s, %s, %s, %s is none", u.OS, u.Arch, u.Type, u.Compression)
	}
	parts, err := u.Parts(f)
	if err != nil {
		return k, err
	}
	if len(parts) != 2 {
		return k, fmt.Errorf("kernel for mips: %d parts, want 2", len(parts))
	}
	k = MIPSKernel{u.Name, u.Load, u.Entry, parts[0].In(f), parts[1].In(f)}
	if err := k.check(); err != nil {
		return k, fmt.Errorf("kernel for mips: %w", err)
	}
	return k, u.Verify(f)
}

func (k MIPSKernel) check() error {
	end := uint64(k.Load) + uint64(k.VMLinuz.Size())
	switch {
	case k.Load < kseg0+MIPSKernelRoom || end > kseg0End:
		return fmt.Errorf("it lies at %#x: want an address from %#x on (CONFIG_ZBOOT_LOAD_ADDRESS)", k.Load, uint32(kseg0+MIPSKernelRoom))
	case k.Load%mipsPage != 0:
		return fmt.Errorf("it lies at %#x: want a multiple of %d (CONFIG_ZBOOT_LOAD_ADDRESS)", k.Load, mipsPage)
	case k.Entry < k.Load || uint64(k.Entry) >= end:
		return fmt.Errorf("it is entered at %#x, outside of itself", k.Entry)
	case k.VMLinuz.Size()%4 != 0:
		return fmt.Errorf("vmlinuz has %d bytes: a device tree behind it would not be found", k.VMLinuz.Size())
	}
	return nil
}

// InitrdRoom is how long an initrd may be.
func (k MIPSKernel) InitrdRoom() int64 { return int64(k.Load) - kseg0 - MIPSKernelRoom }

// Image is the one image, with a command line for the kernel: its header, and its data, not compressed.
func (k MIPSKernel) Image(initrd []byte, cmdline string) (u UImage, data []byte, err error) {
	room := roundUp(int64(len(initrd)), mipsPage)
	if len(initrd) == 0 || room > k.InitrdRoom() {
		return u, nil, fmt.Errorf("uImage: an initrd of %d bytes: want 1 to %d, for it lies between the kernel, unpacked, and vmlinuz", len(initrd), k.InitrdRoom())
	}
	at := k.Load - uint32(room)
	tree, err := TreeWithChosen(k.Tree, Text("bootargs", cmdline), Cells("linux,initrd-start", at-kseg0), Cells("linux,initrd-end", at-kseg0+uint32(len(initrd))))
	if err == nil && len(tree) > mipsTreeMost {
		err = errors.New("the device tree has more than the mebibyte that the kernel keeps free for it")
	}
	if err != nil {
		return u, nil, fmt.Errorf("uImage: %w", err)
	}
	data = make([]byte, room, room+k.VMLinuz.Size()+int64(len(tree)))
	copy(data, initrd)
	b := bytes.NewBuffer(data)
	if err := copySource(b, k.VMLinuz); err != nil {
		return u, nil, fmt.Errorf("uImage: vmlinuz: %w", err)
	}
	b.Write(tree)
	u = mipsHeader
	u.Type, u.Name, u.Load, u.Entry = "kernel", k.Name, at, k.Entry
	return u, b.Bytes(), nil
}

// WriteImage writes the one image behind U-Boot's header, with data compressed as a U-Boot undoes it: "none", or "lzma" (WriteLZMA).
func (k MIPSKernel) WriteImage(w io.Writer, initrd []byte, cmdline, compression string) error {
	u, data, err := k.Image(initrd, cmdline)
	if err != nil {
		return err
	}
	switch compression {
	case "none":
	case "lzma":
		if data, err = lzmaOf(data); err != nil {
			return fmt.Errorf("uImage: %w", err)
		}
	default:
		return fmt.Errorf("uImage: compression %q: want none or lzma", compression)
	}
	u.Compression = compression
	return u.Write(w, bytes.NewReader(data))
}

// WriteTPLink writes the one image behind TP-Link's header, as their U-Boot and what was made of it start it: LZMA, whatever the header says. Of
// the header are given what tells the hardware, and Layout.
func (k MIPSKernel) WriteTPLink(w io.Writer, initrd []byte, cmdline string, header TPLink) error {
	u, data, err := k.Image(initrd, cmdline)
	if err != nil {
		return err
	}
	if data, err = lzmaOf(data); err != nil {
		return fmt.Errorf("TP-Link: %w", err)
	}
	header.Version, header.Vendor, header.Release, header.Load, header.Entry = 1, "Bantam", u.Name, u.Load, u.Entry
	return header.Write(w, bytes.NewReader(data), nil, false)
}

func lzmaOf(data []byte) ([]byte, error) {
	var b bytes.Buffer
	err := WriteLZMA(&b, bytes.NewReader(data))
	return b.Bytes(), err
}
