package images

import (
	"fmt"
	"os"
	"path/filepath"

	"bantam/gpt"
	"bantam/slot"
)

// A directStart is what QEMU is given for a board whose medium has no boot loader.
type directStart struct {
	kernel, initrd string // paths
	cmdline        string
}

// args are QEMU's.
func (d directStart) args() []string {
	if d.kernel == "" {
		return nil
	}
	return []string{"-kernel", d.kernel, "-initrd", d.initrd, "-append", d.cmdline}
}

// readDirectStart reads slot A of a disk as a boot loader would, and leaves kernel and initrd in a folder. It leaves out the origin: that
// says from which disk the initrd was read, by an identity that the machine's first boot gives it, and QEMU would go on with what was
// there before whenever the machine restarts. Without, the machine takes the disk that carries its image.
func readDirectStart(disk, dir string) (d directStart, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("%s: %w", disk, err)
		}
	}()
	f, err := os.Open(disk)
	if err != nil {
		return d, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return d, err
	}
	table, err := gpt.ReadPrimary(f, uint64(info.Size()/gpt.SectorSize))
	if err != nil {
		return d, err
	}
	var at int64
	if len(table.Partitions) >= slot.NumberA && table.Partitions[slot.NumberA-1].Type == gpt.Slot {
		at = int64(table.Partitions[slot.NumberA-1].First) * gpt.SectorSize
	}
	if at == 0 {
		return d, fmt.Errorf("it has no slot A to take a kernel from")
	}
	head := make([]byte, slot.KernelAt*slot.SectorSize)
	if _, err := f.ReadAt(head, at); err != nil {
		return d, fmt.Errorf("slot A: %w", err)
	}
	h, err := slot.ParseHeader(head[:slot.HeaderSize])
	if err != nil {
		return d, fmt.Errorf("slot A: %w", err)
	}
	sums, err := slot.ParseSums(head[slot.SumsAt:][:slot.SumsSize], h)
	if err != nil {
		return d, fmt.Errorf("slot A: %w", err)
	}
	if h.Sectors() > table.Partitions[slot.NumberA-1].Sectors() {
		return d, fmt.Errorf("slot A: its header tells of more than it has")
	}
	content := make([]byte, (h.Initrd.End()-h.Kernel.First)*slot.SectorSize)
	if _, err := f.ReadAt(content, at+int64(h.Kernel.First)*slot.SectorSize); err != nil {
		return d, fmt.Errorf("slot A: %w", err)
	}
	kernel, initrd := content[:h.Kernel.Count*slot.SectorSize], content[h.Kernel.Count*slot.SectorSize:]
	if slot.SumsOf(kernel, initrd) != sums {
		return d, fmt.Errorf("slot A: kernel or initrd are damaged")
	}
	d = directStart{filepath.Join(dir, "kernel"), filepath.Join(dir, "initrd"), h.Args}
	if err := os.WriteFile(d.kernel, kernel, 0o600); err != nil {
		return d, err
	}
	return d, os.WriteFile(d.initrd, initrd, 0o600)
}
