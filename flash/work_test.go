package flash

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand"
	"strings"
	"syscall"
	"testing"
)

// A card is a disk in memory with the faults that cards have.
type card struct {
	content []byte // of the memory that it really has
	size    int64  // that it says it has
	limbo   bool   // what is beyond its memory reads as zeros; else it wraps
	forgets bool   // Zero makes zeros
	lies    bool   // Zero says so and does nothing

	writes  int           // done
	written int64         // bytes
	last    int           // the write that fails, from 1; 0: none
	tears   bool          // half of that one gets through
	err     error         // what it, and all after it, fail with
	badRead int64         // a byte that cannot be read; 0: none
	rots    int64         // a byte that is always read wrong; 0: none
	check   func(c *card) // after each write
}

// used is what was on the cards before: of the places of marks two are blank.
var used = func() []byte {
	b := make([]byte, 130*ChunkSize)
	rand.New(rand.NewSource(1)).Read(b)
	clear(b[8*ChunkSize:][:pageSize])
	copy(b[16*ChunkSize-pageSize:], bytes.Repeat([]byte{0xff}, pageSize))
	return b
}()

func newCard(size int64) *card {
	return &card{content: bytes.Clone(used[:size]), size: size, forgets: true}
}

func (c *card) Size() int64 { return c.size }
func (c *card) Block() int  { return 512 }

func (c *card) Sync() error { return c.broken() }

func (c *card) broken() error {
	if c.last > 0 && c.writes >= c.last {
		return c.err
	}
	return nil
}

// each calls do for the pieces of a range as they lie in memory.
func (c *card) each(at, length int64, do func(from, to, offset int64)) {
	real := int64(len(c.content))
	for offset := int64(0); offset < length; {
		place := at + offset
		if c.limbo && place >= real {
			return
		}
		place %= real
		n := min(length-offset, real-place)
		do(place, place+n, offset)
		offset += n
	}
}

func (c *card) ReadAt(b []byte, at int64) (int, error) {
	if at%512 != 0 || len(b)%512 != 0 || at+int64(len(b)) > c.size {
		return 0, syscall.EINVAL
	}
	if errors.Is(c.broken(), ErrGone) {
		return 0, ErrGone
	}
	if c.badRead != 0 && at <= c.badRead && c.badRead < at+int64(len(b)) {
		return 0, syscall.EIO
	}
	clear(b)
	c.each(at, int64(len(b)), func(from, to, offset int64) { copy(b[offset:], c.content[from:to]) })
	if c.rots != 0 && at <= c.rots && c.rots < at+int64(len(b)) {
		b[c.rots-at] ^= 1
	}
	return len(b), nil
}

func (c *card) WriteAt(b []byte, at int64) (int, error) {
	if at%512 != 0 || len(b)%512 != 0 || at+int64(len(b)) > c.size {
		return 0, syscall.EINVAL
	}
	if err := c.broken(); err != nil {
		return 0, err
	}
	c.writes++
	whole := b
	if c.broken() != nil {
		if !c.tears {
			return 0, c.err
		}
		b = b[:len(b)/pageSize/2*pageSize]
	}
	c.written += int64(len(b))
	c.each(at, int64(len(b)), func(from, to, offset int64) { copy(c.content[from:to], b[offset:]) })
	if c.check != nil {
		c.check(c)
	}
	if len(b) < len(whole) {
		return len(b), c.err
	}
	return len(b), nil
}

func (c *card) Zero(at, length int64) error {
	if err := c.broken(); err != nil {
		return err
	}
	if c.lies {
		return nil
	}
	if !c.forgets {
		return errors.ErrUnsupported
	}
	c.each(at, length, func(from, to, _ int64) { clear(c.content[from:to]) })
	return nil
}

// diskImage is a disk image: an MBR with one partition, noise, zeros, noise, and an end that is no whole sector.
func diskImage(t *testing.T) []byte {
	t.Helper()
	b := make([]byte, 6*ChunkSize+700)
	r := rand.New(rand.NewSource(2))
	r.Read(b[512 : 3*ChunkSize])
	r.Read(b[5*ChunkSize:])
	b[450], b[454], b[458] = 0x83, 1, 1
	b[510], b[511] = 0x55, 0xaa
	return b
}

func survey(t *testing.T, b []byte) Image {
	t.Helper()
	image, err := Survey(t.Context(), bytes.NewReader(b), nil)
	if err != nil {
		t.Fatal(err)
	}
	return image
}

// work is an image on its way to a disk.
func work(t *testing.T, d Disk, image []byte) *Work {
	t.Helper()
	return &Work{Disk: d, Image: survey(t, image), Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(image)), nil }}
}

// run plans and does it.
func run(ctx context.Context, w *Work) (Plan, error) {
	p, err := w.Plan(ctx)
	if err != nil {
		return p, err
	}
	return p, w.Do(ctx, p)
}

func TestAnImageIsWrittenAndNothingElseChanges(t *testing.T) {
	image := diskImage(t)
	for name, change := range map[string]func(c *card){
		"a card that forgets":               func(c *card) {},
		"a card that cannot":                func(c *card) { c.forgets = false },
		"a card that only says so":          func(c *card) { c.lies = true },
		"an empty card":                     func(c *card) { clear(c.content) },
		"a card of hardly the image's size": func(c *card) { c.size = int64(len(image)+511) / 512 * 512; c.content = c.content[:c.size] },
	} {
		t.Run(name, func(t *testing.T) {
			c := newCard(40 * ChunkSize)
			change(c)
			before := bytes.Clone(c.content)
			if _, err := run(t.Context(), work(t, c, image)); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(c.content[:len(image)], image) {
				t.Error("it holds something else than the image")
			}
			if !bytes.Equal(c.content[len(image):], before[len(image):]) {
				t.Error("what is behind the image has changed")
			}
			writes := c.writes
			p, err := run(t.Context(), work(t, c, image))
			if err != nil || !p.Done() || c.writes != writes {
				t.Errorf("once more: %d writes, %v", c.writes-writes, err)
			}
		})
	}
}

func TestZerosAreNotSent(t *testing.T) {
	image := diskImage(t)
	c := newCard(16 * ChunkSize)
	if _, err := run(t.Context(), work(t, c, image)); err != nil {
		t.Fatal(err)
	}
	// Chunk 0 twice, 1, 2, 5 and the rest of 700 bytes; a mark at 8 MiB and one at the end, and what was there; a note of
	// them and its end.
	if want := int64(5*ChunkSize + 1024 + 6*pageSize); c.written != want {
		t.Errorf("%d bytes were written, want %d", c.written, want)
	}
}

// Wherever it is cut off: the disk is as before, or starts nothing, or is complete. And the next run completes it, and leaves nothing
// behind the image changed.
func TestWhereverItIsCutOffNothingStartsFromHalfAnImage(t *testing.T) {
	image := diskImage(t)
	whole := newCard(16 * ChunkSize)
	if _, err := run(t.Context(), work(t, whole, image)); err != nil {
		t.Fatal(err)
	}
	old := newCard(16 * ChunkSize)
	for _, tears := range []bool{false, true} {
		for last := 1; last <= whole.writes; last++ {
			c := newCard(16 * ChunkSize)
			c.last, c.err, c.tears = last, syscall.EIO, tears
			w := work(t, c, image)
			_, err := run(t.Context(), w)
			if !errors.Is(err, syscall.EIO) {
				t.Fatalf("write %d fails: %v", last, err)
			}
			c.last = 0
			complete := bytes.Equal(c.content[:len(image)], image)
			cleared := zeros(c.content[:pageSize]) || len(readNote(c.content[:pageSize], c.size)) > 0
			untouched := bytes.Equal(c.content, old.content)
			if !complete && !cleared && !untouched {
				t.Fatalf("write %d (torn: %v): the disk begins with something else than zeros", last, tears)
			}
			c.written = 0
			p, err := run(t.Context(), work(t, c, image))
			if err != nil || !bytes.Equal(c.content[:len(image)], image) {
				t.Fatalf("the run after write %d: %v", last, err)
			}
			if !bytes.Equal(c.content[len(image):], old.content[len(image):]) {
				t.Fatalf("the run after write %d: what is behind the image has changed", last)
			}
			if p.Keep+p.Send+p.Blank != int64(len(image)) {
				t.Errorf("the run after write %d: %d kept, %d sent, %d blank of %d", last, p.Keep, p.Send, p.Blank, len(image))
			}
		}
	}
}

func TestWhatIsThereAlreadyIsNotWrittenAgain(t *testing.T) {
	image := diskImage(t)
	c := newCard(16 * ChunkSize)
	c.last, c.err = 4, syscall.EIO // clear, chunks 1 and 2
	if _, err := run(t.Context(), work(t, c, image)); err == nil {
		t.Fatal("no error")
	}
	c.last = 0
	p, err := work(t, c, image).Plan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if want := int64(4 * ChunkSize); p.Keep != want { // 1, 2 and the zeros of 3 and 4
		t.Errorf("%d bytes are kept, want %d:\n%v", p.Keep, want, p)
	}
}

func TestForgedCardsAreFound(t *testing.T) {
	image := diskImage(t)
	for _, limbo := range []bool{false, true} {
		for real := int64(2); real <= 64; real *= 2 {
			c := newCard(real * ChunkSize)
			c.size, c.limbo = 128*ChunkSize, limbo
			_, err := run(t.Context(), work(t, c, image))
			var smaller *Smaller
			if !errors.As(err, &smaller) {
				t.Errorf("%d MiB of memory, limbo %v: %v", real, limbo, err)
				continue
			}
			if smaller.Says != c.size || smaller.Has > 128*ChunkSize-pageSize || smaller.Has < ChunkSize {
				t.Errorf("%d MiB of memory, limbo %v: says %d, has %d", real, limbo, smaller.Says, smaller.Has)
			}
			if !zeros(c.content[:ChunkSize]) {
				t.Errorf("%d MiB of memory, limbo %v: it can be started", real, limbo)
			}
		}
	}
	for _, honest := range []int64{7, 8, 9, 100, 128, 129} {
		if _, err := run(t.Context(), work(t, newCard(honest*ChunkSize), image)); err != nil {
			t.Errorf("an honest card of %d MiB: %v", honest, err)
		}
	}
}

func TestFaultsOfTheMediumAreTold(t *testing.T) {
	image := diskImage(t)
	for name, test := range map[string]struct {
		change func(c *card)
		want   string
	}{
		"it is pulled out":         {func(c *card) { c.last, c.err = 2, ErrGone }, "it is gone: was it pulled out?"},
		"it is write-protected":    {func(c *card) { c.last, c.err = 1, ErrProtected }, "it is write-protected"},
		"a block dies":             {func(c *card) { c.last, c.err = 3, syscall.EIO }, "write at byte 2097152: input/output error"},
		"a block cannot be read":   {func(c *card) { c.badRead = 2*ChunkSize + 5 }, "read at byte 2097152: input/output error"},
		"a bit is always wrong":    {func(c *card) { c.rots = ChunkSize + 5 }, "between bytes 1048576 and 2097152 it reads back otherwise than it was written"},
		"a bit of the first chunk": {func(c *card) { c.rots = 5 }, "between bytes 0 and 1048576 it reads back otherwise"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCard(16 * ChunkSize)
			test.change(c)
			_, err := run(t.Context(), work(t, c, image))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

// What tells of marks is believed as far as there are marks.
func TestANoteOfMarksHarmsNothing(t *testing.T) {
	image := diskImage(t)
	for _, note := range []string{
		string(noteOf([]blank{{9 * ChunkSize, 0}})), // no mark is there
		noteForm + " 4097=0\n", noteForm + " -4096=0\n", noteForm + " 16777216=0\n", noteForm + " 0=0\n", noteForm + " 8192=256\n", noteForm + " x\n", noteForm, noteForm + "\n",
	} {
		c := newCard(16 * ChunkSize)
		before := bytes.Clone(c.content[len(image):])
		copy(c.content, append([]byte(note), make([]byte, pageSize-len(note))...))
		if _, err := run(t.Context(), work(t, c, image)); err != nil || !bytes.Equal(c.content[:len(image)], image) || !bytes.Equal(c.content[len(image):], before) {
			t.Errorf("%q: %v", note[len(noteForm):min(len(note), len(noteForm)+20)], err)
		}
	}
}

// A signal may come at any write. What a machine keeps behind its image is then as it was.
func TestASignalEndsTheWorkAndMarksAreTakenAway(t *testing.T) {
	image := diskImage(t)
	for last := 1; ; last++ {
		c := newCard(16 * ChunkSize)
		before := bytes.Clone(c.content)
		ctx, cancel := context.WithCancel(t.Context())
		c.check = func(c *card) {
			if c.writes == last {
				cancel()
			}
		}
		w := work(t, c, image)
		_, err := run(ctx, w)
		if c.writes < last {
			return
		}
		if complete := bytes.Equal(c.content[:len(image)], image); !errors.Is(err, context.Canceled) && !complete {
			t.Fatalf("write %d: %v", last, err)
		} else if !complete && !zeros(c.content[:pageSize]) {
			t.Errorf("write %d: the first page is not cleared", last)
		}
		if !w.Begun || !bytes.Equal(c.content[len(image):], before[len(image):]) {
			t.Errorf("write %d: what is behind the image has changed", last)
		}
	}
}

func TestAnImageThatChangesMeanwhileIsNoticed(t *testing.T) {
	image := diskImage(t)
	c := newCard(16 * ChunkSize)
	w := work(t, c, image)
	changed := bytes.Clone(image)
	changed[2*ChunkSize+9] ^= 1
	w.Open = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(changed)), nil }
	if _, err := run(t.Context(), w); err == nil || !strings.Contains(err.Error(), "it is another than it was a moment ago") {
		t.Errorf("got %v", err)
	}
	w.Open = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(image[:ChunkSize])), nil }
	if _, err := run(t.Context(), w); err == nil || !strings.Contains(err.Error(), "the image at byte 1048576: EOF") {
		t.Errorf("cut off: got %v", err)
	}
	if w.Open = func() (io.ReadCloser, error) { return nil, syscall.ENOENT }; true {
		w.Begun = false
		if _, err := run(t.Context(), w); !errors.Is(err, syscall.ENOENT) || w.Begun {
			t.Errorf("removed: got %v", err)
		}
	}
}
