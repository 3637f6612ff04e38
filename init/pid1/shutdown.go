package pid1

import (
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Shutdown ends the machine after the services have been stopped in order.
// Nothing may reap children beside it and nobody may hold files of the state
// volume open; what holds it nevertheless delays the end but not for long.
type Shutdown struct {
	Action   Action
	Signals  Signals
	Watchdog *Watchdog
	Volume   string // mount point of the state volume, e.g. /state; unmounted first
	Save     func() // writes seed and clock to it
}

// The limits add up to less than the last one.
const (
	termLimit     = 3 * time.Second
	killLimit     = 2 * time.Second
	saveLimit     = 3 * time.Second
	syncLimit     = 8 * time.Second
	unmountLimit  = 8 * time.Second
	shutdownLimit = 30 * time.Second
)

// Run does not return.
func (s Shutdown) Run() {
	time.AfterFunc(shutdownLimit, func() {
		Logf(Critical, "%v: not ended after %v, leaving as it is", s.Action, shutdownLimit)
		leave(s.Action)
	})
	s.Watchdog.Kick()
	s.killAll()
	if s.Save != nil && !within(saveLimit, s.Save) {
		Logf(Error, "%v: seed and clock not saved in %v", s.Action, saveLimit)
	}
	s.Watchdog.Kick()
	if !within(syncLimit, unix.Sync) {
		Logf(Error, "%v: sync not ended in %v", s.Action, syncLimit)
	}
	if !within(unmountLimit, func() { unmountAll(s.Volume) }) {
		Logf(Error, "%v: unmount not ended in %v", s.Action, unmountLimit)
	}
	s.Watchdog.Kick() // the last: from here on it ends what hangs
	Logf(Notice, "%v", s.Action)
	leave(s.Action)
}

// killAll ends every process: those that stopped get SIGCONT so that they see SIGTERM.
func (s Shutdown) killAll() {
	_ = unix.Kill(-1, unix.SIGTERM)
	_ = unix.Kill(-1, unix.SIGCONT)
	if s.reapAll(termLimit) {
		return
	}
	_ = unix.Kill(-1, unix.SIGKILL)
	if !s.reapAll(killLimit) {
		Logf(Error, "%v: some processes cannot be killed", s.Action)
	}
}

// reapAll waits until PID 1 has no children, and so nobody has.
func (s Shutdown) reapAll(limit time.Duration) bool {
	end := time.After(limit)
	for {
		for {
			pid, err := unix.Wait4(-1, nil, unix.WNOHANG, nil)
			if errors.Is(err, unix.ECHILD) {
				return true
			}
			if pid <= 0 && !errors.Is(err, unix.EINTR) {
				break
			}
		}
		select {
		case <-s.Signals.Child:
		case <-time.After(100 * time.Millisecond): // the signal may have gone to an earlier reader
		case <-end:
			return false
		}
	}
}

// within runs f and says whether it ended in time; otherwise it is left behind.
func within(limit time.Duration, f func()) bool {
	ended := make(chan struct{})
	go Guard("shutdown", func() {
		defer close(ended)
		f()
	})
	select {
	case <-ended:
		return true
	case <-time.After(limit):
		return false
	}
}

// unmountAll unmounts what is on disks, again and again as long as one
// unmount lets another succeed, and makes the rest read-only.
func unmountAll(first string) {
	left := diskMounts(first)
	for progress := true; progress && len(left) > 0; left = diskMounts(first) {
		progress = false
		for _, target := range left {
			if unix.Unmount(target, unix.UMOUNT_NOFOLLOW) == nil {
				progress = true
			}
		}
	}
	writable := false
	for _, target := range left {
		if err := unix.Mount("", target, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
			Logf(Error, "%s can be neither unmounted nor made read-only: %v", target, err)
			writable = true
		}
	}
	if writable {
		sysrq("u") // makes every file system read-only by force, in the background
		time.Sleep(500 * time.Millisecond)
	}
}

func diskMounts(first string) []string {
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		Logf(Error, "%v", err)
	}
	return unmountOrder(string(text), first)
}
