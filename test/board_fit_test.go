package test

import (
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"bantam/board"
)

// Every board whose U-Boot starts a FIT image: the same system.toml is built, and dumpimage finds in it what bootm will start.
func TestBoardFITImagesAreWhatBootmStarts(t *testing.T) {
	for _, name := range board.Names() {
		b, err := board.Load(name)
		if err != nil {
			t.Fatal(err)
		}
		if b.Boot != board.FIT || !tested(name) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			image := filepath.Join(build(t, name, "../examples/pc/system.toml"), name+".itb")
			size := int64(len(read(t, image)))
			t.Logf("%s: %d bytes", name, size)
			if most := mostBytes[b.Arch]; size > most {
				t.Errorf("the image has %d bytes, more than %d", size, most)
			}
			said, err := exec.Command("dumpimage", "-l", image).CombinedOutput()
			if err != nil {
				t.Fatalf("dumpimage: %v\n%s", err, said)
			}
			for _, want := range []string{"Default Configuration: 'config-1'", "Kernel:       kernel-1", "Init Ramdisk: initrd-1", "FDT:          fdt-1", "Compression:  gzip compressed", "Hash algo:    sha256"} {
				if !strings.Contains(string(said), want) {
					t.Errorf("dumpimage does not say %q:\n%s", want, said)
				}
			}
			first := ""
			for i, tree := range b.DeviceTrees {
				out := filepath.Join(t.TempDir(), "tree")
				number := string(rune('0' + 2 + i))
				if said, err := exec.Command("dumpimage", "-T", "flat_dt", "-p", number, "-o", out, image).CombinedOutput(); err != nil {
					t.Fatalf("dumpimage: %v\n%s", err, said)
				}
				if strings.HasSuffix(tree, board.Overlay) {
					if said, err := exec.Command("fdtoverlay", "-i", first, "-o", "/dev/null", out).CombinedOutput(); err != nil {
						t.Errorf("%s over %s: %v\n%s", path.Base(tree), path.Base(b.DeviceTrees[0]), err, said)
					}
					continue
				}
				first = out
				if got := model(t, read(t, out)); got == "" {
					t.Errorf("%s names no model", path.Base(tree))
				} else {
					t.Logf("%s: %s", path.Base(tree), got)
				}
			}
		})
	}
}
