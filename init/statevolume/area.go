package statevolume

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"bantam/gpt"

	"golang.org/x/sys/unix"
)

// An Area is where the layers of the image lie on the medium that the machine was started from.
type Area struct {
	Device string // of the whole disk or CD, e.g. /dev/vda, /dev/sr0: the kernel looks for no partitions on a CD
	Offset int64  // of the partition, in bytes
	Length int64  // its bytes
}

// ErrNoLayers: the medium is there, and it has none.
var ErrNoLayers = errors.New("the medium has no partition of layers")

// areaOn gives the layers of a disk; nil if it has none.
func areaOn(o Options, d Disk) *Area {
	number, p := d.Copies.Table.Find(gpt.Layers)
	if number == 0 {
		return nil
	}
	return &Area{Device: o.dev + "/" + d.Name, Offset: int64(p.First) * gpt.SectorSize, Length: int64(p.Sectors()) * gpt.SectorSize}
}

// Layers finds the layers of the image that the machine was started from: on the disk that Open has chosen, or else, as where a
// CD was started or all runs from memory, on any disk or CD with the image's GUID, for which it waits as Open does. The GUID
// follows from what is in the image, so that the layers have the same bytes on each. Nothing is written.
func (v Volume) Layers(ctx context.Context, o Options) (Area, error) {
	o = o.onThisMachine()
	switch {
	case v.layers != nil:
		return *v.layers, nil
	case v.disk != "":
		return Area{}, fmt.Errorf("%s: %w", v.disk, ErrNoLayers)
	}
	f, guid, err := wanted(o)
	switch {
	case err != nil:
		return Area{}, err
	case guid.IsZero():
		return Area{}, errors.New("layers: the kernel command line names no disk (bantam.disk=)")
	}
	id := identity{guid, f.Origin}
	s := newSearch(o, id, false)
	s.skip = notADisk
	s.lookAt = func(name string) (Disk, bool, error) { return lookForLayers(o, name, id) }
	s.enough = func(d Disk) bool { return areaOn(o, d) != nil }
	disks, unreadable, err := s.wait(ctx)
	if err != nil {
		return Area{}, fmt.Errorf("layers: %w", err)
	}
	for _, exact := range []bool{true, false} {
		for _, d := range disks {
			if area := areaOn(o, d); area != nil && startedFrom(id.origin, d) == exact {
				return *area, nil
			}
		}
	}
	switch {
	case len(disks) > 0:
		return Area{}, fmt.Errorf("%s: %w", names(disks, ""), ErrNoLayers)
	case len(unreadable) > 0:
		return Area{}, fmt.Errorf("layers: no readable disk has the GUID %v of this image; %s", guid, strings.Join(unreadable, "; "))
	}
	return Area{}, fmt.Errorf("layers: no disk has the GUID %v of this image", guid)
}

// lookForLayers reads of one disk what areaOn needs.
func lookForLayers(o Options, name string, id identity) (Disk, bool, error) {
	f, err := os.OpenFile(o.dev+"/"+name, os.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return Disk{}, false, err
	}
	defer f.Close()
	sectors := uint64(o.number(name, "size"))
	c := gpt.Copies{DiskSectors: sectors}
	if c.Table, err = gpt.ReadPrimary(f, sectors); err != nil {
		if c, err = gpt.Read(f, sectors); err != nil {
			return Disk{}, false, err
		}
	}
	origin := id.on(f)
	return Disk{Name: name, Copies: c, Origin: origin}, id.carriedBy(c.Table.Disk, origin) && !c.Foreign, nil
}
