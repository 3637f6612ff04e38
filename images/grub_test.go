package images

import (
	"context"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"bantam/switcher"
	"bantam/test/vm"
)

func testGRUB(t testing.TB, arch string) GRUB {
	t.Helper()
	return GRUB{Arch: arch, HostRoots: debianFiles(t, "amd64", GRUBHostPackages...), TargetRoots: debianFiles(t, arch, GRUBTargetPackages[arch]...)}
}

func testPrograms(t testing.TB, arch string) GRUBPrograms {
	t.Helper()
	p, err := testGRUB(t, arch).Programs(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// tinyDisk writes a disk of an architecture whose init says its command line and ends.
func tinyDisk(t testing.TB, arch, words string) string {
	t.Helper()
	kernel, err := os.ReadFile(debianKernel(t, arch))
	if err == nil && arch == "arm64" {
		kernel, err = PackKernel(context.Background(), Cache{t.TempDir()}, kernel)
	}
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "disk.img")
	d := Disk{Programs: testPrograms(t, arch), Kernel: kernel, Initrd: all(t, tinyInitrd(t, arch)), Cmdline: words,
		Generation: fakeDigest, Boot: fakeDigest, Disk: testDisk, Label: "BANTAM"}
	if err := WriteDisk(path, d); err != nil {
		t.Fatal(err)
	}
	t.Logf("loader %d bytes, kernel %d", d.Programs.size(), len(kernel))
	return path
}

var fakeDigest = string(switcher.DigestOf(nil))

func TestDiskBootsOnARM(t *testing.T) {
	const words = "console=ttyAMA0 panic=-1 bantam.test=42"
	m := vm.Start(t, append(aavmf(t), "-drive", "if=virtio,format=raw,snapshot=on,file="+tinyDisk(t, "arm64", words))...)
	m.Expect("tiny init has: .*" + words + " bantam.slot=A bantam.loader=grub")
	m.WaitEnd()
}

// aavmf is QEMU's machine for arm64 with UEFI firmware and variables of its own.
func aavmf(t testing.TB) []string {
	t.Helper()
	return append([]string{"qemu-system-aarch64", "-machine", "virt", "-cpu", "cortex-a57", "-accel", "tcg", "-m", "512", "-nic", "none"}, pflash(t, "arm64")...)
}

func TestGRUBProgramsAreTheSameTwice(t *testing.T) {
	for arch := range grubPlatforms {
		a := testPrograms(t, arch)
		t.Setenv("TZ", "Asia/Tokyo")
		if b := testPrograms(t, arch); !reflect.DeepEqual(a, b) {
			t.Errorf("%s: two times %d and %d bytes differ", arch, a.size(), b.size())
		}
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
	target, err := archive.roots(context.Background(), GRUBTargetPackages["arm64"])
	if err != nil {
		t.Fatal(err)
	}
	trace := filepath.Join(t.TempDir(), "loaded")
	t.Setenv("LD_DEBUG", "libs") // of ld.so(8)
	t.Setenv("LD_DEBUG_OUTPUT", trace)
	if _, err := (GRUB{Arch: "arm64", HostRoots: host, TargetRoots: target}).Programs(context.Background()); err != nil {
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
