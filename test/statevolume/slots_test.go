package statevolume_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"bantam/gpt"
	"bantam/images"
	"bantam/slot"
)

// slotMedium is an image with boot slots, without a boot loader, and the byte at which its state's two copies begin.
func slotMedium(t *testing.T) (medium []byte, copies int64) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "medium.img")
	err := images.WriteDisk(path, images.Disk{
		Programs: images.GRUBPrograms{EFI: []byte("none"), EFIPath: "EFI/BOOT/BOOTX64.EFI"}, Label: "BANTAM", Disk: machineDisk,
		Kernel: bytes.Repeat([]byte("kernel"), 30000), Initrd: bytes.Repeat([]byte("initrd"), 20000),
		Cmdline:    "console=ttyS0 bantam.disk=" + machineDisk.String(),
		Generation: "sha256:" + strings.Repeat("0", 64), Boot: "sha256:" + strings.Repeat("1", 64),
	})
	if err != nil {
		t.Fatal(err)
	}
	if medium, err = os.ReadFile(path); err != nil {
		t.Fatal(err)
	}
	table, err := gpt.ReadPrimary(bytes.NewReader(medium), uint64(len(medium)/512))
	if err != nil {
		t.Fatal(err)
	}
	saved := slot.Delivered
	saved.Seen = slot.A // as by a boot loader: here QEMU starts the kernel
	block, err := saved.EncodeGRUB()
	if err != nil {
		t.Fatal(err)
	}
	copies = int64(table.Partitions[slot.State1Number-1].First) * 512
	copy(medium[copies:], slices.Repeat(slot.GRUBCopy(block), 2))
	return medium, copies
}

// slotB reads what a boot loader finds of slot B on a disk: its header, if there is one, whose content must be whole.
func slotB(t *testing.T, disk string, at int64) (slot.Header, bool) {
	t.Helper()
	h, err := slot.ParseHeader(readAt(t, disk, at, slot.HeaderSize))
	if err != nil {
		return h, false
	}
	sums, err := slot.ParseSums(readAt(t, disk, at+slot.SumsAt, slot.SumsSize), h)
	part := func(r slot.Range) []byte { return readAt(t, disk, at+int64(r.First)*512, int(r.Count)*512) }
	if have := slot.SumsOf(part(h.Kernel), part(h.Initrd)); err != nil || sums != have {
		t.Errorf("slot B: %v, checksums %+v, its content has %+v", err, sums, have)
	}
	return h, true
}

func TestBootSlotsOnAMachine(t *testing.T) {
	r := newRig(t)
	var stateCopies int64
	r.image, stateCopies = slotMedium(t)
	words := "bantam.disk=" + machineDisk.String()
	const bAt = 25 * mib // less than 1 MiB, and 24 of slot A

	t.Run("slot B is made by the first boot, written to, and tried", func(t *testing.T) {
		disk := r.disk(t, 256*mib)
		write(t, disk, bAt, bytes.Repeat([]byte("old data"), mib)) // the disk was something else before
		r.boot(t, `kind=disk origin=made device=/dev/vda8 .* boots=1 check=""`, disk)
		if out, err := exec.Command("/usr/sbin/sgdisk", "-v", "-p", disk).CombinedOutput(); err != nil ||
			!strings.Contains(string(out), "No problems found") || !strings.Contains(string(out), gpt.SlotBPurpose) {
			t.Errorf("sgdisk (apt-get install gdisk): %v\n%s", err, out)
		}
		if h, ok := slotB(t, disk, bAt); ok {
			t.Errorf("slot B holds %+v", h)
		}
		before := readAt(t, disk, 0, bAt)
		r.bootAnd(t, `kind=disk origin=found device=/dev/vda8 .* boots=2`, []string{"stage", "try"}, disk)
		h, ok := slotB(t, disk, bAt)
		if !ok || h.Args != "console=ttyS0 "+words {
			t.Errorf("slot B holds %+v, %v", h, ok)
		}
		after := readAt(t, disk, 0, bAt)
		copy(before[stateCopies:], after[stateCopies:stateCopies+2*slot.CopySize])
		if !bytes.Equal(before, after) {
			t.Error("more was written than slot B and the state")
		}
		for i := range int64(2) {
			s, err := slot.ParseGRUB(readAt(t, disk, stateCopies+i*slot.CopySize+slot.GRUBBlockAt, slot.StateSize))
			if err != nil || fmt.Sprint(s.Order, s.LeftA, s.LeftB) != "[B A] g 3" {
				t.Errorf("copy %d of the state: %+v, %v", i+1, s, err)
			}
		}
		e2fsck(t, disk)
	})

	t.Run("slot B is empty or whole after a power cut while it is written", func(t *testing.T) {
		disk := r.disk(t, 256*mib)
		r.boot(t, `kind=disk origin=made`, disk)
		for _, cut := range []string{"TEST [1-9]00000 of ", "TEST [1-9][0-9]{6} of", "TEST 1[0-9]{6} of", "TEST [0-9]{7} of"} {
			m := r.start(t, words, disk)
			expectVolume(t, m, `kind=disk`)
			m.Send("stage\n")
			m.Expect(cut + "|TEST stage: ")
			m.PowerCut()
			slotB(t, disk, bAt)
		}
		r.bootAnd(t, `kind=disk origin=found`, []string{"stage"}, disk)
		if _, ok := slotB(t, disk, bAt); !ok {
			t.Error("slot B is empty in the end")
		}
	})

	t.Run("a disk that is too small has slot A alone, and says so", func(t *testing.T) {
		disk := r.disk(t, 60*mib)
		m := r.start(t, words, disk)
		expectVolume(t, m, `kind=disk origin=made device=/dev/vda8`)
		m.Expect("TEST slots .*the disk has no room for a second boot slot: the first has [0-9]+ MiB, and 0 MiB are free behind it")
		m.PowerCut()
	})
}
