package switcher

import (
	"bytes"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"

	"bantam/layer"
)

func segmentOf(t testing.TB, area layer.Area) (Generation, []byte) {
	t.Helper()
	text := []byte("hostname = \"far\"\n")
	g := Generation{Board: "pc", Arch: "amd64", System: Descriptor{MediaType: SystemType, Digest: DigestOf(text), Size: int64(len(text))},
		Kernel: Descriptor{MediaType: KernelType, Digest: DigestOf([]byte("kernel")), Size: 6}}
	segment, err := g.Segment(text, area)
	if err != nil {
		t.Fatal(err)
	}
	return g, segment
}

func sectionOf(b []byte) *io.SectionReader {
	return io.NewSectionReader(bytes.NewReader(b), 0, int64(len(b)))
}

func TestTheSegmentOfAGenerationIsFoundAtTheEndOfAnInitrd(t *testing.T) {
	name := GenerationPath[1:] + "/" + ManifestName + "\x00"
	for claim, before := range map[string]string{"alone": "", "behind others": strings.Repeat("070701", 1000), "whose names stand elsewhere": name + strings.Repeat("070701", 20) + name + layer.AreaPath[1:] + "\x00"} {
		for _, area := range []layer.Area{nil, {{SHA256: strings.Repeat("ab", 32), Offset: 4096, Length: 7}}} {
			g, segment := segmentOf(t, area)
			initrd := slices.Concat([]byte(before), segment, make([]byte, 400))
			c, err := FindSegment(sectionOf(initrd), g.Digest())
			if err != nil || !reflect.DeepEqual(c.Generation, g) || string(c.Text) != "hostname = \"far\"\n" || !slices.Equal(c.Area, area) {
				t.Errorf("%s: %+v, %v", claim, c, err)
			}
		}
	}
	g, _ := segmentOf(t, nil)
	if _, err := FindSegment(sectionOf([]byte("no archive")), g.Digest()); err == nil || !strings.Contains(err.Error(), "does not name generation") {
		t.Error(err)
	}
}

func FuzzFindSegment(f *testing.F) {
	g, segment := segmentOf(f, layer.Area{{SHA256: strings.Repeat("ab", 32), Offset: 4096, Length: 7}})
	f.Add(segment, uint16(100), byte(1))
	f.Fuzz(func(t *testing.T, initrd []byte, at uint16, flip byte) {
		if int(at) < len(initrd) {
			initrd[at] ^= flip
		}
		c, err := FindSegment(sectionOf(initrd), g.Digest())
		if err == nil && (c.Digest() != g.Digest() || DigestOf(c.Text) != g.System.Digest) {
			t.Errorf("found %s", c.Digest())
		}
	})
}
