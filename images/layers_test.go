package images

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"bantam/layer"
	"bantam/switcher"

	"github.com/u-root/u-root/pkg/cpio"
)

// testLayer is one of size bytes, of which each tells where it belongs.
func testLayer(t testing.TB, name string, size int64, salt byte, by ...string) Layer {
	t.Helper()
	data := all(t, numbered(size, salt))
	file := filepath.Join(t.TempDir(), "layer")
	if err := os.WriteFile(file, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return Layer{Name: name, For: by, File: file, Digest: switcher.DigestOf(data), Size: size}
}

// inSegment gives a file of a segment that is not packed.
func inSegment(t *testing.T, s Segment, name string) (text string, found bool) {
	t.Helper()
	err := cpio.ForEachRecord(cpio.EOFReader{RecordReader: cpio.Newc.Reader(bytes.NewReader(s.Data))}, func(r cpio.Record) error {
		if r.Name == name {
			data := make([]byte, r.FileSize)
			_, err := r.ReadAt(data, 0)
			text, found = string(data), true
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return text, found
}

func TestLayersAreBlobsOfTheGeneration(t *testing.T) {
	in := testInputs(t, t.TempDir())
	without := mustCompose(t, in)
	if text, found := inSegment(t, without.Segments[len(without.Segments)-1], layer.AreaPath[1:]); found {
		t.Errorf("without layers: %s", text)
	}
	tcpdump, libc := testLayer(t, "package/tcpdump", 4097, 1, "package/tcpdump"), testLayer(t, "package/libc6", 4096, 2, "package/mosquitto", "package/tcpdump")
	libc.Version = "2.36-9+deb12u13"
	files, same := testLayer(t, "files", 1, 3, "files"), testLayer(t, "program/same", 4097, 1, "program/same")
	in.Layers = []Layer{tcpdump, same, files, libc}
	c := mustCompose(t, in)

	store, err := switcher.OpenStore(in.Store)
	if err != nil {
		t.Fatal(err)
	}
	g, err := store.Generation(c.Digest)
	if err != nil {
		t.Fatal(err)
	}
	sorted := []Layer{files, libc, tcpdump, same}
	for i, d := range g.Layers {
		want := sorted[i]
		annotations := map[string]string{"bantam.layer": want.Name, "bantam.for": strings.Join(want.For, " ")}
		if want.Version != "" {
			annotations["bantam.version"] = want.Version
		}
		if d.MediaType != switcher.LayerType || d.Digest != want.Digest || d.Size != want.Size || !maps.Equal(d.Annotations, annotations) {
			t.Errorf("layer %d is %+v, want %+v with %v", i, d, want, annotations)
		}
		if !store.HasBlob(d.Digest) {
			t.Errorf("the store lacks %s", want.Name)
		}
	}
	if len(g.Layers) != len(sorted) || len(g.Initrd) != len(without.Generation.Initrd) {
		t.Errorf("%d layers and %d segments", len(g.Layers), len(g.Initrd))
	}
	text, _ := inSegment(t, c.Segments[len(c.Segments)-1], layer.AreaPath[1:])
	area, err := layer.ReadArea([]byte(text))
	if want := (layer.Area{
		{SHA256: files.Digest.Hex(), Offset: 0, Length: 1},
		{SHA256: libc.Digest.Hex(), Offset: 4096, Length: 4096},
		{SHA256: tcpdump.Digest.Hex(), Offset: 8192, Length: 4097},
	}); err != nil || !slices.Equal(area, want) {
		t.Errorf("area %v, %v; want %v", area, err, want)
	}
	slices.Reverse(in.Layers)
	if again := mustCompose(t, in); again.Digest != c.Digest {
		t.Error("in another order it is another generation")
	}
	in.Layers = nil
	if again := mustCompose(t, in); again.Digest != without.Digest {
		t.Error("without them again it is another generation")
	}
	if store.HasBlob(libc.Digest) {
		t.Error("a layer that nothing names stays in the store")
	}
}

func TestFaultyLayersAreNamed(t *testing.T) {
	for name, c := range map[string]struct {
		change func(t *testing.T, l *Layer)
		want   string
	}{
		"not there":     {func(t *testing.T, l *Layer) { l.File = "/nonexistent/layer" }, "layer files: open /nonexistent/layer"},
		"empty":         {func(t *testing.T, l *Layer) { l.Size = 0 }, "layer files: 0 bytes"},
		"no digest":     {func(t *testing.T, l *Layer) { l.Digest = "" }, "layer files: 5000 bytes of digest \"\""},
		"another":       {func(t *testing.T, l *Layer) { l.File = testLayer(t, "x", 5000, 9).File }, "is damaged; remove it"},
		"too short":     {func(t *testing.T, l *Layer) { os.Truncate(l.File, 4999) }, "is damaged; remove it"},
		"there already": {func(t *testing.T, l *Layer) { l.Name = "package/x" }, "layer package/x: there are two"},
	} {
		t.Run(name, func(t *testing.T) {
			in := testInputs(t, t.TempDir())
			l := testLayer(t, "files", 5000, 1)
			c.change(t, &l)
			in.Layers = []Layer{testLayer(t, "package/x", 10, 2), l}
			_, err := Compose(context.Background(), in)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if damaged := strings.Contains(c.want, "damaged"); errors.Is(err, errDamagedLayer) != damaged {
				t.Errorf("%v: damaged %v", err, damaged)
			}
		})
	}
}
