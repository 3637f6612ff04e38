package daemon

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"bantam/boottime"
	"bantam/timesync"
)

// kernelClock is the clock of the machine.
type kernelClock struct{}

// Now looks at both clocks at one moment, as far as that is possible.
func (kernelClock) Now() timesync.Now {
	now := timesync.Now{Boot: boottime.Now(), Wall: time.Now().Round(0)}
	if again := boottime.Now(); again-now.Boot > time.Millisecond { // something came between
		return timesync.Now{Boot: again, Wall: time.Now().Round(0)}
	}
	return now
}

// Correct sets the clock, or has the kernel lead it, half a millisecond a second,
// also when nobody of us is there any more.
func (kernelClock) Correct(c timesync.Correction) error {
	if c.Set {
		if err := SetClock(time.Now().Round(0).Add(c.Offset)); err != nil {
			return err
		}
	}
	lead := unix.Timex{Modes: unix.ADJ_OFFSET_SINGLESHOT}
	if !c.Set { // else it ends what is still being led
		setLong(&lead.Offset, c.Offset.Microseconds())
	}
	if _, err := unix.Adjtimex(&lead); err != nil {
		return fmt.Errorf("adjtimex: %w", err)
	}
	var kept unix.Timex
	if _, err := unix.Adjtimex(&kept); err != nil {
		return fmt.Errorf("adjtimex: %w", err)
	}
	// From now on programs that ask the kernel are told that the clock is right, for as long as nine hours without an answer.
	next := unix.Timex{Modes: unix.ADJ_FREQUENCY | unix.ADJ_STATUS | unix.ADJ_MAXERROR | unix.ADJ_ESTERROR,
		Status: kept.Status &^ (unix.STA_UNSYNC | unix.STA_PLL)}
	setLong(&next.Freq, int64(c.Frequency*65536))
	setLong(&next.Maxerror, c.Error.Microseconds())
	setLong(&next.Esterror, c.Error.Microseconds())
	if _, err := unix.Adjtimex(&next); err != nil {
		return fmt.Errorf("adjtimex: %w", err)
	}
	return nil
}

// setLong sets one of the kernel's longs, which have 32 bits on some machines.
func setLong[T int32 | int64](to *T, value int64) { *to = T(value) }

// SetClock sets the clock of the machine.
func SetClock(to time.Time) error {
	tv := unix.NsecToTimeval(to.UnixNano())
	if int64(tv.Sec) != to.Unix() {
		return fmt.Errorf("settimeofday %v: this machine's clock ends in 2038", to.UTC())
	}
	if err := unix.Settimeofday(&tv); err != nil {
		return fmt.Errorf("settimeofday %v: %w", to.UTC(), err)
	}
	return nil
}
