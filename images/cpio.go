package images

import (
	"bytes"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/u-root/u-root/pkg/cpio"
)

// File is a file, folder, symbolic link or character device in an initrd segment. It belongs
// to root and dates from 1970; only the fields of its kind are set.
type File struct {
	Path  string // without leading slash, e.g. bin/bantam
	Mode  uint32 // permissions, e.g. 0o755
	Dir   bool
	Data  []byte
	Link  string // a symbolic link's target
	Major uint32 // a character device's numbers; major 0 means that it is none
	Minor uint32
}

// writeCPIO writes files as a newc archive. The kernel makes no folders on its own, so those above
// a file are added; sorting puts them before what they hold. The same files give the same bytes.
func writeCPIO(w io.Writer, files []File) error {
	byPath := make(map[string]File)
	for _, f := range files {
		clean := path.Clean(f.Path)
		if clean != f.Path || clean == "." || strings.HasPrefix(clean, "/") || strings.HasPrefix(clean, "..") {
			return fmt.Errorf("cpio: path %q is not a clean relative one", f.Path)
		}
		if _, ok := byPath[clean]; ok {
			return fmt.Errorf("cpio: path %q is there twice", f.Path)
		}
		byPath[clean] = f
	}
	for _, f := range files {
		for dir := path.Dir(f.Path); dir != "."; dir = path.Dir(dir) {
			if above, ok := byPath[dir]; !ok {
				byPath[dir] = File{Path: dir, Mode: 0o755, Dir: true}
			} else if !above.Dir {
				return fmt.Errorf("cpio: %q lies below %q, which is no folder", f.Path, dir)
			}
		}
	}
	paths := make([]string, 0, len(byPath))
	for p := range byPath {
		paths = append(paths, p)
	}
	slices.Sort(paths)

	archive := cpio.Newc.Writer(w)
	for i, p := range paths {
		r := byPath[p].record()
		r.Ino, r.NLink = uint64(i+1), 1
		if err := archive.WriteRecord(r); err != nil {
			return fmt.Errorf("cpio: %s: %w", p, err)
		}
	}
	return cpio.WriteTrailer(archive)
}

func (f File) record() cpio.Record {
	switch {
	case f.Dir:
		return cpio.Directory(f.Path, uint64(f.Mode))
	case f.Link != "":
		return cpio.Symlink(f.Path, f.Link)
	case f.Major != 0:
		return cpio.CharDev(f.Path, uint64(f.Mode), uint64(f.Major), uint64(f.Minor))
	}
	return cpio.StaticRecord(f.Data, cpio.Info{Name: f.Path, Mode: cpio.S_IFREG | uint64(f.Mode)})
}

// packCPIO returns files as an archive in memory, padded to the four bytes on which the
// kernel expects the next segment.
func packCPIO(files []File) ([]byte, error) {
	var b bytes.Buffer
	if err := writeCPIO(&b, files); err != nil {
		return nil, err
	}
	for b.Len()%4 != 0 {
		b.WriteByte(0)
	}
	return b.Bytes(), nil
}
