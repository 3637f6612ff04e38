package rawflash

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func quietly(int64) {}

// flash plans and writes.
func flash(c *fakeChip, firmware []byte) error {
	ctx := context.Background()
	p, err := PlanNOR(ctx, c, firmware)
	if err != nil {
		return err
	}
	return WriteNOR(ctx, c, firmware, p, quietly)
}

// A cut at every erasure and at every write, in four states of each: a boot loader finds the old firmware, the new one, or none, and never
// a mixture; it finds none only from the first change on, and the new one only at the end. Then the flash is tried again, and holds the new one.
func TestPowerCutInNOR(t *testing.T) {
	old := uimage(t, "old", 9*4096+100, 0)
	// A firmware whose header is the old one's: of what a loader that checks no data would start a mixture.
	sameHead := bytes.Clone(old)
	sameHead[5*4096+7] ^= 0x55
	for _, test := range []struct {
		name     string
		old, new []byte
		prepare  func(*fakeChip)
	}{
		{"another firmware", old, uimage(t, "new", 9*4096+100, 0), nil},
		{"a shorter one", old, uimage(t, "new", 3*4096, 0), nil},
		{"a longer one", old, uimage(t, "new", 12*4096-1, 0), nil},
		{"one that fits in a block", old, uimage(t, "new", 200, 0), nil},
		{"one that differs in its last blocks", uimage(t, "old", 9*4096+100, 7*4096), uimage(t, "new", 9*4096+100, 7*4096), nil},
		{"on a chip that writes no place twice", old, uimage(t, "new", 9*4096+100, 0), func(c *fakeChip) { c.unit, c.rewrite = 16, false }},
		{"on a chip that keeps writes back", old, uimage(t, "new", 9*4096+100, 0), func(c *fakeChip) { c.cached = true }},
		{"on an empty chip", nil, uimage(t, "new", 9*4096+100, 0), nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			cuts, none := 0, 0
			for cut := 0; ; cut++ {
				if testing.Short() && cut%5 != 1 {
					continue
				}
				ended := false
				states := tears
				if test.name == "on a chip that keeps writes back" {
					states = 4 * tears // the same four, with other pages of those that were kept back
				}
				for tear := range states {
					c := newChip(t, 12, test.old)
					if test.prepare != nil {
						test.prepare(c)
					}
					c.cut, c.tear = cut, tear
					var err error
					if !until(func() { err = flash(c, test.new) }) {
						if ended = true; err != nil {
							t.Fatal(err)
						}
						break
					}
					cuts++
					runs, err := c.boots()
					if err != nil && c.rewrite {
						t.Errorf("cut %d (%v), state %d: a boot loader finds %s: %v", cut, c.ops[cut], tear, runs, err)
					}
					if runs == "" {
						none++
					}
					if runs == "new" && err == nil && cut < len(c.ops)-1 {
						t.Errorf("cut %d: the new one is there before its end", cut)
					}
					c.cut, c.written = -1, make(map[int64]int)
					for i, b := range c.data {
						if b != 0xFF {
							c.written[int64(i)/c.unit*c.unit] = 1
						}
					}
					if err := flash(c, test.new); err != nil {
						t.Errorf("cut %d, state %d: once more: %v", cut, tear, err)
					} else if !bytes.HasPrefix(c.data, test.new) {
						t.Errorf("cut %d, state %d: once more: it is not the new one", cut, tear)
					}
				}
				if ended {
					break
				}
			}
			if cuts < 8 && !testing.Short() {
				t.Errorf("only %d cuts", cuts)
			}
			t.Logf("%d cuts: none starts after %d of them", cuts, none)
		})
	}
	t.Run("one with the same header", func(t *testing.T) {
		for cut := range 8 {
			for tear := range tears {
				c := newChip(t, 12, old)
				c.cut, c.tear = cut, tear
				if !until(func() { _ = flash(c, sameHead) }) {
					continue
				}
				begins := bytes.Equal(c.data[:4], old[:4])
				whole := bytes.HasPrefix(c.data, old) || bytes.HasPrefix(c.data, sameHead)
				if begins && !whole {
					t.Errorf("cut %d (%v), state %d: it begins as a firmware, and is neither", cut, c.ops, tear)
				}
			}
		}
	})
}

func TestWhatEqualsIsNotWritten(t *testing.T) {
	old, next := uimage(t, "old", 9*4096+100, 8*4096), uimage(t, "new", 9*4096+100, 8*4096)
	c := newChip(t, 12, old)
	if err := flash(c, old); err != nil || len(c.ops) > 0 {
		t.Errorf("the same firmware: %v, %q", err, c.ops)
	}
	if err := flash(c, next); err != nil {
		t.Fatal(err)
	}
	for _, op := range c.ops {
		var what string
		var at int64
		if _, err := fmt.Sscanf(op, "%s %v", &what, &at); err != nil {
			t.Fatal(err)
		}
		if block := at / c.block; block != 0 && block != 8 && block != 9 {
			t.Errorf("%s: the block equals", op)
		}
	}
	if !bytes.Equal(c.data[:len(next)], next) {
		t.Error("it is not the new one")
	}
	if first, last := c.ops[0], c.ops[len(c.ops)-1]; first != "write 0x0" || last != "write 0x0" {
		t.Errorf("it begins with %q and ends with %q: want the header's first bytes", first, last)
	}
}

func TestWhatOnlyGetsZerosIsNotErased(t *testing.T) {
	c := newChip(t, 4, nil)
	if err := flash(c, uimage(t, "new", 3*4096, 0)); err != nil {
		t.Fatal(err)
	}
	if erased := slices.DeleteFunc(slices.Clone(c.ops), func(op string) bool { return !strings.HasPrefix(op, "erase") }); len(erased) > 1 {
		t.Errorf("%q: want the first block at most, on an empty chip", erased)
	}
}

func TestABlockThatDiesIsNamed(t *testing.T) {
	for _, block := range []int64{0, 3, 9} {
		c := newChip(t, 12, uimage(t, "old", 9*4096+100, 0))
		c.dead[block] = 0
		err := flash(c, uimage(t, "new", 9*4096+100, 0))
		var torn *Torn
		if want := fmt.Sprintf("the block at %#x cannot be written any more, tried 3 times", block*4096); !errors.As(err, &torn) || !strings.Contains(err.Error(), want) ||
			!strings.Contains(err.Error(), "leave it switched on and flash again") {
			t.Errorf("block %d: %v, want %q", block, err, want)
		}
		if runs, err := c.boots(); runs != "" || err != nil {
			t.Errorf("block %d: a boot loader starts %q, %v", block, runs, err)
		}
	}
	// One that takes its bits at the third time.
	c := newChip(t, 12, uimage(t, "old", 9*4096+100, 0))
	c.dead[3] = 1 << 30
	if err := flash(c, uimage(t, "new", 9*4096+100, 0)); err != nil {
		t.Error(err)
	}
}

func TestAChipThatTakesNothingIsAsBefore(t *testing.T) {
	old := uimage(t, "old", 9*4096+100, 0)
	c := newChip(t, 12, old)
	c.locked = true
	err := flash(c, uimage(t, "new", 9*4096+100, 0))
	var torn *Torn
	if err == nil || errors.As(err, &torn) || !bytes.HasPrefix(c.data, old) {
		t.Errorf("%v: want an error that says nothing of a torn firmware", err)
	}
}

func TestSizesOfNOR(t *testing.T) {
	c := newChip(t, 3, nil)
	for size, want := range map[int]bool{0: false, 1: true, 4096: true, 3*4096 - 1: true, 3 * 4096: true, 3*4096 + 1: false} {
		p, err := PlanNOR(context.Background(), c, make([]byte, size))
		if (err == nil) != want {
			t.Errorf("%d bytes: %v", size, err)
		}
		if err != nil && !errors.Is(err, ErrNoRoom) {
			t.Errorf("%d bytes: %v", size, err)
		}
		if want && p.Blocks != (size+4095)/4096 {
			t.Errorf("%d bytes: %+v", size, p)
		}
	}
	_, err := PlanNOR(context.Background(), c, make([]byte, 3*4096+1))
	if err == nil || err.Error() != "it is too large: it has 12289 bytes, and its area 12288" {
		t.Error(err)
	}
}

func TestItEndsBeforeTheFirstChangeOrNotAtAll(t *testing.T) {
	c := newChip(t, 12, uimage(t, "old", 9*4096+100, 0))
	next := uimage(t, "new", 9*4096+100, 0)
	p, err := PlanNOR(context.Background(), c, next)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	err = WriteNOR(ctx, c, next, p, func(int64) { cancel() })
	if runs, fault := c.boots(); err != nil || runs != "new" || fault != nil {
		t.Errorf("ended while it was written: %v, %s starts, %v", err, runs, fault)
	}
	if p, err = PlanNOR(context.Background(), c, uimage(t, "old", 9*4096+100, 0)); err != nil {
		t.Fatal(err)
	}
	c.ops = nil
	if err := WriteNOR(ctx, c, uimage(t, "old", 9*4096+100, 0), p, quietly); !errors.Is(err, context.Canceled) || len(c.ops) > 0 {
		t.Errorf("ended before: %v, %q", err, c.ops)
	}
}
