package applet

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"

	"bantam/init/kmod"
)

// signature is what a file system writes at a fixed place of its disk.
type signature struct {
	kind string
	at   int
	text string
}

// signatures are looked for in this order, since a new file system may leave the
// further signature of an older one: mkfs.vfat does not reach ext4's.
var signatures = []signature{
	{"exfat", 3, "EXFAT   "},
	{"ntfs", 3, "NTFS    "},
	{"vfat", 82, "FAT32   "},
	{"vfat", 54, "FAT12   "},
	{"vfat", 54, "FAT16   "},
	{"vfat", 54, "FAT     "},
	{"ext4", 1024 + 56, "\x53\xef"}, // and ext2, ext3, which its driver mounts too
	{"iso9660", 32769, "CD001"},
	{"udf", 32769, "BEA01"},
	{"squashfs", 0, "hsqs"},
	{"xfs", 0, "XFSB"},
	{"btrfs", 65600, "_BHRfS_M"},
	{"f2fs", 1024, "\x10\x20\xf5\xf2"},
	{"erofs", 1024, "\xe2\xe1\xf5\xe0"},
	{"swap", 4086, "SWAPSPACE2"},
	{"crypto_LUKS", 0, "LUKS\xba\xbe"},
	{partitioned, 512, "EFI PART"},
}

const (
	partitioned    = "partition table"
	signatureBytes = 65600 + 8 // how far signatures reach
)

// fileSystemOf names what the first bytes of a disk are the beginning of, "" if
// nothing known. A disk with several partitions is a "partition table".
func fileSystemOf(start []byte) string {
	for _, s := range signatures {
		if s.at < len(start) && bytes.HasPrefix(start[s.at:], []byte(s.text)) {
			return s.kind
		}
	}
	// A table of four partitions, of which one at least has a type and all are active or not.
	if len(start) >= 512 && start[510] == 0x55 && start[511] == 0xaa {
		used := false
		for entry := start[446:510]; len(entry) > 0; entry = entry[16:] {
			if entry[0] != 0 && entry[0] != 0x80 {
				return ""
			}
			used = used || entry[4] != 0
		}
		if used {
			return partitioned
		}
	}
	return ""
}

// fileSystemModules are what the kernel needs for a file system beside the
// driver of its name. What it would load by itself, it asks a program for that
// an image does not have.
var fileSystemModules = map[string][]string{
	"vfat":    {"nls_cp437", "nls_ascii", "nls_utf8"},
	"iso9660": {"isofs", "nls_utf8"},
	"ext4":    {"crc32c_generic"},
}

// loadFileSystem loads the driver of a file system and the character sets that
// it and the options want. Who may not, or lacks one, sees what mount says.
func loadFileSystem(kind string, data []string) {
	index, err := kmod.Open()
	if err != nil {
		return
	}
	names := append([]string{kind}, fileSystemModules[kind]...)
	for _, option := range data {
		if set, ok := strings.CutPrefix(option, "iocharset="); ok {
			names = append(names, "nls_"+set)
		} else if page, ok := strings.CutPrefix(option, "codepage="); ok {
			names = append(names, "nls_cp"+page)
		}
	}
	loader := kmod.NewLoader(index, kmod.DefaultOptions())
	for _, name := range names {
		_ = loader.Modprobe(name, "")
	}
}

// mountAny finds out what file system a disk has, loads its driver and mounts it.
func (c *call) mountAny(source, target string, flags uintptr, data []string) int {
	start, err := readStart(source)
	if err != nil && !errors.Is(err, fileIsNoDisk) {
		return c.fail(source, err)
	}
	switch kind := fileSystemOf(start); kind {
	case partitioned:
		return c.fail(source, errors.New("holds a partition table; mount one of its partitions (lsblk lists them)"))
	case "swap", "crypto_LUKS":
		return c.fail(source, fmt.Errorf("holds %s, which cannot be mounted", kind))
	case "":
	default:
		return c.mountDisk(source, target, kind, flags, data)
	}
	loadFileSystem("vfat", data) // an old stick says nothing of itself
	text, err := os.ReadFile("/proc/filesystems")
	if err != nil {
		return c.fail("/proc/filesystems", err)
	}
	last := error(syscall.ENODEV)
	for line := range strings.Lines(string(text)) {
		kind, isDisk := strings.CutPrefix(strings.TrimRight(line, "\n"), "\t")
		if !isDisk {
			continue
		}
		err := syscall.Mount(source, target, kind, flags, strings.Join(data, ","))
		if err == nil {
			return 0
		}
		last = err
		if !errors.Is(err, syscall.EINVAL) && !errors.Is(err, syscall.ENODEV) {
			break
		}
	}
	return c.fail(target, mountReason(last, source, ""))
}

// mountDisk mounts a file system of a known type. What cannot be written to is
// mounted to be read, with a word about it.
func (c *call) mountDisk(source, target, kind string, flags uintptr, data []string) int {
	loadFileSystem(kind, data)
	err := syscall.Mount(source, target, kind, flags, strings.Join(data, ","))
	locked := errors.Is(err, syscall.EROFS) || errors.Is(err, syscall.EACCES)
	if locked && flags&(syscall.MS_RDONLY|syscall.MS_REMOUNT) == 0 {
		if again := syscall.Mount(source, target, kind, flags|syscall.MS_RDONLY, strings.Join(data, ",")); again == nil {
			c.warn("%s is write-protected; mounted to be read only", PrintableLine(source))
			return 0
		}
	}
	if err != nil {
		return c.fail(target, mountReason(err, source, kind))
	}
	return 0
}

var fileIsNoDisk = errors.New("is no disk")

// DiskContent names what a disk or a partition begins with, e.g. ext4 or "partition table"; "": nothing that is known.
func DiskContent(path string) string {
	start, err := readStart(path)
	if err != nil {
		return "what cannot be read"
	}
	return fileSystemOf(start)
}

// MountPoint is where the device of a number, e.g. 254:1, is mounted; "": nowhere.
func MountPoint(number string) string {
	list, _ := mounts()
	for _, m := range list {
		if m.device == number {
			return m.target
		}
	}
	return ""
}

// readStart reads the first bytes of a disk.
func readStart(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Mode()&os.ModeDevice == 0 || info.Mode()&os.ModeCharDevice != 0 {
		return nil, fileIsNoDisk // the kernel will say so
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	start := make([]byte, signatureBytes)
	n, err := io.ReadFull(f, start)
	if errors.Is(err, io.ErrUnexpectedEOF) || err == io.EOF {
		err = nil
	}
	return start[:n], err
}

func mountReason(err error, source, kind string) error {
	switch {
	case errors.Is(err, syscall.EINVAL):
		return fmt.Errorf("%s holds no %s file system, or an option is wrong (dmesg may tell)", source, strings.TrimSpace("known "+kind))
	case errors.Is(err, syscall.ENODEV) && kind != "" && !strings.HasPrefix(source, "/dev/"):
		return fmt.Errorf("the kernel does not know the file system %s", kind)
	case errors.Is(err, syscall.ENODEV) && kind != "":
		module := kind
		if kind == "iso9660" {
			module = "isofs"
		}
		return fmt.Errorf("%s holds %s, for which this machine's image has no driver; build an image with %q in modules of system.toml", source, kind, module)
	case errors.Is(err, syscall.ENOTBLK):
		return fmt.Errorf("%s is not a disk", source)
	}
	return err
}
