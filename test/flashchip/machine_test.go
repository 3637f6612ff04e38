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
	"strconv"
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

// nand is a chip of 128 MiB with pages of 2 KiB.
func nand() flashmap.Map {
	return flashmap.Map{Kind: flashmap.UBI, Size: 1 << 27, EraseBlock: 1 << 17, Page: 2048, Areas: []flashmap.Area{
		{Name: "ubi", Size: 1 << 27, Use: flashmap.Volumes, Volume: "fit"},
	}}
}

const simulated = "nandsim id_bytes=0x20,0xa1,0x00,0x15"

// smallNAND is one of 32 MiB, of which 5 blocks may be bad.
func smallNAND() flashmap.Map {
	chip := nand()
	chip.Size = smallBlocks * chip.EraseBlock
	chip.Areas[0].Size = chip.Size
	return chip
}

const (
	smallBlocks    = 256
	simulatedSmall = simulated + " overridesize=8" // two to the power of that
)

// The memory that stands for NAND is gone with its machine, so that the power is cut by UBI's own emulation: from that write on it writes no more.
func TestNANDOfAKernelSurvivesPowerCuts(t *testing.T) {
	r := newRig(t)
	m := r.start(t, r.initrd(t, nand(), simulated, "ubi"))
	must(t, m, "flash old 5000000")
	boots(t, m, "old")
	must(t, m, "flash new 6000000")
	boots(t, m, "new")
	must(t, m, "back")
	boots(t, m, "old")
	says(t, m, "plan new 300000", "write   3 erase blocks, as new volumes beside those that run")
	for kind, what := range map[int]string{1: "count erasures", 2: "say whose a block is"} {
		line := fmt.Sprint("sweep ", kind)
		m.Send(line + "\n")
		cuts := m.ExpectWithin(5*time.Minute, `TEST swept (\d+) cuts that leave the old one, (\d+) the new one`)
		t.Logf("cuts at headers that %s: %s leave the old firmware, %s the new one", what, cuts[1], cuts[2])
		m.Expect(`TEST ` + line + `: ok`)
		if old, _ := strconv.Atoi(cuts[1]); old < 3 {
			t.Errorf("%s cuts came before the change", cuts[1])
		}
	}
	if got := say(m, "plan new 133000000"); !strings.Contains(got, "it is too large") {
		t.Errorf("a firmware that takes all: %s", got)
	}
	m.PowerCut()
}

func TestBadBlocksOfNAND(t *testing.T) {
	r := newRig(t)
	var list []string
	for i := range 20 {
		list = append(list, fmt.Sprint(10+40*i))
	}
	m := r.start(t, r.initrd(t, nand(), simulated+" badblocks="+strings.Join(list, ","), "ubi"))
	says(t, m, "plan new 5000000", "20 erase blocks of the chip are bad, and are passed over; 20 may be")
	must(t, m, "flash new 5000000")
	boots(t, m, "new")
	must(t, m, "wear")
	if got := say(m, "flash old 5000000"); !strings.Contains(got, "the chip is worn out: 21 of its blocks are bad, and at most 20 may be") {
		t.Errorf("one too many: %s", got)
	}
	boots(t, m, "new")
	m.PowerCut()
}

// weakPages is a parameter of nandsim: pages that take nothing, in one erase block of so many. Each block has another one: of its second header, of
// its first data, in its midst, its last.
func weakPages(blocks, every int) string {
	const each = 64 // pages of a block
	var list []string
	for n, block := 0, every/2; block < blocks; n, block = n+1, block+every {
		list = append(list, fmt.Sprintf("%d:0", block*each+[]int{1, 2, each / 2, each - 1}[n%4]))
	}
	return " weakpages=" + strings.Join(list, ",")
}

// wentBad sends a line and gives how many blocks it tells of.
func wentBad(t *testing.T, m *vm.Machine, line string) int {
	t.Helper()
	m.Send(line + "\n")
	said := m.ExpectWithin(5*time.Minute, `TEST note (\d+) erase blocks went bad meanwhile; others have taken their places\r?\n`)
	m.Expect(`TEST ` + line + `: ok`)
	n, err := strconv.Atoi(said[1])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// Blocks that die while they are written: another one takes what was to be in them, what is read back is the firmware, and they are told and counted.
func TestBlocksOfNANDThatDieWhileTheyAreWritten(t *testing.T) {
	r := newRig(t)
	m := r.start(t, r.initrd(t, nand(), simulated+weakPages(1024, 16), "ubi"))
	bad := 0
	for _, name := range []string{"old", "new"} {
		n := wentBad(t, m, "flash "+name+" 10000000")
		if n == 0 || bad+n > 20 {
			t.Fatalf("%d blocks went bad, %d before", n, bad)
		}
		bad += n
		boots(t, m, name)
		says(t, m, "plan third 300000", fmt.Sprintf("%d erase blocks of the chip are bad, and are passed over; 20 may be", bad))
	}
	t.Logf("%d blocks have died", bad)
	must(t, m, "back")
	boots(t, m, "old")
	m.PowerCut()
}

// So many die that UBI has no others: that is told, and the firmware of before is what it was, then and after a restart. A volume takes the rest of
// the chip, as the state volume of a router does.
func TestNANDThatWearsOutWhileItIsWrittenKeepsTheOldOne(t *testing.T) {
	const size = 20_000_000
	r, chip := newRig(t), smallNAND()
	m := r.start(t, r.initrd(t, chip, simulatedSmall+weakPages(smallBlocks, 16), "ubi"))
	must(t, m, "flash old 300000")
	must(t, m, fmt.Sprint("fill ", (size+2<<10)/chip.VolumeBlock()+1))
	worn := func(told string) {
		t.Helper()
		if got := say(m, fmt.Sprint("flash new ", size)); !regexp.MustCompile("the chip is worn out: " + told).MatchString(got) {
			t.Fatalf("%s, want %s", got, told)
		}
		boots(t, m, "old")
	}
	const noneLeft = `UBI writes no more: [1-9]\d* blocks are bad, and none is left to take the place of another; `
	worn(noneLeft + "what runs stays: ")
	worn(noneLeft + "nothing is written to it any more")
	must(t, m, "detach") // as a restart does
	worn(`[1-9]\d* of its blocks are bad, and at most 5 may be; nothing is written to it any more`)
	m.PowerCut()
}

// weakBlocks is a parameter of nandsim: one erase block in so many can be erased once, as UBI does at first, and fails from then on.
func weakBlocks(blocks, every int) string {
	var list []string
	for block := every / 2; block < blocks; block += every {
		list = append(list, fmt.Sprintf("%d:1", block))
	}
	return " weakblocks=" + strings.Join(list, ",")
}

// flashed brings a firmware to the chip: how many blocks are told to have gone bad meanwhile, and the answer.
func flashed(m *vm.Machine, name string, size int64) (bad int, answer string) {
	line := fmt.Sprintf("flash %s %d", name, size)
	m.Send(line + "\n")
	said := m.ExpectWithin(5*time.Minute, `(?s)(?:TEST note (\d+) erase blocks went bad meanwhile; others have taken their places\r?\n.*?)?TEST `+line+`: ([^\r\n]*)\r?\n`)
	bad, _ = strconv.Atoi(said[1])
	return bad, said[2]
}

// stateOf is a number of what UBI has, e.g. Free.
func stateOf(t *testing.T, m *vm.Machine, what string) int64 {
	t.Helper()
	m.Send("state\n")
	n, err := strconv.ParseInt(m.Expect(`TEST state {.*` + what + `:(\d+)[ }]`)[1], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	m.Expect(`TEST state: ok`)
	return n
}

// lost is what a flash says that has made room of which too much was lost. UBI erases beside it: whether that comes to its own end before or behind
// the new volume decides which of the two.
var lost = regexp.MustCompile(`^the chip is worn out: (UBI writes no more: \d+ blocks are bad, and none is left to take the place of another|\d+ of its blocks are bad, \d+ since a moment ago, and too few are left for it); what runs stays: `)

// Blocks that fail when they are erased, after they have served: each flash has to throw the firmware before the last away to have room. They are marked
// and counted, others take their places, and they are told, by that flash or by the plan of the next; when too many are bad that is told, and the last firmware stays.
func TestBlocksOfNANDThatFailWhenTheyAreErased(t *testing.T) {
	const size = 10_000_000
	r, chip := newRig(t), smallNAND()
	m := r.start(t, r.initrd(t, chip, simulatedSmall+weakBlocks(smallBlocks, 32), "ubi"))
	must(t, m, fmt.Sprint("flash old ", size))
	must(t, m, fmt.Sprint("fill ", size/chip.VolumeBlock()+3))
	runs, told, counted := "old", 0, 0
	for n := 0; ; n++ {
		if n == 20 {
			t.Fatal("it does not wear out")
		}
		next := []string{"new", "third", "fourth"}[n%3]
		bad, answer := flashed(m, next, size)
		if answer != "ok" {
			if !regexp.MustCompile(`^the chip is worn out: [6-9] of its blocks are bad, and at most 5 may be; nothing is written to it any more`).MatchString(answer) && !lost.MatchString(answer) {
				t.Errorf("%s: %s", next, answer)
			}
			t.Logf("flash %d: %s", n, answer)
			break
		}
		runs, told = next, told+bad
		boots(t, m, runs)
		now := int(stateOf(t, m, "Bad"))
		if now < counted || now < told {
			t.Errorf("%d blocks are bad, after %d, of which %d were told", now, counted, told)
		}
		if counted = now; now > 0 {
			m.Send("plan x 300000\n")
			noted := m.Expect(`(\d+) erase blocks of the chip are bad, and are passed over; 5 may be|TEST plan x 300000: the chip is worn out: (\d+) of its blocks are bad, and at most 5 may be`)
			if n, _ := strconv.Atoi(noted[1] + noted[2]); n < now { // more may have gone bad meanwhile
				t.Errorf("the plan tells of %d bad blocks, %d are", n, now)
			}
		}
		t.Logf("flash %d: %d blocks went bad, %d are", n, bad, now)
	}
	if told == 0 {
		t.Error("no flash has told of a block that went bad meanwhile")
	}
	boots(t, m, runs)
	must(t, m, "detach") // as a restart does
	boots(t, m, runs)
	if bad := stateOf(t, m, "Bad"); bad < int64(counted) {
		t.Errorf("%d blocks are bad after a restart, %d were", bad, counted)
	}
	m.PowerCut()
}

// The firmware before the last was to make room, and so many of its blocks fail when they are erased that what is left is too little.
func TestNANDWhoseRoomIsLostWhenItIsErasedKeepsTheOldOne(t *testing.T) {
	const size = 10_000_000
	r, chip := newRig(t), smallNAND()
	m := r.start(t, r.initrd(t, chip, simulatedSmall+weakBlocks(smallBlocks, 12), "ubi"))
	must(t, m, fmt.Sprint("flash old ", size))
	must(t, m, fmt.Sprint("flash new ", size))
	all := (stateOf(t, m, "Free") + size/chip.VolumeBlock() + 1) * chip.VolumeBlock()
	_, answer := flashed(m, "third", all-4096)
	if !lost.MatchString(answer) {
		t.Errorf("too few are left: %s", answer)
	}
	t.Log(answer)
	boots(t, m, "new")
	for range 2 {
		must(t, m, "detach") // as a restart does
		if _, answer := flashed(m, "third", size); !regexp.MustCompile(`^the chip is worn out: \d+ of its blocks are bad, and at most 5 may be; nothing is written to it any more`).MatchString(answer) {
			t.Errorf("once more: %s", answer)
		}
		boots(t, m, "new")
	}
	m.PowerCut()
}
