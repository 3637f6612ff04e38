package applet

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"bantam/init/rtc"
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
	device, clock, err := rtc.Open(opts.value('f', ""))
	if err != nil {
		return c.fail(device, err)
	}
	defer clock.Close()
	if opts.has('w') {
		now := time.Now()
		// The clock counts whole seconds from when it is set.
		time.Sleep(now.Truncate(time.Second).Add(time.Second).Sub(now))
		if err := rtc.Set(clock, time.Now()); err != nil {
			return c.fail(device, err)
		}
		return 0
	}
	shown, err := rtc.Read(clock)
	if err != nil {
		if errors.Is(err, rtc.ErrInvalid) {
			err = fmt.Errorf("%w; -w sets it", err)
		}
		return c.fail(device, err)
	}
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
