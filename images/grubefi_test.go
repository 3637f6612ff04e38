package images

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"bantam/test/vm"
)

func testGRUB(t testing.TB) GRUB {
	t.Helper()
	return GRUB{HostRoots: debianFiles(t, "amd64", GRUBHostPackages...), TargetRoot: debianFiles(t, "arm64", GRUBTargetPackage)[0]}
}

func TestEFIDiskBootsOnARM(t *testing.T) {
	const words = "console=ttyAMA0 panic=-1 bantam.test=42"
	kernel, err := os.ReadFile(debianKernel(t, "arm64"))
	if err != nil {
		t.Fatal(err)
	}
	packed, err := PackKernel(context.Background(), Cache{t.TempDir()}, kernel)
	if err != nil {
		t.Fatal(err)
	}
	program, err := testGRUB(t).Program(context.Background(), words)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "qemu-arm64.img")
	err = WriteEFIDisk(path, EFIDisk{Program: program, Kernel: Bytes(packed), Initrd: tinyInitrd(t, "arm64"), Disk: testDisk, Label: "BANTAM"})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("loader %d bytes, kernel %d of %d", len(program), len(packed), len(kernel))
	m := vm.Start(t, append(aavmf(t), "-drive", "if=virtio,format=raw,snapshot=on,file="+path)...)
	m.Expect("tiny init has: .*" + words)
	m.WaitEnd()
}

// aavmf is QEMU's machine for arm64 with UEFI firmware and variables of its own.
func aavmf(t testing.TB) []string {
	t.Helper()
	return append([]string{"qemu-system-aarch64", "-machine", "virt", "-cpu", "cortex-a57", "-accel", "tcg", "-m", "512", "-nic", "none"}, pflash(t, "arm64")...)
}

func TestGRUBProgramIsTheSameTwice(t *testing.T) {
	g := testGRUB(t)
	a, err := g.Program(context.Background(), "quiet")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("TZ", "Asia/Tokyo")
	b, err := g.Program(context.Background(), "quiet")
	if err != nil || !bytes.Equal(a, b) {
		t.Errorf("two programs differ (%d and %d bytes, %v)", len(a), len(b), err)
	}
}

// A host of one release makes images of another, newer or older: GRUB brings the C library that it was linked to, and
// none of the host's.
func TestGRUBRunsWithItsOwnLibraries(t *testing.T) {
	archive := Archive{CacheDir: testCache(t).Dir, Arch: "amd64"}
	host, err := archive.roots(context.Background(), GRUBHostPackages)
	if err != nil {
		t.Fatal(err)
	}
	archive.Arch = "arm64"
	target, err := archive.roots(context.Background(), []string{GRUBTargetPackage})
	if err != nil {
		t.Fatal(err)
	}
	trace := filepath.Join(t.TempDir(), "loaded")
	t.Setenv("LD_DEBUG", "libs") // of ld.so(8)
	t.Setenv("LD_DEBUG_OUTPUT", trace)
	if _, err := (GRUB{HostRoots: host, TargetRoot: target[0]}).Program(context.Background(), "quiet"); err != nil {
		t.Fatal(err)
	}
	loaded := 0
	files, _ := filepath.Glob(trace + ".*") // one for each process
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`calling init: (/\S+)`).FindAllStringSubmatch(string(text), -1) {
			loaded++
			if strings.HasPrefix(m[1], "/lib") || strings.HasPrefix(m[1], "/usr") {
				t.Errorf("%s is the host's", m[1])
			}
		}
	}
	if loaded < 3 {
		t.Errorf("%d libraries were seen", loaded)
	}
}

func TestGRUBRefusesWordsItWouldInterpret(t *testing.T) {
	for _, words := range []string{"a;b", "a $b", `a "b"`, "a\nb", strings.Repeat("x", MaxCmdline+1)} {
		if _, err := (GRUB{}).Program(context.Background(), words); err == nil || !strings.Contains(err.Error(), "kernel command line") {
			t.Errorf("%.20q: got %v", words, err)
		}
	}
}

func TestOtherToolsFindInAnEFIDiskWhatWasPutIn(t *testing.T) {
	for name, size := range map[string]struct{ kernel, initrd int64 }{
		"a small one": {1000, 1}, "one of the usual size": {8_000_000, 4_000_000}, "one of 40 MB": {20_000_000, 20_000_000},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			image := filepath.Join(dir, "disk.img")
			d := EFIDisk{Program: []byte("program"), Kernel: numbered(size.kernel, 1), Initrd: numbered(size.initrd, 2), Disk: testDisk, Label: "BANTAM"}
			var first []byte
			for range 2 {
				if err := WriteEFIDisk(image, d); err != nil {
					t.Fatal(err)
				}
				b, err := os.ReadFile(image)
				if err != nil || first != nil && !bytes.Equal(first, b) {
					t.Fatalf("written again it differs (%v)", err)
				}
				first = b
			}
			if out := output(t, "sgdisk", "-v", image); !strings.Contains(out, "No problems found") {
				t.Errorf("sgdisk -v:\n%s", out)
			}
			esp := espOf(t, image)
			output(t, "fsck.fat", "-n", esp)
			for file, want := range map[string][]byte{"EFI/BOOT/BOOTAA64.EFI": d.Program, "VMLINUZ": all(t, d.Kernel), "INITRD": all(t, d.Initrd)} {
				copied := filepath.Join(dir, "copied")
				output(t, "mcopy", "-o", "-i", esp, "::/"+file, copied)
				if got, err := os.ReadFile(copied); err != nil || !bytes.Equal(got, want) {
					t.Errorf("%s: got %d bytes, %v; want the %d that were put in", file, len(got), err, len(want))
				}
			}
		})
	}
}
