package flash

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"
)

// A Host is what its kernel says of block devices and of who uses them: facts, asked for anew each time.
type Host struct {
	Devices []Device
	Mounts  []Mount
	Swaps   []string   // names of devices, e.g. sda3, dm-1
	Btrfs   [][]string // the devices of each btrfs file system that the kernel knows
}

// A Device is one block device: a disk, a partition, or what is made of them.
type Device struct {
	Name      string   `json:"name"`             // the kernel's, e.g. sdb, mmcblk0p2, dm-0
	Path      string   `json:"path"`             // e.g. /dev/sdb
	Number    string   `json:"number"`           // major and minor, e.g. 8:16
	Parent    string   `json:"parent,omitempty"` // the disk of a partition, e.g. sdb
	Holders   []string `json:"-"`                // what is made of it: volumes of LVM, encrypted ones, RAID
	Made      string   `json:"-"`                // of what is made of others: its name there, e.g. vg-root, md0
	Backing   string   `json:"-"`                // of a loop device that is made of another device: that, e.g. sda5
	Size      int64    `json:"size"`             // in bytes; 0: there is no medium in it
	ReadOnly  bool     `json:"read_only"`
	Removable bool     `json:"removable"` // as the kernel says: the medium, not the device
	Bus       string   `json:"bus"`       // usb, sd, mmc (soldered), nvme, ata, scsi, virtio, loop; "": another
	Model     string   `json:"model,omitempty"`
	Sector    int      `json:"sector"`            // bytes that are written at once
	Sequence  string   `json:"-"`                 // which medium this is, of all that the kernel has seen
	Content   string   `json:"content,omitempty"` // e.g. `an ext4 file system "root"`; "": not known
}

// A Mount is a file system, or a folder of one, in the tree.
type Mount struct {
	Number string // of its device as the tree has it, e.g. 8:17; of btrfs a number that no device has
	Source string // what was mounted, as a name of a device, e.g. sda2; "": none
	Point  string // e.g. /media/me/BOOT
}

// A Use is why a disk is not free.
type Use struct {
	Device string // that is used: the disk, one of its partitions, or what is made of them
	Point  string // where it is mounted; "": it is not
	Made   string // what is made of it, e.g. vg-root; "": nothing
	Swap   bool
}

// String says it, e.g. "sdb1 is mounted at /media/me/BOOT".
func (u Use) String() string {
	switch {
	case u.Swap:
		return u.Device + " is swapped to"
	case u.Point != "":
		return u.Device + " is mounted at " + u.Point
	}
	return u.Made + " is made of " + u.Device
}

// Find gives the device of a name.
func (h Host) Find(name string) (Device, bool) {
	i := slices.IndexFunc(h.Devices, func(d Device) bool { return d.Name == name })
	if i < 0 {
		return Device{}, false
	}
	return h.Devices[i], true
}

// Partitions are those of a disk, in the order of the kernel.
func (h Host) Partitions(disk string) (list []Device) {
	for _, d := range h.Devices {
		if d.Parent == disk {
			list = append(list, d)
		}
	}
	return list
}

// above are a disk, its partitions, and whatever is made of these, over any number of floors.
func (h Host) above(disk string) (names []string) {
	names = []string{disk}
	for i := 0; i < len(names); i++ {
		d, _ := h.Find(names[i])
		for _, p := range h.Partitions(d.Name) {
			names = append(names, p.Name)
		}
		for _, holder := range h.holders(d) {
			if !slices.Contains(names, holder) {
				names = append(names, holder)
			}
		}
	}
	return names
}

// holders are the devices that are made of one.
func (h Host) holders(d Device) []string {
	list := slices.Clone(d.Holders)
	for _, loop := range h.Devices {
		if d.Name != "" && loop.Backing == d.Name { // the kernel does not count these among them
			list = append(list, loop.Name)
		}
	}
	return list
}

// Uses are all that keep a disk from being free: mounts and swap first, then what is made of it and used by nobody.
func (h Host) Uses(disk string) (uses []Use) {
	above := h.above(disk)
	var idle []Use
	for _, name := range above {
		d, _ := h.Find(name)
		for _, m := range h.Mounts {
			if m.Number == d.Number || m.Source == name || h.shares(name, m.Source) {
				uses = append(uses, Use{Device: name, Point: m.Point})
			}
		}
		if slices.Contains(h.Swaps, name) {
			uses = append(uses, Use{Device: name, Swap: true})
		}
		for _, holder := range h.holders(d) {
			of, _ := h.Find(holder)
			idle = append(idle, Use{Device: name, Made: cmp.Or(of.Made, holder)})
		}
	}
	return append(uses, idle...)
}

// shares tells whether two devices are parts of one btrfs file system, of which a mount names one.
func (h Host) shares(a, b string) bool {
	return slices.ContainsFunc(h.Btrfs, func(members []string) bool { return slices.Contains(members, a) && slices.Contains(members, b) })
}

// ofTheHost tells whether the host itself lives from a use of a disk, rather than a person who looks at a card.
func (u Use) ofTheHost() bool {
	if u.Swap {
		return true
	}
	if u.Point == "" {
		return false
	}
	first, rest, below := strings.Cut(strings.TrimPrefix(u.Point, "/"), "/")
	switch first {
	case "", "boot", "efi", "usr", "var", "etc", "opt", "srv", "nix", "gnu", "bin", "sbin", "lib", "ostree", "sysroot", "cdrom", "isodevice", "rofs", "persistent", "state":
		return true
	case "home", "root":
		return !below
	case "run": // a live system's medium is somewhere below
		return !slices.Contains([]string{"media", "mount", "user"}, strings.Split(rest, "/")[0])
	}
	return false
}

// Candidates are the disks that an image may be meant for: those that one puts in and pulls out; all of them with fixed.
func (h Host) Candidates(fixed bool) (list []Device) {
	for _, d := range h.Devices {
		if d.Parent == "" && d.Made == "" && d.kind() == "" && (fixed || d.PulledOut()) && (d.Size > 0 || d.Removable) {
			list = append(list, d)
		}
	}
	return list
}

// PulledOut tells whether a disk is one that is put in and pulled out.
func (d Device) PulledOut() bool { return d.Removable || d.Bus == "usb" || d.Bus == "sd" }

// kind says what a device is if no image is written to such; "": it is a disk.
func (d Device) kind() string {
	base := strings.TrimRight(path.Base(d.Name), "0123456789")
	return map[string]string{
		"zram": "compressed memory", "ram": "memory", "sr": "a CD drive", "fd": "a floppy disk",
		"mtdblock": "flash memory, which `dd` would wear out",
	}[base]
}

// A Wish is what is to be written, and what was said of it.
type Wish struct {
	Image Image
	Fixed bool // the disk may be one that stays in the machine
	Force bool // a partition table that does not fit the disk's sectors is accepted
}

// Refuse says why a device must not be written, or not yet; nil: it may.
func (h Host) Refuse(name string, w Wish) error {
	d, ok := h.Find(name)
	if !ok {
		return fmt.Errorf("%s is not a block device that the kernel knows", name)
	}
	if d.Parent != "" {
		disk, _ := h.Find(d.Parent)
		return fmt.Errorf("%s is a partition of %s; an image brings its own partition table and is for the whole disk: name %[2]s", d.Path, disk.Path)
	}
	if d.Made != "" {
		return fmt.Errorf("%s (%s) is made of other disks; an image is for a disk itself", d.Path, d.Made)
	}
	if kind := d.kind(); kind != "" {
		return fmt.Errorf("%s is %s", d.Path, kind)
	}
	uses := h.Uses(name)
	for _, u := range uses {
		if u.ofTheHost() {
			return fmt.Errorf("%s is a disk that this host runs from: %v", d.Path, u)
		}
	}
	if !d.PulledOut() && !w.Fixed {
		return fmt.Errorf("%s (%s) is no removable disk; if it is really meant: --fixed", d.Path, cmp.Or(d.Model, Size(d.Size)))
	}
	if d.Size == 0 {
		return fmt.Errorf("%s has no medium in it", d.Path)
	}
	if d.ReadOnly {
		return fmt.Errorf("%s is write-protected; an SD card, or its adapter, has a slider for that", d.Path)
	}
	if w.Image.Size > d.Size {
		return fmt.Errorf("%s is too small: it has %s (%d bytes), the image %s (%d bytes)", d.Path, Size(d.Size), d.Size, Size(w.Image.Size), w.Image.Size)
	}
	if s := w.Image.Kind.Sector; s != 0 && s != d.Sector && !w.Force {
		return fmt.Errorf("%s has sectors of %d bytes, the image's partition table counts in such of %d: nothing would find its partitions; --force writes it nevertheless", d.Path, d.Sector, s)
	}
	for _, u := range uses {
		if u.Point == "" {
			return fmt.Errorf("%s is in use: %v; end that first (vgchange -an, cryptsetup close, mdadm --stop)", d.Path, u)
		}
	}
	if len(uses) > 0 {
		return &Mounted{d, uses}
	}
	return nil
}

// Mounted is why a disk must not be written yet: somebody may still be reading or writing its files.
type Mounted struct {
	Disk Device
	Uses []Use // at least one
}

// Points are where it is mounted, those below others first, as they have to be unmounted.
func (m *Mounted) Points() (points []string) {
	for _, u := range m.Uses {
		points = append(points, u.Point)
	}
	slices.SortFunc(points, func(a, b string) int { return strings.Compare(b, a) })
	return slices.Compact(points)
}

func (m *Mounted) Error() string {
	var list []string
	for _, u := range m.Uses {
		list = append(list, u.String())
	}
	return fmt.Sprintf("%s is in use: %s; --unmount unmounts it first", m.Disk.Path, strings.Join(list, ", "))
}
