package frame

import (
	"bytes"
	"encoding/binary"
	"io"
	"strings"
	"testing"

	"bantam/gpt"
	"bantam/init/flashing/imagetest"
	"bantam/slot"
	"bantam/switcher"
)

// apart is an image's frame, and what it lacks as a medium has it: without what fills up the last sectors.
func apart(t testing.TB, image []byte) ([]byte, Parts) {
	t.Helper()
	f, err := Cut(bytes.NewReader(image))
	if err != nil {
		t.Fatal(err)
	}
	table, p, err := tableOf(bytes.NewReader(image))
	if err != nil {
		t.Fatal(err)
	}
	h, err := slot.ParseHeader(image[p.First*512:][:slot.HeaderSize])
	if err != nil {
		t.Fatal(err)
	}
	section := func(at, n uint64, fill int64) *io.SectionReader {
		return io.NewSectionReader(bytes.NewReader(image), int64(at)*512, int64(n)*512-fill)
	}
	const kernel, segment = 5000, 0 // of imagetest's
	parts := Parts{Kernel: section(p.First+h.Kernel.First, h.Kernel.Count, int64(h.Kernel.Count)*512-kernel), Initrd: section(p.First+h.Initrd.First, h.Initrd.Count, segment)}
	if _, l := table.Find(gpt.Layers); !l.Type.IsZero() {
		parts.Layers = section(l.First, l.Sectors(), 0)
	}
	return f, parts
}

func sample(t testing.TB, layers bool) []byte {
	return imagetest.New(t, "hostname = \"far\"\n", func(g *switcher.Generation) {
		if !layers {
			g.Layers = nil
		}
	}).Bytes
}

func TestAnImageIsPutTogetherAsItWas(t *testing.T) {
	for _, layers := range []bool{true, false} {
		image := sample(t, layers)
		f, parts := apart(t, image)
		if gone := len(image) - len(f); gone < 10_000 || len(f) > 34*2*512+8192 {
			t.Errorf("the frame has %d bytes of %d", len(f), len(image))
		}
		i, err := Fill(f, parts)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(io.NewSectionReader(i, 0, i.Size()))
		if err != nil || !bytes.Equal(got, image) {
			t.Errorf("layers %v: %d bytes, %v, equal: %v", layers, len(got), err, bytes.Equal(got, image))
		}
		for at := range int64(len(image)) { // a read may begin and end anywhere
			n := min(1+at%1500, int64(len(image))-at)
			b := make([]byte, n)
			if k, err := i.ReadAt(b, at); err != nil || int64(k) != n || !bytes.Equal(b, image[at:at+n]) {
				t.Fatalf("%d bytes at %d: %d, %v", n, at, k, err)
			}
		}
		if n, err := i.ReadAt(make([]byte, 10), i.Size()-4); n != 4 || err != io.EOF {
			t.Errorf("over its end: %d, %v", n, err)
		}
	}
}

func TestAMediumThatLacksAPartIsRefused(t *testing.T) {
	f, whole := apart(t, sample(t, true))
	shorter := func(r *io.SectionReader, by int64) *io.SectionReader {
		return io.NewSectionReader(r, 0, r.Size()-by)
	}
	for _, c := range []struct {
		claim, want string
		change      func(p *Parts)
	}{
		{"no kernel", "no kernel", func(p *Parts) { p.Kernel = nil }},
		{"no initrd", "no initrd", func(p *Parts) { p.Initrd = nil }},
		{"no layers", "no layers", func(p *Parts) { p.Layers = nil }},
		{"a kernel of another image", "the kernel of the medium has 4488 bytes", func(p *Parts) { p.Kernel = shorter(p.Kernel, 512) }},
		{"an initrd that is too long", "a place of", func(p *Parts) { p.Initrd = whole.Layers }},
		{"layers that end early", "the layers of the medium has 11776 bytes", func(p *Parts) { p.Layers = shorter(p.Layers, 512) }},
	} {
		p := whole
		c.change(&p)
		if _, err := Fill(f, p); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.claim, err, c.want)
		}
	}
	for n := 0; n < len(f); n += 256 {
		if _, err := Fill(f[:n], whole); err == nil {
			t.Fatalf("a frame of which %d bytes of %d are there is taken", n, len(f))
		}
	}
	if _, err := Fill(append(bytes.Clone(f), 0), whole); err == nil || !strings.Contains(err.Error(), "its table tells of") {
		t.Errorf("a byte too many: %v", err)
	}
	if _, err := Cut(bytes.NewReader(make([]byte, 1<<20))); err == nil {
		t.Error("zeros have a frame")
	}
}

func FuzzFill(f *testing.F) {
	image := sample(f, true)
	whole, parts := apart(f, image)
	f.Add(uint32(700), []byte{1, 2, 3})
	f.Add(uint32(34*512+6*512+10), []byte("KERNEL=0+900000\n"))
	f.Fuzz(func(t *testing.T, at uint32, change []byte) {
		b := bytes.Clone(whole)
		copy(b[int(at)%len(b):], change)
		i, err := Fill(b, parts)
		if err != nil {
			return
		}
		if n, err := io.Copy(io.Discard, io.NewSectionReader(i, 0, i.Size())); err != nil || n != i.Size() {
			t.Fatalf("%d of %d bytes, %v", n, i.Size(), err)
		}
	})
}

// iso is the beginning of an ISO with these records in its root directory.
func iso(records ...[]byte) []byte {
	b := make([]byte, 18*isoSector)
	volume := b[isoVolume:]
	copy(volume, "\x01CD001\x01")
	copy(volume[isoRootAt:], record("\x00", 17, isoSector, 2))
	at := 17 * isoSector
	for _, r := range records {
		at += copy(b[at:], r)
	}
	return b
}

func record(name string, sector, size uint32, flags byte) []byte {
	r := make([]byte, (33+len(name)+1)/2*2)
	r[0], r[25], r[32] = byte(len(r)), flags, byte(len(name))
	binary.LittleEndian.PutUint32(r[2:], sector)
	binary.LittleEndian.PutUint32(r[10:], size)
	copy(r[33:], name)
	return r
}

func TestFilesOfAnISO(t *testing.T) {
	files, err := Files(bytes.NewReader(iso(record("\x00", 17, 2048, 2), record("VMLINUZ.;1", 16, 40, 0), record("DISK.XZ;1", 17, 7, 0))))
	if err != nil || len(files) != 2 {
		t.Fatalf("%v, %v", files, err)
	}
	got, err := io.ReadAll(files[KernelFile])
	if err != nil || len(got) != 40 || !strings.HasPrefix(string(got), "\x01CD001") || files[File].Size() != 7 {
		t.Errorf("%q, %v, %d", got, err, files[File].Size())
	}
	long := record("A;1", 1, 1, 0)
	long[0] = 255
	name := record("A;1", 1, 1, 0)
	name[32] = 200
	root := iso()
	binary.LittleEndian.PutUint32(root[isoVolume+isoRootAt+10:], 1<<30)
	for claim, b := range map[string][]byte{
		"a record over the end of its directory": iso(bytes.Repeat(record("A;1", 1, 1, 0), 55), long),
		"a name over the end of its record":      iso(name),
		"a record that is too short":             iso([]byte{3, 0, 0}),
		"a root of a gigabyte":                   root,
		"zeros":                                  make([]byte, 20*isoSector),
		"nothing":                                nil,
		"a directory that is not there":          iso()[:17*isoSector],
	} {
		if files, err := Files(bytes.NewReader(b)); err == nil {
			t.Errorf("%s: %v", claim, files)
		}
	}
}

func FuzzFiles(f *testing.F) {
	f.Add(iso(record("VMLINUZ.;1", 16, 40, 0))[isoVolume:])
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _ = Files(bytes.NewReader(append(make([]byte, isoVolume), b...)))
	})
}
