package images

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bantam/gpt"
	"bantam/slot"
)

// fakeDisk is a disk of parts that cannot run, with a kernel and an initrd of so many bytes.
func fakeDisk(t testing.TB, kernel, initrd int64) Disk {
	t.Helper()
	core := all(t, numbered(100_000, 4))
	return Disk{Programs: GRUBPrograms{EFI: all(t, numbered(70_000, 3)), EFIPath: "EFI/BOOT/BOOTX64.EFI", Boot: core[:512], Core: core},
		Kernel: all(t, numbered(kernel, 1)), Initrd: all(t, numbered(initrd, 2)), Cmdline: "quiet", Generation: fakeDigest, Boot: fakeDigest,
		Disk: testDisk, Label: "BANTAM"}
}

// partitionOf is the bytes of a partition of an image, by its number.
func partitionOf(t testing.TB, image []byte, number int) []byte {
	t.Helper()
	c, err := gpt.Read(bytes.NewReader(image), uint64(len(image)/gpt.SectorSize))
	if err != nil || c.BackupErr != nil {
		t.Fatalf("partition table: %v, %v", err, c.BackupErr)
	}
	p := c.Table.Partitions[number-1]
	return image[p.First*gpt.SectorSize : (p.Last+1)*gpt.SectorSize]
}

func TestADiskHasEverythingInItsPlace(t *testing.T) {
	for name, size := range map[string]struct{ kernel, initrd int64 }{
		"a small one": {1000, 1}, "whole sectors": {1024, 512}, "one of the usual size": {8_000_000, 4_000_001}, "one of 40 MB": {20_000_000, 20_000_000},
	} {
		for _, core := range []bool{true, false} {
			d := fakeDisk(t, size.kernel, size.initrd)
			if !core {
				d.Programs.Core = nil
			}
			path := filepath.Join(t.TempDir(), "disk.img")
			var first []byte
			for range 2 {
				if err := WriteDisk(path, d); err != nil {
					t.Fatal(err)
				}
				b, err := os.ReadFile(path)
				if err != nil || first != nil && !bytes.Equal(first, b) {
					t.Fatalf("%s: written again it differs (%v)", name, err)
				}
				first = b
			}
			if out := output(t, "sgdisk", "-v", path); !strings.Contains(out, "No problems found") {
				t.Errorf("%s: sgdisk -v:\n%s", name, out)
			}
			esp := espOf(t, path)
			output(t, "fsck.fat", "-n", esp)
			copied := filepath.Join(t.TempDir(), "copied")
			output(t, "mcopy", "-o", "-i", esp, "::/"+d.Programs.EFIPath, copied)
			if got, err := os.ReadFile(copied); err != nil || !bytes.Equal(got, d.Programs.EFI) {
				t.Errorf("%s: UEFI finds %d bytes, %v", name, len(got), err)
			}
			for _, number := range []int{3, 4} {
				b := partitionOf(t, first, number)
				if s, err := slot.ParseGRUB(b[slot.GRUBBlockAt:][:slot.StateSize]); err != nil || !s.Equal(slot.Delivered) || len(b) != slot.CopySize {
					t.Errorf("%s: partition %d: %+v, %v", name, number, s, err)
				}
			}
			checkSlotA(t, name, d, first)
		}
	}
}

func checkSlotA(t *testing.T, name string, d Disk, image []byte) {
	t.Helper()
	b := partitionOf(t, image, 6)
	h, err := slot.ParseHeader(b[:slot.HeaderSize])
	if err != nil || h.Args != d.Cmdline || h.Generation != d.Generation || h.Boot != d.Boot || int(h.Sectors())*slot.SectorSize != len(b) {
		t.Fatalf("%s: slot A of %d bytes: %+v, %v", name, len(b), h, err)
	}
	part := func(r slot.Range) []byte { return b[r.First*slot.SectorSize : r.End()*slot.SectorSize] }
	sums, err := slot.ParseSums(b[slot.SumsAt:][:slot.SumsSize], h)
	if err != nil || sums != slot.SumsOf(part(h.Kernel), part(h.Initrd)) {
		t.Errorf("%s: sums %x, %v", name, sums, err)
	}
	if !bytes.HasPrefix(part(h.Kernel), d.Kernel) || !bytes.HasPrefix(part(h.Initrd), d.Initrd) {
		t.Errorf("%s: the slot has something else than what was put in", name)
	}
	at := bytes.Index(image, []byte("Bantam disk\n")) / gpt.SectorSize
	origin, ok := gpt.ReadOrigin(b[h.Origin()*slot.SectorSize:])
	if !ok || origin != (gpt.Origin{Image: testDisk, Sector: uint64(at)}) {
		t.Errorf("%s: origin %+v, %v; want it at sector %d", name, origin, ok, at)
	}
}

func TestADiskThatCannotBeIsRefused(t *testing.T) {
	for claim, change := range map[string]func(d *Disk){
		"no kernel":                   func(d *Disk) { d.Kernel = nil },
		"words that GRUB interprets":  func(d *Disk) { d.Cmdline = "a;b" },
		"words that are too long":     func(d *Disk) { d.Cmdline = strings.Repeat("x", slot.MaxArgs+1) },
		"a label in lower case":       func(d *Disk) { d.Label = "bantam" },
		"a boot sector that is short": func(d *Disk) { d.Programs.Boot = d.Programs.Boot[1:] },
		"a core of one sector":        func(d *Disk) { d.Programs.Core = d.Programs.Core[:512] },
		"no generation":               func(d *Disk) { d.Generation = "" },
	} {
		d := fakeDisk(t, 1000, 1000)
		change(&d)
		path := filepath.Join(t.TempDir(), "disk.img")
		if err := WriteDisk(path, d); err == nil || isFile(path) {
			t.Errorf("%s: %v", claim, err)
		}
	}
	d := fakeDisk(t, 1, 1)
	d.Layers = layout{size: 5 << 40}
	if _, err := diskLayout(d); err != nil {
		t.Errorf("layers of 5 TiB: %v", err)
	}
}

func TestAGrownArchiveIsOneOfTheSameContent(t *testing.T) {
	dir := t.TempDir()
	for _, size := range []int{1, 100, 5_000, 70_000, 1_000_000} {
		plain := all(t, numbered(int64(size), 5))
		packed, err := compressXZ(t.Context(), Cache{t.TempDir()}, plain, "")
		if err != nil {
			t.Fatal(err)
		}
		for unit := 4; unit <= 512; unit *= 2 {
			grown, err := growXZ(packed, unit)
			if err != nil || len(grown)%unit != 0 || len(grown) >= len(packed)+unit+4 {
				t.Fatalf("%d bytes: %d grown to %d in units of %d, %v", size, len(packed), len(grown), unit, err)
			}
			path := filepath.Join(dir, "grown.xz")
			if err := os.WriteFile(path, grown, 0o600); err != nil {
				t.Fatal(err)
			}
			if got := output(t, "xz", "-dc", path); got != string(plain) {
				t.Fatalf("%d bytes in units of %d: xz finds %d bytes", size, unit, len(got))
			}
		}
	}
	for _, bad := range [][]byte{nil, []byte("no archive"), bytes.Repeat([]byte{0}, 100)} {
		if b, err := growXZ(bad, 512); err == nil {
			t.Errorf("%q became %q", bad, b)
		}
	}
}
