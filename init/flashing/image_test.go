package flashing

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand"
	"slices"
	"strconv"
	"strings"
	"testing"

	"bantam/gpt"
	"bantam/layer"
	"bantam/slot"
	"bantam/switcher"
)

// A sample is a disk image in small, as `bantam build` lays it out, and what is in it.
type sample struct {
	bytes []byte
	switcher.Generation
	blobs map[switcher.Digest][]byte
	taken [][2]int64 // the places of which a byte counts: the rest is the boot loader's, its state and padding
}

func newSample(t testing.TB, text string, change func(*switcher.Generation), lacking ...string) sample {
	t.Helper()
	s := sample{blobs: map[switcher.Digest][]byte{}}
	random := rand.New(rand.NewSource(7))
	blob := func(mediaType string, size int, annotations map[string]string) switcher.Descriptor {
		b := make([]byte, size)
		random.Read(b)
		d := switcher.Descriptor{MediaType: mediaType, Digest: switcher.DigestOf(b), Size: int64(size), Annotations: annotations}
		s.blobs[d.Digest] = b
		return d
	}
	named := func(key, value string) map[string]string { return map[string]string{key: value} }
	s.blobs[switcher.DigestOf([]byte(text))] = []byte(text)
	s.Generation = switcher.Generation{Board: "pc", Arch: "amd64",
		System: switcher.Descriptor{MediaType: switcher.SystemType, Digest: switcher.DigestOf([]byte(text)), Size: int64(len(text))},
		Kernel: blob(switcher.KernelType, 5000, named(switcher.VersionAnnotation, "6.1.0-1-amd64")),
		Initrd: []switcher.Descriptor{blob(switcher.InitrdType, 3000, named(switcher.SegmentAnnotation, "modules")), blob(switcher.InitrdType, 2048, named(switcher.SegmentAnnotation, "init"))},
		Layers: []switcher.Descriptor{blob(switcher.LayerType, 8192, named(switcher.LayerAnnotation, "files")), blob(switcher.LayerType, 4096, named(switcher.LayerAnnotation, "package/a"))}}
	if change != nil {
		change(&s.Generation)
	}
	area, at := layer.Area{}, int64(0)
	for _, d := range s.Layers {
		if slices.Contains(lacking, d.LayerName()) {
			continue
		}
		area, at = append(area, layer.Extent{SHA256: d.Digest.Hex(), Offset: at, Length: d.Size}), at+d.Size
	}
	segment, err := s.Segment([]byte(text), area)
	if err != nil {
		t.Fatal(err)
	}
	initrd := slices.Concat(s.blobs[s.Initrd[0].Digest], s.blobs[s.Initrd[1].Digest], segment)
	h := slot.NewHeader(s.Kernel.Size, int64(len(initrd)))
	h.Args, h.Generation, h.Boot = "quiet", string(s.Digest()), string(s.BootID())
	const first = 34
	layersAt, slotAt := uint64(40), uint64(40)+uint64(at)/512
	table := gpt.Table{Disk: gpt.DeriveGUID("sample", "disk"), Sectors: slotAt + h.Sectors() + gpt.TableSectors, Partitions: []gpt.Partition{
		{Type: gpt.BootState, ID: gpt.DeriveGUID("sample", "state"), First: first, Last: layersAt - 1, Name: "state"},
		{Type: gpt.Layers, ID: gpt.DeriveGUID("sample", "layers"), First: layersAt, Last: slotAt - 1, Name: "layers"},
		{Type: gpt.Slot, ID: gpt.DeriveGUID("sample", "slot"), First: slotAt, Last: slotAt + h.Sectors() - 1, Name: "slot"}}}
	if at == 0 {
		table.Partitions[1] = gpt.Partition{}
	}
	if err := table.Verify(); err != nil {
		t.Fatal(err)
	}
	header, err := h.Encode()
	if err != nil {
		t.Fatal(err)
	}
	sums, err := slot.SumsOf(s.blobs[s.Kernel.Digest], initrd).Encode(h)
	if err != nil {
		t.Fatal(err)
	}
	s.bytes = make([]byte, table.Sectors*512)
	put := func(sector uint64, b []byte) { copy(s.bytes[sector*512:], b) }
	gpt.ProtectiveMBR(s.bytes[:512], table.Sectors, false)
	put(1, table.Primary())
	for _, d := range s.Layers {
		for _, e := range area {
			if e.SHA256 == d.Digest.Hex() {
				put(layersAt+uint64(e.Offset)/512, s.blobs[d.Digest])
			}
		}
	}
	put(slotAt, header)
	put(slotAt+slot.SumsAt/512, sums)
	put(slotAt+h.Kernel.First, s.blobs[s.Kernel.Digest])
	put(slotAt+h.Initrd.First, initrd)
	put(slotAt+h.Origin(), gpt.Origin{Image: table.Disk, Sector: slotAt + h.Origin()}.Archive())
	put(table.Sectors-gpt.TableSectors, table.Backup())
	const tableHeader = 92 // the rest of its sector is in no checksum
	s.taken = [][2]int64{{512, 512 + tableHeader}, {1024, first * 512}, {int64(layersAt) * 512, int64(len(s.bytes)) - 512}, {int64(len(s.bytes)) - 512, int64(len(s.bytes)) - 512 + tableHeader}}
	return s
}

func (s sample) counts(at int64) bool {
	return slices.ContainsFunc(s.taken, func(r [2]int64) bool { return r[0] <= at && at < r[1] })
}

const sampleText = "hostname = \"far\"\n"

// take is what comes of bytes: all blobs of the generation, or why there are none.
func take(b []byte) (*Image, error) {
	f, err := Look(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	return f.Image, f.Verify(context.Background(), nil)
}

// same says whether an image gives what a sample holds.
func (s sample) same(t *testing.T, i *Image) {
	t.Helper()
	if i.Digest() != s.Digest() {
		t.Fatalf("generation %s, want %s", i.Digest(), s.Digest())
	}
	for _, d := range s.Generation.Blobs() {
		got, err := io.ReadAll(i.Blob(d.Digest))
		if err != nil || !bytes.Equal(got, s.blobs[d.Digest]) {
			t.Errorf("%s: %d bytes, %v", d.Spoken(), len(got), err)
		}
	}
}

func TestTheGenerationOfADiskImageIsTakenOutOfIt(t *testing.T) {
	s := newSample(t, sampleText, nil)
	i, err := take(s.bytes)
	if err != nil {
		t.Fatal(err)
	}
	s.same(t, i)
	if string(i.Text) != sampleText || i.Blob("sha256:0") != nil {
		t.Errorf("%q, %v", i.Text, i.Blob("sha256:0"))
	}
	f, _ := Look(bytes.NewReader(s.bytes))
	if want := "a disk image of Bantam for board pc (Linux 6.1.0-1-amd64)"; f.Kind != DiskImage || f.What != want {
		t.Errorf("%v %q", f.Kind, f.What)
	}
	var last [2]int64
	if err := f.Verify(t.Context(), func(done, total int64) { last = [2]int64{done, total} }); err != nil || last[0] != last[1] || last[0] < 5000 {
		t.Errorf("%v of it were told, %v", last, err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := f.Verify(ended, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("given up: %v", err)
	}
	without := newSample(t, sampleText, func(g *switcher.Generation) { g.Layers = nil })
	if i, err = take(without.bytes); err != nil {
		t.Fatal(err)
	}
	without.same(t, i)
}

// refused wants a *Refusal that no --force overrides.
func refused(t *testing.T, claim string, err error, words string) {
	t.Helper()
	var r *Refusal
	if !errors.As(err, &r) || r.Forceable || r.Help == "" || !strings.Contains(err.Error(), words) {
		t.Errorf("%s: %v, want %q", claim, err, words)
	}
}

func TestAnImageThatIsCutOffAnywhereIsRefused(t *testing.T) {
	s := newSample(t, sampleText, nil)
	for size := 0; size < len(s.bytes); size += 1024 {
		for _, n := range []int{size, size + 1, size + 511, size + 512} {
			if n >= len(s.bytes) {
				continue
			}
			_, err := take(s.bytes[:n])
			words := "it is cut off: by its partition table it has "
			switch {
			case n == 0:
				words = "it is empty"
			case n < 520:
				words = "it is no firmware"
			case n < 34*512:
				words = "partition table: "
			}
			refused(t, "cut at "+numberOf(n), err, words)
		}
	}
}

func numberOf(n int) string { return strconv.Itoa(n) }

func TestWhatFollowsAnImageIsRefused(t *testing.T) {
	s := newSample(t, sampleText, nil)
	for _, n := range []int{1, 511, 512, 513, 4096} {
		for _, b := range [][]byte{make([]byte, n), bytes.Repeat([]byte("x"), n), slices.Clone(s.bytes[:n])} {
			_, err := take(slices.Concat(s.bytes, b))
			refused(t, "behind it", err, "bytes behind its end, which its partition table knows nothing of")
		}
	}
}

// Whatever bit is another, the image is refused, or the bit is none of what is taken of it.
func TestAFlippedBitIsFoundOrTakesNothing(t *testing.T) {
	s := newSample(t, sampleText, nil)
	flip := func(at int64, bit int) {
		b := slices.Clone(s.bytes)
		b[at] ^= 1 << bit
		i, err := take(b)
		if err == nil {
			if s.same(t, i); s.counts(at) {
				t.Errorf("byte %d, bit %d: it was not found", at, bit)
			}
			return
		}
		var r *Refusal
		if !errors.As(err, &r) || r.Forceable {
			t.Errorf("byte %d, bit %d: %v", at, bit, err)
		}
	}
	random := rand.New(rand.NewSource(3))
	for range 1000 {
		flip(random.Int63n(int64(len(s.bytes))), random.Intn(8))
	}
	slotAt := int64(bytes.Index(s.bytes, []byte("# GRUB Environment Block")))
	end := int64(len(s.bytes))
	if slotAt < 0 {
		t.Fatal("the slot's header was not found")
	}
	for _, header := range [][2]int64{{0, 1024}, {1024, 1024 + 3*128}, {slotAt, slotAt + 4*512}, {end - 512, end}, {end - 33*512, end - 33*512 + 3*128}} {
		for at := header[0]; at < header[1]; at++ {
			flip(at, int(at%8))
		}
	}
}

func TestImagesThatDoNotAgreeWithThemselves(t *testing.T) {
	s := newSample(t, sampleText, nil)
	replace := func(with func(b []byte)) []byte {
		b := slices.Clone(s.bytes)
		with(b)
		return b
	}
	other := newSample(t, "hostname = \"near\"\n", nil)
	for claim, c := range map[string]struct {
		b     []byte
		words string
	}{
		"another table at the end": {replace(func(b []byte) {
			t := gpt.Table{Disk: gpt.DeriveGUID("other", "disk"), Sectors: uint64(len(b)) / 512, Partitions: []gpt.Partition{{Type: gpt.Slot, ID: gpt.DeriveGUID("x", "y"), First: 50, Last: 60}}}
			copy(b[len(b)-gpt.TableSectors*512:], t.Backup())
		}), "it differs from the one at the beginning"},
		"an empty slot": {replace(func(b []byte) {
			at := bytes.Index(b, []byte("# GRUB Environment Block"))
			clear(b[at:][:4*512])
		}), "nothing is in this slot"},
		"an image without a slot":    {newDisk(gpt.ESP), "it has no boot slot of Bantam's"},
		"a layer that is not in it":  {newSample(t, sampleText, nil, "package/a").bytes, "layer package/a ("},
		"layers without a partition": {newSample(t, sampleText, nil, "files", "package/a").bytes, "it has no partition of layers"},
		"a layer of another length":  {newSample(t, sampleText, func(g *switcher.Generation) { g.Layers[1].Size = 1 << 20 }).bytes, "package a is damaged"},
	} {
		_, err := take(c.b)
		refused(t, claim, err, c.words)
	}
	if bytes.Equal(other.bytes, s.bytes) {
		t.Error("another text makes the same image")
	}
}

// newDisk is an image of a disk with one partition of a type.
func newDisk(kind gpt.GUID) []byte {
	table := gpt.Table{Disk: gpt.DeriveGUID("x", "disk"), Sectors: 300, Partitions: []gpt.Partition{{Type: kind, ID: gpt.DeriveGUID("x", "p"), First: 100, Last: 200, Name: "p"}}}
	b := make([]byte, table.Sectors*512)
	gpt.ProtectiveMBR(b[:512], table.Sectors, false)
	copy(b[512:], table.Primary())
	copy(b[len(b)-gpt.TableSectors*512:], table.Backup())
	return b
}

func FuzzLook(f *testing.F) {
	s := newSample(f, sampleText, nil)
	f.Add(s.bytes, uint32(0), byte(0))
	f.Fuzz(func(t *testing.T, b []byte, at uint32, x byte) {
		if int(at) < len(b) {
			b[at] ^= x
		}
		i, err := take(b)
		if err == nil && i != nil && i.Digest() == s.Digest() {
			s.same(t, i)
		}
	})
}
