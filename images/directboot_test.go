package images

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bantam/board"
	"bantam/gpt"
	"bantam/slot"
)

// directDisk writes a disk that has no boot loader.
func directDisk(t *testing.T, layers int64) (d Disk, path string) {
	t.Helper()
	d = fakeDisk(t, 5000, 1001)
	d.Programs, d.Direct = GRUBPrograms{}, true
	if layers > 0 {
		d.Layers = layout{size: roundUp(layers, gpt.SectorSize), regions: []region{{name: "layer", content: numbered(layers, 7)}}}
	}
	path = filepath.Join(t.TempDir(), "disk.img")
	if err := WriteDisk(path, d); err != nil {
		t.Fatal(err)
	}
	return d, path
}

func TestADiskWithoutBootLoaderHasSlotAAlone(t *testing.T) {
	for _, layers := range []int64{0, 9000} {
		d, path := directDisk(t, layers)
		if out := output(t, "sgdisk", "-v", path); !strings.Contains(out, "No problems found") {
			t.Errorf("sgdisk -v:\n%s", out)
		}
		image, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		checkSlotA(t, "direct", d, image)
		table, err := gpt.ReadPrimary(bytes.NewReader(image), uint64(len(image)/gpt.SectorSize))
		if err != nil {
			t.Fatal(err)
		}
		want := 1
		if layers > 0 {
			want = 2
		}
		got := 0
		for _, p := range table.Partitions {
			if !p.Type.IsZero() {
				got++
			}
		}
		if got != want {
			t.Errorf("%d partitions, want %d: %+v", got, want, table.Partitions)
		}
	}
}

func TestQEMUIsGivenWhatSlotAHas(t *testing.T) {
	d, path := directDisk(t, 0)
	dir := t.TempDir()
	start, err := readDirectStart(path, dir)
	if err != nil {
		t.Fatal(err)
	}
	kernel, err := os.ReadFile(start.kernel)
	if err != nil || !bytes.HasPrefix(kernel, d.Kernel) || len(kernel) != int(roundUp(int64(len(d.Kernel)), slot.SectorSize)) {
		t.Errorf("kernel: %d bytes, %v", len(kernel), err)
	}
	initrd, err := os.ReadFile(start.initrd)
	if err != nil || !bytes.HasPrefix(initrd, d.Initrd) {
		t.Errorf("initrd: %d bytes, %v", len(initrd), err)
	}
	if len(initrd) != int(roundUp(int64(len(d.Initrd)), slot.SectorSize)) {
		t.Errorf("initrd: %d bytes; want it without the origin, which is another once the machine has run", len(initrd))
	}
	m := qemuMachine{
		RunOptions: RunOptions{Board: board.Board{Boot: board.Direct, QEMU: board.QEMU{Machine: "malta", Memory: 256}}, Firmware: direct},
		disk:       "d", accel: AccelTCG, direct: directStart{"k", "i", "console=ttyS0 bantam.disk=x"},
	}
	want := "-machine malta -m 256 -accel tcg -kernel k -initrd i -append console=ttyS0 bantam.disk=x -drive if=none,id=bantam,format=raw,file=d -device virtio-blk-pci,drive=bantam,bootindex=1000 -nic user,model=virtio-net-pci"
	if got := strings.Join(m.args(), " "); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestQEMUIsGivenNoDamagedKernel(t *testing.T) {
	_, path := directDisk(t, 0)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	table, err := gpt.ReadPrimary(bytes.NewReader(whole), uint64(len(whole)/gpt.SectorSize))
	if err != nil {
		t.Fatal(err)
	}
	at := int(table.Partitions[slot.NumberA-1].First) * slot.SectorSize
	for _, test := range []struct {
		claim  string
		damage func(image []byte)
		want   string
	}{
		{"a kernel", func(b []byte) { b[at+slot.KernelAt*slot.SectorSize+3] ^= 1 }, "slot A: kernel or initrd are damaged"},
		{"a header", func(b []byte) { b[at+40] ^= 1 }, "slot A: slot header: "},
		{"an empty slot", func(b []byte) { clear(b[at:][:slot.HeaderSize]) }, "nothing is in this slot"},
		{"sums", func(b []byte) { b[at+slot.SumsAt+600] ^= 1 }, "slot A: "},
		{"no table", func(b []byte) { clear(b[:at]) }, path + ": "},
	} {
		image := bytes.Clone(whole)
		test.damage(image)
		if err := os.WriteFile(path, image, 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := readDirectStart(path, t.TempDir()); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", test.claim, err, test.want)
		}
	}

	// A disk of another loader that has no slot.
	if err := os.WriteFile(path, whole, 0o644); err != nil {
		t.Fatal(err)
	}
	table.Partitions[slot.NumberA-1].Type = gpt.ESP
	primary := table.Primary()
	image := bytes.Clone(whole)
	copy(image[gpt.SectorSize:], primary)
	if err := os.WriteFile(path, image, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := readDirectStart(path, t.TempDir()); err == nil || !strings.Contains(err.Error(), "it has no slot A to take a kernel from") {
		t.Errorf("no slot: %v", err)
	}
}
