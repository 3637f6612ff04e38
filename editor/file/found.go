package file

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"bantam/editor/text"
)

// Found is text that was not saved when an editor, or the machine, ended
// without being asked. It stays until it is dropped, or another takes its
// place: the next Keep, or the copy of the next save. A copy is found only by
// the name that the file was saved under, not by its other names.
type Found struct {
	When   time.Time
	Path   string // where it lies
	Behind bool   // the file was saved or changed afterwards

	disk   disk
	record *record // nil: Path has the whole text and nothing else
}

// largestRestore bounds what of a text is kept, and what of a found copy is
// taken into memory.
const largestRestore = 64 << 20

// Restore makes the found text that of t, which has to be that of the file as
// it is now. It is one change that can be undone.
func (f *Found) Restore(t *text.Text) error {
	var err error
	if f.record != nil {
		err = f.record.restore(t, f.Behind)
	} else {
		err = f.restoreCopy(t)
	}
	if err != nil {
		return fmt.Errorf("restore %s: %w", f.Path, err)
	}
	return nil
}

// Drop removes what was found.
func (f *Found) Drop() error {
	if err := f.disk.Remove(f.Path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return f.disk.SyncDir(filepath.Dir(f.Path))
}

// restoreCopy replaces what differs, in whole blocks.
func (f *Found) restoreCopy(t *text.Text) error {
	h, err := f.disk.Open(f.Path, false)
	if err != nil {
		return err
	}
	defer h.Close()
	st, err := h.Stat()
	if err != nil {
		return err
	}
	long, short := st.size, min(st.size, int64(t.Len()))
	shift := int64(t.Len()) - long
	var head, tail int64 // equal bytes at the beginning and at the end
	for head+block <= short && sameBlock(h, t, head, head) {
		head += block
	}
	for head+tail+block <= short && sameBlock(h, t, long-tail-block, long-tail-block+shift) {
		tail += block
	}
	if size := long - head - tail; size > largestRestore {
		return fmt.Errorf("%d bytes differ, too many for the editor; to have them back: cp %s FILE", size, f.Path)
	}
	middle := make([]byte, long-head-tail)
	if _, err := io.ReadFull(io.NewSectionReader(h, head, int64(len(middle))), middle); err != nil {
		return err
	}
	replace(t, int(head), t.Len()-int(head+tail), middle)
	return t.Err()
}

func sameBlock(a, b io.ReaderAt, atA, atB int64) bool {
	var blocks [2][block]byte
	n, _ := a.ReadAt(blocks[0][:], atA)
	m, _ := b.ReadAt(blocks[1][:], atB)
	return n == block && m == block && blocks[0] == blocks[1]
}

// replace is one change that can be undone.
func replace(t *text.Text, at, n int, with []byte) {
	t.Begin(at)
	t.Replace(at, n, with)
	t.End(at)
}

// leftCopy finds the copy of a file whose overwriting was cut short. Only a
// copy by this user, root or the owner of the file is believed.
func (f *File) leftCopy(dir string) *Found {
	path := f.companion(dir, suffixCopy)
	h, err := f.disk.Open(path, false)
	if err != nil {
		return nil
	}
	defer h.Close()
	st, err := h.Stat()
	if err != nil || st.mode&unix.S_IFMT != unix.S_IFREG {
		return nil
	}
	if st.uid != 0 && st.uid != os.Geteuid() && (!f.Exists || st.uid != f.state.uid) {
		return nil
	}
	if h.Lock() != nil {
		return nil // not left: it is being written right now
	}
	found := &Found{When: st.mtime, Path: path, disk: f.disk}
	if f.holds(h, st.size) {
		found.Drop() // the save was over but for this
		return nil
	}
	return found
}

// holds says whether the file as it is holds the same as h. Only short files
// are compared.
func (f *File) holds(h io.ReaderAt, size int64) bool {
	if size > inMemory || size != f.state.size {
		return false
	}
	now, err := f.disk.Open(f.Path, false)
	if err != nil {
		return false
	}
	defer now.Close()
	mine, err := io.ReadAll(io.NewSectionReader(now, 0, size))
	other, otherErr := io.ReadAll(io.NewSectionReader(h, 0, size))
	return err == nil && otherErr == nil && bytes.Equal(mine, other)
}
