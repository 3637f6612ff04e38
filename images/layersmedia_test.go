package images

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"bantam/gpt"
	"bantam/switcher"
)

// squashLayer is a layer of one file, which says its name, and some bytes that cannot be packed.
func squashLayer(t testing.TB, name string, random int) Layer {
	t.Helper()
	dir := t.TempDir()
	tree, file := filepath.Join(dir, "tree"), filepath.Join(dir, "layer")
	data := make([]byte, random)
	rand.New(rand.NewSource(int64(random))).Read(data)
	if err := os.Mkdir(tree, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(tree, "name"), append([]byte(name+"\n"), data...), 0o644); err != nil {
		t.Fatal(err)
	}
	output(t, "mksquashfs", tree, file, "-comp", "xz", "-no-progress", "-quiet", "-all-time", "0", "-mkfs-time", "0", "-nopad")
	packed, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return Layer{Name: name, For: []string{name}, File: file, Digest: switcher.DigestOf(packed), Size: int64(len(packed))}
}

// composedOf is what media need to know of layers.
func composedOf(layers ...Layer) *Composed {
	c := &Composed{Layers: byName(layers)}
	for _, l := range c.Layers {
		c.Generation.Layers = append(c.Generation.Layers, l.descriptor())
	}
	return c
}

// media writes each kind of medium.
var media = map[string]func(t testing.TB, path string, layers layout) error{
	"pc.img": func(t testing.TB, path string, layers layout) error {
		d := fakeDisk(t, 8192, 5000)
		d.Layers = layers
		return WriteDisk(path, d)
	},
	"pc.iso": func(t testing.TB, path string, layers layout) error {
		parts := fakeParts(t, 8192, 5000)
		parts.Layers = layers
		return WriteHybrid(path, parts)
	},
	"arm64.img": func(t testing.TB, path string, layers layout) error {
		d := fakeDisk(t, 70_000, 5000)
		d.Layers, d.Programs = layers, GRUBPrograms{EFI: []byte("program"), EFIPath: "EFI/BOOT/BOOTAA64.EFI"}
		return WriteDisk(path, d)
	},
}

func writeTestMedium(t testing.TB, kind string, c *Composed) (string, error) {
	t.Helper()
	area, done, err := c.openLayers()
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	path := filepath.Join(t.TempDir(), kind)
	return path, media[kind](t, path, area)
}

func TestLayersLieBehindTheESP(t *testing.T) {
	large := squashLayer(t, "program/large", 300_000)
	same := large
	same.Name = "program/same"
	c := composedOf(large, squashLayer(t, "files", 0), squashLayer(t, "package/libc6", 70_000), same)
	area := layersArea(c.Generation.Layers)
	if len(area) != 3 {
		t.Fatalf("%d extents, want those with equal bytes once: %v", len(area), area)
	}
	for kind := range media {
		t.Run(kind, func(t *testing.T) {
			image, err := writeTestMedium(t, kind, c)
			if err != nil {
				t.Fatal(err)
			}
			if out := output(t, "sgdisk", "-v", image); !strings.Contains(out, "No problems found") {
				t.Errorf("sgdisk -v:\n%s", out)
			}
			number, p := readTable(t, image).Find(gpt.Layers)
			info := output(t, "sgdisk", "-i", strconv.Itoa(number), image)
			for _, want := range []string{"Partition GUID code: " + gpt.Layers.String(), "Partition name: 'bantam-layers'"} {
				if !strings.Contains(info, want) {
					t.Errorf("sgdisk -i %d says not %q:\n%s", number, want, info)
				}
			}
			begin := int64(p.First) * gpt.SectorSize
			if begin%4096 != 0 {
				t.Errorf("they begin at byte %d", begin)
			}
			for _, e := range area {
				name := c.Layers[indexOfDigest(c.Layers, e.SHA256)].Name
				got := output(t, "unsquashfs", "-o", strconv.FormatInt(begin+e.Offset, 10), "-cat", image, "name")
				if first, _, _ := strings.Cut(got, "\n"); first != name {
					t.Errorf("at offset %d is %q, want %s", e.Offset, first, name)
				}
			}
			whole, err := os.ReadFile(image)
			if err != nil {
				t.Fatal(err)
			}
			if kind == "pc.iso" {
				file := filepath.Join(t.TempDir(), "LAYERS")
				output(t, "xorriso", "-osirrox", "on", "-indev", image, "-extract", "/LAYERS", file)
				if got, err := os.ReadFile(file); err != nil || !bytes.Equal(got, whole[begin:int64(p.Last+1)*gpt.SectorSize]) {
					t.Errorf("ISO 9660 has %d bytes, %v; want those of the partition", len(got), err)
				}
			}
			again, err := writeTestMedium(t, kind, c)
			if err != nil {
				t.Fatal(err)
			}
			if bytesAgain, err := os.ReadFile(again); err != nil || !bytes.Equal(bytesAgain, whole) {
				t.Errorf("written again it differs (%v)", err)
			}
		})
	}
}

func indexOfDigest(layers []Layer, sum string) int {
	for i, l := range layers {
		if l.Digest.Hex() == sum {
			return i
		}
	}
	panic("no layer has " + sum)
}

func TestNoLayersNoPartition(t *testing.T) {
	for kind := range media {
		image, err := writeTestMedium(t, kind, composedOf())
		if err != nil {
			t.Fatal(err)
		}
		if n, _ := readTable(t, image).Find(gpt.Layers); n != 0 {
			t.Errorf("%s: partition %d", kind, n)
		}
	}
}

// What was put into the cache is what comes onto the medium, or there is no medium.
func TestADamagedLayerComesOntoNoMedium(t *testing.T) {
	for name, change := range map[string]func(f *os.File) error{
		"a flipped bit": func(f *os.File) error { _, err := f.WriteAt([]byte{0xFF}, 4090); return err },
		"cut off":       func(f *os.File) error { return f.Truncate(4095) },
		"empty":         func(f *os.File) error { return f.Truncate(0) },
	} {
		c := composedOf(testLayer(t, "files", 100, 1), testLayer(t, "package/x", 5000, 2))
		f, err := os.OpenFile(c.Layers[1].File, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		err = change(f)
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		for kind := range media {
			image, err := writeTestMedium(t, kind, c)
			if err == nil || !strings.Contains(err.Error(), "package/x") {
				t.Errorf("%s, %s: %v", name, kind, err)
			}
			if left, _ := os.ReadDir(filepath.Dir(image)); len(left) > 0 {
				t.Errorf("%s, %s: files are left: %v", name, kind, left)
			}
		}
	}
}

func TestLayersCountInAnImagesSize(t *testing.T) {
	in := testInputs(t, t.TempDir())
	libc := testLayer(t, "package/libc6", 1_600_000, 1, "package/mosquitto")
	libc.Version = "2.36-9"
	same := testLayer(t, "program/same", 1_600_000, 1, "program/same")
	in.Layers = []Layer{libc, same, testLayer(t, "files", 50_000, 2, "files")}
	c := mustCompose(t, in)
	archive := Archive{CacheDir: testCache(t).Dir, Release: "bookworm", Arch: "amd64"}
	out := t.TempDir()
	sizes, err := c.WriteMedia(context.Background(), archive, in.Board, out, Media(in.Board))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range sizes {
		rest := s.Total
		for _, p := range s.Parts {
			if rest -= p.Size; p.Size < 0 {
				t.Errorf("%s: %s takes %d bytes", s.Image, p.Name, p.Size)
			}
		}
		text := fmt.Sprint(s.Parts)
		for _, want := range []string{"{package/libc6 1600000 2.36-9 for package/mosquitto}", "{program/same 0 the same as package/libc6}", "{files 50000 }"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: parts %s, want %s", s.Image, text, want)
			}
		}
		if rest != 0 {
			t.Errorf("%s: the parts lack %d bytes of %d", s.Image, rest, s.Total)
		}
	}
	b := in.Board
	b.ImageLimit = 1_900_000
	_, err = c.WriteMedia(context.Background(), archive, b, out, Media(b))
	var large *TooLarge
	if !errors.As(err, &large) || !strings.Contains(err.Error(), "the largest parts are package/libc6 1,600,000, ") {
		t.Errorf("over the limit: %v, want the layer named", err)
	}
	if left, _ := os.ReadDir(out); len(left) > 0 {
		t.Errorf("an image that is too large stays: %v", left)
	}
}
