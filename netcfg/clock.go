package netcfg

import (
	"fmt"
	"time"

	"bantam/boottime"
	"bantam/netcfg/dhcp4"

	"golang.org/x/sys/unix"
)

// bootedAt is the time of day at which boottime.Now was zero.
func bootedAt() time.Time { return time.Now().Add(-boottime.Now()).UTC() }

// forever is the time of things that do not happen.
const forever = dhcp4.Forever

// alarm is a timer on CLOCK_BOOTTIME that poll can wait for.
type alarm struct{ fd int }

func newAlarm() (alarm, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_BOOTTIME, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK)
	if err != nil {
		return alarm{}, fmt.Errorf("timerfd_create: %w", err)
	}
	return alarm{fd}, nil
}

// set lets the alarm go off at the given time; forever switches it off.
func (a alarm) set(at time.Duration) error {
	var spec unix.ItimerSpec
	if at != forever {
		spec.Value = unix.NsecToTimespec(max(int64(at), 1))
	}
	if err := unix.TimerfdSettime(a.fd, unix.TFD_TIMER_ABSTIME, &spec, nil); err != nil {
		return fmt.Errorf("timerfd_settime: %w", err)
	}
	return nil
}

func (a alarm) clear() {
	var count [8]byte
	unix.Read(a.fd, count[:])
}
