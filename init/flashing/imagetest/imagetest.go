// Package imagetest makes disk images in small for tests, laid out as `bantam build` does it, without a boot loader.
package imagetest

import (
	"math/rand"
	"slices"
	"testing"

	"bantam/gpt"
	"bantam/layer"
	"bantam/slot"
	"bantam/switcher"
)

// A Sample is such an image, and what is in it.
type Sample struct {
	Bytes []byte
	switcher.Generation
	Content map[switcher.Digest][]byte // the blobs
	taken   [][2]int64                 // the places of which a byte counts: the rest is the boot loader's, its state and padding
}

// New makes one with that system.toml. change may change its generation before it is written; layers that are lacking are named and do not
// lie in it.
func New(t testing.TB, text string, change func(*switcher.Generation), lacking ...string) Sample {
	t.Helper()
	s := Sample{Content: map[switcher.Digest][]byte{}}
	random := rand.New(rand.NewSource(7))
	blob := func(mediaType string, size int, annotations map[string]string) switcher.Descriptor {
		b := make([]byte, size)
		random.Read(b)
		d := switcher.Descriptor{MediaType: mediaType, Digest: switcher.DigestOf(b), Size: int64(size), Annotations: annotations}
		s.Content[d.Digest] = b
		return d
	}
	named := func(key, value string) map[string]string { return map[string]string{key: value} }
	s.Content[switcher.DigestOf([]byte(text))] = []byte(text)
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
	initrd := slices.Concat(s.Content[s.Initrd[0].Digest], s.Content[s.Initrd[1].Digest], segment)
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
	sums, err := slot.SumsOf(s.Content[s.Kernel.Digest], initrd).Encode(h)
	if err != nil {
		t.Fatal(err)
	}
	s.Bytes = make([]byte, table.Sectors*512)
	put := func(sector uint64, b []byte) { copy(s.Bytes[sector*512:], b) }
	gpt.ProtectiveMBR(s.Bytes[:512], table.Sectors, false)
	put(1, table.Primary())
	for _, d := range s.Layers {
		for _, e := range area {
			if e.SHA256 == d.Digest.Hex() {
				put(layersAt+uint64(e.Offset)/512, s.Content[d.Digest])
			}
		}
	}
	put(slotAt, header)
	put(slotAt+slot.SumsAt/512, sums)
	put(slotAt+h.Kernel.First, s.Content[s.Kernel.Digest])
	put(slotAt+h.Initrd.First, initrd)
	put(slotAt+h.Origin(), gpt.Origin{Image: table.Disk, Sector: slotAt + h.Origin()}.Archive())
	put(table.Sectors-gpt.TableSectors, table.Backup())
	const tableHeader = 92 // the rest of its sector is in no checksum
	s.taken = [][2]int64{{512, 512 + tableHeader}, {1024, first * 512}, {int64(layersAt) * 512, int64(len(s.Bytes)) - 512}, {int64(len(s.Bytes)) - 512, int64(len(s.Bytes)) - 512 + tableHeader}}
	return s
}

// Counts says whether a byte of the image is taken of it: the rest is a boot loader's, its state, and padding.
func (s Sample) Counts(at int64) bool {
	return slices.ContainsFunc(s.taken, func(r [2]int64) bool { return r[0] <= at && at < r[1] })
}
