package rawflash

import (
	"bytes"
	"context"
	"errors"
	"fmt"
)

// A Chip is an area of NOR flash. mtd.Chip is the kernel's.
type Chip interface {
	Size() int64
	EraseBlock() int64
	Unit() int64  // bytes that are written at least
	Clears() bool // what was written may be written again where bits only go from 1 to 0
	ReadAt(b []byte, at int64) (int, error)
	Write(b []byte, at int64) error // bits only go from 1 to 0
	Erase(at int64) error           // of one block all bits become 1
	Sync() error                    // what was written before is there before what is written behind
}

// A NORPlan says which blocks of an area a firmware changes.
type NORPlan struct {
	Blocks int     // that the firmware takes
	Change []int64 // places of those that differ, in their order
	Erase  int     // how many of these are erased; the others only get zeros
	head   bool    // the first one differs
}

// Bytes is how much is written at most.
func (p NORPlan) Bytes(chip Chip) int64 { return int64(len(p.Change)) * chip.EraseBlock() }

// ErrNoRoom says that a firmware is larger than its area.
var ErrNoRoom = errors.New("it is too large")

// PlanNOR reads the area and compares.
func PlanNOR(ctx context.Context, chip Chip, firmware []byte) (p NORPlan, err error) {
	size := int64(len(firmware))
	if size == 0 || size > chip.Size() {
		return p, fmt.Errorf("%w: it has %d bytes, and its area %d", ErrNoRoom, size, chip.Size())
	}
	have := make([]byte, chip.EraseBlock())
	for at := int64(0); at < size; at += chip.EraseBlock() {
		if err := ctx.Err(); err != nil {
			return p, context.Cause(ctx)
		}
		if _, err := chip.ReadAt(have, at); err != nil {
			return p, err
		}
		p.Blocks++
		want := blockOf(chip, firmware, at)
		if bytes.Equal(have[:len(want)], want) {
			continue
		}
		p.Change = append(p.Change, at)
		p.head = p.head || at == 0
		if !chip.Clears() || !onlyClears(have, want) {
			p.Erase++
		}
	}
	if len(p.Change) > 0 && !p.head {
		p.Erase++ // the first block, whose beginning is made void
	}
	return p, nil
}

// blockOf is the part of a firmware that a block holds.
func blockOf(chip Chip, firmware []byte, at int64) []byte {
	return firmware[at:min(at+chip.EraseBlock(), int64(len(firmware)))]
}

// onlyClears tells whether bytes become others without an erasure.
func onlyClears(have, want []byte) bool {
	for i, b := range want {
		if have[i]&b != b {
			return false
		}
	}
	return true
}

// Torn says that the area holds no whole firmware: the machine runs, and would not start again.
type Torn struct{ Err error }

func (e *Torn) Error() string {
	return e.Err.Error() + "; the flash holds no whole firmware now, and this machine would not start from it: leave it switched on and flash again"
}

func (e *Torn) Unwrap() error { return e.Err }

// WriteNOR does what PlanNOR has said. The firmware lies in memory. ctx ends it before the first change, and no more behind that. told is
// called with how many bytes have been written and read back.
func WriteNOR(ctx context.Context, chip Chip, firmware []byte, p NORPlan, told func(done int64)) error {
	if len(p.Change) == 0 {
		return nil // it is there already
	}
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	before := make([]byte, chip.EraseBlock())
	if _, err := chip.ReadAt(before, 0); err != nil {
		return err
	}
	if err := void(chip); err != nil {
		if same(chip, before, 0) == nil {
			return err // nothing has changed: it cannot be written at all
		}
		return &Torn{err}
	}
	if err := writeBody(chip, firmware, p, told); err != nil {
		return &Torn{err}
	}
	return nil
}

// voidBytes are those by which a boot loader knows a firmware: longer than any magic.
const voidBytes = 64

// void makes the first bytes of the area such that no boot loader takes them for a firmware. Where the chip can, by one small write, which is
// there or not: an erasure that is broken off leaves any bits.
func void(chip Chip) error {
	if chip.Clears() {
		size := (voidBytes + chip.Unit() - 1) / chip.Unit() * chip.Unit()
		if err := chip.Write(make([]byte, size), 0); err != nil {
			return err
		}
		if err := chip.Sync(); err != nil {
			return err
		}
	}
	if err := chip.Erase(0); err != nil {
		return err
	}
	return chip.Sync()
}

func writeBody(chip Chip, firmware []byte, p NORPlan, told func(int64)) error {
	done := int64(0)
	for _, at := range p.Change {
		if at == 0 {
			continue
		}
		want := blockOf(chip, firmware, at)
		if err := bring(chip, want, at, 0); err != nil {
			return err
		}
		done += int64(len(want))
		told(done)
	}
	// What was left alone is read once more, too: the last moment at which it can be told.
	for at := chip.EraseBlock(); at < int64(len(firmware)); at += chip.EraseBlock() {
		if err := same(chip, blockOf(chip, firmware, at), at); err != nil {
			return err
		}
	}
	// The first block, and last of all its beginning.
	head := blockOf(chip, firmware, 0)
	first := min(max(magicBytes, chip.Unit()), int64(len(head)))
	if err := bring(chip, head[first:], first, first); err != nil {
		return err
	}
	if err := chip.Sync(); err != nil {
		return err
	}
	if err := write(chip, head[:first], 0); err != nil {
		return err
	}
	if err := chip.Sync(); err != nil {
		return err
	}
	if err := same(chip, head, 0); err != nil {
		return err
	}
	told(done + int64(len(head)))
	return nil
}

// magicBytes are those that are written at the very end.
const magicBytes = 4

// Tries is how often a block is erased and written until it is given up.
const tries = 3

// bring makes a block hold bytes: not at all if it does, without an erasure if it can, at last with one. from is where in its block the
// bytes begin; of one of which only a part is brought nothing is erased but by who has begun with it.
func bring(chip Chip, want []byte, at, from int64) error {
	have := make([]byte, len(want))
	if len(want) == 0 {
		return nil
	}
	var last error
	for try := range tries {
		if _, last = chip.ReadAt(have, at); last != nil {
			continue
		}
		if bytes.Equal(have, want) {
			return nil
		}
		blank := bytes.Count(have, []byte{0xFF}) == len(have)
		if !blank && (try > 0 || !chip.Clears() || !onlyClears(have, want)) {
			if last = chip.Erase(at - from); last != nil {
				continue
			}
		}
		if last = write(chip, want, at); last != nil {
			continue
		}
		if last = same(chip, want, at); last == nil {
			return nil
		}
	}
	return fmt.Errorf("the block at %#x cannot be written any more, tried %d times: %w", at-from, tries, last)
}

// writeChunk is how many bytes are written by one call.
const writeChunk = 4 << 10

// write writes what is not ones.
func write(chip Chip, b []byte, at int64) error {
	unit := chip.Unit()
	if rest := int64(len(b)) % unit; rest != 0 { // the end of a firmware
		b = append(bytes.Clone(b), bytes.Repeat([]byte{0xFF}, int(unit-rest))...)
	}
	for len(b) > 0 {
		chunk := b[:min(writeChunk, len(b))]
		if bytes.Count(chunk, []byte{0xFF}) < len(chunk) {
			if err := chip.Write(chunk, at); err != nil {
				return err
			}
		}
		b, at = b[len(chunk):], at+int64(len(chunk))
	}
	return nil
}

// same reads back and compares.
func same(chip Chip, want []byte, at int64) error {
	have := make([]byte, len(want))
	if _, err := chip.ReadAt(have, at); err != nil {
		return err
	}
	for i := range want {
		if have[i] != want[i] {
			return fmt.Errorf("it reads %#02x at %#x, where %#02x was written", have[i], at+int64(i), want[i])
		}
	}
	return nil
}
