package pid1

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"bantam/atomicfile"
	"bantam/init/rtc"
	"bantam/timesync"
	"bantam/timesync/daemon"
)

// Where the clock has its time from when nobody has been asked yet.
const (
	originChip  = "clock chip"
	originSaved = "saved at the last run"
	originBuild = "build of this software"
)

// RaiseClock sets the clock to the latest of what it says, which the kernel has
// from the battery-backed clock if there is one, what that says now, the time
// saved at path, e.g. /state/clock, and the time of the build. A clock in the past
// would refuse every certificate. It gives where the time is from; before is where what the clock says is from, "" if
// only the kernel knows.
func RaiseClock(path string, build time.Time, before string) (origin string, err error) {
	saved, readError := readClock(path)
	now := time.Now()
	wanted, origin := latest(now, before, chipTime(), saved, build)
	if !wanted.Equal(now) {
		if err := daemon.SetClock(wanted); err != nil {
			return origin, err
		}
	}
	return origin, readError
}

// SaveClock writes the time to path, hourly, at shutdown and when a time server has told it.
func SaveClock(path string) error {
	return atomicfile.Write(path, []byte(time.Now().UTC().Format(time.RFC3339)+"\n"), 0o600)
}

// latest is the latest of four and where it is from. One before the build, or
// decades after it, is damaged and does not count, because no later boot could undo it.
func latest(now time.Time, before string, chip, saved, build time.Time) (time.Time, string) {
	best, origin := timesync.NotBefore(build), originBuild
	for _, t := range []struct {
		at     time.Time
		origin string
	}{{saved, originSaved}, {now, cmp.Or(before, originChip)}, {chip.Add(-time.Second), originChip}} { // the kernel's has fractions of a second
		if t.at.After(best) && timesync.Plausible(t.at, build) {
			best, origin = t.at, t.origin
		}
	}
	if best.Sub(chip).Abs() < 2*time.Second {
		origin = originChip // the kernel has taken it since
	}
	return best, origin
}

// chipTime is what the machine's battery-backed clock says, the zero time if it has none or that has no time.
func chipTime() time.Time {
	_, clock, err := rtc.Open("")
	if err != nil {
		return time.Time{}
	}
	defer clock.Close()
	t, _ := rtc.Read(clock)
	return t
}

// saveChip sets the machine's battery-backed clock, if it has one, and if that is wrong by a second.
func saveChip() error {
	name, clock, err := rtc.Open("")
	if err != nil {
		return nil // none
	}
	defer clock.Close()
	now := time.Now()
	if has, err := rtc.Read(clock); err == nil && now.Sub(has) > -time.Second && now.Sub(has) < 2*time.Second {
		return nil
	}
	if err := rtc.Set(clock, now.Add(time.Second/2)); err != nil {
		return fmt.Errorf("set %s: %w", name, err)
	}
	return nil
}

func readClock(path string) (time.Time, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, err
	}
	t, err := time.Parse(time.RFC3339, strings.TrimSpace(string(text)))
	if err != nil {
		return time.Time{}, fmt.Errorf("saved clock %s: %w", path, err)
	}
	return t, nil
}
