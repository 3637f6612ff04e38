package images

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"bantam/board"
	"bantam/gpt"
)

// RunOptions say how an image is tried in a virtual machine.
type RunOptions struct {
	Board    board.Board
	Image    string   // e.g. out/pc.img, or out/pc.iso with CD
	CD       bool     // the image is a CD's: nothing is kept
	Firmware string   // "bios", "uefi" or "": what the board's machine starts with, be it U-Boot
	Keep     string   // file that is the machine's disk and stays; made from Image if it is not there. "": a temporary one
	DiskSize int64    // bytes of the disk that is made, so that there is room for the state volume; 0: 1 GiB, or the image's if that is larger
	Memory   int      // MiB; 0: the board's
	Accel    string   // AccelAuto, AccelKVM or AccelTCG; "": AccelAuto. An -accel among Args goes before it
	SSH      bool     // a port of this host's 127.0.0.1 is forwarded to the machine's SSH server, and how to log in is told
	SSHPort  int      // that port; 0: one that is free
	Args     []string // further ones for QEMU; a network card among them replaces the machine's, and a serial port its console
	Stdin    io.Reader
	Stdout   io.Writer
	Stderr   io.Writer
}

// Firmwares that RunOptions.Firmware names.
const (
	BIOS = "bios"
	UEFI = "uefi"
)

// Firmwares of boards that have no other.
const (
	uBoot  = "u-boot"
	direct = "direct" // none: QEMU starts the kernel itself
)

// uefiFirmware is where Debian has UEFI for QEMU: code, and variables of which each machine gets a copy.
type uefiFirmware struct{ code, vars, debian string }

var uefiFirmwares = map[string]uefiFirmware{
	"amd64": {"/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd", "ovmf"},
	"arm64": {"/usr/share/AAVMF/AAVMF_CODE.fd", "/usr/share/AAVMF/AAVMF_VARS.fd", "qemu-efi-aarch64"},
}

// Run starts a copy of the image in QEMU with its serial console on the terminal, and returns when the machine is off.
// The image itself is not changed.
func Run(ctx context.Context, o RunOptions) error { return thisHost.run(ctx, o) }

// A virtualHost is what a run depends on that no option says.
type virtualHost struct {
	kvmDevice string
	kvmWorks  func(context.Context, board.Board) bool
	silence   time.Duration // a machine with KVM that has printed nothing for so long hangs: its firmware's first word takes two seconds
	ending    time.Duration // a QEMU that was asked to end is killed after so long
}

var thisHost = virtualHost{kvmDevice: kvmDevice, kvmWorks: kvmWorks, silence: time.Minute, ending: 10 * time.Second}

func (h virtualHost) run(ctx context.Context, o RunOptions) error {
	dir, err := os.MkdirTemp("", "bantam-run-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if o.SSH {
		o.Stderr = &inTurns{out: o.messages()}
	}
	m, err := h.prepare(ctx, o, dir)
	if err != nil {
		return err
	}
	if own := ownNetwork(o.Args); own != "" {
		fmt.Fprintf(o.messages(), "The machine's network is that of %s; the default, %s, is left out.\n", own, strings.Join(networkOf(o.Board.QEMU), " "))
	}
	if o.SSH {
		fmt.Fprint(o.messages(), m.ssh.about())
		defer inBackground(ctx, func(ctx context.Context) { m.ssh.tellHostKey(ctx, o.messages(), time.Second) })()
	}
	fmt.Fprintln(o.messages(), aboutConsole(o.Args))
	silence := h.silence
	if m.accel != AccelKVM || o.Accel == AccelKVM || !alwaysPrints(o.Args) {
		silence = 0
	}
	err = h.start(ctx, m, silence)
	var fault *kvmFault
	if !errors.As(err, &fault) {
		return err
	}
	if o.Accel == AccelKVM {
		return fmt.Errorf("%w; --accel tcg runs it in emulation", err)
	}
	fmt.Fprintf(o.messages(), "\n%v. It starts again with emulation, which is slower; --accel tcg does so at once.\n", fault)
	if m.accel = AccelTCG; m.uefi.code != "" {
		if err := m.newVariables(dir); err != nil { // who knows what the firmware was about to write
			return err
		}
	}
	return h.start(ctx, m, 0)
}

// start runs QEMU until the machine is off. With KVM it ends the machine that KVM cannot run, and one that has printed
// nothing within the silence, if that is not 0; the error is a *kvmFault then.
func (h virtualHost) start(ctx context.Context, m qemuMachine, silence time.Duration) error {
	program := m.Board.QEMU.Binary
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	cmd := exec.CommandContext(ctx, program, append(m.args(), terminal(m.Args)...)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = m.Stdin, m.Stdout, m.Stderr
	if m.accel == AccelKVM {
		watch := &kvmWatch{out: m.messages(), end: func(f *kvmFault) { end(f) }}
		cmd.Stderr = watch
		defer watch.flush()
		if silence > 0 {
			first := &firstWord{out: m.Stdout}
			first.timer = time.AfterFunc(silence, func() { end(&kvmFault{fmt.Sprintf("it printed nothing within %v", silence)}) })
			defer first.timer.Stop()
			cmd.Stdout = first
		}
	}
	// Asked to end, QEMU writes its disk and leaves the terminal as it found it; should it have to be killed, we do the latter.
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = h.ending
	defer keepTerminal(m.Stdin)()
	err := cmd.Run()
	var fault *kvmFault
	if errors.As(context.Cause(ctx), &fault) {
		return fault
	}
	if err != nil {
		return fmt.Errorf("%s: %w", program, err)
	}
	return nil
}

// PrepareMachine puts the machine's files into dir and returns the command that Run runs first, QEMU's program first, without
// a console: a test adds its own.
func PrepareMachine(ctx context.Context, o RunOptions, dir string) ([]string, error) {
	m, err := thisHost.prepare(ctx, o, dir)
	return append([]string{o.Board.QEMU.Binary}, m.args()...), err
}

func (h virtualHost) prepare(ctx context.Context, o RunOptions, dir string) (qemuMachine, error) {
	if err := o.check(); err != nil {
		return qemuMachine{}, err
	}
	if err := h.checkAccel(o); err != nil {
		return qemuMachine{}, err
	}
	m := qemuMachine{RunOptions: o, disk: o.Image}
	var err error
	if o.SSH {
		if m.ssh, err = o.forwardSSH(); err != nil {
			return m, err
		}
	}
	if !o.CD {
		if m.disk, err = o.makeDisk(dir); err != nil {
			return m, err
		}
	}
	if o.Firmware == direct {
		if m.direct, err = readDirectStart(m.disk, dir); err != nil {
			return m, err
		}
	}
	if o.Firmware == UEFI {
		m.uefi = uefiFirmwares[o.Board.Arch]
		if err := m.newVariables(dir); err != nil {
			return m, err
		}
	}
	switch {
	case ownAccel(o.Args):
	case o.Accel == AccelKVM, o.Accel != AccelTCG && h.kvmWorks(ctx, o.Board):
		m.accel = AccelKVM
	default:
		m.accel = AccelTCG
	}
	return m, nil
}

// newVariables gives the machine a copy of UEFI's variables as they are delivered.
func (m *qemuMachine) newVariables(dir string) error {
	m.uefi.vars = filepath.Join(dir, "vars")
	return copyFile(m.uefi.vars, uefiFirmwares[m.Board.Arch].vars)
}

// firmwares are those that a board may be started by, the usual one first.
var firmwares = map[string][]string{board.Hybrid: {BIOS, UEFI}, board.EFIGrub: {UEFI}, board.UBoot: {uBoot}, board.Direct: {direct}}

func (o *RunOptions) checkFirmware() error {
	can := firmwares[o.Board.Boot]
	if o.Firmware == "" {
		o.Firmware = can[0]
	}
	if !slices.Contains([]string{BIOS, UEFI, uBoot, direct}, o.Firmware) {
		return fmt.Errorf("firmware %q: it may be %q or %q", o.Firmware, BIOS, UEFI)
	}
	if !slices.Contains(can, o.Firmware) {
		return fmt.Errorf("board %s starts by %s only", o.Board.Name, map[string]string{UEFI: "UEFI", uBoot: "U-Boot", direct: "QEMU itself, which takes kernel and initrd from the image"}[can[0]])
	}
	return nil
}

// check names everything that is missing at once, before any work is done.
func (o *RunOptions) check() error {
	if o.Board.QEMU.Binary == "" {
		return fmt.Errorf("no virtual machine of QEMU starts as board %s does; bantam boards %[1]s says what was seen of it, and how to start it", o.Board.Name)
	}
	if err := o.checkFirmware(); err != nil {
		return err
	}
	if err := errors.Join(checkTerminal(o.Args), o.checkSSH()); err != nil {
		return err
	}
	var missing, packages []string
	if _, err := exec.LookPath(o.Board.QEMU.Binary); err != nil {
		missing, packages = append(missing, o.Board.QEMU.Binary), append(packages, o.Board.QEMU.Package)
	}
	if o.Firmware == UEFI {
		if f, ok := uefiFirmwares[o.Board.Arch]; !ok {
			return fmt.Errorf("board %s: no UEFI firmware for %s is known", o.Board.Name, o.Board.Arch)
		} else if !isFile(f.code) || !isFile(f.vars) {
			missing, packages = append(missing, f.code), append(packages, f.debian)
		}
	}
	if f := o.Board.QEMU.UBoot; o.Firmware == uBoot && f.Path != "" && !isFile(f.Path) {
		missing, packages = append(missing, f.Path), append(packages, f.Package)
	}
	if len(missing) > 0 {
		return fmt.Errorf("%s missing: apt-get install %s", strings.Join(missing, ", "), strings.Join(packages, " "))
	}
	if err := checkImage(o.Image, o.CD); err != nil {
		return err
	}
	info, err := os.Stat(o.Keep)
	if !o.CD && o.Keep != "" && errors.Is(err, os.ErrNotExist) {
		if _, err := os.Stat(filepath.Dir(o.Keep)); err != nil {
			return fmt.Errorf("the folder of the machine's disk: %w", err)
		}
	}
	switch {
	case o.CD:
		return nil
	case o.Keep == "" || errors.Is(err, os.ErrNotExist):
		return o.checkDiskSize()
	case err != nil:
		return err
	case info.IsDir():
		return fmt.Errorf("%s is a folder and cannot be the machine's disk; name a file, e.g. %s", o.Keep, filepath.Join(o.Keep, o.Board.Name+".disk"))
	}
	if image, err := os.Stat(o.Image); err == nil && os.SameFile(image, info) {
		return fmt.Errorf("%s is the image itself, which stays as it was built; name another file for the machine's disk", o.Keep)
	}
	return checkImage(o.Keep, false)
}

// checkImage finds files that nothing could boot from, before a firmware stands still over them without a word.
func checkImage(path string, cd bool) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	has := func(at int64, text string) bool {
		got := make([]byte, len(text))
		_, err := f.ReadAt(got, at)
		return err == nil && string(got) == text
	}
	switch {
	case cd && !has(16*isoSector, "\x01CD001"):
		return fmt.Errorf("%s is no image of a CD: it has no ISO 9660 file system", path)
	case !cd && !has(510, "\x55\xaa") && !has(gpt.SectorSize, "EFI PART"):
		return fmt.Errorf("%s is no image of a disk: it has no partition table", path)
	}
	return nil
}

// messages is where people are told things.
func (o RunOptions) messages() io.Writer {
	if o.Stderr == nil {
		return io.Discard
	}
	return o.Stderr
}

func copyFile(to, from string) error {
	f, err := os.Open(from)
	if err != nil {
		return err
	}
	defer f.Close()
	return WriteFileAtomic(to, func(w io.Writer) error {
		_, err := io.Copy(w, f)
		return err
	})
}

// A qemuMachine is all that decides QEMU's arguments.
type qemuMachine struct {
	RunOptions
	disk   string
	uefi   uefiFirmware // empty for BIOS
	direct directStart  // empty where firmware starts the kernel
	accel  string       // AccelKVM or AccelTCG; "": the user's arguments say it
	ssh    sshForward
}

func (m qemuMachine) args() []string {
	q := m.Board.QEMU
	memory := m.Memory
	if memory == 0 {
		memory = q.Memory
	}
	args := []string{"-machine", q.Machine, "-m", strconv.Itoa(memory)}
	if m.accel != "" {
		args = append(args, "-accel", m.accel)
	}
	if m.accel == AccelKVM {
		args = append(args, "-cpu", "host")
	} else if q.CPU != "" {
		args = append(args, "-cpu", q.CPU)
	}
	if m.uefi.code != "" {
		args = append(args, "-drive", "if=pflash,format=raw,readonly=on,file="+quoteComma(m.uefi.code),
			"-drive", "if=pflash,format=raw,file="+quoteComma(m.uefi.vars))
	}
	if m.Firmware == uBoot && !q.SD {
		args = append(args, "-bios", q.UBoot.Path)
	}
	args = append(args, m.direct.args()...)
	args = append(args, m.medium()...)
	if ownNetwork(m.Args) == "" {
		args = append(args, m.ssh.network(q)...)
	}
	args = append(args, q.Args...)
	return append(args, m.Args...)
}

// medium is what the machine starts from. It stands before the user's devices: U-Boot looks at the first disk alone, and the
// kernel calls that one vda.
func (m qemuMachine) medium() []string {
	if m.Board.QEMU.SD {
		return []string{"-drive", "if=sd,format=raw,file=" + quoteComma(m.disk)}
	}
	drive, device := "if=none,id=bantam,format=raw", "virtio-blk-pci,drive=bantam"
	if m.CD {
		drive += ",media=cdrom,readonly=on"
		if m.Board.Boot == board.Hybrid {
			device = "ide-cd,drive=bantam"
		}
	}
	if !ownBootOrder(m.Args) {
		device += ",bootindex=" + strconv.Itoa(bootIndex)
	}
	return []string{"-drive", drive + ",file=" + quoteComma(m.disk), "-device", device}
}

// bootIndex puts the machine's own medium before those that have no bootindex, of which a PC's BIOS would try only the first,
// and behind the user's that have one, and QEMU's -kernel, which has 0.
const bootIndex = 1000

// quoteComma makes a path part of a QEMU option, where a comma ends a value unless it is doubled.
func quoteComma(path string) string { return strings.ReplaceAll(path, ",", ",,") }
