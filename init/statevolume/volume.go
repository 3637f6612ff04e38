// Package statevolume finds, makes, checks and mounts the volume that keeps a machine's state: an ext4 partition behind
// the image on the disk the machine was started from. It also finds the layers of that image.
//
// The first boot makes it from a small file system that the image carries; the kernel grows it to the partition, on a
// large disk while the machine already uses it. After
// an image was written over the disk the volume that is still there is adopted. A volume that shows any sign of damage
// is not touched, and the machine works in memory. What is to be done is decided by Decide from facts alone; a power cut
// at any point of doing it is made good by the next boot.
//
// A router has no disk: its state lies in UBI on the flash chip (flash.go).
//
// Limits: disks with 512-byte sectors; a partition, once made, keeps its size.
package statevolume

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"bantam/flashmap"
	"bantam/init/mtd"
	"bantam/init/statevolume/sparse"

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
	Size   int64  // of the file system, in bytes; Grow may enlarge it
	Reason string // why it is not on disk
	Origin string // on disk: "found", "adopted" or "made"
	Notes  []string
	// The disk was not there, or did not answer, and may still come: see Watch.
	Awaited bool

	later           func() (*onFlash, error) // finds where it lies, of one that was left alone
	flash           *onFlash                 // where it lies in UBI on a flash chip; nil: on a disk
	disk, partition string                   // devices of the volume, trusted or not; "" if there is none
	layers          *Area                    // on the disk; nil: none
	slots           Slots
	place           Place  // on the disk
	fileSystem      int64  // bytes that it has of its place
	first           bool   // the disk got its own GUID by this boot
	several         bool   // a note tells of more than one disk that the machine may have been started from
	model           string // of the disk, e.g. "SanDisk Ultra Fit"; virtual ones have none
}

// Options are what Open needs.
type Options struct {
	Cmdline    string                  // the kernel's, with bantam.disk= and bantam.state=
	Dir        string                  // where to mount, e.g. "/state"
	ImagePath  string                  // e.g. "/bantam/state.template"
	OriginPath string                  // e.g. gpt.OriginPath
	LoadModule func(name string) error // loads a kernel module and what it needs; nil: all is built in
	Wait       time.Duration           // how long the disk may take to appear; drivers come by hotplug
	Flash      flashmap.Map            // of a board that starts from a chip: used where the command line names no disk
	LeftAlone  string                  // why the volume is only looked for, neither mounted nor changed; "": it is used

	sys, dev string // /sys/block and /dev, replaced by tests
}

func (o Options) onThisMachine() Options {
	if o.sys == "" {
		o.sys, o.dev = "/sys/block", "/dev"
	}
	return o
}

// Guard runs each goroutine of this package. PID 1 sets it, before anything
// else, to what keeps a panic from ending the process.
var Guard = func(task string, f func()) { f() }

// Open mounts the state volume, or memory if there is none or if ctx ends first. An error means that not even memory
// could be mounted.
func Open(ctx context.Context, o Options) (Volume, error) {
	o = o.onThisMachine()
	v, err := openInTime(ctx, o)
	if err == nil {
		return v, nil
	}
	v.Awaited = v.Awaited || errors.Is(err, errSilent)
	v.Kind, v.Reason = InMemory, err.Error()
	var damage untrusted
	if errors.As(err, &damage) {
		v.Kind = Untrusted
	}
	return v.inMemory(o.Dir)
}

// Distrust puts memory in the place of a mounted volume whose files turned out to be damaged. The volume is not touched
// any more.
func (v Volume) Distrust(reason string) (Volume, error) {
	_ = unix.Unmount(v.Dir, unix.MNT_DETACH) // if it stays, what follows covers it
	v.Kind, v.Reason = Untrusted, reason
	return v.inMemory(v.Dir)
}

// MemoryShare is how much of the machine's memory the state may take where it is kept there, in percent.
const MemoryShare = 20

// Model names the disk as people do who see it, e.g. " of SanDisk Ultra Fit"; "" if it does not say.
func (v Volume) Model() string {
	if v.model == "" {
		return ""
	}
	return " of " + v.model
}

// inMemory mounts memory at dir; Kind and Reason say why.
func (v Volume) inMemory(dir string) (Volume, error) {
	v.Dir, v.Device, v.Origin, v.Size = dir, "", "", 0
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return v, fmt.Errorf("state in memory: %w", err)
	}
	if err := unix.Mount("bantam-state", dir, "tmpfs", unix.MS_NODEV|unix.MS_NOSUID, fmt.Sprintf("mode=0700,size=%d%%", MemoryShare)); err != nil {
		return v, fmt.Errorf("state in memory: mount tmpfs at %s: %w", dir, err)
	}
	v.Size, _ = mountedSize(dir)
	return v, nil
}

// untrusted is an error that is a sign of damage.
type untrusted struct{ reason string }

func (u untrusted) Error() string { return u.reason }

var errSilent = errors.New("the disk did not answer in time; it may be broken")

// openInTime is open until ctx ends. A broken disk may block whoever asks it for minutes; then it is left to itself, and
// what it still brings is not used.
func openInTime(ctx context.Context, o Options) (Volume, error) {
	type outcome struct {
		v   Volume
		err error
	}
	aside := o.Dir + ".new"
	opened := make(chan outcome)
	go Guard("state volume", func() {
		v, err := open(ctx, o, aside)
		select {
		case opened <- outcome{v, err}:
		case <-ctx.Done():
			discard(aside)
		}
	})
	select {
	case r := <-opened:
		if r.err != nil {
			discard(aside)
			return r.v, r.err
		}
		return r.v, move(aside, o.Dir)
	case <-ctx.Done():
		return Volume{}, errSilent
	}
}

// move mounts what is mounted at from at to instead.
func move(from, to string) error {
	err := os.MkdirAll(to, 0o700)
	if err == nil {
		err = unix.Mount(from, to, "", unix.MS_MOVE, "")
	}
	if err != nil {
		err = fmt.Errorf("state volume: move the mount from %s to %s: %w", from, to, err)
	}
	discard(from)
	return err
}

// discard removes a mount point and what may be mounted there.
func discard(dir string) {
	_ = unix.Unmount(dir, unix.MNT_DETACH)
	_ = os.Remove(dir)
}

// open returns an error, or a Volume on disk that is mounted at aside.
func open(ctx context.Context, o Options, aside string) (Volume, error) {
	v := Volume{Dir: o.Dir}
	f, err := gather(ctx, o)
	if err != nil {
		return v, err
	}
	if area, ok := stateArea(o.Flash); mtd.Chips && ok && f.GUID == "" && !f.MemoryWanted {
		if o.LeftAlone != "" {
			v.later = func() (*onFlash, error) { return attachFlash(context.Background(), o, area) }
			return v, errors.New(o.LeftAlone)
		}
		return v.openFlash(ctx, o, area, aside)
	}
	a := Decide(f)
	if a.Note != "" {
		v.Notes, v.several = append(v.Notes, a.Note), true
	}
	v.findSlots(o, a.Started, a.Started.Copies.Table)
	if a.Verb != UseMemory {
		v.disk, v.place, v.layers = o.dev+"/"+a.Disk.Name, a.Place, areaOn(o, a.Disk)
		if part := partitionAt(o, a.Disk.Name, a.Place); part != "" {
			v.partition = o.dev + "/" + part
		}
	}
	if o.LeftAlone != "" {
		return v, errors.New(o.LeftAlone)
	}
	switch a.Verb {
	case UseMemory:
		v.Awaited = a.Awaited
		return v, errors.New(a.Reason)
	case Distrust:
		return v, untrusted{a.Reason}
	case Mount:
		v.Origin = "found"
		if a.Changes() {
			if err := change(o, a, sparse.Image{}); err != nil {
				v.Notes = append(v.Notes, err.Error())
			}
		}
	case Adopt:
		v.Origin = "adopted"
		err = change(o, a, sparse.Image{})
	case Create:
		v.Origin = "made"
		var s sparse.Image
		if s, err = readStateImage(o.ImagePath); err == nil {
			err = change(o, a, s)
		}
		a.Place.FileSystem.Size = s.Size()
	}
	if err != nil {
		return v, err
	}
	v.findSlots(o, a.Disk, a.Table)
	v.first, v.model = !a.Own.IsZero(), o.model(a.Disk.Name)
	part, err := partitionDevice(o, a.Disk.Name, a.Number, a.Place)
	if err != nil {
		return v, err
	}
	v.Device = o.dev + "/" + part
	v.partition = v.Device
	if err := mountExt4(o, part, aside); err != nil {
		return v, err
	}
	v.Kind, v.fileSystem = OnDisk, a.Place.FileSystem.Size
	if first := min(a.Place.size(), growAtOnce); v.fileSystem < first {
		if err := growTo(aside, first); err != nil {
			v.Notes = append(v.Notes, err.Error())
		} else {
			v.fileSystem = first
		}
	}
	v.Size, err = mountedSize(aside)
	if err != nil {
		v.Notes = append(v.Notes, err.Error())
	}
	return v, nil
}

func readStateImage(path string) (sparse.Image, error) {
	packed, err := os.ReadFile(path)
	if err != nil {
		return sparse.Image{}, err
	}
	s, err := sparse.Unpack(packed)
	if err != nil {
		return s, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

// change carries out an Action that writes to the disk.
func change(o Options, a Action, s sparse.Image) error {
	if s.Size() > a.Place.size() {
		return fmt.Errorf("the template of a state volume, of %d bytes, does not fit into %d", s.Size(), a.Place.size())
	}
	disk, err := os.OpenFile(o.dev+"/"+a.Disk.Name, os.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer disk.Close()
	return prepare(disk, a, s)
}
