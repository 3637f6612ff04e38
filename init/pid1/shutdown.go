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

	sync func() // sync(2), replaced by tests
}

// The limits add up to less than the last one.
const (
	termLimit     = 3 * time.Second
	killLimit     = 2 * time.Second
	saveLimit     = 3 * time.Second
	syncLimit     = 8 * time.Second
	unmountLimit  = 8 * time.Second
	hangLimit     = 2 * time.Second // of that, before what is busy is made read-only
	shutdownLimit = 30 * time.Second
)

// Run does not return.
func (s Shutdown) Run() {
	go Guard("end", func() {
		time.Sleep(shutdownLimit)
		Logf(Critical, "%v: not ended after %v, leaving as it is", s.Action, shutdownLimit)
		leave(s.Action)
	})
	s.Watchdog.Kick()
	s.killAll()
	if s.Save != nil && !s.within(saveLimit, s.Save) {
		Logf(Error, "%v: seed and clock not saved in %v", s.Action, saveLimit)
	}
	sync := s.sync
	if sync == nil {
		sync = unix.Sync
	}
	if !s.within(syncLimit, sync) {
		Logf(Error, "%v: sync not ended in %v", s.Action, syncLimit)
	}
	if !s.within(unmountLimit, func() { unmountAll(s.Volume) }) {
		Logf(Error, "%v: unmount not ended in %v", s.Action, unmountLimit)
	}
	s.Watchdog.Kick() // the last: from here on it ends what hangs
	Logf(Notice, "%v", s.Action)
	if s.Action == Halt {
		s.Watchdog.Disarm()
	}
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
			s.Watchdog.Kick()
		case <-end:
			return false
		}
	}
}

// within runs f and says whether it ended in time; otherwise it is left behind.
// Meanwhile it feeds the watchdog: those of many boards cannot wait for longer
// than 15 s, and would cut the power from a slow disk.
func (s Shutdown) within(limit time.Duration, f func()) bool {
	ended := make(chan struct{})
	go Guard("shutdown", func() {
		defer close(ended)
		f()
	})
	over := time.After(limit)
	kick := time.NewTicker(s.Watchdog.Interval())
	defer kick.Stop()
	for {
		select {
		case <-ended:
			return true
		case <-over:
			return false
		case <-kick.C:
			s.Watchdog.Kick()
		}
	}
}

// unmountAll unmounts what is on disks, all at the same time and again as long
// as one unmount lets another succeed, and makes the rest read-only. One that
// hangs, on a dead server, holds up the return and nothing else.
func unmountAll(first string) {
	type outcome struct {
		target string
		err    error
	}
	ended := make(chan outcome)
	working := map[string]bool{}
	start := func() {
		for _, target := range diskMounts(first) {
			if working[target] {
				continue
			}
			working[target] = true
			go Guard("unmount "+target, func() { ended <- outcome{target, unix.Unmount(target, unix.UMOUNT_NOFOLLOW)} })
		}
	}
	start()
	for hanging := false; len(working) > 0 && !hanging; {
		select {
		case o := <-ended:
			delete(working, o.target)
			if o.err == nil {
				start()
			}
		case <-time.After(hangLimit):
			hanging = true
		}
	}
	makeReadOnly(first, working)
	for range working {
		<-ended // a slow disk may still make it
	}
}

// makeReadOnly does so with what could not be unmounted, but for those that an
// unmount is working at.
func makeReadOnly(first string, working map[string]bool) {
	writable := false
	for _, target := range diskMounts(first) {
		if working[target] {
			continue
		}
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
