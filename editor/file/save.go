package file

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Content is what is saved, e.g. a text.Snapshot.
type Content interface {
	Len() int
	WriteTo(w io.Writer) (int64, error)
}

// Save makes c what the file holds, synced. With an error the file holds what
// it did, unless the error names the copy that has the new text. A file that
// is not there yet gets the mode that the umask says.
func (f *File) Save(c Content) error {
	if err := f.save(c); err != nil {
		return fmt.Errorf("save %s: %w", f.Path, err)
	}
	return nil
}

// SaveAs saves under another name; the caller has asked whether a file that
// is there may be replaced. From then on the returned File stands for the text
// and for the Source, and f is done with.
func (f *File) SaveAs(path string, c Content) (*File, error) {
	n, h, err := locate(f.disk, path)
	if err != nil {
		return nil, err
	}
	if h != nil {
		h.Close()
	}
	n.source, n.Spare = f.source, f.Spare
	if err := n.Save(c); err != nil {
		return nil, err
	}
	return n, nil
}

// saving is a save under way.
type saving struct {
	*File
	new  handle // the new text
	path string // its name for now
	base base   // for File.base when it is done
}

func (f *File) save(c Content) error {
	if err := f.unchanged(); err != nil {
		return err
	}
	if err := f.ReadOnly(); err != nil {
		return err
	}
	mode := fs.FileMode(0o600) // until it has those of the file
	if !f.Exists {
		mode = 0o666
	}
	new, path, err := f.claim(suffixNew, mode)
	if err != nil {
		return err
	}
	defer new.Close()
	s := &saving{f, new, path, baseOf(c)}
	named := true
	if err = write(new, c); err == nil {
		named, err = s.replace()
	}
	if err == nil && named {
		named, err = s.overwrite()
	}
	if named {
		f.disk.Remove(path)
	}
	return err
}

func (f *File) unchanged() error {
	changed, err := f.Changed()
	if err == nil && changed {
		err = ErrChanged
	}
	return err
}

// again opens the file that was there when it was last looked at. Since then
// its name may have come to lead to another one, whose bytes and attributes
// are none of ours.
func (f *File) again(write bool) (handle, state, error) {
	h, err := f.disk.Open(f.Path, write)
	if err != nil {
		return nil, state{}, err
	}
	there, err := h.Stat()
	if err == nil && !there.sameContent(f.state) {
		err = ErrChanged
	}
	if err != nil {
		h.Close()
		return nil, state{}, err
	}
	return h, there, nil
}

// claim creates a companion of the file, beside it if possible.
func (f *File) claim(suffix string, mode fs.FileMode) (handle, string, error) {
	path := f.companion(filepath.Dir(f.Path), suffix)
	h, err := claim(f.disk, path, mode)
	if f.Spare != "" && f.Exists && (errors.Is(err, fs.ErrPermission) || errors.Is(err, unix.EROFS)) {
		path = f.companion(f.Spare, suffix)
		h, err = claim(f.disk, path, mode)
	}
	return h, path, err
}

// companion is the name of a companion of the file in its folder or in another.
func (f *File) companion(dir, suffix string) string {
	if dir == filepath.Dir(f.Path) {
		return beside(f.Path, suffix)
	}
	return within(dir, f.Path, suffix)
}

func write(h handle, c Content) error {
	w := bufio.NewWriterSize(io.NewOffsetWriter(h, 0), block)
	n, err := c.WriteTo(w)
	if err == nil && n != int64(c.Len()) {
		err = fmt.Errorf("the text is of %d bytes, and %d came", c.Len(), n)
	}
	if err != nil {
		return err
	}
	return w.Flush()
}

// replace syncs the new file and renames it over the old one, if that loses
// nothing and is allowed; otherwise the new file keeps its name.
func (s *saving) replace() (named bool, err error) {
	if s.Exists {
		if taken, err := s.takeAttributes(); err != nil || !taken {
			return true, err
		}
	}
	if err := s.new.Sync(); err != nil {
		return true, err
	}
	if err := s.unchanged(); err != nil {
		return true, err
	}
	err = s.disk.Rename(s.path, s.Path)
	if s.Exists && (errors.Is(err, fs.ErrPermission) || errors.Is(err, unix.EBUSY)) {
		return true, nil // a sticky folder, or something is mounted on the name
	}
	if err != nil {
		return true, err
	}
	st, err := s.new.Stat() // not before: a rename changes ctime
	if err != nil {
		return false, err
	}
	s.note(st)
	s.File.base = s.base
	return false, s.disk.SyncDir(filepath.Dir(s.Path))
}

// takeAttributes gives the new file the attributes of the old one, if it can have them
// all and take its place: the old one has a single name, in the same folder.
func (s *saving) takeAttributes() (bool, error) {
	old, st, err := s.again(false)
	if err != nil {
		return false, err
	}
	defer old.Close()
	want, err := attributesOf(old)
	if err != nil {
		return false, err
	}
	return st.links == 1 && filepath.Dir(s.path) == filepath.Dir(s.Path) && want.put(s.new) == nil, nil
}
