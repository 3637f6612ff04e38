package images

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
)

// debDate returns the date that a Debian package carries in itself: that of its first ar member, which dpkg-deb sets to
// the date of the changelog. Unlike the date of any file in the cache it is part of what the digest covers, so it
// is the same on every host. Format: deb(5), ar(5).
func debDate(path string) (time.Time, error) {
	f, err := os.Open(path)
	if err != nil {
		return time.Time{}, err
	}
	defer f.Close()
	const magic, name, date = "!<arch>\n", 16, 12
	head := make([]byte, len(magic)+name+date)
	if _, err := io.ReadFull(f, head); err != nil {
		return time.Time{}, fmt.Errorf("%s: %w", path, err)
	}
	text := string(head[len(magic)+name:])
	seconds, err := strconv.ParseInt(strings.TrimRight(text, " "), 10, 64)
	if string(head[:len(magic)]) != magic || err != nil {
		return time.Time{}, fmt.Errorf("%s is no Debian package", path)
	}
	return time.Unix(seconds, 0).UTC(), nil
}
