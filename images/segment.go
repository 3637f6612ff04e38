package images

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/bits"
	"slices"
	"strconv"
	"strings"

	"bantam/newc"
	"bantam/packing"
	"bantam/switcher"
)

// Segment is one of the archives that the initrd consists of. The kernel unpacks them one after
// the other, so a change of one leaves the bytes of the others alone.
type Segment struct {
	Name string // "modules", "init" or "generation"
	Data []byte // as the boot loader loads it; its length is a multiple of four
	Raw  int64  // bytes in memory once unpacked
}

// compressXZ packs data as small as the kernel can still read: CRC32 is the only check it knows,
// and the dictionary is no larger than the data, because the kernel allocates all of it.
// bcj is the branch filter, e.g. "--x86": it makes linked programs smaller and modules larger.
func compressXZ(ctx context.Context, cache Cache, data []byte, bcj string) ([]byte, error) {
	args := []string{"--format=xz", "--check=crc32", "--threads=1", "--stdout"}
	if bcj != "" {
		args = append(args, bcj)
	}
	dict := min(max(1<<bits.Len(uint(len(data))), 1<<16), 64<<20)
	args = append(args, fmt.Sprintf("--lzma2=preset=9e,dict=%d", dict))
	return cache.filtered(ctx, data, "xz", args...)
}

// compressZstd packs data as small as zstd can. Its window is no larger than the data, which the kernel allocates as well.
func compressZstd(ctx context.Context, cache Cache, data []byte) ([]byte, error) {
	return cache.filtered(ctx, data, "zstd", "--ultra", "-22", "--single-thread", "--stream-size="+strconv.Itoa(len(data)), "--stdout", "--quiet")
}

// filtered is filter's output, or what it was before.
func (c Cache) filtered(ctx context.Context, data []byte, name string, args ...string) ([]byte, error) {
	return c.Result(append([]string{name, sha256Hex(data)}, args...), func() ([]byte, error) {
		return filter(ctx, data, name, args...)
	})
}

// bcjFilter names the branch filter for programs of an architecture, if the kernel can undo it.
func bcjFilter(k Kernel, arch string) string {
	switch {
	case arch == "amd64" && k.Has("CONFIG_XZ_DEC_X86"):
		return "--x86"
	case arch == "arm64" && k.Has("CONFIG_XZ_DEC_ARM64"): // since Linux 6.12
		return "--arm64"
	case arch == "arm" && k.Has("CONFIG_XZ_DEC_ARM"):
		return "--arm"
	}
	return ""
}

// packSegment packs files as the kernel is soonest done with them. That is zstd where it is known to have it: it unpacks in an eighth of
// the time that xz takes, of which a boot on a slow processor is made, for 15 % more bytes. Else it is xz, with the branch filter bcj.
func packSegment(ctx context.Context, cache Cache, k Kernel, name string, files []newc.File, bcj string) (Segment, error) {
	raw, err := newc.Pack(files)
	if err != nil {
		return Segment{}, err
	}
	var data []byte
	if k.Has("CONFIG_RD_ZSTD") {
		data, err = compressZstd(ctx, cache, raw)
		data = slices.Concat(make([]byte, -len(data)&3), data) // the kernel passes over zeros, and what unpacks it knows where it ends
	} else {
		data, err = compressXZ(ctx, cache, raw, bcj)
	}
	return Segment{Name: name, Data: data, Raw: int64(len(raw))}, err
}

// unpackSegment undoes it.
func unpackSegment(data []byte) ([]byte, error) {
	r, _, err := packing.Open(bytes.NewReader(bytes.TrimLeft(data, "\x00")))
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

// initSegment holds the device binary, what the kernel opens before it runs, the mount points,
// and whatever else is given.
func initSegment(ctx context.Context, cache Cache, k Kernel, arch string, device []byte, extra []newc.File) (Segment, error) {
	files := []newc.File{
		{Path: "init", Mode: 0o755, Data: device},
		{Path: "bin/bantam", Link: "../init"},
		// Without these two the kernel starts /init with no descriptors, and Go's runtime ends it.
		{Path: "dev/console", Mode: 0o600, Major: 5, Minor: 1},
		{Path: "dev/null", Mode: 0o666, Major: 1, Minor: 3},
		{Path: "root", Mode: 0o700, Dir: true},
		{Path: "tmp", Mode: 0o1777, Dir: true},
	}
	for _, dir := range []string{"etc", "proc", "run", "state", "sys"} {
		files = append(files, newc.File{Path: dir, Mode: 0o755, Dir: true})
	}
	return packSegment(ctx, cache, k, "init", append(files, extra...), bcjFilter(k, arch))
}

// generationSegment is the last one: it says where the layers lie on the medium, too.
func generationSegment(g switcher.Generation, system []byte) (Segment, error) {
	raw, err := g.Segment(system, layersArea(g.Layers))
	return Segment{Name: "generation", Data: raw, Raw: int64(len(raw))}, err
}

// SquashFilter names the branch filter of squashfs for programs of an architecture, if the kernel can undo it; "" is none.
// Those of bookworm's mksquashfs are taken alone, so that every release packs alike.
func SquashFilter(k Kernel, arch string) string {
	filter := strings.TrimPrefix(bcjFilter(k, arch), "--")
	if filter == "arm64" {
		return ""
	}
	return filter
}

// DebianSquashFilter is SquashFilter for the kernels of Debian.
func DebianSquashFilter(arch string) string {
	if arch == "amd64" {
		return "x86"
	}
	return ""
}
