package file

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
)

// What lies beside a file while it is saved. The names are fixed, so that a
// power cut leaves at most one of each, which the next save takes for its own.
const (
	suffixNew  = ".new~"  // the new text while it is written
	suffixOld  = ".old~"  // what an overwritten file held; loses its name at once
	suffixCopy = ".copy~" // the whole new text while the file itself is overwritten
)

// longestName is what Linux and nearly all of its file systems allow.
const longestName = 255

// beside returns the hidden name for a companion of the file.
func beside(path, suffix string) string {
	dir, name := filepath.Split(path)
	if len(name)+1+len(suffix) > longestName {
		mark := digest(name)[:16]
		name = name[:longestName-1-len(suffix)-len(mark)] + mark
	}
	return dir + "." + name + suffix
}

// within returns the name for a companion of the file in another folder.
func within(dir, path, suffix string) string {
	return filepath.Join(dir, digest(path)[:32]+suffix)
}

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// claim creates a file that a single program has. What a power cut left under
// the name is removed; what another program holds is ErrBusy.
func claim(d disk, path string, mode fs.FileMode) (handle, error) {
	for range 10 {
		h, err := d.Create(path, mode)
		if errors.Is(err, fs.ErrExist) {
			if err := removeLeft(d, path); err != nil {
				return nil, err
			}
			continue
		}
		if err != nil {
			return nil, err
		}
		// Between the two calls another may have taken it for a left one.
		if h.Lock() == nil && names(d, path, h) {
			return h, nil
		}
		h.Close()
	}
	return nil, fmt.Errorf("create %s: %w", path, ErrBusy)
}

// removeLeft removes a file that nobody holds.
func removeLeft(d disk, path string) error {
	h, err := d.Open(path, false)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer h.Close()
	if err := h.Lock(); err != nil {
		return err
	}
	if !names(d, path, h) {
		return nil
	}
	return d.Remove(path)
}

// names says whether path is a name of the open file.
func names(d disk, path string, h handle) bool {
	there, err := d.Stat(path)
	if err != nil {
		return false
	}
	open, err := h.Stat()
	return err == nil && there.sameInode(open)
}
