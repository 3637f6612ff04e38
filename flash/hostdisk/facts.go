package hostdisk

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"bantam/flash"
)

// Read asks the kernel about all block devices, mounts and swap.
func Read() (flash.Host, error) { return under{"/"}.read() }

// under is where /sys, /proc, /dev and /run are looked for.
type under struct{ root string }

func (u under) path(parts ...string) string {
	return filepath.Join(append([]string{u.root}, parts...)...)
}

func (u under) read() (h flash.Host, err error) {
	names, err := os.ReadDir(u.path("sys/class/block"))
	if err != nil {
		return h, fmt.Errorf("block devices: %w", err)
	}
	for _, n := range names {
		h.Devices = append(h.Devices, u.device(n.Name()))
	}
	slices.SortStableFunc(h.Devices, func(a, b flash.Device) int { return compareNumbers(a.Number, b.Number) })
	byNumber := make(map[string]string)
	for _, d := range h.Devices {
		byNumber[d.Number] = d.Name
	}
	if h.Mounts, err = u.mounts(); err != nil {
		return h, err
	}
	if h.Swaps, err = u.swaps(); err != nil {
		return h, err
	}
	members, _ := filepath.Glob(u.path("sys/fs/btrfs/*/devices")) // none without btrfs
	for _, dir := range members {
		h.Btrfs = append(h.Btrfs, children(dir))
	}
	return h, nil
}

// device reads what sysfs says of one. What it does not say is empty: a disk may be pulled out meanwhile.
func (u under) device(name string) flash.Device {
	dir := u.path("sys/class/block", name)
	d := flash.Device{Name: name, Path: "/dev/" + strings.ReplaceAll(name, "!", "/"), Number: word(dir, "dev")}
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return d
	}
	of := real // the folder of the disk
	if word(real, "partition") != "" {
		of = filepath.Dir(real)
		d.Parent = filepath.Base(of)
	}
	const sector = 512 // of sysfs, whatever the device's is
	d.Size = number(real, "size") * sector
	d.ReadOnly = word(real, "ro") == "1"
	d.Removable = word(of, "removable") == "1"
	d.Sector = int(number(of, "queue/logical_block_size"))
	d.Sequence = word(of, "diskseq")
	d.Holders = children(filepath.Join(real, "holders"))
	if made := children(filepath.Join(real, "slaves")); len(made) > 0 || strings.HasPrefix(name, "dm-") || strings.HasPrefix(name, "md") {
		d.Made = name
		if called := word(real, "dm/name"); called != "" {
			d.Made = called
		}
	}
	d.Bus = bus(of, name)
	d.Model = strings.TrimSpace(word(of, "device/vendor") + " " + word(of, "device/model"))
	if strings.HasPrefix(d.Model, "0x") { // a number, of virtio
		d.Model = ""
	}
	if d.Model == "" {
		d.Model = word(of, "device/name") // of cards
	}
	if file := word(of, "loop/backing_file"); file != "" {
		d.Model, d.Backing = file, u.named(file)
	}
	d.Content = u.content(d.Number)
	return d
}

// bus is how a disk is connected, by where it is in the tree of devices.
func bus(dir, name string) string {
	switch {
	case strings.HasPrefix(name, "loop"):
		return "loop"
	case strings.HasPrefix(name, "mmcblk"):
		if word(dir, "device/type") == "SD" {
			return "sd"
		}
		return "mmc"
	}
	parts := strings.Split(dir, "/")
	for _, known := range []struct{ prefix, name string }{{"usb", "usb"}, {"ata", "ata"}, {"nvme", "nvme"}, {"virtio", "virtio"}, {"target", "scsi"}} {
		if slices.ContainsFunc(parts, func(p string) bool { return strings.HasPrefix(p, known.prefix) }) {
			return known.name
		}
	}
	return ""
}

// content is what udev has found out about a device, who may read it when we may not.
func (u under) content(number string) string {
	notes, err := os.ReadFile(u.path("run/udev/data", "b"+number))
	if err != nil {
		return ""
	}
	found := make(map[string]string)
	for line := range strings.Lines(string(notes)) {
		if rest, ok := strings.CutPrefix(strings.TrimSpace(line), "E:ID_"); ok {
			name, value, _ := strings.Cut(rest, "=")
			found[name] = value
		}
	}
	text := found["FS_TYPE"]
	if label := found["FS_LABEL"]; text != "" && label != "" {
		text += fmt.Sprintf(" %q", label)
	}
	if text == "" && found["PART_TABLE_TYPE"] != "" {
		text = "partition table (" + found["PART_TABLE_TYPE"] + ")"
	}
	return text
}

// mounts are those of this process (proc(5), mountinfo).
func (u under) mounts() (list []flash.Mount, err error) {
	text, err := os.ReadFile(u.path("proc/self/mountinfo"))
	if err != nil {
		return nil, fmt.Errorf("what is mounted: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		before, after, _ := strings.Cut(line, " - ")
		fields, what := strings.Fields(before), strings.Fields(after)
		if len(fields) < 5 || len(what) < 2 {
			return nil, fmt.Errorf("what is mounted: %q is not understood", strings.TrimSpace(line))
		}
		list = append(list, flash.Mount{Number: fields[2], Source: u.named(unescape(what[1])), Point: unescape(fields[4])})
	}
	return list, nil
}

func (u under) swaps() (names []string, err error) {
	text, err := os.ReadFile(u.path("proc/swaps"))
	if err != nil && !os.IsNotExist(err) { // a kernel without swap
		return nil, fmt.Errorf("where swap is: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) > 0 && strings.HasPrefix(fields[0], "/dev/") {
			names = append(names, u.named(unescape(fields[0])))
		}
	}
	return names, nil
}

// named is the kernel's name of the device that a path means, e.g. dm-0 of /dev/mapper/vg-root; "" of none.
func (u under) named(path string) string {
	if !strings.HasPrefix(path, "/dev/") {
		return ""
	}
	if real, err := filepath.EvalSymlinks(u.path(path)); err == nil {
		path = real
		if rel, err := filepath.Rel(u.root, real); err == nil {
			path = "/" + rel
		}
	}
	return strings.ReplaceAll(strings.TrimPrefix(path, "/dev/"), "/", "!")
}

// unescape undoes what the kernel makes of blanks and the like: \040.
func unescape(text string) string {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == '\\' && i+4 <= len(text) {
			if n, err := strconv.ParseUint(text[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(text[i])
	}
	return b.String()
}

func word(dir, name string) string {
	text, _ := os.ReadFile(filepath.Join(dir, name)) // what is not there says nothing
	return strings.TrimSpace(string(text))
}

func number(dir, name string) int64 {
	n, _ := strconv.ParseInt(word(dir, name), 10, 64)
	return n
}

func children(dir string) (names []string) {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// compareNumbers orders devices as the kernel numbers them, partitions behind their disk.
func compareNumbers(a, b string) int {
	var major, minor [2]int
	fmt.Sscanf(a, "%d:%d", &major[0], &minor[0])
	fmt.Sscanf(b, "%d:%d", &major[1], &minor[1])
	if major[0] != major[1] {
		return major[0] - major[1]
	}
	return minor[0] - minor[1]
}
