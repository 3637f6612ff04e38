package images

import (
	"context"

	"bantam/board"
	"bantam/gpt"
)

// PackKernel compresses an uncompressed kernel for GRUB, which tells by the bytes that it must unpack it, and finds damage while it
// does. GRUB reads whole sectors of a slot and looks for the end of the archive at the end of the last one: so its length is a
// multiple of a sector. Against gzip, xz makes Debian's arm64 kernel 3.2 MB smaller and the boot under emulation half a second longer.
func PackKernel(ctx context.Context, cache Cache, kernel []byte) ([]byte, error) {
	packed, err := compressXZ(ctx, cache, kernel, "") // GRUB knows no branch filter for arm64
	if err != nil {
		return nil, err
	}
	return growXZ(packed, gpt.SectorSize)
}

// packForUBoot compresses an uncompressed kernel for U-Boot's booti. Every build of U-Boot has gzip, which finds damage; zeros behind it do no
// harm. With LZMA Debian's arm64 kernel is 3.2 MB smaller, and its unpacking takes six times as long.
func packForUBoot(ctx context.Context, cache Cache, kernel []byte) ([]byte, error) {
	return cache.filtered(ctx, kernel, "gzip", "-9n")
}

// kernelPacking is that of boards whose kernel lies packed in the slot.
var kernelPacking = map[string]struct {
	pack   func(context.Context, Cache, []byte) ([]byte, error)
	unpack string // the program that undoes it
}{
	board.EFIGrub: {PackKernel, "xz"},
	board.UBoot:   {packForUBoot, "gzip"},
	board.FIT:     {packForUBoot, "gzip"},
}

// packsKernel tells boards whose kernel lies packed in the slot. One for arm unpacks itself.
func packsKernel(b board.Board) bool { return b.Arch != "arm" && kernelPacking[b.Boot].pack != nil }

// unpackKernel undoes it, and leaves out the device trees.
func unpackKernel(ctx context.Context, b board.Board, packed []byte) ([]byte, error) {
	packed = packed[min(len(packed), treeRoom*len(b.DeviceTrees)):]
	if !packsKernel(b) {
		return packed, nil
	}
	return filter(ctx, packed, kernelPacking[b.Boot].unpack, "-dc")
}
