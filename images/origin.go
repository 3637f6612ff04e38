package images

import (
	"errors"
	"fmt"
	"io"

	"bantam/gpt"
)

// withOrigin lays out a medium whose initrd ends with an origin (see gpt.Origin): the one place that all boot loaders read
// and that the machine may write to. It names the sector at which it lies, which follows from the layout and does not
// change it. region is the layout's name of the initrd.
func withOrigin(disk gpt.GUID, initrd Content, region string, layOut func(initrd Content) (layout, error)) (layout, error) {
	origin := gpt.Origin{Image: disk}
	padding := Bytes(make([]byte, roundUp(initrd.Size(), gpt.SectorSize)-initrd.Size())) // the kernel skips zeros
	for {
		l, err := layOut(joined(initrd, padding, Bytes(origin.Archive())))
		if err != nil {
			return l, err
		}
		at := int64(0)
		for _, r := range l.regions {
			if r.name == region {
				at = r.at + r.content.Size() - gpt.SectorSize
			}
		}
		switch {
		case at == 0 || at%gpt.SectorSize != 0:
			return l, fmt.Errorf("layout: %s ends at byte %d, and the origin is not a whole sector", region, at)
		case uint64(at/gpt.SectorSize) == origin.Sector:
			return l, nil
		}
		origin.Sector = uint64(at / gpt.SectorSize)
	}
}

// joined is one content behind the other.
func joined(parts ...Content) Content {
	size := int64(0)
	for _, p := range parts {
		size += p.Size()
	}
	return io.NewSectionReader(chain(parts), 0, size)
}

type chain []Content

func (c chain) ReadAt(b []byte, at int64) (n int, err error) {
	for _, part := range c {
		if at >= part.Size() {
			at -= part.Size()
			continue
		}
		k, err := part.ReadAt(b[n:], at)
		n, at = n+k, 0
		if err != nil && !errors.Is(err, io.EOF) || n == len(b) {
			return n, err
		}
	}
	return n, io.EOF
}
