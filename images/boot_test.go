package images

import (
	"path/filepath"
	"testing"

	"bantam/test/vm"
)

// A hybrid medium must start in each of the four ways a PC can start it, with the same words on the command line.
func TestPCMediumBootsEveryWay(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pc.img")
	const words = "console=ttyS0 panic=-1 bantam.test=42"
	err := WriteHybrid(path, Parts{Loaders: pcLoaders(t), Kernel: content(t, debianKernel(t, "amd64")), Initrd: tinyInitrd(t, "amd64"),
		Cmdline: words, Disk: testDisk, Label: "BANTAM"})
	if err != nil {
		t.Fatal(err)
	}
	for name, args := range map[string][]string{
		"as CD under BIOS":   {"-cdrom", path},
		"as disk under BIOS": {"-drive", "format=raw,snapshot=on,file=" + path},
		"as CD under UEFI":   append(ovmf(t), "-cdrom", path),
		"as disk under UEFI": append(ovmf(t), "-drive", "format=raw,snapshot=on,file="+path),
	} {
		t.Run(name, func(t *testing.T) {
			m := vm.Start(t, append([]string{"qemu-system-x86_64", "-accel", "tcg", "-m", "256", "-nic", "none"}, args...)...)
			m.Expect("tiny init has: .*" + words)
			m.WaitEnd()
		})
	}
}

// A disk starts by GRUB under BIOS and UEFI.
func TestPCDiskBootsUnderBothFirmwares(t *testing.T) {
	const words = "console=ttyS0 panic=-1 bantam.test=42"
	path := tinyDisk(t, "amd64", words)
	for name, args := range map[string][]string{"BIOS": nil, "UEFI": ovmf(t)} {
		t.Run(name, func(t *testing.T) {
			m := vm.Start(t, append([]string{"qemu-system-x86_64", "-accel", "tcg", "-m", "288", "-nic", "none",
				"-drive", "format=raw,snapshot=on,file=" + path}, args...)...)
			m.Expect("tiny init has: .*" + words + " bantam.slot=A bantam.loader=grub")
			m.WaitEnd()
		})
	}
}

func ovmf(t testing.TB) []string { return pflash(t, "amd64") }

// pflash gives UEFI firmware to a machine, with variables of its own.
func pflash(t testing.TB, arch string) []string {
	t.Helper()
	f := uefiFirmwares[arch]
	vars := filepath.Join(t.TempDir(), "vars")
	if err := copyFile(vars, f.vars); err != nil {
		t.Fatalf("%v: apt-get install %s", err, f.debian)
	}
	return []string{"-drive", "if=pflash,format=raw,readonly=on,file=" + f.code, "-drive", "if=pflash,format=raw,file=" + vars}
}
