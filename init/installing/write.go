package installing

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
)

// A Disk is one that nobody else has.
type Disk interface {
	io.ReaderAt // from the medium, not from a cache
	io.WriterAt
	io.Closer
	Sync() error // what was written is on the medium
}

// An Installation is one machine on its way to a disk.
type Installation struct {
	Layout Layout
	// Open opens the disk. It is closed while Furnish works on it.
	Open func() (Disk, error)
	// Furnish makes slot B and the volume, with all that the machine keeps.
	Furnish  func(context.Context) error
	Progress func(stage string, done, total int64) // in bytes

	// Begun is whether the disk is another than before. If the installation has ended with an error, nothing starts from it.
	Begun bool
}

const (
	firstPage = 4096 // with boot sector, and the header of the partition table
	chunk     = 1 << 20
)

// Write does it. From its last steps on, the writing of table and boot sector, ctx ends it no more.
//
// Nothing is compared before it is written, as `bantam flash` on a workstation does it, nor are forged cards looked for: this is done
// once, and to the disk of a machine.
func (i *Installation) Write(ctx context.Context) error {
	err := i.with(func(d Disk) error {
		i.Begun = true
		if err := put(d, make([]byte, firstPage), 0); err != nil {
			return err
		}
		err := i.each(ctx, "writing", func(b []byte, at int64) error {
			_, err := d.WriteAt(b, at)
			return fault("write", at, err)
		})
		if err == nil {
			err = d.Sync()
		}
		if err != nil {
			return err
		}
		return i.each(ctx, "reading back", func(b []byte, at int64) error { return same(d, b, at) })
	})
	if err == nil {
		err = i.Furnish(ctx)
	}
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return err
	}
	return i.with(func(d Disk) error {
		first := make([]byte, firstPage)
		if _, err := i.Layout.ReadAt(first, 0); err != nil {
			return err
		}
		at := i.Layout.backupAt()
		err := put(d, i.Layout.backup, at)
		if err == nil {
			err = same(d, i.Layout.backup, at)
		}
		if err == nil {
			err = put(d, first, 0)
		}
		if err == nil {
			err = same(d, first, 0)
		}
		return err
	})
}

// with has work done on the open disk.
func (i *Installation) with(work func(Disk) error) error {
	disk, err := i.Open()
	if err != nil {
		return err
	}
	return errors.Join(work(disk), disk.Close())
}

// each calls do with all of the image behind its first page, piece by piece.
func (i *Installation) each(ctx context.Context, stage string, do func(b []byte, at int64) error) error {
	buffer := make([]byte, chunk)
	for at := int64(firstPage); at < i.Layout.size; {
		if err := ctx.Err(); err != nil {
			return err
		}
		b := buffer[:min(chunk, i.Layout.size-at)]
		if _, err := i.Layout.ReadAt(b, at); err != nil {
			return err
		}
		if err := do(b, at); err != nil {
			return err
		}
		at += int64(len(b))
		i.Progress(stage, at, i.Layout.size)
	}
	return nil
}

// put writes and returns when the disk has it.
func put(d Disk, b []byte, at int64) error {
	_, err := d.WriteAt(b, at)
	if err == nil {
		err = d.Sync()
	}
	return fault("write", at, err)
}

// same reads back and compares.
func same(d Disk, want []byte, at int64) error {
	got := make([]byte, len(want))
	if _, err := d.ReadAt(got, at); err != nil {
		return fault("read", at, err)
	}
	if !bytes.Equal(got, want) {
		return fault("read back", at, errors.New("it does not read as it was written: the disk may be broken"))
	}
	return nil
}

func fault(what string, at int64, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s at byte %d: %w", what, at, err)
}
