// Package newc writes cpio archives of the form "newc", of which an initrd consists (Linux: Documentation/driver-api/early-userspace/buffer-format.rst).
// The host makes the segments of images with it, and a device the one that names the generation in a boot slot.
//
// The same files give the same bytes. Limits: folders, files, symbolic links and character devices, all root's and of 1970;
// no hard links; an archive is made in memory. Next reads what Pack writes.
package newc

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// File is a file, folder, symbolic link or character device. It belongs to root and dates from 1970; only the fields of
// its kind are set.
type File struct {
	Path  string // without leading slash, e.g. bin/bantam
	Mode  uint32 // permissions, e.g. 0o755
	Dir   bool
	Data  []byte
	Link  string // a symbolic link's target
	Major uint32 // a character device's numbers; major 0 means that it is none
	Minor uint32
}

// Kinds of files in a mode (man 7 inode).
const (
	kindDevice = 0o020000
	kindFolder = 0o040000
	kindFile   = 0o100000
	kindLink   = 0o120000
)

const trailer = "TRAILER!!!"

// Pack returns files as an archive, padded to the four bytes on which the kernel expects the next one. The kernel makes no
// folders on its own, so those above a file are added; sorting puts them before what they hold.
func Pack(files []File) ([]byte, error) {
	byPath := make(map[string]File)
	for _, f := range files {
		clean := path.Clean(f.Path)
		if clean != f.Path || clean == "." || strings.HasPrefix(clean, "/") || strings.HasPrefix(clean, "..") || clean == trailer || strings.Contains(clean, "\x00") {
			return nil, fmt.Errorf("cpio: path %q is not a clean relative one", f.Path)
		}
		if _, ok := byPath[clean]; ok {
			return nil, fmt.Errorf("cpio: path %q is there twice", f.Path)
		}
		if uint64(len(f.Data)) > 0xFFFFFFFF {
			return nil, fmt.Errorf("cpio: %s: %d bytes are more than the form can say", f.Path, len(f.Data))
		}
		byPath[clean] = f
	}
	size := len(trailer)
	for _, f := range files {
		size += 2*110 + 2*len(f.Path) + len(f.Data)
		for dir := path.Dir(f.Path); dir != "."; dir = path.Dir(dir) {
			if above, ok := byPath[dir]; !ok {
				byPath[dir] = File{Path: dir, Mode: 0o755, Dir: true}
			} else if !above.Dir {
				return nil, fmt.Errorf("cpio: %q lies below %q, which is no folder", f.Path, dir)
			}
		}
	}
	paths := make([]string, 0, len(byPath))
	for p := range byPath {
		paths = append(paths, p)
	}
	slices.Sort(paths)

	archive := make([]byte, 0, size)
	for i, p := range paths {
		f := byPath[p]
		archive = f.record(archive, i+1)
	}
	return record(archive, 0, 0, 0, trailer, nil, 0, 0), nil
}

func (f File) record(archive []byte, inode int) []byte {
	switch {
	case f.Dir:
		return record(archive, inode, kindFolder|f.Mode, 1, f.Path, nil, 0, 0)
	case f.Link != "":
		return record(archive, inode, kindLink|0o777, 1, f.Path, []byte(f.Link), 0, 0)
	case f.Major != 0:
		return record(archive, inode, kindDevice|f.Mode, 1, f.Path, nil, f.Major, f.Minor)
	}
	return record(archive, inode, kindFile|f.Mode, 1, f.Path, f.Data, 0, 0)
}

// record adds one: a header of hexadecimal numbers, the name with a zero byte, and what the file holds, each padded.
func record(archive []byte, inode int, mode uint32, links int, name string, data []byte, major, minor uint32) []byte {
	const user, group, time, diskMajor, diskMinor, checksum = 0, 0, 0, 0, 0, 0
	archive = fmt.Appendf(archive, "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X", inode, mode, user, group, links, time,
		len(data), diskMajor, diskMinor, major, minor, len(name)+1, checksum)
	archive = padded(append(append(archive, name...), 0))
	return padded(append(archive, data...))
}

func padded(archive []byte) []byte {
	for len(archive)%4 != 0 {
		archive = append(archive, 0)
	}
	return archive
}
