package images

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"

	"bantam/frame"
	"bantam/packing"
)

// What a machine puts together from an ISO is the disk image, byte for byte.
func TestTheDiskImageIsPutTogetherFromTheISO(t *testing.T) {
	for name, layers := range map[string]int64{"without layers": 0, "with layers": 3 * 4096} {
		d := fakeDisk(t, 100_001, 50_003)
		if layers > 0 {
			d.Layers = layout{size: layers}
			d.Layers.add(0, "layer", numbered(layers-100, 9))
		}
		dir := t.TempDir()
		disk, iso := filepath.Join(dir, "pc.img"), filepath.Join(dir, "pc.iso")
		if err := WriteDisk(disk, d); err != nil {
			t.Fatal(err)
		}
		cut, err := d.frame(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := WriteHybrid(iso, Parts{Loaders: pcLoaders(t), Kernel: Bytes(d.Kernel), Initrd: Bytes(d.Initrd), Layers: d.Layers, Cmdline: "quiet",
			Disk: d.Disk, Frame: cut, Label: "BANTAM", OSRelease: "ID=bantam\n"}); err != nil {
			t.Fatal(err)
		}
		medium, err := os.Open(iso)
		if err != nil {
			t.Fatal(err)
		}
		defer medium.Close()
		files, err := frame.Files(medium)
		if err != nil {
			t.Fatal(err)
		}
		plain, _, err := packing.Open(files[frame.File])
		if err != nil {
			t.Fatal(err)
		}
		unpacked, err := io.ReadAll(plain)
		if err != nil {
			t.Fatal(err)
		}
		image, err := frame.Fill(unpacked, frame.Parts{Kernel: files[frame.KernelFile], Initrd: files[frame.InitrdFile], Layers: files[frame.LayersFile]})
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(io.NewSectionReader(image, 0, image.Size()))
		if want, readErr := os.ReadFile(disk); err != nil || readErr != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes, want the %d of the disk image (%v, %v)", name, len(got), len(want), err, readErr)
		}
		if output(t, "xorriso", "-indev", iso, "-find", "/", "-name", frame.File) == "" {
			t.Error("xorriso finds no frame")
		}
	}
}
