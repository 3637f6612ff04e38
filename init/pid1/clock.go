package pid1

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"bantam/atomicfile"
)

// RaiseClock sets the clock to the latest of what it says, which the kernel has
// from the battery-backed clock if there is one, the time saved at path, e.g.
// /state/clock, and the time of the build. A clock in the past would refuse
// every certificate. It gives what it has set, the zero time if nothing.
func RaiseClock(path string, build time.Time) (time.Time, error) {
	saved, readError := readClock(path)
	now := time.Now()
	wanted := latest(now, saved, build)
	if !wanted.After(now) {
		return time.Time{}, readError
	}
	tv := unix.NsecToTimeval(wanted.UnixNano())
	if err := unix.Settimeofday(&tv); err != nil {
		return time.Time{}, fmt.Errorf("settimeofday %v: %w", wanted.UTC(), err)
	}
	return wanted, readError
}

// SaveClock writes the time to path, hourly and at shutdown.
func SaveClock(path string) error {
	return atomicfile.Write(path, []byte(time.Now().UTC().Format(time.RFC3339)+"\n"), 0o600)
}

// latest is the latest of three; a saved time more than thirty years after the
// build is damaged and does not count, because no later boot could undo it.
func latest(now, saved, build time.Time) time.Time {
	if saved.After(build.AddDate(30, 0, 0)) {
		saved = time.Time{}
	}
	for _, t := range []time.Time{saved, build} {
		if t.After(now) {
			now = t
		}
	}
	return now
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
