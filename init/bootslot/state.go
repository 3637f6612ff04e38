package bootslot

import (
	"bytes"
	"errors"
	"fmt"

	"bantam/slot"
)

// A form is how a boot loader has the state.
type form struct {
	name   string
	at     int // the byte of the copy's partition
	parse  func([]byte) (slot.State, error)
	encode func(slot.State) ([]byte, error)
	whole  func([]byte) []byte // the partition around it
}

// forms are those that there are.
var forms = []form{
	{"grub", slot.GRUBBlockAt, slot.ParseGRUB, slot.State.EncodeGRUB, slot.GRUBCopy},
	{"u-boot", 0, slot.ParseUBoot, slot.State.EncodeUBoot, slot.UBootCopy},
}

// end is the byte behind the state in the copy's partition.
func (f form) end() int { return f.at + slot.StateSize }

// read is the state in a copy, if the loader would find it there.
func (f form) read(partition []byte) (slot.State, error) {
	block := partition[f.at:f.end()]
	s, err := f.parse(block)
	if err == nil && !bytes.Equal(f.whole(block)[:f.at], partition[:f.at]) {
		err = errors.New("state: what is in front of it is damaged")
	}
	return s, err
}

// asWritten says whether what lies behind the state, slot.Spare, is as it was written.
func (f form) asWritten(partition []byte) bool {
	return bytes.Equal(f.whole(partition[f.at:f.end()])[f.end():], partition[f.end():])
}

// copies are both copies as they are found.
type copies struct {
	raw   [2][]byte
	state [2]slot.State
	fault [2]error
}

// asLoader is the state that the loader has read.
func (c copies) asLoader() (slot.State, error) {
	if c.fault[0] == nil {
		return c.state[0], nil
	}
	return c.state[1], c.fault[1]
}

// merged is what both stand for.
func (c copies) merged() (slot.State, error) {
	if c.fault[0] == nil && c.fault[1] == nil {
		return slot.Merge(c.state[0], c.state[1]), nil
	}
	s, err := c.asLoader()
	if err != nil {
		err = fmt.Errorf("both copies of the boot loader's state are damaged: %w", err)
	}
	return s, err
}

// inOrder are the copies in the order in which they are written: the one that the loader does not read comes first.
func (c copies) inOrder() [2]int {
	if c.fault[0] == nil {
		return [2]int{1, 0}
	}
	return [2]int{0, 1}
}

// readState reads both copies, and with the first call finds their form.
func (l *Loader) readState(d disk) (copies, error) {
	var c copies
	for i, extent := range l.o.Slots.State {
		if extent.Length < slot.CopySize {
			return c, fmt.Errorf("the boot loader's state %d has %d bytes, it wants %d", i+1, extent.Length, slot.CopySize)
		}
		c.raw[i] = make([]byte, slot.CopySize)
		if _, err := d.ReadAt(c.raw[i], extent.Offset); err != nil {
			return c, fmt.Errorf("read the boot loader's state %d: %w", i+1, err)
		}
	}
	if l.form.name == "" {
		if err := l.findForm(c); err != nil {
			return c, err
		}
	}
	for i, raw := range c.raw {
		c.state[i], c.fault[i] = l.form.read(raw)
	}
	return c, nil
}

// findForm goes by what the loader says of itself, or else by what can be read.
func (l *Loader) findForm(c copies) error {
	for _, f := range forms {
		_, one := f.read(c.raw[0])
		_, two := f.read(c.raw[1])
		if f.name == l.o.Loader || l.o.Loader == "" && (one == nil || two == nil) {
			l.form = f
			return nil
		}
	}
	if l.o.Loader != "" {
		return fmt.Errorf("the boot loader %q is not known here", l.o.Loader)
	}
	return errors.New("both copies of the boot loader's state are damaged, and it does not say of which kind it is (bantam.loader=)")
}

// state is the merged one.
func (l *Loader) state(d disk) (slot.State, error) {
	c, err := l.readState(d)
	if err != nil {
		return slot.State{}, err
	}
	return c.merged()
}

// mend makes both copies say the same, after a power cut between two writes, or damage. Where nothing is readable, what was
// booted works well enough to say so, and the other slot is there when it does not.
func (l *Loader) mend(c copies) (note string, err error) {
	s, err := c.merged()
	switch {
	case err != nil:
		note = err.Error() + "; slot " + l.o.Booted + ", which was booted, is the first one now"
		s = slot.State{Order: []string{l.o.Booted}, Seen: slot.Unseen}
		if l.o.Slots.B.Length != 0 {
			s.Order = append(s.Order, slot.Other(l.o.Booted))
		}
		s = s.WithLeft(l.o.Booted, slot.Good)
	case c.fault[0] == nil && c.fault[1] == nil && l.form.asWritten(c.raw[0]) && l.form.asWritten(c.raw[1]):
		if c.state[0].Equal(c.state[1]) {
			return "", nil
		}
	case c.fault[0] == nil && c.fault[1] == nil:
		note = "what lies behind the boot loader's state was damaged and is written anew"
	case c.fault[0] != nil:
		note = fmt.Sprintf("the first copy of the boot loader's state was damaged and is written anew: %v", c.fault[0])
	case c.fault[1] != nil:
		note = fmt.Sprintf("the second copy of the boot loader's state was damaged and is written anew: %v", c.fault[1])
	}
	return note, l.write(c, s)
}

// change replaces the state, if the change makes a difference.
func (l *Loader) change(alter func(slot.State) slot.State) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	d, err := l.open(false)
	if err != nil {
		return err
	}
	defer d.Close()
	c, err := l.readState(d)
	if err != nil {
		return err
	}
	s, err := c.merged()
	if err != nil {
		return err
	}
	next := alter(s)
	if next.Equal(s) && c.fault[0] == nil && c.fault[1] == nil && c.state[0].Equal(c.state[1]) {
		return nil
	}
	return l.write(c, next.Next())
}

// write puts a state into both copies, those sectors that differ, one copy after the other: one is always whole.
func (l *Loader) write(c copies, s slot.State) error {
	block, err := l.form.encode(s)
	if err != nil {
		return err
	}
	if l.o.Slots.ReadOnly {
		return fmt.Errorf("%s is read-only: the boot loader's state cannot be written", l.o.Slots.Disk)
	}
	d, err := l.open(true)
	if err != nil {
		return err
	}
	defer d.Close()
	want := l.form.whole(block)
	for _, i := range c.inOrder() {
		at := l.o.Slots.State[i].Offset
		for n := 0; n < len(want); n += slot.SectorSize {
			if bytes.Equal(want[n:n+slot.SectorSize], c.raw[i][n:n+slot.SectorSize]) {
				continue
			}
			if _, err := d.WriteAt(want[n:n+slot.SectorSize], at+int64(n)); err != nil {
				return fmt.Errorf("write the boot loader's state %d: %w", i+1, err)
			}
		}
		if err := d.Sync(); err != nil {
			return fmt.Errorf("write the boot loader's state %d: %w", i+1, err)
		}
		have := make([]byte, len(want))
		if err := d.ReadBack(have, at); err != nil {
			return fmt.Errorf("the boot loader's state %d: %w", i+1, err)
		}
		if !bytes.Equal(have, want) {
			return fmt.Errorf("the boot loader's state %d does not read as it was written: the disk may be broken", i+1)
		}
	}
	return nil
}

// Try says how often before it says which one: cut between the two, the slot is not begun with.
func (l *Loader) Try(name string, tries int) error {
	if err := l.check(name); err != nil {
		return err
	}
	if tries < 1 || tries > slot.MaxTries {
		return fmt.Errorf("boot slot %s: %d tries: at least 1, at most %d", name, tries, slot.MaxTries)
	}
	err := l.change(func(s slot.State) slot.State {
		s.Seen = slot.Unseen
		return s.WithLeft(name, slot.Left(tries))
	})
	if err != nil {
		return err
	}
	return l.change(func(s slot.State) slot.State { return s.WithFirst(name) })
}

// MarkGood makes the slot the first, uncounted.
func (l *Loader) MarkGood(name string) error {
	if err := l.check(name); err != nil {
		return err
	}
	return l.change(func(s slot.State) slot.State { return s.WithLeft(name, slot.Good).WithFirst(name) })
}

// MarkBad leaves the slot no tries and makes the other one the first.
func (l *Loader) MarkBad(name string) error {
	if err := l.check(name); err != nil {
		return err
	}
	return l.change(func(s slot.State) slot.State { return s.WithLeft(name, 0).WithFirst(slot.Other(name)) })
}
