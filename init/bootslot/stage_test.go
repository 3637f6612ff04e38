package bootslot

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"bantam/gpt"
	"bantam/slot"
	"bantam/switcher"
)

// second is a generation that fits into slot B.
func (m *machine) second() switcher.Staging {
	return m.staging(pattern("second kernel", 5000), pattern("other modules", 2052), pattern("init", 2000))
}

// wantInSlotB checks all of slot B, and that nothing else has changed since start.
func (m *machine) wantInSlotB(t *testing.T, start []byte, s switcher.Staging) {
	t.Helper()
	b := m.disk.b[slotB*512:]
	h, err := slot.ParseHeader(b[:slot.HeaderSize])
	if err != nil {
		t.Fatal(err)
	}
	if h.Generation != string(s.Generation.Digest()) || h.Boot != string(s.Generation.BootID()) || argument(h.Args, "bantam.disk") != testImage.String() {
		t.Errorf("the header is %+v", h)
	}
	segment, err := s.Generation.Segment(s.System, testArea)
	if err != nil {
		t.Fatal(err)
	}
	kernel, initrd := m.blobs[s.Generation.Kernel.Digest], []byte(nil)
	for _, d := range s.Generation.Initrd {
		initrd = append(initrd, m.blobs[d.Digest]...)
	}
	initrd = append(initrd, segment...)
	sums, err := slot.ParseSums(b[slot.SumsAt:][:slot.SumsSize], h)
	if err != nil || sums != slot.SumsOf(kernel, initrd) {
		t.Errorf("the checksums are %+v, %v", sums, err)
	}
	if !bytes.HasPrefix(b[h.Kernel.First*512:], kernel) || !bytes.HasPrefix(b[h.Initrd.First*512:], initrd) {
		t.Error("kernel or initrd are others")
	}
	if o, ok := gpt.ReadOrigin(b[h.Origin()*512:][:512]); !ok || (o != gpt.Origin{Image: testImage, Sector: slotB + h.Origin(), Disk: testDisk}) {
		t.Errorf("the origin is %v", o)
	}
	if !bytes.Equal(start[:slotB*512], m.disk.b[:slotB*512]) || !bytes.Equal(start[(slotB+slotSectors)*512:], m.disk.b[(slotB+slotSectors)*512:]) {
		t.Error("something beside slot B was written")
	}
}

// The power fails after each single sector while slot B is written, empty before or with another kernel: there is nothing in
// it that a boot loader would start, or all of it.
func TestAPowerCutWhileASlotIsWrittenLeavesNothingOrAllInIt(t *testing.T) {
	m := newMachine(t)
	l, _ := m.open(t)
	for _, s := range []switcher.Staging{m.second(), m.staging(pattern("third", 700), pattern("x", 4))} {
		start := bytes.Clone(m.disk.b)
		m.disk.writes = nil
		var done, total int64
		s.Progress = func(d, all int64) {
			if d <= done || d > all {
				t.Errorf("%d of %d bytes after %d", d, all, done)
			}
			done, total = d, all
		}
		if err := l.Stage(background, slot.B, s); err != nil {
			t.Fatal(err)
		}
		if done == 0 || total-done > 16*512 {
			t.Errorf("in the end %d of %d bytes were told of", done, total)
		}
		whole := 0
		cuts := cut(start, m.disk.writes, func(disk []byte) {
			b := disk[slotB*512:][:slotSectors*512]
			h, err := slot.ParseHeader(b[:slot.HeaderSize])
			if err != nil {
				return
			}
			sums, err := slot.ParseSums(b[slot.SumsAt:][:slot.SumsSize], h)
			part := func(r slot.Range) []byte { return b[r.First*512 : r.End()*512] }
			if err != nil || sums != slot.SumsOf(part(h.Kernel), part(h.Initrd)) {
				if h.Generation != string(s.Generation.Digest()) { // the old header, of which the first sector is still there: its sums say so
					return
				}
				t.Fatalf("a header is there before its content: %v", err)
			}
			if h.Generation == string(s.Generation.Digest()) {
				whole++
			}
		})
		if whole == 0 || cuts < 2*12 {
			t.Errorf("%d cuts, after %d the new one is there", cuts, whole)
		}
		m.wantInSlotB(t, start, s)
	}
}

// The old header goes before anything else is written: at no time it stands in front of other content.
func TestTheHeaderGoesFirstAndComesLast(t *testing.T) {
	m := newMachine(t)
	l, _ := m.open(t)
	if err := l.Stage(background, slot.B, m.second()); err != nil {
		t.Fatal(err)
	}
	w := m.disk.writes
	first, second, last := w[0], w[2], w[len(w)-2]
	if first.at != slotB*512 || len(first.b) != 512 || bytes.Count(first.b, []byte{0}) != 512 || w[1].b != nil || second.at != slotB*512+512 || w[3].b != nil {
		t.Errorf("it begins with %d bytes at %d and %d", len(first.b), first.at, second.at)
	}
	if last.at != slotB*512 || len(last.b) != 512 || w[len(w)-1].b != nil || w[len(w)-3].b != nil || w[len(w)-4].at != slotB*512+512 {
		t.Errorf("it ends with %d bytes at %d", len(last.b), last.at)
	}
}

// A disk gives back one flipped bit, in any byte of what was written.
func TestAFlippedBitIsFoundWhereverItIs(t *testing.T) {
	m := newMachine(t)
	l, _ := m.open(t)
	s := m.staging("kernel", "init")
	if err := l.Stage(background, slot.B, s); err != nil {
		t.Fatal(err)
	}
	h, err := slot.ParseHeader(m.disk.b[slotB*512:][:slot.HeaderSize])
	if err != nil {
		t.Fatal(err)
	}
	for i := range int(h.Sectors()) * 512 {
		m.disk.flip, m.disk.writes = slotB*512+i, nil
		if err := l.Stage(background, slot.B, s); !errors.Is(err, errReadBack) {
			t.Fatalf("byte %d: %v", i, err)
		}
		if _, err := slot.ParseHeader(m.disk.b[slotB*512:][:slot.HeaderSize]); err == nil {
			t.Fatalf("byte %d: the header stands", i)
		}
	}
}

func TestAWriteThatFailsLeavesNoHeader(t *testing.T) {
	for n := 1; ; n++ {
		m := newMachine(t)
		l, _ := m.open(t)
		s := m.second()
		if err := l.Stage(background, slot.B, m.staging("before", "x")); err != nil {
			t.Fatal(err)
		}
		start := bytes.Clone(m.disk.b)
		m.disk.writes, m.disk.refuse = nil, n
		err := l.Stage(background, slot.B, s)
		if err == nil {
			if n < 6 {
				t.Errorf("%d writes were all", n-1)
			}
			m.wantInSlotB(t, start, s)
			return
		}
		if !errors.Is(err, errBroken) || !strings.HasPrefix(err.Error(), "boot slot B: write ") {
			t.Errorf("write %d fails: %v", n, err)
		}
		if h, err := slot.ParseHeader(m.disk.b[slotB*512:][:slot.HeaderSize]); n > 1 && err == nil {
			t.Errorf("write %d fails: the header is %+v", n, h)
		}
	}
}

func TestASlotThatIsTooSmallIsNotWritten(t *testing.T) {
	m := newMachine(t)
	l, _ := m.open(t)
	s := m.second()
	p, err := l.layOut(slot.B, s)
	if err != nil {
		t.Fatal(err)
	}
	need := int64(p.header.Sectors()) * 512
	for _, length := range []int64{0, 512, need - 512, need - 1} {
		l.o.Slots.B.Length = length
		err := l.Stage(background, slot.B, s)
		if want := fmt.Sprintf("boot slot B: kernel and initrd take %d bytes, the slot has %d: %d too few", need, length, need-length); err == nil || err.Error() != want {
			t.Errorf("%d bytes: %v, want %s", length, err, want)
		}
		if fits := l.Fits(slot.B, s); fmt.Sprint(fits) != fmt.Sprint(err) {
			t.Errorf("Fits says %v", fits)
		}
	}
	if len(m.disk.writes) > 0 {
		t.Errorf("%d writes", len(m.disk.writes))
	}
	l.o.Slots.B.Length = need
	if err := errors.Join(l.Fits(slot.B, s), l.Stage(background, slot.B, s)); err != nil {
		t.Errorf("just large enough: %v", err)
	}
	unread := s
	unread.System = make([]byte, s.Generation.System.Size) // as an import asks that has not got the text yet
	if err := l.Fits(slot.B, unread); err != nil {
		t.Errorf("with a system.toml that is not known yet: %v", err)
	}
	one := m.staging(pattern("second kernel", 5121), pattern("other modules", 2052), pattern("init", 2000)) // a byte more than a sector
	if err := l.Fits(slot.B, one); err == nil {
		t.Error("a kernel with a byte too much fits")
	}
}

func TestWhatIsNotWrittenToASlot(t *testing.T) {
	for claim, c := range map[string]struct {
		slot   string
		spoil  func(m *machine, s *switcher.Staging)
		want   string
		writes bool // the slot is emptied before it shows
	}{
		"the booted slot":                 {slot.A, nil, switcher.ErrBootedSlot.Error(), false},
		"a slot that there is not":        {"C", nil, `boot slot "C"`, false},
		"another system.toml":             {slot.B, func(_ *machine, s *switcher.Staging) { s.System = []byte("x") }, "system.toml is", false},
		"words that GRUB would expand":    {slot.B, func(_ *machine, s *switcher.Staging) { s.Cmdline = "x=$y" }, "kernel command line", false},
		"more words than a header has":    {slot.B, func(_ *machine, s *switcher.Staging) { s.Cmdline = strings.Repeat("x", 700) }, "kernel command line", false},
		"a kernel without bytes":          {slot.B, func(_ *machine, s *switcher.Staging) { s.Generation.Kernel.Size = 0 }, "slot header", false},
		"a read-only disk":                {slot.B, func(m *machine, _ *switcher.Staging) { m.options.Slots.ReadOnly = true }, "read-only", false},
		"a damaged blob":                  {slot.B, func(m *machine, s *switcher.Staging) { m.blobs[s.Generation.Kernel.Digest][7] ^= 1 }, "corrupt", true},
		"a blob that ends early":          {slot.B, func(_ *machine, s *switcher.Staging) { s.Generation.Initrd[1].Size += 9 }, "unexpected EOF", true},
		"a blob that is not there":        {slot.B, func(m *machine, s *switcher.Staging) { delete(m.blobs, s.Generation.Initrd[0].Digest) }, "blob is missing", true},
		"anything, if the origin is gone": {slot.B, func(m *machine, _ *switcher.Staging) { clear(m.disk.b[(slotA+10)*512 : (slotA+30)*512]) }, "origin of slot A, which tells", false},
	} {
		m := newMachine(t)
		s := m.second()
		if c.spoil != nil {
			c.spoil(m, &s)
		}
		l, _ := m.open(t)
		err := l.Stage(background, c.slot, s)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", claim, err, c.want)
		}
		if (len(m.disk.writes) > 0) != c.writes {
			t.Errorf("%s: %d writes", claim, len(m.disk.writes))
		}
		if _, err := slot.ParseHeader(m.disk.b[slotB*512:][:slot.HeaderSize]); !errors.Is(err, slot.ErrEmpty) {
			t.Errorf("%s: the slot holds something: %v", claim, err)
		}
	}
}

func TestStagingEndsWithItsContext(t *testing.T) {
	m := newMachine(t)
	l, _ := m.open(t)
	ctx, cancel := context.WithCancel(background)
	s := m.second()
	s.Progress = func(int64, int64) { cancel() }
	if err := l.Stage(ctx, slot.B, s); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if _, err := slot.ParseHeader(m.disk.b[slotB*512:][:slot.HeaderSize]); !errors.Is(err, slot.ErrEmpty) {
		t.Errorf("the slot holds something: %v", err)
	}
}

func TestWordsForTheKernel(t *testing.T) {
	m := newMachine(t)
	l, _ := m.open(t)
	of := " bantam.disk=" + testImage.String()
	for board, want := range map[string]string{
		"":                           testArgs + testImage.String(),
		"console=tty0 quiet":         "console=tty0 quiet" + of,
		"console=tty0 bantam.disk=x": "console=tty0 bantam.disk=x",
	} {
		if got, err := l.args(board); err != nil || got != want {
			t.Errorf("%q: got %q, %v, want %q", board, got, err, want)
		}
	}
}
