package test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bantam/board"
	formats "bantam/firmware"
	"bantam/flashmap"
	"bantam/test/flashchip/chiptest"
	"bantam/test/vm"
)

// A router is malta with a chip of NOR flash, for which a disk stands. QEMU gives a kernel to the machine, so the test is the boot
// loader: it reads what lies in the chip, as U-Boot does.
type router struct {
	t      *testing.T
	board  board.Board
	chip   string // the file
	dir    string
	memory int // in MiB
}

func newRouter(t *testing.T) *router {
	t.Helper()
	b, err := board.Load("qemu-malta")
	if err != nil {
		t.Fatal(err)
	}
	// Not t.TempDir: that has the test's name in it, and QEMU's options end at a comma.
	dir, err := os.MkdirTemp("", "bantam-router-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	r := &router{t, b, filepath.Join(dir, "chip"), dir, 256}
	if err := os.WriteFile(r.chip, bytes.Repeat([]byte{0xFF}, int(b.Flash.Size)), 0o600); err != nil {
		t.Fatal(err)
	}
	return r
}

// program writes firmware to its area, as the board's maker or a person with a serial cable does.
func (r *router) program(file []byte) {
	r.t.Helper()
	_, body, err := formats.ReadTrailers(bytes.NewReader(file))
	if err != nil {
		r.t.Fatal(err)
	}
	f, err := os.OpenFile(r.chip, os.O_WRONLY, 0)
	if err != nil {
		r.t.Fatal(err)
	}
	defer f.Close()
	area, _ := r.board.Flash.Find(flashmap.Firmware)
	if _, err := f.WriteAt(file[:body], area.Offset); err != nil {
		r.t.Fatal(err)
	}
}

// load is what U-Boot does: header, checksum of the data, kernel and initrd. nil, nil if there is no firmware; a header with other data than it
// says fails the test.
func (r *router) load() (kernel, initrd []byte) {
	r.t.Helper()
	all, err := os.ReadFile(r.chip)
	if err != nil {
		r.t.Fatal(err)
	}
	area, _ := r.board.Flash.Find(flashmap.Firmware)
	f := io.NewSectionReader(bytes.NewReader(all), area.Offset, area.Size)
	u, err := formats.ReadUImage(f)
	if err != nil {
		return nil, nil
	}
	parts, err := u.Parts(f)
	if err == nil {
		err = u.Verify(f)
	}
	if err != nil || len(parts) != 2 {
		r.t.Fatalf("the flash holds a firmware that is none: %+v, %v", parts, err)
	}
	part := func(p formats.Part) []byte { return all[area.Offset+p.At:][:p.Size] }
	return part(parts[0]), part(parts[1])
}

// start powers the router on. more are files that it has as further disks.
func (r *router) start(host string, more ...string) *console {
	r.t.Helper()
	kernel, initrd := r.load()
	if kernel == nil {
		r.t.Fatal("there is no firmware in the flash")
	}
	paths := []string{filepath.Join(r.dir, "kernel"), filepath.Join(r.dir, "initrd")}
	for i, data := range [][]byte{kernel, initrd} {
		if err := os.WriteFile(paths[i], data, 0o600); err != nil {
			r.t.Fatal(err)
		}
	}
	args := []string{"qemu-system-mipsel", "-accel", "tcg", "-machine", r.board.QEMU.Machine, "-cpu", r.board.QEMU.CPU, "-m", fmt.Sprint(r.memory), "-no-reboot", "-nic", "none", "-vga", "none",
		"-kernel", paths[0], "-initrd", paths[1], "-append", fmt.Sprintf("%s block2mtd.block2mtd=/dev/vda,%d", r.board.Cmdline, r.board.Flash.EraseBlock)}
	args = append(args, r.board.QEMU.Args...)
	for _, file := range append([]string{r.chip}, more...) {
		args = append(args, "-drive", virtio(file))
	}
	c := &console{Machine: vm.Start(r.t, args...), t: r.t, host: host}
	c.booted()
	c.settled()
	// What stands for the chip keeps writes back, which no chip does.
	c.run("sync")
	return c
}

// firmwareOf builds a router's firmware.
func firmwareOf(t *testing.T, text string) []byte {
	t.Helper()
	file := filepath.Join(t.TempDir(), "system.toml")
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return read(t, filepath.Join(build(t, "qemu-malta", file), "qemu-malta.sysupgrade.bin"))
}

// holds tells whether the area of the firmware begins with a file's body.
func (r *router) holds(file []byte) bool {
	r.t.Helper()
	all, err := os.ReadFile(r.chip)
	if err != nil {
		r.t.Fatal(err)
	}
	_, body, err := formats.ReadTrailers(bytes.NewReader(file))
	if err != nil {
		r.t.Fatal(err)
	}
	area, _ := r.board.Flash.Find(flashmap.Firmware)
	return bytes.HasPrefix(all[area.Offset:], file[:body])
}

// stickPart is how far apart files lie on a stick, in bytes.
const stickPart = 8 << 20

// stick makes a disk of files, /dev/vdb: one, because malta has four slots whose devices can interrupt.
func (r *router) stick(files ...[]byte) (path string) {
	r.t.Helper()
	all := make([]byte, len(files)*stickPart)
	for i, data := range files {
		if len(data) > stickPart {
			r.t.Fatalf("a file of %d bytes has no room on the stick", len(data))
		}
		copy(all[i*stickPart:], data)
	}
	path = filepath.Join(r.dir, "stick")
	if err := os.WriteFile(path, all, 0o600); err != nil {
		r.t.Fatal(err)
	}
	return path
}

// fetch copies so much of a file of the stick to /tmp.
func fetch(c *console, file, size int, name string) {
	c.t.Helper()
	c.must(fmt.Sprintf("tail -c +%d /dev/vdb | head -c %d > /tmp/%s; wc -c < /tmp/%[3]s", file*stickPart+1, size, name), fmt.Sprint(size))
}

// other is the firmware for another device.
func other(t *testing.T, file []byte) []byte {
	t.Helper()
	_, body, err := formats.ReadTrailers(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	w := formats.NewTrailerWriter(&b)
	m, err := formats.Metadata{Devices: []string{"maker,other"}, Compat: "1.0"}.Encode()
	if err == nil {
		if _, err = w.Write(file[:body]); err == nil {
			err = w.Trailer(formats.Info, m)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// The life of a router: its state lies in its flash and outlasts what happens; it refuses what is not for it, is flashed with another firmware, loses
// power in the midst of that and is recovered, and begins anew where a person wants that.
func TestOwnKernelOfMaltaFlashesItself(t *testing.T) {
	r := newRouter(t)
	first, second := firmwareOf(t, "hostname = \"first\"\n"), firmwareOf(t, "hostname = \"second\"\n")
	r.program(first)
	stick := r.stick(second, other(t, second), first)
	c := r.start("first", stick)
	c.must("bantam status", "board qemu-malta", "generation  1, good", "state       /dev/ubi0_0 of flash area state", "this board starts from its flash chip")
	c.must("mount", "/dev/ubi0_0 on /state type ubifs")
	c.write("/tmp/new.toml", "hostname = \"kept\"\n")
	c.Send("bantam switch /tmp/new.toml\r")
	c.Expect(`generation 2 runs and is the default`)
	c.host = "kept"
	c.prompt()

	fetch(c, 0, len(second)/2, "cut")
	c.must("bantam flash --yes /tmp/cut; bantam flash --yes --force /tmp/cut; echo code $?", "damaged", "it is cut off", "code 1")
	fetch(c, 1, len(other(t, second)), "other")
	c.must("bantam flash --yes /tmp/other; echo code $?", "it is for maker,other, and this is", "qemu,malta", "code 1")
	fetch(c, 0, len(second), "second")
	c.must("rm /tmp/cut /tmp/other; bantam flash --test /tmp/second; echo code $?", "area firmware of the NOR flash, at 0x50000", "there is no way back", "commit  the first bytes", "code 0")
	if !r.holds(first) {
		t.Fatal("--test or a refusal has changed the flash")
	}
	c.Send("bantam flash --yes /tmp/second\r")
	c.WaitEnd()
	if !r.holds(second) {
		t.Fatal("the flash does not hold what was written")
	}

	c = r.start("kept", stick)
	c.must("bantam status", "good", "state       /dev/ubi0_0 of flash area state")
	c.must("bantam generations", "2   good")
	c.must("dmesg | grep -c -i 'call trace'; true", "0\n")
	fetch(c, 2, len(first), "first")
	c.Send("bantam flash --yes /tmp/first\r")
	c.Expect(`erase blocks that differ; [^\n]*: [1-9][0-9]* of [0-9]+ kB`)
	c.PowerCut()
	if kernel, _ := r.load(); kernel != nil && !r.holds(first) && !r.holds(second) {
		t.Error("the boot loader finds a mixture")
	} else if kernel == nil {
		t.Log("there is no firmware: the board is recovered over its boot loader")
		r.program(first)
	}

	c = r.start("kept")
	c.must("bantam generations", "2   good")
	c.run("bantam state renew --yes")
	c.must("bantam status", "the next boot makes it anew")
}

// A firmware that begins with nothing but what is to be kept, and then one of another system, of which every byte lies in its area and none in others.
func TestOwnKernelOfMaltaBeginsAnewAndIsLeft(t *testing.T) {
	r := newRouter(t)
	first, second := firmwareOf(t, "hostname = \"first\"\n"), firmwareOf(t, "hostname = \"second\"\n")
	openwrt, err := chiptest.FirmwareFor("qemu,malta", formats.UBootArch(r.board.Arch), chiptest.Openwrt, 3_000_000)
	if err != nil {
		t.Fatal(err)
	}
	r.program(first)
	stick := r.stick(second, openwrt)
	c := r.start("first", stick)
	c.must("echo word | bantam secret set token")
	c.write("/state/mine", "of mine\n")
	c.write("/state/other", "of others\n")
	c.write("/tmp/new.toml", "hostname = \"kept\"\n")
	c.Send("bantam switch /tmp/new.toml\r")
	c.Expect(`generation 2 runs and is the default`)
	c.host = "kept"
	c.prompt()
	fetch(c, 0, len(second), "second")
	const wipe = "bantam flash --wipe --keep /state/mine --keep /state/secrets --yes "
	c.must(wipe+"--test /tmp/second", "wipe    what this machine keeps, at the next boot", "kept    /state/mine", "kept    /state/secrets")
	c.Send(wipe + "/tmp/second\r")
	c.WaitEnd()
	if !r.holds(second) {
		t.Fatal("the flash does not hold what was written")
	}

	c = r.start("second", stick)
	c.must("bantam status", "generation  1, good", "state       /dev/ubi0_0 of flash area state")
	if list := c.must("bantam generations", "1   good"); strings.Contains(list, "2   ") {
		t.Errorf("a generation was left:\n%s", list)
	}
	c.must("cat /state/mine", "of mine\n")
	c.must("bantam secret list", "token")
	c.must("cat /state/other; echo code $?", "no such file", "code 1\n")

	fetch(c, 1, len(openwrt), "openwrt")
	c.must("bantam flash --yes /tmp/openwrt; echo code $?", "it is OpenWrt 24.10.0, not Bantam", "--leave-bantam takes it", "code 1\n")
	c.must("bantam flash --yes --leave-bantam --wipe /tmp/openwrt; echo code $?", "not Bantam, which is what would wipe", "code 1\n")
	c.must("bantam flash --test --leave-bantam /tmp/openwrt", "lost    generations, draft, secrets", "there is no way back")
	if !r.holds(second) {
		t.Fatal("--test or a refusal has changed the flash")
	}
	before := read(t, r.chip)
	c.Send("bantam flash --yes --leave-bantam /tmp/openwrt\r")
	c.WaitEnd()
	if !r.holds(openwrt) {
		t.Error("the flash does not hold what was written")
	}
	area, _ := r.board.Flash.Find(flashmap.Firmware)
	if after := read(t, r.chip); !bytes.Equal(after[:area.Offset], before[:area.Offset]) {
		t.Error("what lies before the firmware's area was written")
	}

	// Whoever comes back finds what was kept, and runs what he brought.
	r.program(first)
	c = r.start("first")
	c.must("cat /state/mine", "of mine\n")
}

// 64 MiB are what a board must have: a firmware that does not fit into what is free is refused while the flash is what it was, and one that does is flashed.
func TestOwnKernelOfMaltaFlashesItselfIn64MiB(t *testing.T) {
	r := newRouter(t)
	r.memory = 64
	first, second := firmwareOf(t, "hostname = \"first\"\n"), firmwareOf(t, "hostname = \"second\"\n")
	r.program(first)
	stick := r.stick(second)
	c := r.start("first", stick)
	c.write("/state/mine", "of mine\n")
	t.Log(c.run("head -n 5 /proc/meminfo"))
	fetch(c, 0, len(second), "second")
	// All but so much as the firmware has is taken.
	c.must("mount -t tmpfs -o size=100% none /mnt; echo code $?", "code 0\n")
	c.run(fmt.Sprintf("head -c $(awk '/^MemAvailable/ { print $2 * 1024 - %d }' /proc/meminfo) /dev/zero > /mnt/ballast", len(second)))
	c.must("bantam flash --yes /tmp/second; echo code $?", "there is too little memory to hold it while it is written: ", "remove files from /tmp", "code 1\n")
	if !r.holds(first) {
		t.Fatal("a refusal has changed the flash")
	}
	c.must("rm /mnt/ballast; bantam status", "generation  1, good")
	c.Send("bantam flash --yes /tmp/second\r")
	c.WaitEnd()
	if !r.holds(second) {
		t.Fatal("the flash does not hold what was written")
	}
	c = r.start("second")
	c.must("cat /state/mine", "of mine\n")
	c.must("bantam status", "generation  2, good")
}
