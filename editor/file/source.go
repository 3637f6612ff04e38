package file

import (
	"errors"
	"io"
	"sync"

	"bantam/editor/text"
)

// inMemory is up to which size a file is read when it is opened.
const inMemory = 1 << 20

// original is the source of a large file: its open descriptor, or, once that
// inode was overwritten, an unnamed file with the bytes it had. Snapshots of
// the text read it from other goroutines.
type original struct {
	size   int64
	opened state // of at, when the bytes were its

	mu sync.RWMutex
	at handle
}

func (o *original) Size() int64 { return o.size }

func (o *original) ReadAt(p []byte, off int64) (int, error) {
	o.mu.RLock()
	defer o.mu.RUnlock()
	if off >= o.size {
		return 0, io.EOF
	}
	rest := o.size - off
	n, err := o.at.ReadAt(p[:min(int64(len(p)), rest)], off)
	if err == io.EOF && int64(n) < min(int64(len(p)), rest) {
		return n, io.ErrUnexpectedEOF // somebody has cut it short
	}
	if err == nil && n < len(p) {
		err = io.EOF
	}
	return n, err
}

// state is that of the file that is read.
func (o *original) state() (state, error) {
	o.mu.RLock()
	defer o.mu.RUnlock()
	return o.at.Stat()
}

// is says whether the bytes are those of the open file.
func (o *original) is(h handle) bool {
	o.mu.RLock()
	defer o.mu.RUnlock()
	mine, err := o.at.Stat()
	other, otherErr := h.Stat()
	return err == nil && otherErr == nil && mine.sameInode(other)
}

// move takes the same bytes from somewhere else from now on.
func (o *original) move(to handle) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.at.Close()
	o.at = to
	o.opened, _ = to.Stat() // nobody else has it
}

func (o *original) Close() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.at.Close()
}

// closed closes a source, if that needs it.
func closed(s text.Source) error {
	if c, large := s.(io.Closer); large {
		return c.Close()
	}
	return nil
}

// block is how much of a file is read, written and compared at once.
const block = 64 << 10

// load returns what the open file holds, and keeps or closes it.
func load(h handle, size int64) (text.Source, error) {
	if size > inMemory {
		opened, err := h.Stat()
		return &original{size: size, opened: opened, at: h}, err
	}
	defer h.Close()
	data, err := readSmall(h)
	if err != nil {
		return nil, err
	}
	return text.Memory(data), nil
}

// readSmall reads to the end, not as many bytes as the file says it has: those of
// /proc and /sys are longer or shorter than that.
func readSmall(h handle) ([]byte, error) {
	data, err := io.ReadAll(io.NewSectionReader(h, 0, 16*inMemory))
	if err == nil && len(data) == 16*inMemory {
		err = errors.New("it grows while it is read")
	}
	return data, err
}
