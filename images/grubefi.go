package images

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Debian's arm64 kernel is an EFI program, but an uncompressed one of 33 MB, and an EFI stub behind it would not unpack
// it. GRUB does: made of the few modules needed and with its script inside, it is the smallest loader in Debian that can.

// GRUBHostPackages hold grub-mkimage for the host and the libraries it is linked to, which a small host may lack.
var GRUBHostPackages = []string{"grub-common", "libdevmapper1.02.1", "liblzma5", "libselinux1", "libudev1", "libpcre2-8-0"}

// GRUBTargetPackage holds GRUB's modules for arm64; fetch it for that architecture.
const GRUBTargetPackage = "grub-efi-arm64-bin"

// Files on the EFI system partition that the script starts.
const (
	grubKernelFile = "VMLINUZ"
	grubInitrdFile = "INITRD"
)

// A GRUB makes EFI programs from unpacked packages.
type GRUB struct {
	HostRoots  []string // where GRUBHostPackages were unpacked; none: the host's own installation is used
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
	mkimage := "grub-mkimage"
	cmd := exec.CommandContext(ctx, mkimage)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	if len(g.HostRoots) > 0 {
		var libraries []string
		for _, root := range g.HostRoots {
			if path := filepath.Join(root, "usr/bin", mkimage); isFile(path) {
				cmd.Path, cmd.Err = path, nil
			}
			for _, pattern := range []string{"lib/*-linux-gnu*", "usr/lib/*-linux-gnu*"} {
				found, _ := filepath.Glob(filepath.Join(root, pattern))
				libraries = append(libraries, found...)
			}
		}
		cmd.Env = append(cmd.Env, "LD_LIBRARY_PATH="+strings.Join(libraries, ":"))
	}
	if cmd.Err != nil {
		return nil, fmt.Errorf("%s is missing: apt-get install grub-common", mkimage)
	}
	cmd.Args = []string{mkimage, "--format=arm64-efi", "--directory=" + filepath.Join(g.TargetRoot, "usr/lib/grub/arm64-efi"),
		"--prefix=/EFI/BOOT", "--config=" + script, "--output=" + program, "part_gpt", "fat", "linux", grubKernelFilter}
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("grub-mkimage: %w: %s", err, strings.TrimSpace(string(out)))
	}
	return os.ReadFile(program)
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}
