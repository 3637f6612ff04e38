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
	id, disks, unreadable, err := media(ctx, o, func(d Disk) bool { return areaOn(o, d) != nil })
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
		return Area{}, fmt.Errorf("layers: no readable disk has the GUID %v of this image; %s", id.image, strings.Join(unreadable, "; "))
	}
	return Area{}, fmt.Errorf("layers: no disk has the GUID %v of this image", id.image)
}

// media finds the disks and CDs that carry the image that was started. With one that is enough others are not waited for; nil: they are.
func media(ctx context.Context, o Options, enough func(Disk) bool) (id identity, disks []Disk, unreadable []string, err error) {
	f, guid, err := wanted(o)
	if err == nil && guid.IsZero() {
		err = errors.New("the kernel command line names no disk (bantam.disk=)")
	}
	if err != nil {
		return id, nil, nil, err
	}
	id = identity{guid, f.Origin}
	s := newSearch(o, id, false)
	s.skip = notADisk
	s.lookAt = func(name string) (Disk, bool, error) { return lookForLayers(o, name, id) }
	s.enough = enough
	disks, unreadable, err = s.wait(ctx)
	return id, disks, unreadable, err
}

// Media are the devices, disks and CDs, that carry the image that was started, e.g. /dev/sr0. Nothing is written.
func Media(ctx context.Context, o Options) (devices []string, err error) {
	o = o.onThisMachine()
	_, disks, _, err := media(ctx, o, nil)
	for _, d := range disks {
		devices = append(devices, o.dev+"/"+d.Name)
	}
	return devices, err
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
