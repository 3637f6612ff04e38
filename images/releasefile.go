package images

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// releaseAge is how old the newest Release file may be before people are told. Suites that get security updates are
// signed anew at least once a week.
const releaseAge = 14 * 24 * time.Hour

// errExpired: the archive's Release file is past its own Valid-Until.
var errExpired = errors.New("the mirror is stale, or this host's clock is wrong; " +
	"--allow-expired takes it all the same, as an archive that is frozen on purpose needs, e.g. snapshot.debian.org")

// expired tells by apt's message that a Release file is past its Valid-Until.
func expired(message string) bool {
	return strings.Contains(message, "is expired (invalid since")
}

// newestRelease returns when the newest of the Release files in apt's lists was made, zero if none says so. One that
// cannot be read is apt's concern.
func newestRelease(lists string) (newest time.Time) {
	files, _ := filepath.Glob(filepath.Join(lists, "*Release"))
	for _, file := range files {
		if date := releaseDate(file); date.After(newest) {
			newest = date
		}
	}
	return newest
}

// releaseDate reads the field Date of a Release or InRelease file, https://wiki.debian.org/DebianRepository/Format.
// Its first lines have it, before checksums of some 100 kB.
func releaseDate(path string) time.Time {
	f, err := os.Open(path)
	if err != nil {
		return time.Time{}
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if text, ok := strings.CutPrefix(lines.Text(), "Date:"); ok {
			date, _ := time.Parse("Mon, 2 Jan 2006 15:04:05 MST", strings.TrimSpace(text))
			return date
		}
	}
	return time.Time{}
}

// staleNote is what people should know of lists whose newest Release file was made then: "" if it is young enough.
func staleNote(release string, made, now time.Time) string {
	age := now.Sub(made)
	if made.IsZero() || age <= releaseAge {
		return ""
	}
	return fmt.Sprintf("the newest package lists of Debian %s are of %s, %d days old: newer kernels are not seen. "+
		"The sources lack %[1]s-security, or the mirror is stale; --refresh asks it again", release, made.Format(time.DateOnly), age/(24*time.Hour))
}
