package supervise

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// hide gives the process a view of its own of the file systems, in which these
// folders are empty and closed. What is mounted and unmounted outside later
// is so inside too: otherwise a medium that nobody uses could not be taken out.
func hide(folders []string) error {
	if len(folders) == 0 {
		return nil
	}
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return err
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SLAVE, ""); err != nil {
		return err
	}
	for _, folder := range folders {
		for unix.Unmount(folder, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW) == nil { // nor does it keep the volume busy
		}
		err := unix.Mount("none", folder, "tmpfs", unix.MS_RDONLY|unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "mode=0,size=4k")
		if err != nil && err != unix.ENOENT {
			return fmt.Errorf("mount over %s: %w", folder, err)
		}
	}
	return nil
}
