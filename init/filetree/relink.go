package filetree

import (
	"errors"
	"syscall"
)

// relinkName is a link that has not got its name yet.
const relinkName = ".link.new"

// Relink makes name a symbolic link to target, in place of a file or link of that name, from one moment to the next.
func (d Dir) Relink(target, name string) error {
	if err := d.Unlink(relinkName); err != nil && err != syscall.ENOENT { // of a try that did not end
		return err
	}
	if err := d.Symlink(target, relinkName); err != nil {
		return err
	}
	if err := d.Rename(relinkName, name); err != nil {
		return errors.Join(err, d.Unlink(relinkName))
	}
	return nil
}
