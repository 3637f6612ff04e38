package pid1

import (
	"errors"
	"fmt"
	"path/filepath"

	"golang.org/x/sys/unix"

	"bantam/system"
)

// closed are what Bantam itself keeps at the top of the state volume:
// generations and drafts hold environments of services, the seed the next
// boot's randomness, recovery and history what was typed. Earlier versions made
// some of it readable and closed the whole volume instead.
var closed = []string{
	"store", "draft", "recovery", "logs", "lastwords", "lost+found",
	"import", "record", "record.copy", "journal", "boots", "seed", "clock", "history", "history.new", "dhcp-addresses", "dhcp-served", "ssh-host-key", "ssh-host-key.damaged", "secrets", "services",
}

// letServicesIn opens the top of the state volume, so that services of other
// users reach folders of their own below it by name; only root lists it and
// makes something there. What is Bantam's own is closed before; if it cannot
// be, the volume stays closed.
func letServicesIn(dir string) error {
	for _, name := range closed {
		if err := closeToOthers(filepath.Join(dir, name)); err != nil {
			return fmt.Errorf("%s stays closed to services of other users: %w", dir, err)
		}
	}
	if err := unix.Chown(dir, 0, 0); err != nil {
		return fmt.Errorf("chown %s: %w", dir, err)
	}
	if err := unix.Chmod(dir, 0o711); err != nil {
		return fmt.Errorf("chmod %s: %w", dir, err)
	}
	return nil
}

// letOperatorsIn opens the folder of the draft to those who may switch to it. They could have a service of root do whatever they write
// there.
func letOperatorsIn(dir string) error {
	if err := unix.Chown(dir, 0, system.OperatorGID); err != nil {
		return fmt.Errorf("chown %s: %w", dir, err)
	}
	if err := unix.Chmod(dir, unix.S_ISGID|0o770); err != nil {
		return fmt.Errorf("chmod %s: %w", dir, err)
	}
	return nil
}

// closeToOthers gives a file or folder, if there is one, to root alone. A link
// is left as it is: what it leads to is not at this place.
func closeToOthers(path string) error {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ELOOP) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("open %s: %w", path, err)
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return fmt.Errorf("stat %s: %w", path, err)
	}
	if err := unix.Fchown(fd, 0, 0); err != nil {
		return fmt.Errorf("chown %s: %w", path, err)
	}
	if err := unix.Fchmod(fd, uint32(st.Mode&0o700)); err != nil {
		return fmt.Errorf("chmod %s: %w", path, err)
	}
	return nil
}
