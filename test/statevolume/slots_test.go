package statevolume_test

import (
	"bytes"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"bantam/gpt"
	"bantam/slot"
)

const (
	slotAt      = 2 * mib // slot A of slotMedium
	stateCopies = 1 * mib
)

// slotMedium is an image with boot slots, of 6 MiB, as far as the device looks at one.
func slotMedium(t *testing.T) []byte {
	t.Helper()
	medium := make([]byte, 6*mib)
	put := func(at int64, b []byte, err error) {
		if err != nil {
			t.Fatal(err)
		}
		copy(medium[at:], b)
	}
	part := func(kind gpt.GUID, purpose string, at, size int64) gpt.Partition {
		return gpt.Partition{Type: kind, ID: gpt.DeriveGUID(machineDisk.String(), purpose), First: uint64(at / 512), Last: uint64((at+size)/512 - 1), Name: purpose}
	}
	kernel, initrd := bytes.Repeat([]byte("kernel"), 30000), bytes.Repeat([]byte("initrd"), 20000)
	h := slot.NewHeader(int64(len(kernel)), int64(len(initrd)))
	h.Args = "console=ttyS0 bantam.disk=" + machineDisk.String()
	h.Generation, h.Boot = "sha256:"+strings.Repeat("0", 64), "sha256:"+strings.Repeat("1", 64)
	table := gpt.Table{Disk: machineDisk, Sectors: uint64(len(medium) / 512), Partitions: []gpt.Partition{
		part(gpt.ESP, gpt.ESPPurpose, 512*1024, 256*1024), {},
		part(gpt.BootState, gpt.BootState1Purpose, stateCopies, slot.CopySize), part(gpt.BootState, gpt.BootState2Purpose, stateCopies+slot.CopySize, slot.CopySize), {},
		part(gpt.Slot, gpt.SlotAPurpose, slotAt, int64(h.Sectors())*512),
	}}
	gpt.ProtectiveMBR(medium[:512], table.Sectors, true)
	put(512, table.Primary(), table.Verify())
	put(int64(len(medium))-gpt.TableSectors*512, table.Backup(), nil)
	saved := slot.Delivered
	saved.Seen = slot.A // as by a boot loader: here QEMU starts the kernel
	block, err := saved.EncodeGRUB()
	put(stateCopies, slot.GRUBCopy(block), err)
	put(stateCopies+slot.CopySize, slot.GRUBCopy(block), err)
	header, err := h.Encode()
	put(slotAt, header, err)
	sums, err := slot.SumsOf(kernel, initrd).Encode(h)
	put(slotAt+slot.SumsAt, sums, err)
	put(slotAt+int64(h.Kernel.First)*512, kernel, nil)
	put(slotAt+int64(h.Initrd.First)*512, initrd, nil)
	origin := slotAt + int64(h.Origin())*512
	put(origin, gpt.Origin{Image: machineDisk, Sector: uint64(origin / 512)}.Archive(), nil)
	return medium
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
	r.image = slotMedium(t)
	words := "bantam.disk=" + machineDisk.String()
	const bAt = 26 * mib // 2 MiB and 24 of slot A

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
