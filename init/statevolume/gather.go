package statevolume

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"bantam/gpt"

	"golang.org/x/sys/unix"
)

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

// othersLimit is how long the other disks may take, once ours was found: a
// second one with this image is worth a note, a broken one not the wait.
const othersLimit = 2 * time.Second

// answer is what the look at one disk gave.
type answer struct {
	name  string
	disk  Disk
	found bool // it has the GUID
	err   error
}

// waitForDisks looks at every disk once, as they appear, until one has the GUID or the time is over. It also says of
// which disks that could not be told. All are looked at at the same time: one that does not answer holds up no other.
func waitForDisks(ctx context.Context, o Options, guid gpt.GUID) (ours []Disk, unreadable []string, err error) {
	again := time.NewTicker(100 * time.Millisecond)
	defer again.Stop()
	over := time.NewTimer(o.Wait)
	defer over.Stop()
	left := make(chan struct{})
	defer close(left)
	answers := make(chan answer)
	seen := map[string]bool{}
	silent := map[string]bool{} // no answer yet
	look := func() error {
		names, err := newDisks(o, seen)
		for _, name := range names {
			seen[name], silent[name] = true, true
			go Guard("disk "+name, func() {
				a := answer{name: name}
				a.disk, a.found, a.err = lookAt(o, name, guid)
				select {
				case answers <- a:
				case <-left:
				}
			})
		}
		return err
	}
	if err := look(); err != nil {
		return nil, nil, err
	}
	for more := true; more || len(silent) > 0; {
		select {
		case a := <-answers:
			delete(silent, a.name)
			switch {
			case errors.Is(a.err, os.ErrNotExist):
				delete(seen, a.name) // the device node is still being made
			case a.err == nil && a.found:
				ours, more = append(ours, a.disk), false
				over.Reset(othersLimit)
			case a.err != nil && !errors.Is(a.err, gpt.ErrNone):
				unreadable = append(unreadable, a.name+": "+a.err.Error())
			}
		case <-again.C:
			if !more {
				continue
			}
			if err := look(); err != nil {
				return nil, nil, err
			}
		case <-over.C:
			if !more {
				for _, name := range slices.Sorted(maps.Keys(silent)) {
					unreadable = append(unreadable, name+": it does not answer")
				}
				clear(silent)
			}
			more = false
			over.Reset(2 * o.Wait) // for those that are there to answer: one that spins up takes ten seconds
		case <-ctx.Done():
			return nil, unreadable, errSilent
		}
	}
	slices.SortFunc(ours, func(a, b Disk) int { return strings.Compare(a.Name, b.Name) })
	return ours, unreadable, nil
}

// newDisks names the disks that are not in seen.
func newDisks(o Options, seen map[string]bool) (names []string, err error) {
	entries, err := os.ReadDir(o.sys)
	if err != nil {
		return nil, fmt.Errorf("look for disks: %w", err)
	}
	for _, e := range entries {
		// A disk without medium (a card reader) is looked at again: its size comes later. A floppy drive would take
		// seconds to say that it is empty.
		if name := e.Name(); !seen[name] && !notADisk(name) && o.number(name, "size") != 0 {
			names = append(names, name)
		}
	}
	return names, nil
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
func lookAt(o Options, name string, guid gpt.GUID) (Disk, bool, error) {
	path := o.dev + "/" + name
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return Disk{}, false, err
	}
	defer f.Close()
	sectors := uint64(o.number(name, "size")) // the kernel counts in 512 bytes for every disk
	readOnly := o.number(name, "ro") != 0
	c, err := gpt.Read(f, sectors)
	if err != nil || c.Table.Disk != guid {
		return Disk{}, false, err
	}
	if c.Foreign {
		return Disk{}, false, errors.New("its beginning is no longer that of this image, only the end is; it is left untouched")
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
	d, err := survey(name, f, c, readOnly, int(o.number(name, "queue/logical_block_size")))
	return d, err == nil, err
}

// number reads a number that the kernel shows for a disk or partition; 0 if it does not.
func (o Options) number(name, attribute string) int64 {
	b, err := os.ReadFile(filepath.Join(o.sys, name, attribute))
	if err != nil {
		return 0
	}
	n, _ := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
	return n
}
