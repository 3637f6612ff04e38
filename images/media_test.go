package images

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"bantam/gpt"

	"github.com/u-root/u-root/pkg/cpio"
)

// tool finds a program that checks what we write, or ends the test with the Debian package that has it.
func tool(t testing.TB, name string) string {
	t.Helper()
	packages := map[string]string{"sgdisk": "gdisk", "fsck.fat": "dosfstools", "xorriso": "xorriso", "mcopy": "mtools",
		"mdir": "mtools", "xz": "xz-utils", "qemu-system-x86_64": "qemu-system-x86", "qemu-system-aarch64": "qemu-system-arm",
		"dumpimage": "u-boot-tools", "mkimage": "u-boot-tools", "mke2fs": "e2fsprogs", "e2fsck": "e2fsprogs", "debugfs": "e2fsprogs",
		"mksquashfs": "squashfs-tools", "unsquashfs": "squashfs-tools"}
	if path, err := sbinPath(name); err == nil {
		return path
	}
	t.Fatalf("%s is missing: apt-get install %s", name, packages[name])
	return ""
}

// output runs a program that must succeed.
func output(t testing.TB, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(tool(t, name), args...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// debianFiles fetches packages of Debian's archive into the tests' cache and returns their unpacked roots.
func debianFiles(t testing.TB, arch string, names ...string) []string {
	t.Helper()
	cache, err := DefaultCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	packages, err := Archive{CacheDir: cache, Release: "bookworm", Arch: arch}.Packages(context.Background(), names...)
	if err != nil {
		t.Fatal(err)
	}
	var roots []string
	for _, name := range names {
		roots = append(roots, packages[name].Dir)
	}
	return roots
}

// debianKernel returns the path of Debian's kernel for an architecture.
func debianKernel(t testing.TB, arch string) string {
	t.Helper()
	cache, err := DefaultCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	meta := "linux-image-" + arch
	packages, err := Archive{CacheDir: cache, Release: "bookworm", Arch: arch}.Packages(context.Background(), meta)
	if err != nil {
		t.Fatal(err)
	}
	name, _, _ := strings.Cut(packages[meta].Depends, " ")
	found, err := filepath.Glob(filepath.Join(debianFiles(t, arch, name)[0], "boot/vmlinuz-*"))
	if err != nil || len(found) != 1 {
		t.Fatalf("kernel in %s: found %v, %v", name, found, err)
	}
	return found[0]
}

func pcLoaders(t testing.TB) PCLoaders {
	t.Helper()
	l, err := ReadPCLoaders(debianFiles(t, "amd64", PCLoaderPackages...)...)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func content(t testing.TB, path string) Content {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	c, err := FileContent(f)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// tinyInit is a PID 1 that says its command line and switches the machine off.
const tinyInit = `package main

import (
	"fmt"
	"os"
	"syscall"
)

func main() {
	console, _ := os.OpenFile("/dev/console", os.O_RDWR, 0)
	syscall.Mkdir("/proc", 0o755)
	syscall.Mount("proc", "/proc", "proc", 0, "")
	words, _ := os.ReadFile("/proc/cmdline")
	fmt.Fprintf(console, "tiny init has: %s\n", words)
	syscall.Reboot(syscall.LINUX_REBOOT_CMD_POWER_OFF)
}
`

var tinyInitrds sync.Map // arch -> []byte

// tinyInitrd builds tinyInit and packs it.
func tinyInitrd(t testing.TB, goarch string) Content {
	t.Helper()
	if b, ok := tinyInitrds.Load(goarch); ok {
		return Bytes(b.([]byte))
	}
	dir := t.TempDir()
	source, binary, archive := filepath.Join(dir, "main.go"), filepath.Join(dir, "init"), filepath.Join(dir, "initrd")
	if err := os.WriteFile(source, []byte(tinyInit), 0o644); err != nil {
		t.Fatal(err)
	}
	build := exec.Command("go", "build", "-ldflags=-s -w", "-o", binary, source)
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOARCH="+goarch)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	code, err := os.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(archive)
	if err != nil {
		t.Fatal(err)
	}
	w := cpio.Newc.Writer(f)
	for _, r := range []cpio.Record{
		cpio.Directory("dev", 0o755),
		cpio.CharDev("dev/console", 0o600, 5, 1),
		cpio.StaticFile("init", string(code), 0o755),
	} {
		if err := w.WriteRecord(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := cpio.WriteTrailer(w); err != nil {
		t.Fatal(err)
	}
	f.Close()
	output(t, "xz", "-9", "--check=crc32", archive)
	packed, err := os.ReadFile(archive + ".xz")
	if err != nil {
		t.Fatal(err)
	}
	tinyInitrds.Store(goarch, packed)
	return Bytes(packed)
}

// numbered is Content of n bytes in which every place tells where it is.
func numbered(n int64, salt byte) Content {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i>>16) ^ byte(i>>8) ^ byte(i) ^ salt
	}
	return Bytes(b)
}

var testDisk = gpt.DeriveGUID("test", "disk")
