package file

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
)

// overwrite writes the bytes of the new file into the old one. The steps are
// ordered so that at any moment the old file is whole, or the new one is, or
// the copy is there under its name.
func (s *saving) overwrite() (named bool, err error) {
	target, before, err := s.again(true)
	if err != nil {
		return true, err
	}
	defer target.Close()
	attributes, err := attributesOf(target)
	if err != nil {
		return true, err
	}
	old, err := s.unnamed(target, before.size)
	if err != nil {
		return true, err
	}
	if o, large := s.source.(*original); large && o.is(target) {
		o.move(old) // and closes it in the end
	} else {
		defer old.Close()
	}
	if err := s.new.Sync(); err != nil {
		return true, err
	}
	if err := s.unchanged(); err != nil {
		return true, err
	}
	dir, copied := filepath.Dir(s.path), s.companion(filepath.Dir(s.path), suffixCopy)
	if err := s.disk.Rename(s.path, copied); err != nil {
		return true, err
	}
	// A copy that stays does no harm: Open knows it for what the file holds.
	defer s.disk.SyncDir(dir)
	if err := s.disk.SyncDir(dir); err != nil {
		s.disk.Remove(copied)
		return false, err
	}
	err = fill(target, before.size, s.new, attributes)
	var undone error
	if err == nil {
		s.File.base = s.base
	} else if undone = restore(target, before.size, old, attributes); undone != nil {
		s.File.base = nil
	}
	if st, err := target.Stat(); err == nil {
		s.note(st)
	}
	if undone != nil {
		return false, fmt.Errorf("%w; the file is damaged, and the whole new text is in %s", errors.Join(err, undone), copied)
	}
	s.disk.Remove(copied)
	return false, err
}

// unnamed returns a file without a name that holds what h does.
func (f *File) unnamed(h handle, size int64) (handle, error) {
	old, path, err := f.claim(suffixOld, 0o600)
	if err != nil {
		return nil, err
	}
	err = f.disk.Remove(path)
	if err == nil {
		err = transfer(old, h, 0, size)
	}
	if err != nil {
		old.Close()
		return nil, err
	}
	return old, nil
}

// fill begins with what lies behind the old end: if the file system is full,
// that is where it shows, and the old text is still there.
func fill(target handle, size int64, new handle, a attributes) error {
	st, err := new.Stat()
	if err != nil {
		return err
	}
	if err := transfer(target, new, size, st.size); err != nil {
		return err
	}
	if err := transfer(target, new, 0, min(size, st.size)); err != nil {
		return err
	}
	if st.size < size {
		if err := target.Truncate(st.size); err != nil {
			return err
		}
	}
	return finish(target, a)
}

// restore makes target what it was.
func restore(target handle, size int64, old handle, a attributes) error {
	if err := target.Truncate(size); err != nil {
		return err
	}
	if err := transfer(target, old, 0, size); err != nil {
		return err
	}
	return finish(target, a)
}

// finish puts back what writing takes away: capabilities, and for some writers
// the setuid bit. That they may not put them back is what those are made for.
func finish(target handle, a attributes) error {
	a.put(target)
	return target.Sync()
}

// transfer copies the bytes from..to to the same place in another file.
func transfer(w, r handle, from, to int64) error {
	buf := make([]byte, block)
	for from < to {
		p := buf[:min(int64(len(buf)), to-from)]
		n, err := r.ReadAt(p, from)
		if n < len(p) {
			if err == nil || err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return err
		}
		if _, err := w.WriteAt(p, from); err != nil {
			return err
		}
		from += int64(n)
	}
	return nil
}
