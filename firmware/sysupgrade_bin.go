package firmware

import (
	"errors"
	"fmt"
	"io"
)

// WriteSysupgradeBin writes what OpenWrt's boards with one partition for all in NOR flash take: a kernel image, ones up to the next
// erase block, a squashfs, and end marks for the file system that the device makes behind it. Trailers follow (NewTrailerWriter). It
// is read by Identify. An erase block of 64 KiB is what nearly all boards have.
func WriteSysupgradeBin(w io.Writer, kernel, root Source, eraseBlock int64) error {
	if kernel.Size() == 0 || root.Size() == 0 {
		return errors.New("sysupgrade.bin: kernel or root has no bytes")
	}
	if !begins(root, 0, squashfsMagic) {
		return errors.New("sysupgrade.bin: the root is no squashfs, by which a device finds it")
	}
	at := roundUp(kernel.Size(), max(eraseBlock, 1))
	end := at + root.Size()
	if _, err := EndMarks(end, eraseBlock); err != nil { // before anything is written
		return fmt.Errorf("sysupgrade.bin: %w", err)
	}
	if err := copySource(w, kernel); err != nil {
		return fmt.Errorf("sysupgrade.bin: kernel: %w", err)
	}
	if err := fill(w, 0xFF, at-kernel.Size()); err != nil {
		return err
	}
	if err := copySource(w, root); err != nil {
		return fmt.Errorf("sysupgrade.bin: root: %w", err)
	}
	return WriteEndMarks(w, end, EraseBlocks...)
}
