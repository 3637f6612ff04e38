package images

import (
	"archive/tar"
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// GRUB starts disks: it is the one loader in Debian that reads a kernel from a raw partition, writes to one in place, and does
// so under BIOS and under UEFI of every architecture. It is made here from Debian's modules, with one script inside.

// GRUBHostPackages hold grub-mkimage for the host and all that it is linked to, the C library included: a small host may
// lack some, and one of an older release has them too old.
var GRUBHostPackages = []string{"grub-common", "libc6", "libdevmapper1.02.1", "liblzma5", "libselinux1", "libudev1", "libpcre2-8-0", "libcap2"}

// GRUBTargetPackages hold GRUB's modules for an architecture; fetch them for that one.
var GRUBTargetPackages = map[string][]string{"amd64": {"grub-pc-bin", "grub-efi-amd64-bin"}, "arm64": {"grub-efi-arm64-bin"}}

// A grubPlatform is one of GRUB's builds.
type grubPlatform struct {
	name    string   // e.g. x86_64-efi
	modules []string // beside grubModules
	options []string // of grub-mkimage
	program string   // where UEFI finds it on the EFI system partition; "": the core for a BIOS
}

var grubPlatforms = map[string][]grubPlatform{
	"amd64": {
		{name: "i386-pc", modules: []string{"biosdisk", "serial", "iorw", "linux16"}, options: []string{"--compression=xz"}},
		{name: "x86_64-efi", modules: []string{"efi_gop", "linux"}, program: "EFI/BOOT/BOOTX64.EFI"},
	},
	"arm64": {{name: "arm64-efi", modules: []string{"xzio", "linux"}, program: "EFI/BOOT/BOOTAA64.EFI"}}, // see PackKernel
}

// grubModules are what the script uses.
var grubModules = []string{"normal", "memdisk", "tar", "part_gpt", "test", "regexp", "loadenv", "hashsum", "gcry_crc", "boot",
	"echo", "sleep", "reboot", "terminal", "keystatus"}

//go:embed grub.cfg
var grubScript string

// A GRUB makes boot programs from unpacked packages.
type GRUB struct {
	Arch        string   // Go's name
	HostRoots   []string // where GRUBHostPackages were unpacked
	TargetRoots []string // where GRUBTargetPackages of the architecture were
}

// GRUBPrograms are what a disk of an architecture starts by.
type GRUBPrograms struct {
	EFI     []byte // for UEFI
	EFIPath string // where it must lie, e.g. EFI/BOOT/BOOTX64.EFI
	Boot    []byte // the first sector for a BIOS; nil if the architecture has none
	Core    []byte // what that loads
}

func (p GRUBPrograms) size() int64 { return int64(len(p.EFI) + len(p.Boot) + len(p.Core)) }

// Programs makes them. Same packages, same bytes.
func (g GRUB) Programs(ctx context.Context) (p GRUBPrograms, err error) {
	dir, err := os.MkdirTemp("", "bantam-grub-")
	if err != nil {
		return p, err
	}
	defer os.RemoveAll(dir)
	memdisk := filepath.Join(dir, "memdisk")
	archive, err := grubMemdisk()
	if err != nil {
		return p, err
	}
	if err := os.WriteFile(memdisk, archive, 0o644); err != nil {
		return p, err
	}
	for _, platform := range grubPlatforms[g.Arch] {
		program, err := g.make(ctx, dir, memdisk, platform)
		if err != nil {
			return p, err
		}
		if platform.program != "" {
			p.EFI, p.EFIPath = program, platform.program
			continue
		}
		p.Core = program
		if p.Boot, err = readFromRoots(g.TargetRoots, "usr/lib/grub/"+platform.name+"/boot.img"); err != nil {
			return p, fmt.Errorf("boot sector of GRUB: %w", err)
		}
	}
	return p, nil
}

// grubMemdisk is the file system inside of GRUB. Its early configuration, which grub-mkimage would take without one, knows no "if".
func grubMemdisk() ([]byte, error) {
	var script strings.Builder
	for line := range strings.Lines(strings.ReplaceAll(grubScript, "--hotkey=ESC", "--hotkey=\x1b")) {
		if line = strings.TrimLeft(line, "\t"); line != "\n" && !strings.HasPrefix(line, "#") { // UEFI's program is not compressed
			script.WriteString(line)
		}
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	header := tar.Header{Name: "boot/grub/grub.cfg", Mode: 0o644, Size: int64(script.Len()), ModTime: time.Unix(0, 0), Format: tar.FormatUSTAR}
	if err := w.WriteHeader(&header); err != nil {
		return nil, err
	}
	if _, err := w.Write([]byte(script.String())); err != nil {
		return nil, err
	}
	return b.Bytes(), w.Close()
}

// make runs grub-mkimage.
func (g GRUB) make(ctx context.Context, dir, memdisk string, p grubPlatform) ([]byte, error) {
	// With its own C library comes its own dynamic loader: the host's does not know a newer one.
	loader, mkimage := g.onHost("lib/*-linux-gnu*/ld-linux*.so.*"), g.onHost("bin/grub-mkimage")
	if len(loader) == 0 || len(mkimage) == 0 {
		return nil, fmt.Errorf("grub-mkimage and its dynamic loader are not in %q", g.HostRoots)
	}
	var libraries []string
	for i, from := range g.onHost("lib/*-linux-gnu*") {
		link := filepath.Join(dir, p.name+"-lib"+strconv.Itoa(i)) // a package's version may hold ':', which parts the list
		if err := os.Symlink(from, link); err != nil {
			return nil, err
		}
		libraries = append(libraries, link)
	}
	modules, err := g.modules(p.name)
	if err != nil {
		return nil, err
	}
	out := filepath.Join(dir, p.name)
	args := append([]string{"--library-path", strings.Join(libraries, ":"), mkimage[0], "--format=" + p.name, "--directory=" + modules,
		"--prefix=(memdisk)/boot/grub", "--memdisk=" + memdisk, "--output=" + out}, p.options...)
	cmd := exec.CommandContext(ctx, loader[0], append(append(args, grubModules...), p.modules...)...)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	if said, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("grub-mkimage for %s: %w: %s", p.name, err, strings.TrimSpace(string(said)))
	}
	return os.ReadFile(out)
}

// modules finds GRUB's modules of a platform.
func (g GRUB) modules(platform string) (string, error) {
	for _, root := range g.TargetRoots {
		dir := filepath.Join(root, "usr/lib/grub", platform)
		if isFile(filepath.Join(dir, "kernel.img")) {
			return dir, nil
		}
	}
	return "", fmt.Errorf("GRUB's modules for %s are not in %q", platform, g.TargetRoots)
}

// onHost finds files of the host's packages by a pattern below / or /usr.
func (g GRUB) onHost(pattern string) []string {
	var all []string
	for _, root := range g.HostRoots {
		for _, dir := range []string{"", "usr"} {
			found, _ := filepath.Glob(filepath.Join(root, dir, pattern))
			all = append(all, found...)
		}
	}
	return all
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}
