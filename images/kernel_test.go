package images

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestMetaPackageNamesItsKernel(t *testing.T) {
	for _, test := range []struct{ name, depends, want string }{
		{"a meta package", "linux-image-6.1.0-40-amd64 (= 6.1.153-1)", "linux-image-6.1.0-40-amd64=6.1.153-1"},
		{"a meta package with more", "foo, linux-image-6.12.9+deb13-arm64 (= 6.12.9-1), bar", "linux-image-6.12.9+deb13-arm64=6.12.9-1"},
		{"a kernel", "kmod, linux-base (>= 4.3~), initramfs-tools (>= 0.120+deb8u2) | linux-initramfs-tool", ""},
		{"no dependencies", "", ""},
	} {
		if got := metaTarget(test.depends); got != test.want {
			t.Errorf("%s: metaTarget(%q) = %q, want %q", test.name, test.depends, got, test.want)
		}
	}
}

func TestDebianKernelIsComplete(t *testing.T) {
	for _, name := range []string{"pc", "qemu-arm64"} {
		b, k := debianBoardKernel(t, name)
		for _, path := range []string{k.Image, k.Config, filepath.Join(k.Modules, "modules.builtin")} {
			if _, err := os.Stat(path); err != nil {
				t.Errorf("board %s: %v", name, err)
			}
		}
		if !strings.HasSuffix(k.Version, b.DebianArch) || filepath.Base(k.Modules) != k.Version {
			t.Errorf("board %s: version %q, modules %q", name, k.Version, k.Modules)
		}
		if k.Date.Before(time.Date(2023, 1, 1, 0, 0, 0, 0, time.UTC)) {
			t.Errorf("board %s: kernel of %v, want the date of its package", name, k.Date)
		}
		if !k.Has("CONFIG_EFI_STUB") || k.Has("CONFIG_NO_SUCH_OPTION") {
			t.Errorf("board %s: %s is misread", name, k.Config)
		}
	}
}

// A file that a power cut emptied must not become a machine that does not start.
func TestDamagedKernelInTheCacheIsFound(t *testing.T) {
	archive := Archive{CacheDir: t.TempDir(), Release: "bookworm", Arch: "amd64"}
	if err := archive.writeSources(); err != nil {
		t.Fatal(err)
	}
	boot := "packages/linux-image-x_1_amd64_0123456789ab/root/boot/"
	for path, text := range map[string]string{
		"apt/bookworm-amd64/updated":        "",
		"apt/bookworm-amd64/" + recordsFile: `{"linux-image-x": {"Package": "linux-image-x", "Version": "1", "Architecture": "amd64", "SHA256": "0123456789abcdef"}}`,
		boot + "vmlinuz-x":                  "",
	} {
		if err := writeText(filepath.Join(archive.CacheDir, path), text); err != nil {
			t.Fatal(err)
		}
	}
	_, err := DebianKernel(context.Background(), archive, "linux-image-x")
	if want := "delete " + filepath.Join(archive.CacheDir, "packages/linux-image-x_1_amd64_0123456789ab"); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want it to say %q", err, want)
	}
}

func TestKernelFiles(t *testing.T) {
	dir := t.TempDir()
	k := fakeKernel(t, dir)
	if k.Version != "6.1.0-test" || k.Config != "" {
		t.Errorf("version %q, configuration %q; want that of the modules folder, and none", k.Version, k.Config)
	}
	if err := os.WriteFile(filepath.Join(dir, "config-6.1.0-test"), []byte("\nCONFIG_X=y\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	again, err := KernelFiles(k.Image, k.Modules, "", "amd64")
	if err != nil || !again.Has("CONFIG_X") {
		t.Errorf("the configuration beside the image is not read: %v", err)
	}
	if again.id == k.id {
		t.Error("the cache would not see that a file came")
	}
	alone, err := KernelFiles(k.Image, "", "", "amd64")
	if err != nil || alone.Version != "6.1.0-test" || alone.Modules != "" {
		t.Errorf("an image without modules: %+v, %v", alone, err)
	}
	if _, err := KernelFiles(k.Image, dir, "", "amd64"); err == nil || !strings.Contains(err.Error(), "make modules_install") {
		t.Errorf("a folder that has no modules: %v, want an error that says what to give", err)
	}
	if _, err := KernelFiles(filepath.Join(dir, "nothing"), k.Modules, "", "amd64"); err == nil {
		t.Error("an image that does not exist: no error")
	}
}

func TestOnlyAKernelOfTheArchitectureIsTaken(t *testing.T) {
	dir := t.TempDir()
	file := func(name string, at int, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, append(make([]byte, at), text...), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	x86, arm := file("bzImage", 0x202, "HdrS"), file("Image", 0x38, "ARMd and more")
	for _, test := range []struct{ name, image, arch, fault string }{
		{"a PC's", x86, "amd64", ""},
		{"one for ARM", arm, "arm64", ""},
		{"a PC's for ARM", x86, "arm64", "bzImage is no Linux kernel for arm64; give its arch/arm64/boot/Image"},
		{"one for ARM for a PC", arm, "amd64", "Image is no Linux kernel for amd64; give its arch/x86/boot/bzImage"},
		{"a text", "/etc/passwd", "amd64", "/etc/passwd is no Linux kernel"},
		{"an empty file", file("empty", 0, ""), "amd64", "empty is no Linux kernel"},
		{"a folder", dir, "amd64", "is a directory"},
		{"one of an architecture whose images we do not know", x86, "riscv64", ""},
	} {
		_, err := KernelFiles(test.image, "", "", test.arch)
		if test.fault == "" && err != nil || test.fault != "" && (err == nil || !strings.Contains(err.Error(), test.fault)) {
			t.Errorf("%s: %v, want %q", test.name, err, test.fault)
		}
	}
}
