package images

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bantam/gpt"
)

// imageWith writes an image whose partitions end before that sector, and a folder beside it.
func imageWith(t *testing.T, end uint64) (path, dir string) {
	t.Helper()
	dir = t.TempDir()
	table := gpt.Table{Disk: gpt.GUID{1}, Sectors: end + gpt.TableSectors, Partitions: []gpt.Partition{{Type: gpt.ESP, ID: gpt.GUID{2}, First: 64, Last: end - 1}}}
	image := make([]byte, table.Sectors*gpt.SectorSize)
	gpt.ProtectiveMBR(image, table.Sectors, true)
	copy(image[gpt.SectorSize:], table.Primary())
	path = filepath.Join(dir, "pc.img")
	if err := os.WriteFile(path, image, 0o644); err != nil {
		t.Fatal(err)
	}
	return path, dir
}

func TestRoomOnTheMachinesDisk(t *testing.T) {
	const sectors = mib / gpt.SectorSize
	noRoom := func(has, needs string) string {
		return "The machine's disk of " + has + " MiB has no 32 MiB free behind the image for a state volume: its state will be in memory. With --disk " + needs + "M there is room.\n"
	}
	for name, c := range map[string]struct {
		end  uint64 // of the image's partitions
		disk int64
		size int64 // of the disk that is made
		says string
	}{
		"just enough for a volume":       {3*sectors + 1, 37 * mib, 37 * mib, ""},
		"a byte less is rounded up":      {3*sectors + 1, 37*mib - 1, 37 * mib, ""},
		"too little for a volume":        {3*sectors + 1, 36 * mib, 36 * mib, noRoom("36", "37")},
		"just enough behind a whole MiB": {3 * sectors, 36 * mib, 36 * mib, ""},
		"too little behind a whole MiB":  {3 * sectors, 35 * mib, 35 * mib, noRoom("35", "36")},
		"exactly the image":              {3 * sectors, 3*mib + gpt.TableSectors*gpt.SectorSize, 4 * mib, noRoom("4", "36")},
		"the usual one":                  {3 * sectors, 0, 1 << 30, ""},
	} {
		image, dir := imageWith(t, c.end)
		var said bytes.Buffer
		path, err := RunOptions{Image: image, DiskSize: c.disk, Stderr: &said}.makeDisk(dir)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if info, err := os.Stat(path); err != nil || info.Size() != c.size || said.String() != c.says {
			t.Errorf("%s: %d bytes (%v), says %q; want %d, %q", name, info.Size(), err, said.String(), c.size, c.says)
		}
	}
}

func TestADiskSmallerThanTheImage(t *testing.T) {
	tool(t, "qemu-system-x86_64")
	image, dir := imageWith(t, 7000)
	kept := filepath.Join(dir, "disk")
	o := RunOptions{Board: loadBoard(t, "pc"), Image: image, DiskSize: 3 << 20, Keep: kept}
	err := Run(context.Background(), o)
	if err == nil || !strings.Contains(err.Error(), "a disk of 3,145,728 bytes (--disk) is too small for "+image+", which has 3,600,896") {
		t.Errorf("got %v, want both sizes", err)
	}
	if _, err := os.Stat(kept); err == nil {
		t.Error("a disk was made")
	}
	if err := os.WriteFile(kept, append(make([]byte, 510), "\x55\xaa"...), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := o.check(); err != nil {
		t.Errorf("with a disk that is there: %v", err)
	}
}
