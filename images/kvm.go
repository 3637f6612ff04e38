package images

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"

	"bantam/board"
)

// How a machine's instructions are run, for RunOptions.Accel.
const (
	AccelAuto = "auto" // by KVM where it works, and by emulation where it turns out not to
	AccelKVM  = "kvm"
	AccelTCG  = "tcg" // QEMU's name for emulation
)

// checkAccel finds a wish for KVM that this host cannot meet.
func (h virtualHost) checkAccel(o RunOptions) error {
	switch o.Accel {
	case "", AccelAuto, AccelTCG:
		return nil
	case AccelKVM:
	default:
		return fmt.Errorf("accel %q: it may be %q, %q or %q", o.Accel, AccelAuto, AccelKVM, AccelTCG)
	}
	if o.Board.Arch != runtime.GOARCH {
		return fmt.Errorf("KVM runs %s machines on this host; board %s is %s and needs --accel tcg", runtime.GOARCH, o.Board.Name, o.Board.Arch)
	}
	f, err := os.OpenFile(h.kvmDevice, os.O_RDWR, 0)
	switch {
	case os.IsPermission(err):
		return fmt.Errorf("KVM: %w; become a member of group kvm, or take --accel tcg", err)
	case err != nil:
		return fmt.Errorf("KVM: %v; without it take --accel tcg", err)
	}
	return f.Close()
}

const kvmDevice = "/dev/kvm"

// kvmProbe is a boot sector that writes 0x2A to port 0xF4 and halts: QEMU's isa-debug-exit turns that into exit status
// 0x2A<<1|1.
var kvmProbe = []byte{0xB0, 0x2A, 0xE6, 0xF4, 0xF4, 0xEB, 0xFD} // mov al,2Ah; out 0F4h,al; hlt; jmp $-1

const kvmProbeStatus = 0x2A<<1 | 1

// kvmWorks tries a guest of three instructions: on some hosts /dev/kvm opens and yet no guest runs. It is asked for
// x86 only; elsewhere emulation is used.
func kvmWorks(ctx context.Context, b board.Board) bool {
	if runtime.GOARCH != "amd64" || b.Arch != "amd64" {
		return false
	}
	f, err := os.OpenFile(kvmDevice, os.O_RDWR, 0)
	if err != nil {
		return false
	}
	f.Close()
	dir, err := os.MkdirTemp("", "bantam-kvm-")
	if err != nil {
		return false
	}
	defer os.RemoveAll(dir)
	disk := filepath.Join(dir, "disk")
	sector := make([]byte, 1<<20)
	copy(sector, kvmProbe)
	sector[510], sector[511] = 0x55, 0xAA
	if err := os.WriteFile(disk, sector, 0o600); err != nil {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	err = exec.CommandContext(ctx, b.QEMU.Binary, "-machine", b.QEMU.Machine, "-accel", "kvm", "-cpu", "host", "-m", "64", "-display", "none", "-nic", "none",
		"-device", "isa-debug-exit,iobase=0xf4,iosize=1", "-drive", "format=raw,file="+quoteComma(disk)).Run()
	var exit *exec.ExitError
	return errors.As(err, &exit) && exit.ExitCode() == kvmProbeStatus
}
