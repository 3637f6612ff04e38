package pid1

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// watchDir calls changed whenever a file in dir is replaced. It returns with an
// error only when the kernel's notifications fail.
func watchDir(dir string, changed func()) error {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return fmt.Errorf("inotify_init1: %w", err)
	}
	f := os.NewFile(uintptr(fd), "inotify") // reads wait in the poller, not in a thread
	defer f.Close()
	if _, err := unix.InotifyAddWatch(fd, dir, unix.IN_MOVED_TO|unix.IN_CLOSE_WRITE|unix.IN_DELETE); err != nil {
		return fmt.Errorf("inotify_add_watch %s: %w", dir, err)
	}
	buf := make([]byte, 4096)
	for {
		if _, err := f.Read(buf); err != nil {
			return fmt.Errorf("inotify: %w", err)
		}
		changed() // whatever the events were: the reader looks at the files
	}
}
