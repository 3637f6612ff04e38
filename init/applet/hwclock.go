package applet

import (
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// hwclock reads and sets the clock that runs while the machine is off. It keeps UTC.
func hwclock(c *call, args []string) int {
	opts, operands, err := parseOptions("rwsuf:", map[string]byte{"show": 'r', "systohc": 'w', "hctosys": 's', "utc": 'u', "rtc": 'f'}, args)
	if err == nil && (len(operands) > 0 || opts.has('w') && opts.has('s')) {
		err = errors.New("takes one of -r, -w and -s")
	}
	if err != nil {
		return c.misuse("%v", err)
	}
	device, clock, err := openClock(opts.value('f', ""))
	if err != nil {
		return c.fail(device, err)
	}
	defer clock.Close()
	fd := int(clock.Fd())
	if opts.has('w') {
		now := time.Now()
		// The clock counts whole seconds from when it is set.
		time.Sleep(now.Truncate(time.Second).Add(time.Second).Sub(now))
		if err := unix.IoctlSetRTCTime(fd, clockTime(time.Now())); err != nil {
			return c.fail(device, err)
		}
		return 0
	}
	value, err := unix.IoctlGetRTCTime(fd)
	if err != nil {
		if errors.Is(err, unix.EINVAL) {
			err = errors.New("the clock has no valid time (it lost power?); -w sets it")
		}
		return c.fail(device, err)
	}
	shown := timeOfClock(value)
	if opts.has('s') {
		tv := unix.NsecToTimeval(shown.UnixNano())
		if err := unix.Settimeofday(&tv); err != nil {
			return c.fail("the system's clock", err)
		}
		return 0
	}
	c.printf("%s\n", shown.Local().Format("2006-01-02 15:04:05.000000-07:00"))
	return 0
}

// openClock opens the named clock or the first there is.
func openClock(name string) (string, *os.File, error) {
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
		first = errors.New("this machine has no clock of its own, or its driver is not loaded")
	}
	return names[0], nil, first
}

func timeOfClock(t *unix.RTCTime) time.Time {
	return time.Date(int(t.Year)+1900, time.Month(t.Mon+1), int(t.Mday), int(t.Hour), int(t.Min), int(t.Sec), 0, time.UTC)
}

func clockTime(t time.Time) *unix.RTCTime {
	t = t.UTC()
	return &unix.RTCTime{Year: int32(t.Year() - 1900), Mon: int32(t.Month() - 1), Mday: int32(t.Day()),
		Hour: int32(t.Hour()), Min: int32(t.Minute()), Sec: int32(t.Second()), Wday: int32(t.Weekday()), Yday: int32(t.YearDay() - 1)}
}
