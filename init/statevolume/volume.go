// Package statevolume finds, makes, checks and mounts the volume that keeps a machine's state: an ext4 partition behind
// the image on the disk the machine was started from.
//
// The first boot makes it from a small file system that the image carries; the kernel grows it to the partition. After
// an image was written over the disk the volume that is still there is adopted. A volume that shows any sign of damage
// is not touched, and the machine works in memory. What is to be done is decided by Decide from facts alone; a power cut
// at any point of doing it is made good by the next boot.
//
// Limits: disks with 512-byte sectors; a partition, once made, keeps its size.
package statevolume

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"bantam/init/statevolume/seed"

	"golang.org/x/sys/unix"
)

// Kind says how far the state can be relied on.
type Kind string

const (
	OnDisk    Kind = "disk"
	InMemory  Kind = "memory"    // all is forgotten when the machine stops
	Untrusted Kind = "untrusted" // a volume is there but damaged; memory is used
)

// A Volume is what is mounted.
type Volume struct {
	Kind   Kind
	Dir    string // e.g. "/state"
	Device string // e.g. "/dev/vda2"; "" in memory
	Size   int64  // of the file system, in bytes
	Reason string // why it is not on disk
	Origin string // on disk: "found", "adopted" or "made"
	Notes  []string
}

// Options are what Open needs.
type Options struct {
	Cmdline    string                  // the kernel's, with bantam.disk= and bantam.state=
	Dir        string                  // where to mount, e.g. "/state"
	SeedPath   string                  // e.g. "/bantam/state.seed"
	LoadModule func(name string) error // loads a kernel module and what it needs; nil: all is built in
	Wait       time.Duration           // how long the disk may take to appear; drivers come by hotplug
	Changed    <-chan struct{}         // says that a disk may have appeared; nil: looked for every 100 ms
}

// Open mounts the state volume, or memory if there is none. An error means that not even memory could be mounted.
func Open(ctx context.Context, o Options) (Volume, error) {
	v, err := open(ctx, o)
	if err != nil {
		v.Kind, v.Reason = InMemory, err.Error()
		var damage untrusted
		if errors.As(err, &damage) {
			v.Kind = Untrusted
		}
	}
	if v.Kind == OnDisk {
		return v, nil
	}
	v.Dir, v.Device, v.Origin = o.Dir, "", ""
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return v, fmt.Errorf("state in memory: %w", err)
	}
	if err := unix.Mount("bantam-state", o.Dir, "tmpfs", unix.MS_NODEV|unix.MS_NOSUID, "mode=0700,size=25%"); err != nil {
		return v, fmt.Errorf("state in memory: mount tmpfs at %s: %w", o.Dir, err)
	}
	v.Size, _ = mountedSize(o.Dir)
	return v, nil
}

// untrusted is an error that is a sign of damage.
type untrusted struct{ reason string }

func (u untrusted) Error() string { return u.reason }

// open returns an error, or a Volume on disk.
func open(ctx context.Context, o Options) (Volume, error) {
	v := Volume{Dir: o.Dir}
	f, err := gather(ctx, o)
	if err != nil {
		return v, err
	}
	a := Decide(f)
	if a.Note != "" {
		v.Notes = append(v.Notes, a.Note)
	}
	switch a.Verb {
	case UseMemory:
		return v, errors.New(a.Reason)
	case Distrust:
		return v, untrusted{a.Reason}
	case Mount:
		v.Origin = "found"
	case Adopt:
		v.Origin = "adopted"
		err = change(a, seed.Seed{})
	case Create:
		v.Origin = "made"
		var s seed.Seed
		if s, err = readSeed(o.SeedPath); err == nil {
			err = change(a, s)
		}
	}
	if err != nil {
		return v, err
	}
	part, err := partitionDevice(a.Disk.Name, a.Number, a.Place)
	if err != nil {
		return v, err
	}
	v.Device = "/dev/" + part
	if err := mountExt4(o, part); err != nil {
		return v, err
	}
	v.Kind = OnDisk
	if err := grow(o.Dir, a.Place.size()); err != nil {
		v.Notes = append(v.Notes, err.Error())
	}
	v.Size, err = mountedSize(o.Dir)
	if err != nil {
		v.Notes = append(v.Notes, err.Error())
	}
	return v, nil
}

func readSeed(path string) (seed.Seed, error) {
	packed, err := os.ReadFile(path)
	if err != nil {
		return seed.Seed{}, err
	}
	s, err := seed.Unpack(packed)
	if err != nil {
		return s, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

// change carries out an Action that writes to the disk.
func change(a Action, s seed.Seed) error {
	if s.Size() > a.Place.size() {
		return fmt.Errorf("the prepared state volume of %d bytes does not fit into %d", s.Size(), a.Place.size())
	}
	disk, err := os.OpenFile("/dev/"+a.Disk.Name, os.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer disk.Close()
	return prepare(disk, a, s)
}
