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
	"bantam/init/flashing/imagetest"
	"bantam/switcher"
)

const sampleText = "hostname = \"far\"\n"

// take is what comes of bytes: all blobs of the generation, or why there are none.
func take(b []byte) (*Image, error) {
	f, err := Look(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	err = f.Verify(context.Background(), nil)
	if err == nil && f.Kind == Router {
		err = Examine(context.Background(), &f)
	}
	return f.Image, err
}

// same says whether an image gives what a sample holds.
func same(t *testing.T, s imagetest.Sample, i *Image) {
	t.Helper()
	if i.Digest() != s.Digest() {
		t.Fatalf("generation %s, want %s", i.Digest(), s.Digest())
	}
	for _, d := range s.Generation.Blobs() {
		got, err := io.ReadAll(i.Blob(d.Digest))
		if err != nil || !bytes.Equal(got, s.Content[d.Digest]) {
			t.Errorf("%s: %d bytes, %v", d.Spoken(), len(got), err)
		}
	}
}

func TestTheGenerationOfADiskImageIsTakenOutOfIt(t *testing.T) {
	s := imagetest.New(t, sampleText, nil)
	i, err := take(s.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	same(t, s, i)
	if string(i.Text) != sampleText || i.Blob("sha256:0") != nil {
		t.Errorf("%q, %v", i.Text, i.Blob("sha256:0"))
	}
	f, _ := Look(bytes.NewReader(s.Bytes))
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
	without := imagetest.New(t, sampleText, func(g *switcher.Generation) { g.Layers = nil })
	if i, err = take(without.Bytes); err != nil {
		t.Fatal(err)
	}
	same(t, without, i)
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
	s := imagetest.New(t, sampleText, nil)
	for size := 0; size < len(s.Bytes); size += 1024 {
		for _, n := range []int{size, size + 1, size + 511, size + 512} {
			if n >= len(s.Bytes) {
				continue
			}
			_, err := take(s.Bytes[:n])
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
	s := imagetest.New(t, sampleText, nil)
	for _, n := range []int{1, 511, 512, 513, 4096} {
		for _, b := range [][]byte{make([]byte, n), bytes.Repeat([]byte("x"), n), slices.Clone(s.Bytes[:n])} {
			_, err := take(slices.Concat(s.Bytes, b))
			refused(t, "behind it", err, "bytes behind its end, which its partition table knows nothing of")
		}
	}
}

// Whatever bit is another, the image is refused, or the bit is none of what is taken of it.
func TestAFlippedBitIsFoundOrTakesNothing(t *testing.T) {
	s := imagetest.New(t, sampleText, nil)
	flip := func(at int64, bit int) {
		b := slices.Clone(s.Bytes)
		b[at] ^= 1 << bit
		i, err := take(b)
		if err == nil {
			if same(t, s, i); s.Counts(at) {
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
		flip(random.Int63n(int64(len(s.Bytes))), random.Intn(8))
	}
	slotAt := int64(bytes.Index(s.Bytes, []byte("# GRUB Environment Block")))
	end := int64(len(s.Bytes))
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
	s := imagetest.New(t, sampleText, nil)
	replace := func(with func(b []byte)) []byte {
		b := slices.Clone(s.Bytes)
		with(b)
		return b
	}
	other := imagetest.New(t, "hostname = \"near\"\n", nil)
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
		"a layer that is not in it":  {imagetest.New(t, sampleText, nil, "package/a").Bytes, "layer package/a ("},
		"layers without a partition": {imagetest.New(t, sampleText, nil, "files", "package/a").Bytes, "it has no partition of layers"},
		"a layer of another length":  {imagetest.New(t, sampleText, func(g *switcher.Generation) { g.Layers[1].Size = 1 << 20 }).Bytes, "package a is damaged"},
	} {
		_, err := take(c.b)
		refused(t, claim, err, c.words)
	}
	if bytes.Equal(other.Bytes, s.Bytes) {
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
	s := imagetest.New(f, sampleText, nil)
	f.Add(s.Bytes, uint32(0), byte(0))
	f.Fuzz(func(t *testing.T, b []byte, at uint32, x byte) {
		if int(at) < len(b) {
			b[at] ^= x
		}
		i, err := take(b)
		if err == nil && i != nil && i.Digest() == s.Digest() {
			same(t, s, i)
		}
	})
}
