// Package rtc is the clock that runs while the machine is off. It keeps UTC in whole seconds.
package rtc

import (
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// ErrInvalid is of a clock without a time.
var ErrInvalid = errors.New("the clock has no valid time (it lost power?)")

// ErrNone is of a machine without a clock.
var ErrNone = errors.New("this machine has no clock of its own, or its driver is not loaded")

// Open opens the named clock, e.g. /dev/rtc1, or for "" the first there is, and gives its name.
func Open(name string) (string, *os.File, error) {
	names := []string{"/dev/rtc0", "/dev/rtc"}
	if name != "" {
		names = []string{name}
	}
	var first error
	for _, name := range names {
		f, err := os.Open(name)
		if err == nil {
			return name, f, nil
		}
		if first == nil {
			first = err
		}
	}
	if name == "" && errors.Is(first, os.ErrNotExist) {
		first = ErrNone
	}
	return names[0], nil, first
}

// Read is what the clock says.
func Read(clock *os.File) (time.Time, error) {
	value, err := unix.IoctlGetRTCTime(int(clock.Fd()))
	if errors.Is(err, unix.EINVAL) {
		err = ErrInvalid
	}
	if err != nil {
		return time.Time{}, err
	}
	return timeOf(value), nil
}

// Set sets the clock, which counts whole seconds from this moment on.
func Set(clock *os.File, to time.Time) error {
	return unix.IoctlSetRTCTime(int(clock.Fd()), fields(to))
}

func timeOf(t *unix.RTCTime) time.Time {
	return time.Date(int(t.Year)+1900, time.Month(t.Mon+1), int(t.Mday), int(t.Hour), int(t.Min), int(t.Sec), 0, time.UTC)
}

func fields(t time.Time) *unix.RTCTime {
	t = t.UTC()
	return &unix.RTCTime{Year: int32(t.Year() - 1900), Mon: int32(t.Month() - 1), Mday: int32(t.Day()),
		Hour: int32(t.Hour()), Min: int32(t.Minute()), Sec: int32(t.Second()), Wday: int32(t.Weekday()), Yday: int32(t.YearDay() - 1)}
}
