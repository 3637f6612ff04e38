package gpt

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// An Origin tells a machine which disk it was started from. No boot loader says so in a way that a second disk with the
// same image could not say too; but each reads the initrd from its own disk. So the last sector of an image's initrd is an
// archive of one file, the origin, which the kernel unpacks to OriginPath; and the first boot writes a GUID into it that
// no other disk has. The same sector on the disk is compared with what was unpacked.
type Origin struct {
	Image  GUID   // the disk GUID that the image was made with
	Sector uint64 // where this lies on the disk
	Disk   GUID   // the disk's own; zero: not started yet
}

// OriginPath is where the kernel unpacks the origin to.
const OriginPath = "/bantam/disk"

const (
	originForm   = "Bantam disk\nimage %v\nsector %020d\ndisk %v\n"
	originLength = 12 + 43 + 28 + 42
	originAt     = 124 // in the sector, after header and name
)

// String is the file's content, of fixed length.
func (o Origin) String() string { return fmt.Sprintf(originForm, o.Image, o.Sector, o.Disk) }

// ParseOrigin reads the file's content.
func ParseOrigin(text string) (o Origin, err error) {
	lines := strings.Split(text, "\n")
	if len(text) != originLength || len(lines) != 5 {
		return o, fmt.Errorf("%d bytes are no origin", len(text))
	}
	if o.Image, err = ParseGUID(strings.TrimPrefix(lines[1], "image ")); err != nil {
		return o, err
	}
	if o.Disk, err = ParseGUID(strings.TrimPrefix(lines[3], "disk ")); err != nil {
		return o, err
	}
	if o.Sector, err = strconv.ParseUint(strings.TrimPrefix(lines[2], "sector "), 10, 64); err != nil || o.String() != text {
		return o, fmt.Errorf("%q is no origin", text)
	}
	return o, nil
}

// Archive is the sector: a cpio archive in the form that the kernel unpacks (its documentation: initramfs buffer format).
func (o Origin) Archive() []byte {
	b := make([]byte, 0, SectorSize)
	put := func(mode uint32, name, content string) {
		b = fmt.Appendf(b, "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%s\x00",
			1, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name)+1, 0, name)
		for _, part := range []string{"", content} {
			b = append(b, part...)
			for len(b)%4 != 0 {
				b = append(b, 0)
			}
		}
	}
	put(0o100444, OriginPath[1:], o.String())
	put(0, "TRAILER!!!", "")
	return append(b, make([]byte, SectorSize-len(b))...)
}

// ReadOrigin reads the sector; false if something else is in it.
func ReadOrigin(sector []byte) (Origin, bool) {
	if len(sector) != SectorSize {
		return Origin{}, false
	}
	o, err := ParseOrigin(string(sector[originAt:][:originLength]))
	return o, err == nil && bytes.Equal(sector, o.Archive())
}
