package applet

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"bantam/init/filetree"
)

// tarWriter puts files into an archive.
type tarWriter struct {
	*tarCall
	listTo  io.Writer // names, with -v
	archive io.Writer
	self    filetree.ID // the archive, which is not put into itself
	out     *tar.Writer
	users   map[uint32]string
	groups  map[uint32]string
	first   map[filetree.ID]string // of a file with several names: the member that has its content
	broken  error                  // the archive cannot be written any more
}

// xattrRecord begins the names of the records that hold extended attributes.
const xattrRecord = "SCHILY.xattr."

func (w *tarWriter) write(to io.Writer) error {
	if f, ok := w.archive.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
			w.self = filetree.ID{Device: uint64(stat(info).Dev), Inode: uint64(stat(info).Ino)}
		}
	}
	w.out = tar.NewWriter(to)
	w.users, w.groups = readNames("/etc/passwd"), readNames("/etc/group")
	w.first = map[filetree.ID]string{}
	for _, operand := range w.names {
		for _, folder := range operand.folders {
			if err := os.Chdir(folder); err != nil {
				return fmt.Errorf("%s: %s", folder, reason(err))
			}
		}
		walk := filetree.Walk{FollowFirst: w.opts.has('h'), Follow: w.opts.has('h'), Fail: w.failed}
		walk.Enter = func(e *filetree.Entry) bool {
			if w.excluded(e.Path()) {
				return false
			}
			err := w.member(e)
			if w.broken != nil {
				walk.Stop()
			} else if err != nil {
				w.failed(e, err)
			}
			return err == nil
		}
		walk.Walk(operand.name)
		if w.broken != nil {
			return w.broken
		}
	}
	return w.out.Close()
}

func (w *tarWriter) failed(e *filetree.Entry, err error) {
	w.failEntry(e, err)
	w.status = exitTar
}

// tarMemberName is the name of a member for a path: nothing that leads out of
// the folder where it is unpacked one day.
func tarMemberName(path string) (name, left string) {
	cut := 0
	for i := 0; i < len(path); {
		end := i + strings.IndexByte(path[i:]+"/", '/')
		if path[i:end] == ".." || i == 0 && end == 0 {
			cut = end
		}
		i = end + 1
	}
	name = strings.TrimLeft(path[cut:], "/")
	if cut == 0 && !strings.HasPrefix(path, "/") {
		name = path
	}
	return name, path[:len(path)-len(name)]
}

// member writes one file; of a folder only the folder.
func (w *tarWriter) member(e *filetree.Entry) error {
	name, left := tarMemberName(e.Path())
	if left != "" && !w.told {
		w.told = true
		w.warn("leaving out %s at the begin of names", PrintableLine(left))
	}
	if name == "" {
		name = "."
	}
	st, mode := stat(e.Info), e.Info.Mode()
	h := &tar.Header{Name: name, Mode: int64(st.Mode & 0o7777), Uid: int(st.Uid), Gid: int(st.Gid), ModTime: e.Info.ModTime()}
	if !w.opts.has(tarNumeric) {
		h.Uname, h.Gname = w.users[st.Uid], w.groups[st.Gid]
	}
	if e.Info.ID() == w.self && w.self != (filetree.ID{}) {
		w.warn("%s: is the archive itself and is left out", PrintableLine(e.Path()))
		return nil
	}
	var content *os.File
	switch {
	case mode.IsDir():
		h.Typeflag = tar.TypeDir
		h.Name = strings.TrimSuffix(name, "/") + "/"
	case w.first[e.Info.ID()] != "":
		h.Typeflag, h.Linkname = tar.TypeLink, w.first[e.Info.ID()]
	case mode.IsRegular():
		h.Typeflag = tar.TypeReg
		flags := os.O_RDONLY | unix.O_NONBLOCK
		if !w.opts.has('h') {
			flags |= unix.O_NOFOLLOW
		}
		f, err := e.Dir.File(e.Name, flags, 0)
		if err != nil {
			return err
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil {
			return err
		}
		if !info.Mode().IsRegular() {
			return filetree.ErrMoved
		}
		h.Size, content = info.Size(), f
	case mode&fs.ModeSymlink != 0:
		target, err := e.Dir.Readlink(e.Name)
		if err != nil {
			return err
		}
		h.Typeflag, h.Linkname = tar.TypeSymlink, target
	case mode&fs.ModeNamedPipe != 0:
		h.Typeflag = tar.TypeFifo
	case mode&fs.ModeDevice != 0:
		h.Typeflag = tar.TypeBlock
		if mode&fs.ModeCharDevice != 0 {
			h.Typeflag = tar.TypeChar
		}
		h.Devmajor, h.Devminor = int64(major(uint64(st.Rdev))), int64(minor(uint64(st.Rdev)))
	default:
		w.warn("%s: is a socket and is left out", PrintableLine(e.Path()))
		return nil
	}
	if st.Nlink > 1 && !mode.IsDir() && h.Typeflag != tar.TypeLink {
		w.first[e.Info.ID()] = h.Name
	}
	if w.opts.has(tarXattrs) && h.Typeflag != tar.TypeLink {
		if h.PAXRecords = xattrRecords(e.Dir.Path(e.Name)); h.PAXRecords != nil {
			h.Format = tar.FormatPAX
		}
	} else if !utf8.ValidString(h.Name + h.Linkname) {
		h.Format = tar.FormatGNU // whose names are bytes
	}
	if w.opts.has('v') {
		w.tell(w.listTo, w.shown(h.Name))
	}
	if err := w.out.WriteHeader(h); err != nil {
		var unfit *fs.PathError
		if errors.As(err, &unfit) || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EPIPE) {
			w.broken = err
		}
		return err
	}
	if content != nil {
		return w.content(content, h.Size, e.Path())
	}
	return nil
}

// content writes exactly as many bytes as the header says, whatever became of
// the file meanwhile.
func (w *tarWriter) content(f *os.File, size int64, path string) error {
	n, err := io.CopyN(w.out, f, size)
	if err == nil {
		return nil
	}
	var unread *fs.PathError
	if err != io.EOF && !(errors.As(err, &unread) && unread.Op == "read") {
		w.broken = err
		return err
	}
	if err == io.EOF {
		w.warn("%s: became shorter while it was read; zeros follow", PrintableLine(path))
		w.status = max(w.status, 1)
	} else {
		w.warn("%s: %s; zeros follow", PrintableLine(path), reason(err))
		w.status = exitTar
	}
	for n < size {
		part, err := w.out.Write(zeros[:min(size-n, int64(len(zeros)))])
		if n += int64(part); err != nil {
			w.broken = err
			return err
		}
	}
	return nil
}

// xattrRecords are the extended attributes of a file, a link itself included.
func xattrRecords(path string) map[string]string {
	names := make([]byte, 64<<10)
	n, err := unix.Llistxattr(path, names)
	if err != nil || n == 0 {
		return nil
	}
	records := map[string]string{}
	value := make([]byte, 64<<10)
	for _, name := range bytes.Split(bytes.TrimSuffix(names[:n], []byte{0}), []byte{0}) {
		if size, err := unix.Lgetxattr(path, string(name), value); err == nil && !bytes.ContainsRune(name, '=') {
			records[xattrRecord+string(name)] = string(value[:size])
		}
	}
	return records
}
