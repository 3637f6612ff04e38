package applet

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"bantam/init/filetree"
)

// extraction unpacks an archive into a folder and touches nothing else, whatever
// the archive says: names with .. are refused, the folder that a file goes into
// is found by descriptors that no link leads out of, and what is there already is
// replaced, never written into.
type extraction struct {
	*tarCall
	root    filetree.Dir
	strip   int
	umask   uint32
	exactly bool // the modes of the archive, without the umask
	owner   bool // the owners of the archive
	users   map[string]uint32
	groups  map[string]uint32
	parent  string // the folder that is open
	dir     filetree.Dir
	folders []tarFolder // get their modes and times at the end
}

// tarFolder is a folder that is unpacked into.
type tarFolder struct {
	path string
	id   filetree.ID
	h    *tar.Header
}

func newExtraction(t *tarCall, root filetree.Dir, strip int) *extraction {
	superuser := os.Geteuid() == 0
	x := &extraction{tarCall: t, root: root, strip: strip, dir: filetree.Here,
		exactly: (superuser || t.opts.has('p')) && !t.opts.has(tarLoosePerms),
		owner:   (superuser || t.opts.has(tarSameOwner)) && !t.opts.has('o')}
	x.umask = uint32(syscall.Umask(0o22))
	syscall.Umask(int(x.umask))
	if x.owner && !t.opts.has(tarNumeric) {
		x.users, x.groups = idsByName("/etc/passwd"), idsByName("/etc/group")
	}
	return x
}

func idsByName(path string) map[string]uint32 {
	ids := map[string]uint32{}
	for id, name := range readNames(path) {
		if old, known := ids[name]; !known || id < old {
			ids[name] = id
		}
	}
	return ids
}

// place is where below the folder a member goes; "" is nowhere, because all of
// its name is stripped.
func (x *extraction) place(name string) (string, error) {
	var parts []string
	for part := range strings.SplitSeq(name, "/") {
		switch part {
		case "", ".":
		case "..":
			return "", errors.New("is refused: its name leads through ..")
		default:
			parts = append(parts, part)
		}
	}
	if strings.HasPrefix(name, "/") && !x.told {
		x.told = true
		x.warn("leaving out / at the begin of names")
	}
	if len(parts) <= x.strip && x.strip > 0 {
		return "", nil
	}
	if parts = parts[x.strip:]; len(parts) == 0 {
		return ".", nil
	}
	return strings.Join(parts, "/"), nil
}

// open opens the folder that a file goes into and makes it where it is missing.
func (x *extraction) open(folder string) (filetree.Dir, error) {
	if folder == x.parent && x.dir != filetree.Here {
		return x.dir, nil
	}
	dir, err := x.root.Beneath(folder)
	if errors.Is(err, syscall.ENOENT) && folder != "." {
		var above filetree.Dir
		if above, err = x.open(path.Dir(folder)); err != nil {
			return above, err
		}
		if err = above.Mkdir(path.Base(folder), 0o777); err != nil && !errors.Is(err, syscall.EEXIST) {
			return above, err
		}
		dir, err = x.root.Beneath(folder)
	}
	if errors.Is(err, syscall.EXDEV) {
		err = fmt.Errorf("is refused: %s is a link that leads out of the folder", folder)
	}
	if err != nil {
		return dir, err
	}
	if x.dir != filetree.Here {
		x.dir.Close()
	}
	x.parent, x.dir = folder, dir
	return dir, nil
}

// member unpacks one member.
func (x *extraction) member(h *tar.Header, content io.Reader) error {
	where, err := x.place(h.Name)
	if err != nil || where == "" {
		return err
	}
	if where == "." && h.Typeflag != tar.TypeDir {
		return errors.New("is refused: it has the name of the folder itself")
	}
	source := ""
	if h.Typeflag == tar.TypeLink {
		if source, err = x.place(h.Linkname); err != nil || source == "" {
			return fmt.Errorf("link to %s: leads out of the folder", h.Linkname)
		}
	}
	dir, err := x.open(path.Dir(where))
	if err != nil {
		return err
	}
	name := path.Base(where)
	switch h.Typeflag {
	case tar.TypeDir:
		return x.folder(dir, name, where, h)
	case tar.TypeLink:
		return x.link(dir, name, source)
	case tar.TypeSymlink:
		err = x.make(dir, name, func() error { return dir.Symlink(h.Linkname, name) })
	case tar.TypeFifo:
		err = x.make(dir, name, func() error { return dir.Mknod(name, unix.S_IFIFO|0o600, 0) })
	case tar.TypeChar, tar.TypeBlock:
		kind := uint32(unix.S_IFCHR)
		if h.Typeflag == tar.TypeBlock {
			kind = unix.S_IFBLK
		}
		if uint64(h.Devmajor) > 0xfff || uint64(h.Devminor) > 0xfffff {
			return fmt.Errorf("device %d,%d: there is no such number", h.Devmajor, h.Devminor)
		}
		err = x.make(dir, name, func() error {
			return dir.Mknod(name, kind|0o600, int(unix.Mkdev(uint32(h.Devmajor), uint32(h.Devminor))))
		})
	case 'D', 'M', 'V':
		return errors.New("is part of a backup of several volumes, which is not supported")
	default:
		return x.file(dir, name, h, content)
	}
	if err != nil {
		return err
	}
	return x.attributes(dir, name, h)
}

// make makes something new; what has the name loses it, unless -k is given.
func (x *extraction) make(dir filetree.Dir, name string, create func() error) error {
	err := create()
	if !errors.Is(err, syscall.EEXIST) || x.opts.has('k') {
		return err
	}
	if err := makeRoom(dir, name); err != nil {
		return err
	}
	return create()
}

// makeRoom removes what has a name, a folder only if it is empty.
func makeRoom(dir filetree.Dir, name string) error {
	err := dir.Unlink(name)
	if errors.Is(err, syscall.EISDIR) || errors.Is(err, syscall.EPERM) {
		err = dir.Rmdir(name)
	}
	if errors.Is(err, syscall.ENOENT) {
		return nil
	}
	return err
}

func (x *extraction) folder(dir filetree.Dir, name, where string, h *tar.Header) error {
	err := dir.Mkdir(name, 0o700)
	if errors.Is(err, syscall.EEXIST) {
		err = nil
		if info, lerr := dir.Lstat(name); lerr == nil && info.IsLink() {
			// A link to a folder below serves as one, as /lib does for /usr/lib.
			if there, berr := x.root.Beneath(where); berr == nil {
				there.Close()
				return nil
			}
			err = x.make(dir, name, func() error { return dir.Mkdir(name, 0o700) })
		} else if lerr == nil && !info.IsDir() {
			err = x.make(dir, name, func() error { return dir.Mkdir(name, 0o700) })
		}
	}
	if err != nil {
		return err
	}
	info, err := dir.Lstat(name)
	if err != nil {
		return err
	}
	x.folders = append(x.folders, tarFolder{where, info.ID(), h})
	return nil
}

// link gives a file that was unpacked, or was there, another name. A link is not
// followed: the other name is its own.
func (x *extraction) link(dir filetree.Dir, name, source string) error {
	from, err := x.root.Beneath(path.Dir(source))
	if err != nil {
		return fmt.Errorf("link to %s: %w", source, err)
	}
	defer from.Close()
	info, err := from.Lstat(path.Base(source))
	if err != nil {
		return fmt.Errorf("link to %s: %w", source, err)
	}
	if old, err := dir.Lstat(name); err == nil && old.ID() == info.ID() {
		return nil
	}
	return x.make(dir, name, func() error { return from.Link(path.Base(source), dir, name) })
}

// file unpacks a file. One that is there keeps its content until the new one is
// whole, and its other names keep it for good.
func (x *extraction) file(dir filetree.Dir, name string, h *tar.Header, content io.Reader) (err error) {
	as := name
	f, err := dir.File(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL|unix.O_NOFOLLOW, 0o600)
	if errors.Is(err, syscall.EEXIST) && !x.opts.has('k') {
		if f, err = temporaryFile(dir); err == nil {
			as = f.Name()
			defer removeWhenKilled(dir, as)()
		}
	}
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
			dir.Unlink(as)
		}
	}()
	if tarIsSparse(h) {
		err = copySparse(f, h.Size, content)
	} else {
		_, err = copyMember(f, content)
	}
	if err != nil {
		return err
	}
	if err = x.attributes(dir, as, h); err != nil {
		return err
	}
	if err = f.Close(); err != nil || as == name {
		return err
	}
	err = dir.Rename(as, name)
	if errors.Is(err, syscall.EISDIR) {
		if err = dir.Rmdir(name); err == nil {
			err = dir.Rename(as, name)
		}
	}
	return err
}

func tarIsSparse(h *tar.Header) bool {
	if h.Typeflag == tar.TypeGNUSparse {
		return true
	}
	for record := range h.PAXRecords {
		if strings.HasPrefix(record, "GNU.sparse.") {
			return true
		}
	}
	return false
}

// mostSparse bounds files with holes: the library reads holes as zeros, so that
// an archive of a few bytes could keep us busy for years.
const mostSparse = 64 << 30

// copySparse leaves holes where there are only zeros.
func copySparse(f *os.File, size int64, content io.Reader) error {
	if size > mostSparse {
		return fmt.Errorf("is refused: a file with holes of more than %d GiB", mostSparse>>30)
	}
	if err := f.Truncate(size); err != nil {
		return err
	}
	_, err := copyMember(&holeWriter{f: f}, content)
	return err
}

var zeros [4096]byte

type holeWriter struct {
	f  *os.File
	at int64
}

func (w *holeWriter) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		n := min(len(rest), len(zeros))
		if !bytes.Equal(rest[:n], zeros[:n]) {
			if _, err := w.f.WriteAt(rest[:n], w.at); err != nil {
				return len(p) - len(rest), err
			}
		}
		rest, w.at = rest[n:], w.at+int64(n)
	}
	return len(p), nil
}

// mode is what a file gets of the archive's mode.
func (x *extraction) mode(h *tar.Header) uint32 {
	if x.exactly {
		return uint32(h.Mode) & 0o7777
	}
	return uint32(h.Mode) & 0o777 &^ x.umask
}

// attributes sets owner, mode, extended attributes and time of what was made.
// The owner comes first, because a change of it takes set-id bits away.
func (x *extraction) attributes(dir filetree.Dir, name string, h *tar.Header) error {
	if x.owner {
		uid, gid := h.Uid, h.Gid
		if id, ok := x.users[h.Uname]; ok && h.Uname != "" {
			uid = int(id)
		}
		if id, ok := x.groups[h.Gname]; ok && h.Gname != "" {
			gid = int(id)
		}
		if err := dir.Chown(name, uid, gid); err != nil {
			return fmt.Errorf("owner %d:%d: %w", uid, gid, err)
		}
	}
	if h.Typeflag != tar.TypeSymlink {
		if err := dir.Chmod(name, x.mode(h)); err != nil {
			return fmt.Errorf("mode %o: %w", x.mode(h), err)
		}
	}
	if x.opts.has(tarXattrs) {
		for record, value := range h.PAXRecords {
			attribute, ok := strings.CutPrefix(record, xattrRecord)
			if !ok {
				continue
			}
			if err := unix.Lsetxattr(dir.Path(name), attribute, []byte(value), 0); err != nil {
				x.fail(h.Name, fmt.Errorf("attribute %s: %w", attribute, err))
				x.status = exitTar
			}
		}
	}
	if x.opts.has('m') {
		return nil
	}
	stamp := unix.Timespec{Nsec: unix.UTIME_OMIT}
	modified, err := unix.TimeToTimespec(h.ModTime)
	if err != nil {
		return fmt.Errorf("time %v: %w", h.ModTime, err)
	}
	return dir.Chtimes(name, stamp, modified)
}

// finish gives folders what their content would have changed or needed otherwise.
func (x *extraction) finish() {
	for _, f := range slices.Backward(x.folders) {
		dir, err := x.root.Beneath(path.Dir(f.path))
		if err == nil {
			var info *filetree.Info
			name := path.Base(f.path)
			if info, err = dir.Lstat(name); err == nil && info.ID() == f.id {
				err = x.attributes(dir, name, f.h)
			}
			dir.Close()
		}
		if err != nil {
			x.fail(f.h.Name, err)
			x.status = exitTar
		}
	}
	if x.dir != filetree.Here {
		x.dir.Close()
	}
}
