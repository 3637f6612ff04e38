package bootslot

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"bantam/gpt"
	"bantam/init/statevolume"
	"bantam/layer"
	"bantam/slot"
	"bantam/switcher"
)

// A memoryDisk is a disk that notes what is written, may refuse a write, and may give back other bytes than it was given.
type memoryDisk struct {
	b      []byte
	writes []written
	refuse int // which write fails, counted from 1
	flip   int // the byte that reads back with a flipped bit; -1: none
	asked  int // reads
}

// written is a write, or a sync if it has no bytes.
type written struct {
	at int
	b  []byte
}

var errBroken = errors.New("input/output error")

func (d *memoryDisk) ReadAt(b []byte, at int64) (int, error) {
	d.asked++
	return bytes.NewReader(d.b).ReadAt(b, at)
}

func (d *memoryDisk) WriteAt(b []byte, at int64) (int, error) {
	n := 1
	for _, w := range d.writes {
		if w.b != nil {
			n++
		}
	}
	if n == d.refuse {
		return 0, errBroken
	}
	if at < 0 || at+int64(len(b)) > int64(len(d.b)) || len(b)%512 != 0 || at%512 != 0 {
		return 0, io.ErrShortWrite
	}
	copy(d.b[at:], b)
	d.writes = append(d.writes, written{int(at), bytes.Clone(b)})
	return len(b), nil
}

func (d *memoryDisk) Sync() error {
	d.writes = append(d.writes, written{})
	return nil
}

func (d *memoryDisk) ReadBack(b []byte, at int64) error {
	if len(d.writes) > 0 && d.writes[len(d.writes)-1].b != nil {
		return errors.New("what was written is not synced before it is read back")
	}
	if _, err := d.ReadAt(b, at); err != nil {
		return err
	}
	if i := d.flip - int(at); d.flip >= 0 && i >= 0 && i < len(b) {
		b[i] ^= 4
	}
	return nil
}

func (d *memoryDisk) Close() error { return nil }

// cut calls check with what the disk may hold after a power cut: after each single sector of what is written between two
// syncs, forwards and backwards. d holds the end of it.
func cut(start []byte, writes []written, check func(disk []byte)) (cuts int) {
	disk := bytes.Clone(start)
	var pending []written
	for _, w := range writes {
		if w.b != nil {
			for at := 0; at < len(w.b); at += 512 {
				pending = append(pending, written{w.at + at, w.b[at : at+512]})
			}
			continue
		}
		before := bytes.Clone(disk)
		for i := range pending {
			p := pending[len(pending)-1-i]
			copy(disk[p.at:], p.b)
			check(disk)
			cuts++
		}
		copy(disk, before)
		for _, p := range pending {
			copy(disk[p.at:], p.b)
			check(disk)
			cuts++
		}
		pending = nil
	}
	return cuts
}

// Where things lie on the disk of these tests, in sectors.
const (
	state1, state2 = 8, 16
	slotA, slotB   = 64, 192
	slotSectors    = 100
	diskSectors    = 320
)

var (
	testImage = gpt.DeriveGUID("test", "image")
	testDisk  = gpt.DeriveGUID("test", "disk")
)

func extent(first, count int) statevolume.Extent {
	return statevolume.Extent{Offset: int64(first) * 512, Length: int64(count) * 512}
}

func testSlots() statevolume.Slots {
	return statevolume.Slots{Disk: "/dev/vda", State: [2]statevolume.Extent{extent(state1, 8), extent(state2, 8)},
		A: extent(slotA, slotSectors), B: extent(slotB, slotSectors)}
}

// A machine is one with two slots, started from slot A.
type machine struct {
	form    form
	disk    *memoryDisk
	options Options
	blobs   map[switcher.Digest][]byte
	booted  switcher.Staging // what is in slot A
}

// staging is a generation whose kernel and segments have these contents.
func (m *machine) staging(kernel string, segments ...string) switcher.Staging {
	blob := func(kind, content string) switcher.Descriptor {
		d := switcher.DigestOf([]byte(content))
		m.blobs[d] = []byte(content)
		return switcher.Descriptor{MediaType: kind, Digest: d, Size: int64(len(content))}
	}
	system := []byte("# " + kernel + "\n")
	g := switcher.Generation{Board: "pc", Arch: "amd64", System: blob(switcher.SystemType, string(system)), Kernel: blob(switcher.KernelType, kernel)}
	for _, s := range segments {
		g.Initrd = append(g.Initrd, blob(switcher.InitrdType, s))
	}
	return switcher.Staging{Generation: g, System: system, Blob: func(d switcher.Digest) (io.ReadCloser, error) {
		b, ok := m.blobs[d]
		if !ok {
			return nil, switcher.ErrBlobMissing
		}
		return io.NopCloser(bytes.NewReader(b)), nil
	}}
}

// pattern is content of a length that no other has.
func pattern(name string, length int) string {
	return string(bytes.Repeat([]byte(name+"."), length/len(name)+1)[:length])
}

const testArgs = "console=ttyS0 quiet bantam.disk="

// newMachine is newMachineOf GRUB.
func newMachine(t testing.TB) *machine {
	t.Helper()
	return newMachineOf(t, forms[0])
}

// eachLoader runs a test for the state in the form of each boot loader.
func eachLoader(t *testing.T, test func(t *testing.T, f form)) {
	for _, f := range forms {
		t.Run(f.name, func(t *testing.T) { test(t, f) })
	}
}

// newMachineOf has a kernel in slot A, put there as an image would have it, and the state of a loader that has saved it once.
func newMachineOf(t testing.TB, f form) *machine {
	t.Helper()
	m := &machine{form: f, disk: &memoryDisk{b: bytes.Repeat([]byte("old."), diskSectors*128), flip: -1}, blobs: map[switcher.Digest][]byte{}}
	m.options = Options{Slots: testSlots(), Booted: slot.A, Loader: f.name, Area: func() (layer.Area, error) { return testArea, nil }}
	m.booted = m.staging(pattern("first kernel", 3000), pattern("modules", 1000), pattern("init", 2000))
	g := m.booted.Generation
	segment, err := g.Segment(m.booted.System, testArea)
	if err != nil {
		t.Fatal(err)
	}
	kernel := m.blobs[g.Kernel.Digest]
	initrd := bytes.Join([][]byte{m.blobs[g.Initrd[0].Digest], m.blobs[g.Initrd[1].Digest], segment}, nil)
	h := slot.NewHeader(int64(len(kernel)), int64(len(initrd)))
	h.Generation, h.Boot, h.Args = string(g.Digest()), string(g.BootID()), testArgs+testImage.String()
	put := func(sector uint64, b []byte, err error) {
		if err != nil {
			t.Fatal(err)
		}
		at := (slotA + int(sector)) * 512
		clear(m.disk.b[at : at+(len(b)+511)/512*512])
		copy(m.disk.b[at:], b)
	}
	header, err := h.Encode()
	put(0, header, err)
	sums, err := slot.SumsOf(kernel, initrd).Encode(h)
	put(2, sums, err)
	put(h.Kernel.First, kernel, nil)
	put(h.Initrd.First, initrd, nil)
	put(h.Origin(), gpt.Origin{Image: testImage, Sector: slotA + h.Origin(), Disk: testDisk}.Archive(), nil)
	clear(m.disk.b[slotB*512 : (slotB+4)*512])
	s := slot.Delivered
	s.Seen = slot.A
	m.setState(t, s, s)
	m.options.Generation = g.Digest()
	return m
}

var testArea = layer.Area{{SHA256: fmt.Sprintf("%064x", 1), Offset: 0, Length: 4096}}

// setState writes copies, as the loader has them.
func (m *machine) setState(t testing.TB, one, two slot.State) {
	t.Helper()
	for sector, s := range map[int]slot.State{state1: one, state2: two} {
		block, err := m.form.encode(s)
		if err != nil {
			t.Fatal(err)
		}
		copy(m.disk.b[sector*512:], m.form.whole(block))
	}
}

// tear damages a byte of the state in a copy, e.g. state1.
func (m *machine) tear(sector, at int) { m.disk.b[sector*512+m.form.at+at] ^= 1 }

// loaderReads is the state that the loader goes by on a disk; nil: its defaults.
func loaderReads(f form, disk []byte) *slot.State {
	for _, sector := range []int{state1, state2} {
		if s, err := f.read(disk[sector*512:][:slot.CopySize]); err == nil {
			return &s
		}
	}
	return nil
}

func (m *machine) open(t testing.TB) (*Loader, []string) {
	t.Helper()
	loader, notes := openOn(m.options, func(bool) (disk, error) { return m.disk, nil })
	l, ok := loader.(*Loader)
	if !ok {
		t.Fatalf("got a loader of kind %s: %s; %q", loader.Name(), loader.Capabilities().Why, notes)
	}
	return l, notes
}

func TestWhatIsReadBackFromADiskIsWhatItHas(t *testing.T) {
	path := filepath.Join(t.TempDir(), "disk")
	want := bytes.Repeat([]byte("0123456789abcdef"), (2*chunk+1024)/16)
	if err := os.WriteFile(path, make([]byte, len(want)), 0o600); err != nil {
		t.Fatal(err)
	}
	d, err := openDisk(path, true)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if _, err := d.WriteAt(want, 0); err != nil {
		t.Fatal(err)
	}
	if err := d.Sync(); err != nil {
		t.Fatal(err)
	}
	for _, part := range []struct{ at, n int }{{0, len(want)}, {512, chunk + 512}, {chunk, 512}} {
		got := make([]byte, part.n)
		if err := d.ReadBack(got, int64(part.at)); err != nil || !bytes.Equal(got, want[part.at:][:part.n]) {
			t.Errorf("%d bytes at %d: %v", part.n, part.at, err)
		}
	}
	if err := d.ReadBack(make([]byte, 512), int64(len(want))); err == nil {
		t.Error("a read behind the end is no error")
	}
}

var background = context.Background()
