package switcher

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
)

// makeDirs makes dir and its parents, each durable in its parent.
func makeDirs(d disk, dir string) error {
	_, err := d.List(dir)
	if err == nil {
		return nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	parent := filepath.Dir(dir)
	if parent == dir {
		return fmt.Errorf("make directory %s: no parent", dir)
	}
	if err := makeDirs(d, parent); err != nil {
		return err
	}
	if err := d.Mkdir(dir); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return d.SyncDir(parent)
}
