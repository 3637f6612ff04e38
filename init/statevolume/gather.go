package statevolume

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"bantam/gpt"

	"golang.org/x/sys/unix"
)

const sysBlock = "/sys/block"

// gather collects the facts, waiting for the disk if the command line names one.
func gather(ctx context.Context, o Options) (Facts, error) {
	var f Facts
	for _, word := range strings.Fields(o.Cmdline) {
		switch name, value, _ := strings.Cut(word, "="); name {
		case "bantam.state":
			if value != "memory" {
				return f, fmt.Errorf("kernel command line: bantam.state=%s: only \"memory\" is known", value)
			}
			f.MemoryWanted = true
		case "bantam.disk":
			f.GUID = value
		}
	}
	if f.MemoryWanted || f.GUID == "" {
		return f, nil
	}
	guid, err := gpt.ParseGUID(f.GUID)
	if err != nil {
		return f, fmt.Errorf("kernel command line: bantam.disk: %w", err)
	}
	if _, err := os.Stat(o.SeedPath); err == nil {
		f.HaveSeed = true
	}
	f.Disks, f.Unreadable, err = waitForDisks(ctx, o, guid)
	return f, err
}

// waitForDisks looks at every disk once, as they appear, until one has the GUID or the time is over. It also says of
// which disks that could not be told.
func waitForDisks(ctx context.Context, o Options, guid gpt.GUID) (ours []Disk, unreadable []string, err error) {
	over := time.NewTimer(o.Wait)
	defer over.Stop()
	seen := map[string]bool{}
	for {
		disks, failed, err := newDisks(guid, seen)
		unreadable = append(unreadable, failed...)
		if len(disks) > 0 || err != nil {
			return disks, unreadable, err
		}
		var again <-chan time.Time
		if o.Changed == nil {
			again = time.After(100 * time.Millisecond)
		}
		select {
		case <-o.Changed:
		case <-again:
		case <-over.C:
			return nil, unreadable, nil
		case <-ctx.Done():
			return nil, unreadable, ctx.Err()
		}
	}
}

// newDisks returns the disks with our GUID among those not seen before.
func newDisks(guid gpt.GUID, seen map[string]bool) (ours []Disk, unreadable []string, err error) {
	entries, err := os.ReadDir(sysBlock)
	if err != nil {
		return nil, nil, fmt.Errorf("look for disks: %w", err)
	}
	for _, e := range entries {
		name := e.Name()
		// A disk without medium (a card reader) is looked at again: its size comes later. A floppy drive would take
		// seconds to say that it is empty.
		if seen[name] || notADisk(name) || sysNumber(name, "size") == 0 {
			continue
		}
		d, found, err := lookAt(name, guid)
		if errors.Is(err, os.ErrNotExist) {
			continue // the device node is still being made
		}
		seen[name] = true
		switch {
		case err == nil && found:
			ours = append(ours, d)
		case err != nil && !errors.Is(err, gpt.ErrNone):
			unreadable = append(unreadable, name+": "+err.Error())
		}
	}
	return ours, unreadable, nil
}

func notADisk(name string) bool {
	for _, prefix := range []string{"ram", "loop", "zram", "fd"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// lookAt reads one disk. A damaged primary partition table of a disk of ours is repaired here: firmware looks at it
// first, and the table is changed only while the primary is intact.
func lookAt(name string, guid gpt.GUID) (Disk, bool, error) {
	path := "/dev/" + name
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return Disk{}, false, err
	}
	defer f.Close()
	sectors := uint64(sysNumber(name, "size")) // the kernel counts in 512 bytes for every disk
	readOnly := sysNumber(name, "ro") != 0
	c, err := gpt.Read(f, sectors)
	if err != nil || c.Table.Disk != guid {
		return Disk{}, false, err
	}
	if c.FromBackup && !readOnly {
		w, err := os.OpenFile(path, os.O_RDWR|unix.O_CLOEXEC, 0)
		if err != nil {
			return Disk{}, false, err
		}
		defer w.Close()
		if err := writeTable(w, c.Repair()); err != nil {
			return Disk{}, false, err
		}
		if c, err = gpt.Read(w, sectors); err != nil {
			return Disk{}, false, err
		}
	}
	d, err := survey(name, f, c, readOnly, int(sysNumber(name, "queue/logical_block_size")))
	return d, err == nil, err
}

// sysNumber reads a number that the kernel shows for a disk or partition; 0 if it does not.
func sysNumber(name, attribute string) int64 {
	b, err := os.ReadFile(filepath.Join(sysBlock, name, attribute))
	if err != nil {
		return 0
	}
	n, _ := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
	return n
}
