package images

import (
	"fmt"
	"os"
	"path/filepath"
)

// PCLoaders are the boot programs that a PC medium carries, as Debian ships them.
type PCLoaders struct {
	ISOLINUX []byte // isolinux.bin: starts Linux under BIOS, from CD and disk
	Ldlinux  []byte // ldlinux.c32: its second part, of the same version
	DiskMBR  []byte // isohdpfx.bin: starts isolinux.bin from a disk
	EFIStub  []byte // linuxx64.efi.stub: starts the kernel behind it under UEFI
}

// PCLoaderPackages are the Debian packages that hold the PCLoaders; all are for any architecture.
var PCLoaderPackages = []string{"isolinux", "syslinux-common", "systemd-boot-efi"}

// ReadPCLoaders reads the loaders from roots, the directories that the packages were extracted to ("/" for installed ones).
func ReadPCLoaders(roots ...string) (PCLoaders, error) {
	var l PCLoaders
	for _, f := range []struct {
		to      *[]byte
		path    string
		pkgName string
	}{
		{&l.ISOLINUX, "usr/lib/ISOLINUX/isolinux.bin", "isolinux"},
		{&l.DiskMBR, "usr/lib/ISOLINUX/isohdpfx.bin", "isolinux"},
		{&l.Ldlinux, "usr/lib/syslinux/modules/bios/ldlinux.c32", "syslinux-common"},
		{&l.EFIStub, "usr/lib/systemd/boot/efi/linuxx64.efi.stub", "systemd-boot-efi"},
	} {
		b, err := readFromRoots(roots, f.path)
		if err != nil {
			return l, fmt.Errorf("boot loader of Debian package %s: %w", f.pkgName, err)
		}
		*f.to = b
	}
	return l, nil
}

// readFromRoots reads a file from the first root that has it.
func readFromRoots(roots []string, path string) (b []byte, err error) {
	err = os.ErrNotExist
	for _, root := range roots {
		if b, err = os.ReadFile(filepath.Join(root, path)); err == nil || !os.IsNotExist(err) {
			return b, err
		}
	}
	return nil, fmt.Errorf("%s: %w", path, err)
}
