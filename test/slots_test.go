package test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bantam/gpt"
	"bantam/images"
	"bantam/init/bootslot"
	"bantam/init/statevolume"
	"bantam/layer"
	"bantam/slot"
	"bantam/switcher"
)

// bootDisk is what a test reads of a disk with boot slots.
type bootDisk struct {
	table  gpt.Table
	states [2]slot.State // of both copies
	b      error         // why nothing is in slot B
}

// bootDiskOf reads a disk as GRUB does.
func bootDiskOf(t *testing.T, path string) (d bootDisk) {
	t.Helper()
	copies := tableOf(t, path)
	if copies.BackupErr != nil {
		t.Fatal(copies.BackupErr)
	}
	d.table = copies.Table
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	part := func(number, size int) []byte {
		b := make([]byte, size)
		if _, err := f.ReadAt(b, int64(d.table.Partitions[number-1].First)*gpt.SectorSize); err != nil {
			t.Fatal(err)
		}
		return b
	}
	for i, number := range []int{slot.State1Number, slot.State2Number} {
		if d.states[i], err = slot.ParseGRUB(part(number, slot.CopySize)[slot.GRUBBlockAt:][:slot.StateSize]); err != nil {
			t.Errorf("copy %d of the state: %v", i+1, err)
		}
	}
	_, d.b = slot.ParseHeader(part(slot.NumberB, slot.HeaderSize))
	return d
}

// off ends a machine in order.
func (c *console) off() {
	c.t.Helper()
	c.Send("poweroff\r")
	c.WaitEnd()
}

// A generation has the same bytes in a slot whether the host puts it into an image or a device writes it, but for the origin.
func TestASlotOfTheDeviceIsTheHosts(t *testing.T) {
	system, blobs := []byte("# a test\n"), map[switcher.Digest][]byte{}
	blob := func(content string) switcher.Descriptor {
		d := switcher.DigestOf([]byte(content))
		blobs[d] = []byte(content)
		return switcher.Descriptor{Digest: d, Size: int64(len(content))}
	}
	g := switcher.Generation{Board: "pc", Arch: "amd64", System: blob(string(system)), Kernel: blob(strings.Repeat("kernel", 100_001)),
		Initrd: []switcher.Descriptor{blob(strings.Repeat("modules.", 40_000)), blob(strings.Repeat("init", 300_001))}}
	segment, err := g.Segment(system, nil)
	if err != nil {
		t.Fatal(err)
	}
	guid := gpt.DeriveGUID(string(g.Digest()), "disk")
	path := filepath.Join(t.TempDir(), "disk")
	if err := images.WriteDisk(path, images.Disk{
		Programs: images.GRUBPrograms{EFI: []byte("a program"), EFIPath: "EFI/BOOT/BOOTX64.EFI"}, Label: "BANTAM", Disk: guid,
		Kernel: blobs[g.Kernel.Digest], Initrd: bytes.Join([][]byte{blobs[g.Initrd[0].Digest], blobs[g.Initrd[1].Digest], segment}, nil),
		Cmdline: "console=ttyS0 bantam.disk=" + guid.String(), Generation: string(g.Digest()), Boot: string(g.BootID()),
	}); err != nil {
		t.Fatal(err)
	}
	image := read(t, path)
	c, err := gpt.Read(bytes.NewReader(image), uint64(len(image))/gpt.SectorSize)
	if err != nil {
		t.Fatal(err)
	}
	extent := func(number int) statevolume.Extent {
		p := c.Table.Partitions[number-1]
		return statevolume.Extent{Offset: int64(p.First) * gpt.SectorSize, Length: int64(p.Sectors()) * gpt.SectorSize}
	}
	slots := statevolume.Slots{Disk: path, State: [2]statevolume.Extent{extent(slot.State1Number), extent(slot.State2Number)}, A: extent(slot.NumberA)}
	slots.B = statevolume.Extent{Offset: 16 << 20, Length: slots.A.Length}
	if err := os.Truncate(path, slots.B.Offset+slots.B.Length); err != nil {
		t.Fatal(err)
	}
	loader, _ := bootslot.Open(bootslot.Options{Slots: slots, Booted: slot.A, Loader: "grub", Generation: g.Digest(),
		Area: func() (layer.Area, error) { return nil, nil }})
	if err := loader.Stage(t.Context(), slot.B, switcher.Staging{Generation: g, System: system, Blob: func(d switcher.Digest) (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(blobs[d])), nil
	}}); err != nil {
		t.Fatal(err)
	}
	a, b := image[slots.A.Offset:][:slots.A.Length], read(t, path)[slots.B.Offset:]
	last := len(a) - gpt.SectorSize
	if !bytes.Equal(a[:last], b[:last]) {
		t.Error("the device writes another slot than the host")
	}
	of, _ := gpt.ReadOrigin(a[last:])
	of.Sector = uint64(slots.B.Offset)/gpt.SectorSize + uint64(last)/gpt.SectorSize
	if got, ok := gpt.ReadOrigin(b[last:]); !ok || got != of {
		t.Errorf("the origin is %v, want %v", got, of)
	}
}

// The first boot of a disk image adds slot B; status tells of both; boot loader and machine share the state; what is torn of it
// is mended; a second disk with the same image is not written to, and neither is one that is read-only.
func TestBootSlotsOfADiskImage(t *testing.T) {
	image := build(t, "pc", "../examples/pc/system.toml") + "/pc.img"
	const line = "boot        grub, slot A (booted, generation 1, good), slot B (empty)"
	for _, f := range []firmware{bios, uefi} {
		t.Run(string(f), func(t *testing.T) {
			path := disk(t, image)
			c := start(t, pc(t, f, "-drive", virtio(path)))
			c.settled()
			if status := c.must("bantam status", line, "/dev/vda8"); strings.Contains(status, "note") {
				t.Errorf("something is noted:\n%s", status)
			}
			c.must("bantam status --json", `"loader": "grub"`, `"tries": true`, `"fallback": true`)
			c.off()
			d := bootDiskOf(t, path)
			number, state := d.table.Find(statevolume.PartitionType)
			a, b := d.table.Partitions[slot.NumberA-1], d.table.Partitions[slot.NumberB-1]
			if number != slot.NumberB+1 || a.Sectors() != b.Sectors() || a.Last >= b.First || b.Last >= state.First || !errors.Is(d.b, slot.ErrEmpty) {
				t.Errorf("the table is %+v, slot B: %v", d.table, d.b)
			}
			for _, s := range d.states {
				if s.Seen != slot.A || s.First() != slot.A || s.Left(slot.A) != slot.Good {
					t.Errorf("the state is %+v", s)
				}
			}

			writeAt(t, path, []byte("torn"), int64(d.table.Partitions[slot.State1Number-1].First)*gpt.SectorSize+slot.GRUBBlockAt+20)
			c = start(t, pc(t, f, "-drive", virtio(path)))
			c.settled()
			c.must("bantam status", line, "the first copy of the boot loader's state was damaged and is written anew")
			c.off()
			if again := bootDiskOf(t, path); !again.states[0].Equal(again.states[1]) {
				t.Errorf("the state is %+v", again.states)
			}
		})
	}

	t.Run("a second disk stays as it is", func(t *testing.T) {
		path, second := disk(t, image), disk(t, image)
		before := read(t, second)
		c := start(t, pc(t, bios, "-drive", virtio(path)))
		c.settled()
		c.off()
		c = start(t, pc(t, bios, "-drive", virtio(path), "-drive", virtio(second)))
		c.settled()
		c.must("bantam status", line)
		c.off()
		if !bytes.Equal(before, read(t, second)) {
			t.Error("the second disk was written to")
		}
	})

	t.Run("a disk that is read-only", func(t *testing.T) {
		path := disk(t, image)
		before := read(t, path)
		c := start(t, pc(t, bios, "-drive", virtio(path)+",readonly=on"))
		c.settled()
		c.must("bantam status", "boot        the kernel of the image: a second boot slot is made together with the state volume", "boot slots: /dev/vda is read-only")
		c.off()
		if !bytes.Equal(before, read(t, path)) {
			t.Error("the disk was written to")
		}
	})
}
