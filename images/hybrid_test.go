package images

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// fakeParts is a medium with real loaders and payload of the sizes given, of which each byte tells where it belongs.
func fakeParts(t testing.TB, kernel, initrd int64) Parts {
	return Parts{Loaders: pcLoaders(t), Kernel: numbered(kernel, 0x11), Initrd: numbered(initrd, 0x22),
		Cmdline: "console=ttyS0 bantam.test=1", Disk: testDisk, Label: "BANTAM", OSRelease: "ID=bantam\n"}
}

func all(t testing.TB, c Content) []byte {
	t.Helper()
	b, err := io.ReadAll(io.NewSectionReader(c, 0, c.Size()))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// espOf copies the EFI system partition out of an image.
func espOf(t testing.TB, image string) string {
	t.Helper()
	table := readTable(t, image)
	p := table.Partitions[0]
	b, err := os.ReadFile(image)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "esp")
	if err := os.WriteFile(path, b[p.First*512:(p.Last+1)*512], 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Every size is one at which something in the layout changes: sector and cluster borders, FAT12 to FAT16, a partition
// of more sectors than the catalogue can say.
func TestOtherToolsFindInAPCMediumWhatWasPutIn(t *testing.T) {
	for name, size := range map[string]struct{ kernel, initrd int64 }{
		"one byte each":                    {1, 1},
		"a kernel that ends with a sector": {2048, 4096},
		"one byte over":                    {2049, 4097},
		"a kernel that ends with a page":   {8192, 1},
		"nearly the most of FAT12":         {4_000_000, 4_200_000},
		"just FAT16":                       {4_000_000, 4_300_000},
		"over 65,535 sectors":              {20_000_000, 15_000_000},
	} {
		t.Run(name, func(t *testing.T) {
			parts := fakeParts(t, size.kernel, size.initrd)
			dir := t.TempDir()
			image := filepath.Join(dir, "pc.img")
			if err := WriteHybrid(image, parts); err != nil {
				t.Fatal(err)
			}
			info, err := os.Stat(image)
			if err != nil {
				t.Fatal(err)
			}
			if overhead := info.Size() - size.kernel - size.initrd; overhead > 400_000 {
				t.Errorf("the medium has %d bytes beside kernel and initrd, want less than 400,000: they are on it once", overhead)
			}

			if out := output(t, "sgdisk", "-v", image); !strings.Contains(out, "No problems found") {
				t.Errorf("sgdisk -v:\n%s", out)
			}
			esp := espOf(t, image)
			output(t, "fsck.fat", "-n", esp)

			program := filepath.Join(dir, "program")
			output(t, "mcopy", "-i", esp, "::/EFI/BOOT/BOOTX64.EFI", program)
			checkUKI(t, program, parts)

			report := output(t, "xorriso", "-indev", image, "-report_el_torito", "plain", "-report_system_area", "plain")
			for _, want := range []string{"El Torito boot img :   1  BIOS", "El Torito boot img :   2  UEFI", "GPT", "Volume id    : 'BANTAM'", "isohybrid-suitable", "GPT partition path :   1  /EFI.IMG"} {
				if !strings.Contains(report, want) {
					t.Errorf("xorriso does not report %q:\n%s", want, report)
				}
			}
			files := filepath.Join(dir, "files")
			output(t, "xorriso", "-osirrox", "on", "-indev", image, "-extract", "/", files)
			for file, want := range map[string][]byte{
				"VMLINUZ": all(t, parts.Kernel), "INITRD": all(t, parts.Initrd),
				"LDLINUX.C32": parts.Loaders.Ldlinux, "ISOLINUX.CFG": []byte(isolinuxConfig(parts.Cmdline)),
			} {
				got, err := os.ReadFile(filepath.Join(files, strings.ToLower(file)))
				if err != nil {
					got, err = os.ReadFile(filepath.Join(files, file))
				}
				if err != nil || !bytes.Equal(got, want) {
					t.Errorf("%s from the ISO file system: %d bytes, %v; want the %d that were put in", file, len(got), err, len(want))
				}
			}
		})
	}
}

func TestTheSamePartsGiveTheSameMedium(t *testing.T) {
	parts := fakeParts(t, 1_000_000, 500_001)
	var first string
	for _, environment := range []map[string]string{{}, {"TZ": "Asia/Tokyo", "LC_ALL": "tr_TR.UTF-8"}, {"SOURCE_DATE_EPOCH": "1", "HOME": "/"}} {
		for k, v := range environment {
			t.Setenv(k, v)
		}
		path := filepath.Join(t.TempDir(), "pc.img")
		if err := WriteHybrid(path, parts); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(b)
		if got := hex.EncodeToString(sum[:]); first == "" {
			first = got
		} else if got != first {
			t.Errorf("with %v: got %s, want %s", environment, got, first)
		}
	}
	// A written hybrid is nothing new: these bytes change only with the loaders or the layout.
	l, err := hybridLayout(parts)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := l.write(&b); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(b.Bytes())
	if got := hex.EncodeToString(sum[:]); got != first {
		t.Errorf("as a stream: got %s, want %s", got, first)
	}
}

func TestWhatDoesNotFitIsRefused(t *testing.T) {
	huge := func(size int64) Content { return io.NewSectionReader(bytes.NewReader(nil), 0, size) }
	good := fakeParts(t, 1, 1)
	for name, change := range map[string]func(p *Parts){
		"a kernel of 5 GiB":                      func(p *Parts) { p.Kernel = huge(5 << 30) },
		"an initrd of 4 GiB less one byte":       func(p *Parts) { p.Initrd = huge(4<<30 - 1) },
		"more than FAT16 can hold":               func(p *Parts) { p.Initrd = huge(2200 << 20) },
		"layers of 4 GiB":                        func(p *Parts) { p.Layers.size = 4 << 30 },
		"a command line longer than BIOS passes": func(p *Parts) { p.Cmdline = strings.Repeat("x", MaxCmdline+1) },
		"a command line of two lines":            func(p *Parts) { p.Cmdline = "a\nLABEL b" },
		"a label in lower case":                  func(p *Parts) { p.Label = "bantam" },
		"a stub that is no program":              func(p *Parts) { p.Loaders.EFIStub = []byte("MZ") },
		"a stub cut off in its headers":          func(p *Parts) { p.Loaders.EFIStub = good.Loaders.EFIStub[:300] },
		"an isolinux.bin that is empty":          func(p *Parts) { p.Loaders.ISOLINUX = nil },
		"disk loader code over the table":        func(p *Parts) { p.Loaders.DiskMBR = make([]byte, 440) },
	} {
		t.Run(name, func(t *testing.T) {
			p := good
			change(&p)
			path := filepath.Join(t.TempDir(), "pc.img")
			if err := WriteHybrid(path, p); err == nil {
				t.Error("it was written")
			}
			if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "*")); len(left) > 0 {
				t.Errorf("files are left: %v", left)
			}
		})
	}
	// The other side of the border: 2 GB fit, on larger clusters. Only the layout is made.
	p := good
	p.Initrd = huge(2000 << 20)
	if _, err := hybridLayout(p); err != nil {
		t.Errorf("an initrd of 2000 MiB: %v", err)
	}
	p = good
	p.Layers.size = 4<<30 - 1<<20
	if _, err := hybridLayout(p); err != nil {
		t.Errorf("layers of nearly 4 GiB: %v", err)
	}
}

func TestAMediumThatCannotBeReadLeavesNothingBehind(t *testing.T) {
	p := fakeParts(t, 1, 1)
	p.Initrd = io.NewSectionReader(bytes.NewReader(make([]byte, 1000)), 0, 5000) // ends too early
	dir := t.TempDir()
	if err := WriteHybrid(filepath.Join(dir, "pc.img"), p); err == nil || !strings.Contains(err.Error(), ".initrd") {
		t.Errorf("got %v, want an error that names the initrd", err)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("files are left: %v", left)
	}
}
