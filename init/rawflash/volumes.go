package rawflash

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/sys/unix"

	"bantam/firmware"
	"bantam/init/mtd"
)

// Volumes are those of a UBI. mtd.UBI is the kernel's.
type Volumes interface {
	State() (mtd.UBIState, error)
	Volumes() ([]mtd.Volume, error)
	Make(name string, bytes int64, static bool) error
	Remove(v mtd.Volume) error
	Update(v mtd.Volume, size int64, data io.Reader) error
	Read(v mtd.Volume) (io.ReadCloser, error)
	RenameVolumes(list ...mtd.Renaming) error
}

// What is put behind the name of a volume.
const (
	beingWritten = ".new" // it is written, or a power cut has broken that off
	before       = ".old" // what it was before the last change: the way back
)

// A Content is what a volume shall hold.
type Content struct {
	Volume string // e.g. fit
	Data   firmware.Source
}

// A UBIPlan says what a firmware changes.
type UBIPlan struct {
	Change []Content // volumes that differ, or are not there
	Remove []string  // volumes that are in the way: of an update that was broken off, and of an older way back where there is no room for two
	Blocks int64     // erase blocks that the new ones take
	Bytes  int64     // of them
	Back   bool      // the volumes that are replaced stay, under another name
	Bad    int64     // erase blocks of the chip that are bad
}

// PlanUBI compares what is there with what shall be. allowed is how many blocks of the chip may be bad.
func PlanUBI(ctx context.Context, u Volumes, list []Content, allowed int64) (p UBIPlan, err error) {
	state, err := u.State()
	if err != nil {
		return p, err
	}
	volumes, err := u.Volumes()
	if err != nil {
		return p, err
	}
	if p.Bad = state.Bad; state.ReadOnly {
		return p, noneLeft(state)
	} else if state.Bad > allowed {
		return p, fmt.Errorf("%w: %d of its blocks are bad, and at most %d may be", ErrWorn, state.Bad, allowed)
	}
	free, largest, same := state.Free, mtd.Volume{}, []string(nil)
	remove := func(name string) {
		if v, ok := find(volumes, name); ok {
			p.Remove = append(p.Remove, name)
			free += v.Blocks
		}
	}
	for _, c := range list {
		remove(c.Volume + beingWritten)
		v, there := find(volumes, c.Volume)
		equal := false
		if there {
			if equal, err = holds(ctx, u, v, c.Data); err != nil {
				return p, err
			}
		}
		if equal {
			same = append(same, c.Volume)
			continue
		}
		p.Change = append(p.Change, c)
		p.Back = p.Back || there && !v.Corrupt
		p.Bytes += c.Data.Size()
		p.Blocks += (c.Data.Size() + state.Block - 1) / state.Block
	}
	for _, name := range same {
		if len(p.Change) > 0 {
			remove(name + before) // the way back would lead to it, and not to what is replaced now
		}
	}
	for _, c := range p.Change {
		if p.Blocks > free {
			remove(c.Volume + before)
		}
	}
	for _, v := range volumes {
		if v.Blocks > largest.Blocks {
			largest = v
		}
	}
	if p.Blocks > free {
		return p, fmt.Errorf("%w: it takes %d erase blocks of %d bytes beside what runs, and %d are free; the largest volume is %s with %d", ErrNoRoom,
			p.Blocks, state.Block, free, largest.Name, largest.Blocks)
	}
	return p, nil
}

// ErrWorn says that a chip has more bad blocks than it may have.
var ErrWorn = errors.New("the chip is worn out")

func noneLeft(s mtd.UBIState) error {
	return fmt.Errorf("%w: UBI writes no more: %d blocks are bad, and none is left to take the place of another", ErrWorn, s.Bad)
}

func find(list []mtd.Volume, name string) (mtd.Volume, bool) {
	for _, v := range list {
		if v.Name == name {
			return v, true
		}
	}
	return mtd.Volume{}, false
}

// holds tells whether a volume holds just this. A dynamic one, as other systems have, may have anything behind it.
func holds(ctx context.Context, u Volumes, v mtd.Volume, want firmware.Source) (bool, error) {
	if v.Corrupt || v.Static && v.Data != want.Size() || v.Data < want.Size() {
		return false, nil
	}
	f, err := u.Read(v)
	if err != nil {
		return false, nil // it is damaged: what is to be written replaces it
	}
	defer f.Close()
	return equal(ctx, f, want)
}

// equal tells whether a stream begins with a source.
func equal(ctx context.Context, have io.Reader, want firmware.Source) (bool, error) {
	one, two := make([]byte, 64<<10), make([]byte, 64<<10)
	for at := int64(0); at < want.Size(); at += int64(len(one)) {
		if ctx.Err() != nil {
			return false, context.Cause(ctx)
		}
		part := one[:min(int64(len(one)), want.Size()-at)]
		if n, err := want.ReadAt(part, at); n < len(part) {
			return false, fmt.Errorf("read the firmware at byte %d: %w", at, err)
		}
		if _, err := io.ReadFull(have, two[:len(part)]); err != nil || !bytes.Equal(part, two[:len(part)]) {
			return false, nil
		}
	}
	return true, nil
}

// WriteUBI does what PlanUBI has said: the new volumes beside the old ones, read back, then all renamed at once. ctx ends it before that, and what
// is there already is removed by the next. told is called with how many bytes have been taken, and with what a person should know.
func WriteUBI(ctx context.Context, u Volumes, p UBIPlan, told func(done int64, note string)) error {
	err := writeUBI(ctx, u, p, told)
	if err == nil {
		return nil
	}
	switch state, fault := u.State(); {
	case fault != nil:
	case state.ReadOnly:
		return fmt.Errorf("%w; what runs stays: %w", noneLeft(state), err)
	case state.Bad > p.Bad && errors.Is(err, unix.ENOSPC): // those of a volume that was removed before fail when they are erased, which makes its room smaller
		return fmt.Errorf("%w: %d of its blocks are bad, %d since a moment ago, and too few are left for it; what runs stays: %w", ErrWorn, state.Bad, state.Bad-p.Bad, err)
	}
	return err
}

func writeUBI(ctx context.Context, u Volumes, p UBIPlan, told func(done int64, note string)) error {
	if len(p.Change) == 0 {
		return nil
	}
	for _, name := range p.Remove {
		if err := removeNamed(u, name); err != nil {
			return err
		}
	}
	done := int64(0)
	for _, c := range p.Change {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		if err := u.Make(c.Volume+beingWritten, c.Data.Size(), true); err != nil {
			return err
		}
		v, err := named(u, c.Volume+beingWritten)
		if err != nil {
			return err
		}
		data := io.NewSectionReader(c.Data, 0, c.Data.Size())
		counted := counter{ctx, data, func(n int64) { told(done+n, "") }, 0}
		if err := u.Update(v, c.Data.Size(), &counted); err != nil {
			return err
		}
		if v, err = named(u, c.Volume+beingWritten); err != nil { // it has its length now
			return err
		}
		same, err := holds(ctx, u, v, c.Data)
		if err != nil {
			return err
		}
		if !same {
			return fmt.Errorf("volume %s does not read back as it was written: what runs stays", v.Name)
		}
		done += c.Data.Size()
	}
	if state, err := u.State(); err == nil && state.Bad > p.Bad {
		told(done, fmt.Sprintf("%d erase blocks went bad meanwhile; others have taken their places", state.Bad-p.Bad))
	}
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	return commit(u, p)
}

// commit renames all volumes at once. An older way back that has the name is removed by the same step.
func commit(u Volumes, p UBIPlan) error {
	volumes, err := u.Volumes()
	if err != nil {
		return err
	}
	var list []mtd.Renaming
	for _, c := range p.Change {
		if v, ok := find(volumes, c.Volume); ok {
			list = append(list, mtd.Renaming{Volume: v, Name: c.Volume + before})
		}
		v, ok := find(volumes, c.Volume+beingWritten)
		if !ok {
			return fmt.Errorf("volume %s has gone meanwhile", c.Volume+beingWritten)
		}
		list = append(list, mtd.Renaming{Volume: v, Name: c.Volume})
	}
	return u.RenameVolumes(list...)
}

func named(u Volumes, name string) (mtd.Volume, error) {
	list, err := u.Volumes()
	if err != nil {
		return mtd.Volume{}, err
	}
	v, ok := find(list, name)
	if !ok {
		return v, fmt.Errorf("volume %s is not there", name)
	}
	return v, nil
}

func removeNamed(u Volumes, name string) error {
	list, err := u.Volumes()
	if err != nil {
		return err
	}
	if v, ok := find(list, name); ok {
		return u.Remove(v)
	}
	return nil
}

// Back has the firmware before the last one in its place again, all of its volumes at once, and the last one under the other name. An
// error if there is none.
func Back(u Volumes) error {
	volumes, err := u.Volumes()
	if err != nil {
		return err
	}
	var list []mtd.Renaming
	for _, v := range volumes {
		name, old := strings.CutSuffix(v.Name, before)
		if !old || v.Corrupt {
			continue
		}
		list = append(list, mtd.Renaming{Volume: v, Name: name})
		if now, ok := find(volumes, name); ok {
			list = append(list, mtd.Renaming{Volume: now, Name: v.Name})
		}
	}
	if len(list) == 0 {
		return errors.New("there is no earlier firmware to go back to")
	}
	return u.RenameVolumes(list...)
}

// A counter tells how far a source has been read, and ends it.
type counter struct {
	ctx  context.Context
	r    io.Reader
	told func(int64)
	n    int64
}

func (c *counter) Read(b []byte) (int, error) {
	if c.ctx.Err() != nil {
		return 0, context.Cause(c.ctx)
	}
	n, err := c.r.Read(b)
	c.n += int64(n)
	c.told(c.n)
	return n, err
}
