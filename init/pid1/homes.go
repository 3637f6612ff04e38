package pid1

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"golang.org/x/sys/unix"

	"bantam/init/filetree"
	"bantam/switcher"
)

// The homes of users lie below folders of root, and no link on the way to them is followed.

// Home says what is at path.
func (m *Machine) Home(folder string) (string, error) {
	if m.state.kept(folder) {
		return switcher.HomeLasts, nil
	}
	dir, err := atPath(folder, false)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", nil
	case errors.Is(err, filetree.ErrNoFolder):
		return " no folder", nil
	case err != nil:
		return "", err
	}
	defer dir.Close()
	uid, gid, err := ownerOf(dir)
	return switcher.StateFolderOf(uid, gid), err
}

func ownerOf(dir filetree.Dir) (uid, gid int, err error) {
	info, err := dir.Info()
	if err != nil {
		return 0, 0, err
	}
	st := info.Sys().(*syscall.Stat_t)
	return int(st.Uid), int(st.Gid), nil
}

// MakeHome makes the folder at path, where nobody but its user looks. What another user had there goes over to the new one; what root
// put there, files of the system, stays as it is.
func (m *Machine) MakeHome(ctx context.Context, folder string, uid, gid int) error {
	dir, err := atPath(folder, true)
	if err != nil {
		return err
	}
	defer dir.Close()
	was, _, err := ownerOf(dir)
	if err != nil {
		return err
	}
	if err := unix.Fchmod(int(dir), 0o700); err != nil {
		return fmt.Errorf("chmod %s: %w", folder, err)
	}
	if was != 0 && was != uid {
		if err := m.state.run(ctx, "chown", "-R", "-h", fmt.Sprintf("%d:%d", uid, gid), folder); err != nil {
			return err
		}
	}
	if err := unix.Fchown(int(dir), uid, gid); err != nil {
		return fmt.Errorf("chown %s: %w", folder, err)
	}
	return nil
}
