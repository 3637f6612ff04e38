package images

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"bantam/gpt"
	"bantam/slot"
)

// The disk of a machine in which an image is tried.

const (
	mib = 1 << 20

	defaultDiskSize = 1 << 30
)

// makeDisk copies the image to a larger sparse file, as if it were written to a disk of that size.
func (o RunOptions) makeDisk(dir string) (string, error) {
	path := o.Keep
	if path == "" {
		path = filepath.Join(dir, "disk")
	} else if _, err := os.Stat(path); err == nil {
		fmt.Fprintf(o.messages(), "The machine goes on with its disk %s; delete the file to begin with the image again.\n", path)
		return path, nil
	} else if !errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	if err := copyFile(path, o.Image); err != nil {
		return "", err
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return "", err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	size := o.DiskSize
	if size == 0 {
		size = defaultDiskSize
	}
	size = roundUp(max(size, info.Size()), mib)
	if o.Board.QEMU.SD {
		for power := int64(mib); ; power *= 2 { // QEMU has SD cards of no other sizes
			if power >= size {
				size = power
				break
			}
		}
	}
	if least := diskSizeForState(f, info.Size()); size < least {
		fmt.Fprintf(o.messages(), "The machine's disk of %d MiB has no %d MiB free behind the image for a state volume: its state will be in memory. With --disk %dM there is room.\n",
			size/mib, slot.LeastVolume*gpt.SectorSize/mib, least/mib)
	}
	return path, f.Truncate(size)
}

// checkDiskSize finds a disk that is too small for the image.
func (o RunOptions) checkDiskSize() error {
	info, err := os.Stat(o.Image)
	if err != nil {
		return err
	}
	if o.DiskSize != 0 && o.DiskSize < info.Size() {
		return fmt.Errorf("a disk of %s bytes (--disk) is too small for %s, which has %s", Commas(o.DiskSize), o.Image, Commas(info.Size()))
	}
	return nil
}

// diskSizeForState is the least that a disk must have, for the first boot to make a state volume behind the image: it begins and ends at
// whole MiB, and the table's backup lies behind it. 0: the image has no table that we know.
func diskSizeForState(image io.ReaderAt, size int64) int64 {
	table, err := gpt.ReadPrimary(image, uint64(size)/gpt.SectorSize)
	if err != nil {
		return 0
	}
	var end uint64
	for _, p := range table.Partitions {
		if !p.Type.IsZero() {
			end = max(end, p.Last+1)
		}
	}
	return roundUp(int64(end)*gpt.SectorSize, mib) + slot.LeastVolume*gpt.SectorSize + roundUp(gpt.TableSectors*gpt.SectorSize, mib)
}
