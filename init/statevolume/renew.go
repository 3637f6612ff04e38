package statevolume

import (
	"fmt"
	"os"

	"bantam/gpt"
	"bantam/init/mtd"

	"golang.org/x/sys/unix"
)

// mark is the first sector of a place that is to be made anew. ext4 leaves the first 1024 bytes of its volume alone.
func mark() []byte {
	sector := make([]byte, gpt.SectorSize)
	copy(sector, "Bantam makes this state volume anew at the next boot.\n")
	return sector
}

// Renew marks the volume, so that the next boot makes it anew and all that is on it is lost; or takes that back. It may
// be mounted, damaged, or both. One sector is written.
func (v Volume) Renew(anew bool) error {
	if mtd.Chips && v.later != nil {
		flash, err := v.later()
		if err != nil {
			return err
		}
		return flash.renew(anew)
	}
	if mtd.Chips && v.flash != nil {
		return v.flash.renew(anew)
	}
	if v.disk == "" {
		return fmt.Errorf("there is no state volume: %s", v.Reason)
	}
	// Through the partition, if the kernel knows it: ext4 writes its superblock from that device's cache.
	path, at := v.disk, int64(v.place.First)*gpt.SectorSize
	if v.partition != "" {
		path, at = v.partition, 0
	}
	f, err := os.OpenFile(path, os.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	sector := make([]byte, gpt.SectorSize)
	if anew {
		sector = mark()
	}
	if _, err := f.WriteAt(sector, at); err != nil {
		return err
	}
	return f.Sync()
}
