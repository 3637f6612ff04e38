package images

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// Debian's arm64 kernel is an EFI program, but an uncompressed one of 33 MB, and an EFI stub behind it would not unpack
// it. GRUB does: made of the few modules needed and with its script inside, it is the smallest loader in Debian that can.

// GRUBHostPackages hold grub-mkimage for the host and all that it is linked to, the C library included: a small host may
// lack some, and one of an older release has them too old.
var GRUBHostPackages = []string{"grub-common", "libc6", "libdevmapper1.02.1", "liblzma5", "libselinux1", "libudev1", "libpcre2-8-0", "libcap2"}

// GRUBTargetPackage holds GRUB's modules for arm64; fetch it for that architecture.
const GRUBTargetPackage = "grub-efi-arm64-bin"

// Files on the EFI system partition that the script starts.
const (
	grubKernelFile = "VMLINUZ"
	grubInitrdFile = "INITRD"
)

// A GRUB makes EFI programs from unpacked packages.
type GRUB struct {
	HostRoots  []string // where GRUBHostPackages were unpacked
	TargetRoot string   // where GRUBTargetPackage was unpacked
}

// Program makes EFI/BOOT/BOOTAA64.EFI: it starts the kernel and initrd beside it with these words. It asks nothing and
// waits for nothing. Same input, same bytes.
func (g GRUB) Program(ctx context.Context, cmdline string) ([]byte, error) {
	// What GRUB's parser would take as its own.
	if i := strings.IndexAny(cmdline, "\"'\\$#;|&<>{}\n\r\x00"); i >= 0 || len(cmdline) > MaxCmdline {
		return nil, fmt.Errorf("kernel command line %q: GRUB wants one line of at most %d bytes without any of \"'\\$#;|&<>{}", cmdline, MaxCmdline)
	}
	dir, err := os.MkdirTemp("", "bantam-grub-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	script, program := filepath.Join(dir, "script"), filepath.Join(dir, "program")
	// The root of file names is the partition that the firmware read this program from.
	text := fmt.Sprintf("linux /%s %s\ninitrd /%s\nboot\n", grubKernelFile, cmdline, grubInitrdFile)
	if err := os.WriteFile(script, []byte(text), 0o644); err != nil {
		return nil, err
	}
	// With its own C library comes its own dynamic loader: the host's does not know a newer one.
	loader, mkimage := g.onHost("lib/*-linux-gnu*/ld-linux*.so.*"), g.onHost("bin/grub-mkimage")
	if len(loader) == 0 || len(mkimage) == 0 {
		return nil, fmt.Errorf("grub-mkimage and its dynamic loader are not in %q", g.HostRoots)
	}
	var libraries []string
	for i, from := range g.onHost("lib/*-linux-gnu*") {
		link := filepath.Join(dir, "lib"+strconv.Itoa(i)) // a package's version may hold ':', which parts the list
		if err := os.Symlink(from, link); err != nil {
			return nil, err
		}
		libraries = append(libraries, link)
	}
	cmd := exec.CommandContext(ctx, loader[0], "--library-path", strings.Join(libraries, ":"), mkimage[0],
		"--format=arm64-efi", "--directory="+filepath.Join(g.TargetRoot, "usr/lib/grub/arm64-efi"),
		"--prefix=/EFI/BOOT", "--config="+script, "--output="+program, "part_gpt", "fat", "linux", grubKernelFilter)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("grub-mkimage: %w: %s", err, strings.TrimSpace(string(out)))
	}
	return os.ReadFile(program)
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
