package pid1

import (
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// ownNice lets PID 1, which feeds the watchdog and answers the verbs, run before
// any number of runnable processes. Services start without it (see the shim).
const ownNice = -10

// GoFirst gives every thread of PID 1 its niceness. Threads that come later have
// that of the thread which makes them.
func GoFirst() error {
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return err
	}
	for _, thread := range threads {
		id, err := strconv.Atoi(thread.Name())
		if err != nil {
			continue
		}
		if err := unix.Setpriority(unix.PRIO_PROCESS, id, ownNice); err != nil && err != unix.ESRCH {
			return fmt.Errorf("setpriority of thread %d: %w", id, err)
		}
	}
	return nil
}
