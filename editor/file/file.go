// Package file is what an editor does with files: open, notice changes by
// others, save so that a power cut leaves the whole old or the whole new text,
// and keep the unsaved text for the next start.
//
// A save is a new file that is synced and renamed over the old one. Where that
// would lose something (other names of the file, its owner or attributes) or
// is not allowed, the file is overwritten while a synced copy lies beside it.
// After a power cut in the middle of that, Open finds the copy.
//
// Limits: what chattr sets is not copied to the new file; a change by somebody
// else in the moment between the last look and the rename is lost; the folder
// has to hold the file twice during a save, three times for an overwritten one.
package file

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"path/filepath"

	"golang.org/x/sys/unix"

	"bantam/editor/text"
)

var (
	// ErrChanged: somebody else has written, made or removed the file. After
	// Accept it can be saved.
	ErrChanged = errors.New("changed on disk by somebody else")
	// ErrBusy: another program is saving the same file right now.
	ErrBusy = errors.New("in use by another program")
)

// File is a file that is being edited.
type File struct {
	Path   string // absolute, symbolic links resolved: a save never replaces a link
	Exists bool
	Mode   fs.FileMode
	// Spare is a folder, e.g. on the state volume, for the copy of a file that
	// has to be overwritten while its own folder takes no new files.
	Spare string
	// Found is what a power cut during a save has left beside the file, or nil.
	Found *Found

	disk   disk
	state  state
	source text.Source
	base   base // where what the file holds is in the text
}

// Open opens a regular file, or one to be made in a folder that is there.
func Open(path string) (*File, error) { return open(linux{}, path) }

func open(d disk, path string) (*File, error) {
	f, h, err := locate(d, path)
	if err != nil {
		return nil, err
	}
	f.source = text.Memory(nil)
	if h != nil {
		if f.source, err = load(h, f.state.size); err != nil {
			return nil, fmt.Errorf("open %s: %w", path, err)
		}
	}
	f.Found = f.leftCopy(filepath.Dir(f.Path))
	f.base = wholeBase(f.source.Size())
	return f, nil
}

// locate finds the file and opens it if it is there.
func locate(d disk, path string) (*File, handle, error) {
	resolved, err := d.Resolve(path)
	if err != nil {
		return nil, nil, err
	}
	f := &File{Path: resolved, disk: d}
	there, err := d.Stat(resolved)
	if errors.Is(err, fs.ErrNotExist) {
		dir, err := d.Stat(filepath.Dir(resolved))
		if err == nil && dir.mode&unix.S_IFMT != unix.S_IFDIR {
			err = &fs.PathError{Op: "open", Path: path, Err: unix.ENOTDIR}
		}
		return f, nil, err
	}
	if err != nil {
		return nil, nil, err
	}
	// Before it is opened: that alone does something to many a device.
	if err := openable(path, there); err != nil {
		return nil, nil, err
	}
	h, err := d.Open(resolved, false)
	if err != nil {
		return nil, nil, err
	}
	there, err = h.Stat()
	if err == nil {
		err = openable(path, there)
	}
	if err != nil {
		h.Close()
		return nil, nil, err
	}
	f.note(there)
	return f, h, nil
}

func openable(path string, s state) error {
	switch s.mode & unix.S_IFMT {
	case unix.S_IFREG:
	case unix.S_IFDIR:
		return &fs.PathError{Op: "open", Path: path, Err: unix.EISDIR}
	default:
		return fmt.Errorf("open %s: not a regular file", path)
	}
	if s.size > math.MaxInt {
		return fmt.Errorf("open %s: %d bytes; this machine can edit files of up to %d", path, s.size, math.MaxInt)
	}
	return nil
}

func (f *File) note(s state) {
	f.state, f.Exists, f.Mode = s, true, fs.FileMode(s.mode&0o777)
}

// Name is the last part of the path.
func (f *File) Name() string { return filepath.Base(f.Path) }

// Source is what the file held when it was opened.
func (f *File) Source() text.Source { return f.source }

// Close gives the descriptor of a large file back. The Source ends with it.
func (f *File) Close() error { return closed(f.source) }

// ReadOnly says why the file cannot be saved, as far as that is known before.
func (f *File) ReadOnly() error {
	path := f.Path
	if !f.Exists {
		path = filepath.Dir(path)
	}
	return f.disk.Writable(path)
}

// Changed says whether somebody else wrote, made or removed the file since it
// was opened or saved: by inode, size and times of the last change.
func (f *File) Changed() (bool, error) {
	there, err := f.disk.Stat(f.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return f.Exists, nil
	}
	if err != nil {
		return false, err
	}
	if !f.Exists || !there.sameContent(f.state) {
		return true, nil
	}
	f.state = there // attributes may differ, and ctime
	return false, nil
}

// Removed says whether the file was there and its name is gone.
func (f *File) Removed() bool {
	_, err := f.disk.Stat(f.Path)
	return f.Exists && errors.Is(err, fs.ErrNotExist)
}

// Accept takes what is on disk now as known: the next save replaces it.
func (f *File) Accept() error {
	there, err := f.disk.Stat(f.Path)
	if errors.Is(err, fs.ErrNotExist) {
		f.Exists, f.state, f.base = false, state{}, nil
		return nil
	}
	if err != nil {
		return err
	}
	if err := openable(f.Path, there); err != nil {
		return err
	}
	f.note(there)
	f.base = nil
	return nil
}

// Rewritten says whether a file that is too large to be held in memory was
// written to while it is open: then the Source is in parts what others wrote.
func (f *File) Rewritten() bool {
	o, large := f.source.(*original)
	if !large {
		return false
	}
	now, err := o.state()
	return err != nil || !now.sameContent(o.opened)
}

// ErrLarge says that a file is too large to be read into memory.
var ErrLarge = errors.New("too large to be read into memory")

// ReadAgain reads what the path holds now and takes it as known, as Accept does.
// The Source stays. ErrLarge: it is not read.
func (f *File) ReadAgain() ([]byte, error) {
	_, h, err := locate(f.disk, f.Path)
	if err != nil {
		return nil, err
	}
	if h == nil {
		return nil, &fs.PathError{Op: "open", Path: f.Path, Err: fs.ErrNotExist}
	}
	defer h.Close()
	there, err := h.Stat()
	if err != nil {
		return nil, err
	}
	if there.size > inMemory {
		return nil, ErrLarge
	}
	b, err := readSmall(h)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", f.Path, err)
	}
	f.note(there)
	f.base = nil
	return b, nil
}

// OnDisk reads what the path holds now, for a comparison; nothing if there is no
// file. More than most bytes are an error.
func (f *File) OnDisk(most int) ([]byte, error) {
	_, h, err := locate(f.disk, f.Path)
	if err != nil || h == nil {
		return nil, err
	}
	defer h.Close()
	there, err := h.Stat()
	if err != nil {
		return nil, err
	}
	if there.size > int64(most) {
		return nil, fmt.Errorf("%s has %d bytes, at most %d are compared", f.Name(), there.size, most)
	}
	b, err := io.ReadAll(io.NewSectionReader(h, 0, there.size))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", f.Path, err)
	}
	return b, nil
}
