package supervise

import (
	"time"

	"golang.org/x/sys/unix"
)

// Now is the time since boot, sleep included. Nothing in this package looks at
// the wall clock to decide: on a board without battery it jumps by decades.
func Now() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &t); err != nil {
		panic("clock_gettime CLOCK_BOOTTIME: " + err.Error()) // every Linux since 2.6.39 has it
	}
	return time.Duration(t.Nano())
}
