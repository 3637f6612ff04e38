// Package flashchip_test writes firmware to flash chips of a real kernel: a disk that stands for NOR and lasts, and memory that stands for
// NAND, with blocks that are bad or die.
package flashchip_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"bantam/firmware"
	"bantam/flashmap"
	"bantam/images"
	"bantam/test/flashchip/chiptest"
	"bantam/test/vm"

	"github.com/u-root/u-root/pkg/cpio"
)

// A rig is what the machines of this test have in common.
type rig struct {
	kernel  string
	modules string // their folder
	guest   []byte
}

func newRig(t *testing.T) rig {
	t.Helper()
	cache, err := images.DefaultCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	archive := images.Archive{CacheDir: cache, Release: "bookworm", Arch: "amd64"}
	const meta = "linux-image-amd64" // the one for virtual machines has no MTD
	packages, err := archive.Packages(context.Background(), meta)
	if err != nil {
		t.Fatal(err)
	}
	name, _, _ := strings.Cut(packages[meta].Depends, " ")
	if packages, err = archive.Packages(context.Background(), name); err != nil {
		t.Fatal(err)
	}
	kernels, _ := filepath.Glob(filepath.Join(packages[name].Dir, "boot/vmlinuz-*"))
	modules, _ := filepath.Glob(filepath.Join(packages[name].Dir, "lib/modules/*"))
	if len(kernels) != 1 || len(modules) != 1 {
		t.Fatalf("kernels %q, modules %q", kernels, modules)
	}
	binary := filepath.Join(t.TempDir(), "init")
	build := exec.Command("go", "build", "-o", binary, "./guest")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	guest, err := os.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	return rig{kernels[0], modules[0], guest}
}

// closure is modules with all that they depend on, in the order in which they are loaded.
func (r rig) closure(t *testing.T, names ...string) (paths []string) {
	t.Helper()
	for _, name := range names {
		out, err := exec.Command("find", r.modules, "-name", strings.ReplaceAll(name, "_", "[-_]")+".ko").Output()
		path := strings.TrimSpace(string(out))
		if err != nil || path == "" {
			t.Fatalf("module %s: %v, %q", name, err, out)
		}
		out, err = exec.Command("/sbin/modinfo", "-F", "depends", path).Output()
		if err != nil {
			t.Fatalf("modinfo (apt-get install kmod): %v", err)
		}
		below := strings.FieldsFunc(strings.TrimSpace(string(out)), func(r rune) bool { return r == ',' })
		for _, p := range append(r.closure(t, below...), path) {
			if !slices.Contains(paths, p) {
				paths = append(paths, p)
			}
		}
	}
	return paths
}

// initrd has the guest, a map, and modules with parameters, e.g. "block2mtd block2mtd=/dev/vda,65536".
func (r rig) initrd(t *testing.T, m flashmap.Map, modules ...string) string {
	t.Helper()
	var order strings.Builder
	var all []string
	for _, line := range modules {
		name, parameters, _ := strings.Cut(line, " ")
		for _, path := range r.closure(t, name) {
			if slices.Contains(all, path) {
				continue
			}
			all = append(all, path)
			fmt.Fprint(&order, filepath.Base(path))
			if strings.ReplaceAll(filepath.Base(path), "-", "_") == name+".ko" {
				fmt.Fprint(&order, " ", parameters)
			}
			fmt.Fprintln(&order)
		}
	}
	var b bytes.Buffer
	w := cpio.Newc.Writer(&b)
	put := func(rec cpio.Record) {
		if err := w.WriteRecord(rec); err != nil {
			t.Fatal(err)
		}
	}
	for _, d := range []string{"dev", "bantam", "modules", "state"} {
		put(cpio.Directory(d, 0o755))
	}
	put(cpio.CharDev("dev/console", 0o600, 5, 1))
	put(cpio.StaticFile("init", string(r.guest), 0o755))
	put(cpio.StaticFile(flashmap.Path[1:], string(m.Encode()), 0o644))
	put(cpio.StaticFile("modules/order", order.String(), 0o644))
	for _, path := range all {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		put(cpio.StaticFile("modules/"+filepath.Base(path), string(data), 0o644))
	}
	if err := cpio.WriteTrailer(w); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "initrd")
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func (r rig) start(t *testing.T, initrd string, drives ...string) *vm.Machine {
	t.Helper()
	args := []string{"qemu-system-x86_64", "-accel", "tcg", "-m", "768", "-no-reboot", "-nic", "none", "-kernel", r.kernel, "-initrd", initrd, "-append", "console=ttyS0 loglevel=1 panic=-1"} // what the kernel says of bad blocks would come in the midst of lines
	for _, d := range drives {
		args = append(args, "-drive", "format=raw,if=virtio,file="+d)
	}
	m := vm.Start(t, args...)
	m.ExpectWithin(3*time.Minute, "TEST ready")
	return m
}

// say sends a line and gives what is answered.
func say(m *vm.Machine, line string) string {
	m.Send(line + "\n")
	return m.ExpectWithin(5*time.Minute, `TEST `+line+`: ([^\r\n]*)\r?\n`)[1]
}

func must(t *testing.T, m *vm.Machine, line string) {
	t.Helper()
	if got := say(m, line); got != "ok" {
		t.Fatalf("%s: %s", line, got)
	}
}

// says sends a line, which is to be answered with a text before it succeeds.
func says(t *testing.T, m *vm.Machine, line, want string) {
	t.Helper()
	m.Send(line + "\n")
	m.ExpectWithin(time.Minute, regexp.QuoteMeta(want))
	m.Expect(`TEST ` + line + `: ok`)
}

// boots compares what a boot loader finds in the volume.
func boots(t *testing.T, m *vm.Machine, want string) {
	t.Helper()
	if got := say(m, "starts"); got != fmt.Sprintf("%q, <nil>", want) {
		t.Fatalf("%s starts, want %q", got, want)
	}
}

// nor is a chip of 4 MiB with erase blocks of 64 KiB.
func nor() flashmap.Map {
	return flashmap.Map{Kind: flashmap.NOR, Size: 4 << 20, EraseBlock: 1 << 16, Areas: []flashmap.Area{
		{Name: "u-boot", Size: 0x50000, Use: flashmap.Loader},
		{Name: "firmware", Offset: 0x50000, Size: 0x200000, Use: flashmap.Firmware},
	}}
}

const firmwareAt = 0x50000

// starts is what U-Boot would start from the chip: the name of a firmware, "" for none.
func starts(t *testing.T, chip string) (string, error) {
	t.Helper()
	all, err := os.ReadFile(chip)
	if err != nil {
		t.Fatal(err)
	}
	f := io.NewSectionReader(bytes.NewReader(all), firmwareAt, int64(len(all)-firmwareAt))
	u, err := firmware.ReadUImage(f)
	if err != nil {
		return "", nil
	}
	return u.Name, u.Verify(f)
}

func chipFile(t *testing.T, size int64) string {
	t.Helper()
	// Not t.TempDir: that has the test's name in it, and QEMU's options end at a comma.
	dir, err := os.MkdirTemp("", "bantam-chip-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, "chip")
	if err := os.WriteFile(path, bytes.Repeat([]byte{0xFF}, int(size)), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestNOROfAKernelSurvivesPowerCuts(t *testing.T) {
	r := newRig(t)
	initrd := r.initrd(t, nor(), "virtio_pci", "virtio_blk", "block2mtd block2mtd=/dev/vda,65536")
	chip := chipFile(t, 4<<20)
	loader := bytes.Repeat([]byte("loader"), firmwareAt/6)
	f, err := os.OpenFile(chip, os.O_WRONLY, 0)
	if err == nil {
		_, err = f.WriteAt(loader, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	m := r.start(t, initrd, chip)
	must(t, m, "flash old 1500000")
	if got := say(m, "plan new 2097089"); !strings.Contains(got, "it has 2097153 bytes, 1 more than area firmware") {
		t.Errorf("one byte too large: %s", got)
	}
	says(t, m, "plan new 2097088", "there is no way back")
	m.PowerCut()
	if name, err := starts(t, chip); name != "old" || err != nil {
		t.Fatalf("%q starts, %v", name, err)
	}
	none := 0
	for n, cut := range []int{1, 7, 15, 22, 23} {
		next := []string{"new", "old"}[n%2]
		m := r.start(t, initrd, chip)
		m.Send("flash " + next + " 1500000\n")
		m.ExpectWithin(time.Minute, fmt.Sprintf("TEST step %d,", cut))
		m.PowerCut()
		name, err := starts(t, chip)
		if err != nil || name != "" && name != "old" && name != "new" {
			t.Errorf("cut behind block %d: %q starts, %v", cut, name, err)
		}
		if name == "" {
			none++
		}
		t.Logf("cut behind block %d: %q starts", cut, name)
		m = r.start(t, initrd, chip)
		must(t, m, "flash "+next+" 1500000")
		m.PowerCut()
		if name, err := starts(t, chip); name != next || err != nil {
			t.Errorf("once more: %q starts, %v", name, err)
		}
	}
	if none == 0 {
		t.Error("no cut came while the flash held no firmware")
	}
	all, err := os.ReadFile(chip)
	if err != nil || !bytes.HasPrefix(all, loader) || bytes.Count(all[firmwareAt+0x200000:], []byte{0xFF}) != len(all)-firmwareAt-0x200000 {
		t.Error("what is not the firmware's was written")
	}
}

// From Bantam to OpenWrt: of its image all but the trailer lies in the area of the firmware, byte by byte, and all else on the chip is what it was.
func TestAChipOfAKernelIsLeftToOpenWrt(t *testing.T) {
	r := newRig(t)
	initrd := r.initrd(t, nor(), "virtio_pci", "virtio_blk", "block2mtd block2mtd=/dev/vda,65536")
	chip := chipFile(t, 4<<20)
	m := r.start(t, initrd, chip)
	must(t, m, "flash old 1900000")
	m.PowerCut()
	before, err := os.ReadFile(chip)
	if err != nil {
		t.Fatal(err)
	}
	m = r.start(t, initrd, chip)
	line := fmt.Sprint("plan ", chiptest.Openwrt, " 900000")
	says(t, m, line, "lost    generations, draft, secrets, host key, leases, what services and users keep: that system reads none of it")
	must(t, m, strings.Replace(line, "plan", "flash", 1))
	m.PowerCut()
	file, err := chiptest.Firmware(chiptest.Openwrt, 900_000)
	if err != nil {
		t.Fatal(err)
	}
	_, body, err := firmware.ReadTrailers(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	after, err := os.ReadFile(chip)
	if err != nil {
		t.Fatal(err)
	}
	area := nor().Areas[1]
	behind := area.Offset + (body+nor().EraseBlock-1)/nor().EraseBlock*nor().EraseBlock
	if !bytes.Equal(after[area.Offset:][:body], file[:body]) {
		t.Error("the chip does not hold its bytes")
	}
	if !bytes.Equal(after[:area.Offset], before[:area.Offset]) || !bytes.Equal(after[behind:], before[behind:]) {
		t.Error("something else on the chip was written")
	}
	if name, err := starts(t, chip); name != chiptest.Openwrt || err != nil {
		t.Errorf("%q starts, %v", name, err)
	}
}
