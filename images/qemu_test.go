package images

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"bantam/board"
	"bantam/tty/ttytest"
)

func loadBoard(t testing.TB, name string) board.Board {
	t.Helper()
	b, err := board.Load(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestArgumentsOfQEMU(t *testing.T) {
	pc := board.Board{Name: "pc", Arch: "amd64", Boot: board.Hybrid, QEMU: board.QEMU{Machine: "q35", Memory: 512, Args: []string{"-device", "i6300esb"}}}
	arm := board.Board{Name: "arm", Arch: "arm64", Boot: board.EFIGrub, QEMU: board.QEMU{Machine: "virt", CPU: "cortex-a57", Memory: 512}}
	uboot := arm
	uboot.QEMU.UBoot.Path = "u-boot.bin"
	for name, c := range map[string]struct {
		machine qemuMachine
		want    string
	}{
		"PC disk under BIOS": {qemuMachine{RunOptions: RunOptions{Board: pc}, disk: "d", accel: "tcg"},
			"-machine q35 -m 512 -accel tcg -drive if=none,id=bantam,format=raw,file=d -device virtio-blk-pci,drive=bantam,bootindex=1000 -nic user,model=virtio-net-pci -device i6300esb"},
		"PC disk before one of the user's": {qemuMachine{RunOptions: RunOptions{Board: pc, Args: []string{"-drive", "file=u,if=none,id=u", "-device", "virtio-blk-pci,drive=u"}}, disk: "d", accel: "tcg"},
			"-machine q35 -m 512 -accel tcg -drive if=none,id=bantam,format=raw,file=d -device virtio-blk-pci,drive=bantam,bootindex=1000 -nic user,model=virtio-net-pci -device i6300esb -drive file=u,if=none,id=u -device virtio-blk-pci,drive=u"},
		"PC disk where the user says what it starts from": {qemuMachine{RunOptions: RunOptions{Board: pc, Args: []string{"-boot", "n"}}, disk: "d", accel: "tcg"},
			"-machine q35 -m 512 -accel tcg -drive if=none,id=bantam,format=raw,file=d -device virtio-blk-pci,drive=bantam -nic user,model=virtio-net-pci -device i6300esb -boot n"},
		"PC CD under UEFI with KVM": {qemuMachine{RunOptions: RunOptions{Board: pc, CD: true, Memory: 256}, disk: "c", accel: "kvm", uefi: uefiFirmware{code: "code", vars: "vars"}},
			"-machine q35 -m 256 -accel kvm -cpu host -drive if=pflash,format=raw,readonly=on,file=code -drive if=pflash,format=raw,file=vars -drive if=none,id=bantam,format=raw,media=cdrom,readonly=on,file=c -device ide-cd,drive=bantam,bootindex=1000 -nic user,model=virtio-net-pci -device i6300esb"},
		"ARM with a network of one's own and a comma in the path": {qemuMachine{RunOptions: RunOptions{Board: arm, Args: []string{"-nic", "none"}}, disk: "a,b", accel: "tcg"},
			"-machine virt -m 512 -accel tcg -cpu cortex-a57 -drive if=none,id=bantam,format=raw,file=a,,b -device virtio-blk-pci,drive=bantam,bootindex=1000 -nic none"},
		"PC whose SSH server is forwarded": {qemuMachine{RunOptions: RunOptions{Board: pc}, disk: "d", accel: "tcg", ssh: sshForward{port: 40123, server: 2200}},
			"-machine q35 -m 512 -accel tcg -drive if=none,id=bantam,format=raw,file=d -device virtio-blk-pci,drive=bantam,bootindex=1000 -nic user,model=virtio-net-pci,hostfwd=tcp:127.0.0.1:40123-:2200 -device i6300esb"},
		"ARM CD": {qemuMachine{RunOptions: RunOptions{Board: arm, CD: true}, disk: "c", accel: "tcg"},
			"-machine virt -m 512 -accel tcg -cpu cortex-a57 -drive if=none,id=bantam,format=raw,media=cdrom,readonly=on,file=c -device virtio-blk-pci,drive=bantam,bootindex=1000 -nic user,model=virtio-net-pci"},
		"ARM by U-Boot": {qemuMachine{RunOptions: RunOptions{Board: uboot, Firmware: uBoot}, disk: "d", accel: "tcg"},
			"-machine virt -m 512 -accel tcg -cpu cortex-a57 -bios u-boot.bin -drive if=none,id=bantam,format=raw,file=d -device virtio-blk-pci,drive=bantam,bootindex=1000 -nic user,model=virtio-net-pci"},
	} {
		if got := strings.Join(c.machine.args(), " "); got != c.want {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got, c.want)
		}
	}
}

func TestRunSaysWhatIsMissing(t *testing.T) {
	b := loadBoard(t, "pc")
	b.QEMU.Binary, b.QEMU.Package = "qemu-system-none", "qemu-system-xyz"
	err := Run(context.Background(), RunOptions{Board: b, Image: os.DevNull, Stderr: os.Stderr})
	if err == nil || !strings.Contains(err.Error(), "apt-get install qemu-system-xyz") {
		t.Errorf("got %v, want the Debian package named", err)
	}
	arm := loadBoard(t, "qemu-arm64")
	if err := Run(context.Background(), RunOptions{Board: arm, Image: os.DevNull, Firmware: BIOS}); err == nil || !strings.Contains(err.Error(), "UEFI only") {
		t.Errorf("BIOS on ARM: got %v", err)
	}
	uboot := loadBoard(t, "qemu-arm64")
	uboot.Boot = board.UBoot
	uboot.QEMU.UBoot = board.File{Path: "/nonexistent/u-boot.bin", Package: "u-boot-xyz"}
	if err := Run(context.Background(), RunOptions{Board: uboot, Image: os.DevNull}); err == nil || !strings.Contains(err.Error(), "/nonexistent/u-boot.bin missing: apt-get install u-boot-xyz") {
		t.Errorf("no U-Boot: got %v", err)
	}
	if err := Run(context.Background(), RunOptions{Board: loadBoard(t, "pc"), Image: "/nonexistent.img"}); !os.IsNotExist(err) {
		t.Errorf("no image: got %v", err)
	}
}

func TestRunTakesOnlyWhatCanBoot(t *testing.T) {
	dir := t.TempDir()
	file := func(name string, at int, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, append(make([]byte, at), text...), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, test := range []struct {
		name, path string
		cd         bool
		fault      string
	}{
		{"a boot sector", file("mbr", 510, "\x55\xaa"), false, ""},
		{"a GPT", file("gpt", 512, "EFI PART"), false, ""},
		{"a CD", file("iso", 32768, "\x01CD001"), true, ""},
		{"a CD that is no disk", filepath.Join(dir, "iso"), false, "iso is no image of a disk"},
		{"a disk that is no CD", filepath.Join(dir, "mbr"), true, "mbr is no image of a CD"},
		{"a text", "/etc/passwd", false, "/etc/passwd is no image of a disk"},
		{"an empty file", file("empty", 0, ""), true, "is no image of a CD"},
		{"a folder", dir, false, "is no image of a disk"},
	} {
		err := checkImage(test.path, test.cd)
		if test.fault == "" && err != nil || test.fault != "" && (err == nil || !strings.Contains(err.Error(), test.fault)) {
			t.Errorf("%s: %v, want %q", test.name, err, test.fault)
		}
	}
}

// A real run with QEMU's serial console on our streams, twice on a disk that is kept, beside one that looks bootable and is
// not; the image stays as it was.
func TestRunBootsACopyOfTheImage(t *testing.T) {
	dir := t.TempDir()
	image, disk := filepath.Join(dir, "pc,1.img"), filepath.Join(dir, "disk,1")
	const words = "console=ttyS0 panic=-1 bantam.test=42"
	err := WriteHybrid(image, Parts{Loaders: pcLoaders(t), Kernel: content(t, debianKernel(t, "amd64")), Initrd: tinyInitrd(t, "amd64"),
		Cmdline: words, Disk: testDisk, Label: "BANTAM"})
	if err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(image)
	if err != nil {
		t.Fatal(err)
	}
	stick := filepath.Join(dir, "stick")
	if err := os.WriteFile(stick, append(make([]byte, 510), "\x55\xaa"...), 0o644); err != nil {
		t.Fatal(err)
	}
	args := []string{"-nic", "none", "-monitor", "none", "-drive", "file=" + stick + ",format=raw,if=none,id=stick", "-device", "virtio-blk-pci,drive=stick"}
	for _, firmware := range []string{BIOS, UEFI} {
		var console, messages bytes.Buffer
		ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
		defer cancel()
		err := Run(ctx, RunOptions{Board: loadBoard(t, "pc"), Image: image, Keep: disk, Firmware: firmware, Args: args, Stdout: &console, Stderr: &messages})
		if err != nil || !strings.Contains(console.String(), words) {
			t.Fatalf("%s: %v\n%s%s", firmware, err, messages.String(), console.String())
		}
		if !strings.Contains(messages.String(), "Ctrl-A X") {
			t.Errorf("%s: got %q, want to be told how to leave", firmware, messages.String())
		}
	}
	after, err := os.ReadFile(image)
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("the image was changed (%v)", err)
	}
	if info, err := os.Stat(disk); err != nil || info.Size() != 1<<30 {
		t.Errorf("the disk that is kept: %v, %v; want 1 GiB", info, err)
	}
}

// Whoever ends bantam from elsewhere gets the shell back on a terminal that echoes.
func TestTerminalIsGivenBackWhenRunIsEnded(t *testing.T) {
	tool(t, "qemu-system-x86_64")
	person, line := ttytest.Open(t)
	before, err := unix.IoctlGetTermios(int(line.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	image := filepath.Join(t.TempDir(), "pc.img")
	sector := make([]byte, 1<<20)
	copy(sector[510:], "\x55\xaa")
	if err := os.WriteFile(image, sector, 0o644); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ended := make(chan error)
	go func() {
		ended <- Run(ctx, RunOptions{Board: loadBoard(t, "pc"), Image: image, DiskSize: 1 << 20, Args: []string{"-nic", "none"}, Stdin: line, Stdout: line})
	}()
	if _, err := person.Read(make([]byte, 1)); err != nil { // the firmware's first word: QEMU is up
		t.Fatal(err)
	}
	go io.Copy(io.Discard, person)
	cancel()
	if err := <-ended; err == nil {
		t.Error("a machine that was ended from outside: no error")
	}
	if after, err := unix.IoctlGetTermios(int(line.Fd()), unix.TCGETS); err != nil || *after != *before {
		t.Errorf("the terminal stays raw (%v)", err)
	}
}

// QEMU makes no signal of Ctrl-C, and Ctrl-A X ends it.
func TestTerminalIsTheMachinesWhateverMonitorThereIs(t *testing.T) {
	tool(t, "qemu-system-x86_64")
	image := filepath.Join(t.TempDir(), "pc.img")
	sector := make([]byte, 1<<20)
	copy(sector[510:], "\x55\xaa")
	if err := os.WriteFile(image, sector, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{nil, {"-monitor", "none"}, {"-monitor", "unix:" + image + ".socket,server=on,wait=off"}} {
		person, line := ttytest.Open(t)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		ended := make(chan error, 1)
		go func() {
			ended <- Run(ctx, RunOptions{Board: loadBoard(t, "pc"), Image: image, Args: append(args, "-nic", "none"), Stdin: line, Stdout: line})
			line.Close()
		}()
		if _, err := person.Read(make([]byte, 1)); err != nil { // the firmware's first word: QEMU is up
			t.Fatal(err)
		}
		if modes, err := unix.IoctlGetTermios(int(line.Fd()), unix.TCGETS); err != nil || modes.Lflag&unix.ISIG != 0 {
			t.Errorf("%v: Ctrl-C is a signal (%v)", args, err)
		}
		if _, err := person.WriteString("\x01x"); err != nil {
			t.Fatal(err)
		}
		said, _ := io.ReadAll(person) // ends with EIO, when the line is closed
		if err := <-ended; err != nil || !bytes.Contains(said, []byte("QEMU: Terminated")) {
			t.Errorf("%v: Ctrl-A X: %v, %q", args, err, said)
		}
	}
}

func TestKVMIsTakenOnlyWhenAGuestRuns(t *testing.T) {
	b := loadBoard(t, "pc")
	works := kvmWorks(context.Background(), b)
	t.Logf("KVM works: %v", works)
	// The same boot sector must end an emulated machine, or the probe would never say yes.
	disk := filepath.Join(t.TempDir(), "disk")
	sector := append(slices.Clone(kvmProbe), make([]byte, 1<<20)...)
	sector[510], sector[511] = 0x55, 0xAA
	if err := os.WriteFile(disk, sector, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(tool(t, "qemu-system-x86_64"), "-accel", "tcg", "-m", "64", "-display", "none", "-nic", "none",
		"-device", "isa-debug-exit,iobase=0xf4,iosize=1", "-drive", "format=raw,file="+disk)
	cmd.Run()
	if got := cmd.ProcessState.ExitCode(); got != kvmProbeStatus {
		t.Errorf("got exit status %d, want %d", got, kvmProbeStatus)
	}
	if kvmWorks(context.Background(), loadBoard(t, "qemu-arm64")) {
		t.Error("KVM of an x86 host is said to run ARM")
	}
}
