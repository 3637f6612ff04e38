package statevolume

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"bantam/gpt"

	"golang.org/x/sys/unix"
)

// wanted says what the kernel command line wants, and which disk it names. The GUID is zero if it names none.
func wanted(o Options) (f Facts, guid gpt.GUID, err error) {
	for _, word := range strings.Fields(o.Cmdline) {
		switch name, value, _ := strings.Cut(word, "="); name {
		case "bantam.state":
			if value != "memory" {
				return f, guid, fmt.Errorf("kernel command line: bantam.state=%s: only \"memory\" is known", value)
			}
			f.MemoryWanted = true
		case "bantam.disk":
			f.GUID = value
		}
	}
	if f.GUID == "" {
		return f, guid, nil
	}
	if guid, err = gpt.ParseGUID(f.GUID); err != nil {
		return f, guid, fmt.Errorf("kernel command line: bantam.disk: %w", err)
	}
	if _, err := os.Stat(o.ImagePath); err == nil {
		f.HaveSeed = true
	}
	text, err := os.ReadFile(o.OriginPath)
	if errors.Is(err, os.ErrNotExist) {
		return f, guid, nil // an image without it
	}
	if err != nil {
		return f, guid, err
	}
	origin, err := gpt.ParseOrigin(string(text))
	if err != nil {
		return f, guid, fmt.Errorf("%s: %w", o.OriginPath, err)
	}
	if origin.Image == guid { // or else somebody names another disk, by its own GUID
		f.Origin, f.Fresh = &origin, freshGUID()
	}
	return f, guid, nil
}

// gather collects the facts, waiting for the disk if the command line names one.
func gather(ctx context.Context, o Options) (Facts, error) {
	f, guid, err := wanted(o)
	if err == nil && !guid.IsZero() && !f.MemoryWanted {
		f.Disks, f.Unreadable, err = newSearch(o, identity{guid, f.Origin}, false).wait(ctx)
	}
	return f, err
}

// freshGUID makes one that no other disk has. The kernel's random numbers alone would not do: early in a boot they are as
// predictable as the machine, and to wait for better ones takes seconds.
func freshGUID() gpt.GUID {
	random := make([]byte, 32)
	_, _ = unix.Getrandom(random, unix.GRND_INSECURE)
	return gpt.DeriveGUID(fmt.Sprintf("%x %d", random, time.Now().UnixNano()), "disk")
}

// An identity is what a disk is known by that is looked for.
type identity struct {
	image  gpt.GUID
	origin *gpt.Origin // nil: none is known
}

// lookAt reads one disk. A damaged primary partition table of the disk that the machine was started from is repaired here, if
// that is wanted: firmware looks at it first, and the table is changed only while the primary is intact.
func lookAt(o Options, name string, id identity, repair bool) (Disk, bool, error) {
	path := o.dev + "/" + name
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return Disk{}, false, err
	}
	defer f.Close()
	sectors := uint64(o.number(name, "size")) // the kernel counts in 512 bytes for every disk
	readOnly := o.number(name, "ro") != 0
	c, err := gpt.Read(f, sectors)
	if err != nil {
		return Disk{}, false, err
	}
	origin := id.on(f)
	if !id.carriedBy(c.Table.Disk, origin) {
		return Disk{}, false, nil
	}
	if c.Foreign {
		return Disk{}, false, errors.New("its beginning is no longer that of this image, only the end is; it is left untouched")
	}
	sectorSize := int(o.number(name, "queue/logical_block_size"))
	repair = repair && startedFrom(id.origin, Disk{Origin: origin}) && !readOnly && sectorSize == gpt.SectorSize
	if c.FromBackup && repair {
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
	d, err := survey(name, f, c, readOnly, sectorSize)
	d.Origin = origin
	return d, err == nil, err
}

// carriedBy says whether a disk carries the image: its GUID is the image's, or the disk's own, which the table has last.
func (id identity) carriedBy(disk gpt.GUID, origin *gpt.Origin) bool {
	return disk == id.image || id.origin != nil && disk == id.origin.Disk || origin != nil && disk == origin.Disk
}

// on reads the origin of a disk, if that is where it must be: nil otherwise.
func (id identity) on(disk io.ReaderAt) *gpt.Origin {
	if id.origin == nil || id.origin.Sector > 1<<40 {
		return nil
	}
	sector := make([]byte, gpt.SectorSize)
	if _, err := disk.ReadAt(sector, int64(id.origin.Sector)*gpt.SectorSize); err != nil {
		return nil
	}
	o, ok := gpt.ReadOrigin(sector)
	if !ok || o.Image != id.image || o.Sector != id.origin.Sector {
		return nil
	}
	return &o
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

// model is what a disk calls itself.
func (o Options) model(name string) string {
	b, _ := os.ReadFile(filepath.Join(o.sys, name, "device/model")) // many have none
	text := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, string(b))
	return strings.Join(strings.Fields(text), " ")
}
