package netcfg

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"bantam/regular"
)

// writeFile replaces a file in one step, and only when its content changes.
// The files are in memory or can be lost, so nothing is synced. Whatever stands
// at either name is neither waited for nor followed.
func writeFile(path string, content []byte) error {
	if have, err := regular.Read(path, unix.O_NOFOLLOW, int64(len(content))); err == nil && bytes.Equal(have, content) {
		return nil
	}
	temp := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".new")
	if err := os.RemoveAll(temp); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL|unix.O_NOFOLLOW, 0o644)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(temp, path)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}
