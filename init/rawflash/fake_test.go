package rawflash

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"bantam/firmware"
)

// fakeChip is NOR flash with its rules: a write turns ones to zeros and never back, an erasure takes a whole block, and power may go in the
// midst of either.
type fakeChip struct {
	t       *testing.T
	data    []byte
	block   int64
	unit    int64
	rewrite bool          // zeros may be added to what was written
	written map[int64]int // of a chip where not: how often each unit was, since it was erased
	ops     []string      // what was done
	cut     int           // the operation in which power goes; -1: never
	tear    int           // how far that has come
	dead    map[int64]int // erasures that a block survives; one that is not there survives all
	locked  bool          // it answers every change with an error
	cached  bool          // what was written since the last Sync gets to the chip in any order
	synced  []byte        // what is there for sure
}

// errCut is what the machine's end is in a test.
var errCut = errors.New("power is gone")

const (
	tearNothing = iota // it had not begun
	tearHalf           // half of the bytes are there
	tearBits           // any of the bits are there
	tearAll            // all was done, and nobody was told
	tears
)

func newChip(t *testing.T, blocks int, content []byte) *fakeChip {
	c := &fakeChip{t: t, block: 4096, unit: 1, rewrite: true, written: make(map[int64]int), cut: -1, dead: make(map[int64]int)}
	c.data = bytes.Repeat([]byte{0xFF}, blocks*int(c.block))
	copy(c.data, content)
	c.synced = bytes.Clone(c.data)
	return c
}

func (c *fakeChip) Size() int64       { return int64(len(c.data)) }
func (c *fakeChip) EraseBlock() int64 { return c.block }
func (c *fakeChip) Unit() int64       { return c.unit }
func (c *fakeChip) Clears() bool      { return c.rewrite }

func (c *fakeChip) ReadAt(b []byte, at int64) (int, error) {
	if at < 0 || at+int64(len(b)) > c.Size() {
		return 0, fmt.Errorf("read %d bytes at %#x", len(b), at)
	}
	return copy(b, c.data[at:]), nil
}

// change is one operation on a run of bytes, each of which next says the new value of.
func (c *fakeChip) change(what string, at int64, count int, next func(i int, old byte) byte) error {
	if c.locked {
		return errors.New("write-protected")
	}
	number := len(c.ops)
	c.ops = append(c.ops, fmt.Sprintf("%s %#x", what, at))
	random := rand.New(rand.NewPCG(uint64(number), uint64(c.tear)))
	for i := range count {
		old := c.data[at+int64(i)]
		value := next(i, old)
		if number == c.cut {
			switch c.tear % tears {
			case tearNothing:
				value = old
			case tearHalf:
				if i >= count/2 {
					value = old
				}
			case tearBits:
				done := byte(random.Uint32())
				value = old&^done | value&done
			}
		}
		c.data[at+int64(i)] = value
	}
	if number == c.cut {
		for page := 0; c.cached && page < len(c.data); page += 1024 {
			if random.Uint32()&1 == 0 {
				copy(c.data[page:page+1024], c.synced[page:])
			}
		}
		panic(errCut)
	}
	return nil
}

func (c *fakeChip) Sync() error {
	c.synced = bytes.Clone(c.data)
	return nil
}

func (c *fakeChip) Write(b []byte, at int64) error {
	if at%c.unit != 0 || int64(len(b))%c.unit != 0 || at < 0 || at+int64(len(b)) > c.Size() {
		c.t.Errorf("a write of %d bytes at %#x, on a chip with units of %d", len(b), at, c.unit)
	}
	for i := int64(0); i < int64(len(b)); i += c.unit {
		if c.written[at+i]++; c.written[at+i] > 1 && !c.rewrite {
			c.t.Errorf("%#x is written twice without being erased", at+i)
		}
	}
	dead := c.died(at)
	return c.change("write", at, len(b), func(i int, old byte) byte {
		if old&b[i] != b[i] && !dead {
			c.t.Errorf("a write at %#x wants ones where zeros are: %#02x over %#02x", at+int64(i), b[i], old)
		}
		if dead && i%7 == 3 {
			return old // bits that do not move any more
		}
		return old & b[i]
	})
}

func (c *fakeChip) died(at int64) bool {
	left, mortal := c.dead[at/c.block]
	return mortal && left <= 0
}

func (c *fakeChip) Erase(at int64) error {
	if at%c.block != 0 || at < 0 || at >= c.Size() {
		c.t.Errorf("an erasure at %#x", at)
	}
	if _, mortal := c.dead[at/c.block]; mortal {
		c.dead[at/c.block]--
	}
	for i := range c.block {
		delete(c.written, at+i)
	}
	return c.change("erase", at, int(c.block), func(int, byte) byte { return 0xFF })
}

// until calls f, and tells whether power went in it.
func until(f func()) (cut bool) {
	defer func() {
		switch r := recover(); r {
		case nil:
		case any(errCut):
			cut = true
		default:
			panic(r)
		}
	}()
	f()
	return false
}

// boots is what U-Boot starts from the area: the name of a firmware, "" for none, an error for a header with other data than it says.
func (c *fakeChip) boots() (string, error) {
	f := bytes.NewReader(c.data)
	u, err := firmware.ReadUImage(f)
	if err != nil {
		return "", nil // no magic, or a header whose checksum is wrong
	}
	return u.Name, u.Verify(f)
}

// uimage is a firmware of so many bytes, of which from on they are its own, and like every other's before.
func uimage(t *testing.T, name string, size, from int) []byte {
	t.Helper()
	data := make([]byte, size-firmware.UImageHeader)
	common, own := rand.New(rand.NewPCG(1, 1)), rand.New(rand.NewPCG(2, uint64(name[0])))
	for i := range data {
		if data[i] = byte(common.Uint32()); i >= from {
			data[i] = byte(own.Uint32())
		}
	}
	var b bytes.Buffer
	u := firmware.UImage{OS: "linux", Arch: "mips", Type: "kernel", Compression: "none", Name: name, Load: 0x80000000, Entry: 0x80000000}
	if err := u.Write(&b, bytes.NewReader(data)); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
