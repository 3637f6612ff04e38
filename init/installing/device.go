package installing

import (
	"cmp"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"bantam/gpt"
	"bantam/init/applet"
	"bantam/printable"

	"golang.org/x/sys/unix"
)

// A Device is what the kernel says of a disk that is named for an installation.
type Device struct {
	Path     string // e.g. /dev/vda
	Size     int64  // in bytes; 0: there is no medium in it
	Sector   int64  // bytes that are written at once
	ReadOnly bool
	Model    string
	Of       string   // the disk that it is a partition of; "": none
	Made     bool     // it is made of other devices, or of a file
	Holds    []string // what is on it, then on its partitions, e.g. "vda1: vfat, 209 MB"
	Uses     []string // why it is not free, e.g. "vda1 is mounted at /mnt"
}

// under is where /sys, /dev and /proc are looked for.
type under struct{ root string }

func (u under) word(parts ...string) string {
	text, _ := os.ReadFile(filepath.Join(append([]string{u.root}, parts...)...)) // what is not there says nothing
	return strings.TrimSpace(string(text))
}

func (u under) number(parts ...string) int64 {
	n, _ := strconv.ParseInt(u.word(parts...), 10, 64)
	return n
}

// LookAt asks about a disk, e.g. /dev/vda, /dev/disk/by-id/... or vda.
func LookAt(word string) (Device, error) {
	if !strings.Contains(word, "/") {
		word = "/dev/" + word
	}
	var st unix.Stat_t
	if err := unix.Stat(word, &st); err != nil {
		return Device{}, &fs.PathError{Op: "stat", Path: word, Err: err}
	}
	link, err := os.Readlink(fmt.Sprintf("/sys/dev/block/%d:%d", unix.Major(uint64(st.Rdev)), unix.Minor(uint64(st.Rdev))))
	if err != nil || st.Mode&unix.S_IFMT != unix.S_IFBLK {
		return Device{}, fmt.Errorf("%s is no disk", word)
	}
	name := filepath.Base(link)
	d := under{"/"}.device(name)
	d.Path = "/dev/" + name
	for i, part := range d.Holds {
		at, _, _ := strings.Cut(part, ":")
		d.Holds[i] = strings.Replace(part, "?", cmp.Or(applet.DiskContent("/dev/"+at), "nothing that is known"), 1)
	}
	return d, nil
}

// device reads what sysfs says of one. What it holds is still to be seen.
func (u under) device(name string) (d Device) {
	const class, sector = "sys/class/block", 512 // of sysfs, whatever the device's is
	d = Device{Size: u.number(class, name, "size") * sector, Sector: u.number(class, name, "queue/logical_block_size"), ReadOnly: u.word(class, name, "ro") == "1",
		Model: printable.Line(strings.TrimSpace(u.word(class, name, "device/vendor") + " " + u.word(class, name, "device/model")))}
	if strings.HasPrefix(d.Model, "0x") { // a number, of virtio
		d.Model = ""
	}
	dir := filepath.Join(u.root, class, name)
	if u.word(class, name, "partition") != "" {
		link, _ := os.Readlink(dir)
		d.Of = filepath.Base(filepath.Dir(link))
	}
	slaves, _ := filepath.Glob(dir + "/slaves/*")
	d.Made = len(slaves) > 0
	for _, prefix := range []string{"loop", "ram", "zram", "sr", "fd", "mtdblock", "dm-", "md"} {
		d.Made = d.Made || strings.HasPrefix(name, prefix)
	}
	parts, _ := filepath.Glob(dir + "/" + name + "*")
	swaps := u.word("proc/swaps")
	for _, at := range append([]string{name}, parts...) {
		part := filepath.Base(at)
		d.Holds = append(d.Holds, fmt.Sprintf("%s: ?, %d MB", part, u.number(class, part, "size")*sector/1e6))
		if point := applet.MountPoint(u.word(class, part, "dev")); point != "" {
			d.Uses = append(d.Uses, part+" is mounted at "+printable.Line(point))
		}
		if strings.Contains(swaps, "/dev/"+part+" ") || strings.Contains(swaps, "/dev/"+part+"\t") {
			d.Uses = append(d.Uses, part+" is swapped to")
		}
		holders, _ := filepath.Glob(filepath.Join(u.root, class, part, "holders/*"))
		for _, h := range holders {
			d.Uses = append(d.Uses, cmp.Or(u.word(class, filepath.Base(h), "dm/name"), filepath.Base(h))+" is made of "+part)
		}
	}
	return d
}

// String names it such that one knows it, e.g. /dev/vda (QEMU HARDDISK, 268 MB).
func (d Device) String() string {
	return fmt.Sprintf("%s (%s%d MB)", d.Path, strings.TrimPrefix(d.Model+", ", ", "), d.Size/1e6)
}

// Refuse says why the machine cannot be installed to a device, or not yet; nil: it can. keeps is how many bytes the machine keeps.
func (m *Medium) Refuse(d Device, keeps int64) error {
	need := Least(m.image)
	switch {
	case d.Path == m.Device:
		return fmt.Errorf("%s is what this machine was started from", d.Path)
	case d.Of != "":
		return fmt.Errorf("%s is a partition of %s: name the disk", d.Path, d.Of)
	case d.Made:
		return fmt.Errorf("%s is no disk that a machine starts from", d.Path)
	case d.Size == 0:
		return fmt.Errorf("%s has no medium in it", d.Path)
	case d.ReadOnly:
		return fmt.Errorf("%s is read-only", d.Path)
	case d.Sector != gpt.SectorSize:
		return fmt.Errorf("%s has sectors of %d bytes; only %d are supported", d.Path, d.Sector, gpt.SectorSize)
	case d.Size < need:
		return fmt.Errorf("%s is too small: it has %d bytes, %d are needed", d.Path, d.Size, need)
	case len(d.Uses) > 0:
		return fmt.Errorf("%s is in use: %s; end that first", d.Path, strings.Join(d.Uses, ", "))
	}
	l, err := MakeLayout(m.image, d.Size)
	if err != nil {
		return fmt.Errorf("%s: %w", d.Path, err)
	}
	// An eighth is what the file system may take for itself; the rest is what switches need.
	const spare = 4 << 20
	if want, has := keeps+keeps/8+spare, l.Volume.VolumeSize(); want > has {
		return fmt.Errorf("%s is too small: what this machine keeps takes %d bytes, and the state volume would have %d", d.Path, keeps, has)
	}
	return nil
}

// Open opens a disk for us alone: neither another of us nor a mount may come between.
func Open(path string) (Disk, error) {
	file, err := os.OpenFile(path, os.O_RDWR|unix.O_EXCL|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	return openDisk{file}, nil
}

// openDisk lets the kernel read the new partition table in the end.
type openDisk struct{ *os.File }

// ReadAt reads from the disk, once what is to be written is there: not what the kernel remembers.
func (d openDisk) ReadAt(b []byte, at int64) (int, error) {
	_ = unix.Fadvise(int(d.Fd()), at, int64(len(b)), unix.FADV_DONTNEED)
	return d.File.ReadAt(b, at)
}

func (d openDisk) Close() error {
	_ = unix.IoctlSetInt(int(d.Fd()), unix.BLKRRPART, 0)
	return d.File.Close()
}
