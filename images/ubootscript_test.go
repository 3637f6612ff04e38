package images

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"bantam/board"
	"bantam/gpt"
	"bantam/slot"
)

// The script runs here in dash, with commands that do what U-Boot's do to a disk and a memory that are files. How U-Boot's
// own shell reads it is seen by `make test-boards`.
const ubootInDash = `set -af
devtype=virtio devnum=0 kernel_addr_r=100000 ramdisk_addr_r=200000 pxefile_addr_r=0 fdtcontroladdr=f00
fake() { out=$("$FAKE" -test.run=TestFakeUBootCommand "$@" 2>>"$LOG"); code=$?; eval "$out"; return $code; }
setenv() { name=$1; shift; if [ $# = 0 ]; then unset "$name"; else eval "$name=\$*"; fi; }
run() { eval "eval \"\$$1\""; }
part() { fake part "$@"; }
virtio() { fake virtio "$@"; }
env() { fake env "$@"; }
setexpr() { eval "$1=\$(printf %x \$((0x${2#0x} $3 0x${4#0x})))"; }
itest() { [ $# = 3 ] && [ $((0x$1)) "$2" $((0x$3)) ]; }
crc32() { fake crc32 "$@"; }
booti() { fake booti "$@"; [ $? = 77 ] && exit 0; return 1; }
bootz() { booti "$@"; }
reset() { echo reset >>"$LOG"; exit 0; }
sleep() { :; }
`

// ubootDisk is a disk with an image, and a slot B behind it.
type ubootDisk struct {
	board board.Board
	path  string
	image []byte
	table gpt.Table
}

// treeless is a board whose U-Boot knows its device tree.
var treeless = board.Board{Arch: "arm64", Boot: board.UBoot}

// newUBootDisk has both slots filled, with kernels of their own.
func newUBootDisk(t *testing.T) *ubootDisk {
	t.Helper()
	d := fakeDisk(t, 3000, 2000)
	d.Programs, d.Script, d.Cmdline = GRUBPrograms{}, UBootScript(treeless), "console=ttyS0 quiet"
	path := filepath.Join(t.TempDir(), "disk")
	if err := WriteDisk(path, d); err != nil {
		t.Fatal(err)
	}
	image, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	c, err := gpt.Read(bytes.NewReader(image), uint64(len(image)/gpt.SectorSize))
	if err != nil {
		t.Fatal(err)
	}
	at := int64(len(image))
	d.Kernel, d.Initrd = all(t, numbered(4000, 5)), all(t, numbered(1000, 6))
	l, err := d.slotLayout(at)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := l.write(&b); err != nil {
		t.Fatal(err)
	}
	for len(c.Table.Partitions) < slot.NumberB {
		c.Table.Partitions = append(c.Table.Partitions, gpt.Partition{})
	}
	c.Table.Partitions[slot.NumberB-1] = gpt.Partition{First: uint64(at / gpt.SectorSize), Last: uint64(at+l.size)/gpt.SectorSize - 1}
	return &ubootDisk{treeless, path, append(image, b.Bytes()...), c.Table}
}

// at is the byte at which a partition begins.
func (d *ubootDisk) at(number int) int {
	return int(d.table.Partitions[number-1].First) * gpt.SectorSize
}

func (d *ubootDisk) setState(t *testing.T, s slot.State) {
	t.Helper()
	b, err := s.EncodeUBoot()
	if err != nil {
		t.Fatal(err)
	}
	copy(d.image[d.at(slot.State1Number):], b)
	copy(d.image[d.at(slot.State2Number):], b)
}

// states are what the copies say, e.g. "A: A g, B 0, seen A" twice; or why nothing. behind: their slot.Spare.
func (d *ubootDisk) states(behind int) (said [2]string) {
	for i, number := range []int{slot.State1Number, slot.State2Number} {
		s, err := slot.ParseUBoot(d.image[d.at(number)+behind*slot.StateSize:][:slot.StateSize])
		if said[i] = fmt.Sprintf("%s: A %v, B %v, seen %s", strings.Join(s.Order, " "), s.LeftA, s.LeftB, s.Seen); err != nil {
			said[i] = err.Error()
		}
	}
	return said
}

// boot runs the script and returns what it started, one a line: those that the kernel's loader refuses, which are named, and the last one.
func (d *ubootDisk) boot(t *testing.T, refused string, words ...string) string {
	t.Helper()
	dir := t.TempDir()
	script, log, memory := filepath.Join(dir, "script"), filepath.Join(dir, "log"), filepath.Join(dir, "memory")
	var parts strings.Builder
	for i, p := range d.table.Partitions {
		if p.First > 0 {
			fmt.Fprintf(&parts, "%d:%x ", i+1, p.First)
		}
	}
	text := ubootInDash + strings.Join(words, "\n") + "\n" + ubootText(d.board)
	for path, content := range map[string][]byte{script: []byte(text), d.path: d.image, memory: nil, log: nil,
		filepath.Join(dir, "cmp.b"): []byte("#!/bin/sh\nexec \"$FAKE\" -test.run=TestFakeUBootCommand cmp \"$@\"\n"),
		filepath.Join(dir, "cp.b"):  []byte("#!/bin/sh\nexec \"$FAKE\" -test.run=TestFakeUBootCommand cp \"$@\"\n")} {
		if err := os.WriteFile(path, content, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("dash", script)
	cmd.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"), "FAKE="+own, "LOG="+log, "FAKE_DISK="+d.path, "FAKE_MEMORY="+memory,
		"FAKE_PARTS="+parts.String(), "FAKE_REFUSED="+refused)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if d.image, err = os.ReadFile(d.path); err != nil {
		t.Fatal(err)
	}
	said, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(said))
}

// TestFakeUBootCommand is no test: it is a command of U-Boot's for the script. What it prints the shell evaluates.
func TestFakeUBootCommand(t *testing.T) {
	if os.Getenv("FAKE_DISK") == "" {
		return
	}
	i := 1
	for strings.HasPrefix(os.Args[i], "-test.") {
		i++
	}
	code, err := fakeUBoot(os.Args[i], os.Args[i+1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func fakeUBoot(command string, args []string) (code int, err error) {
	number := func(i int) int64 {
		n, err := strconv.ParseInt(strings.TrimPrefix(args[i], "0x"), 16, 64)
		if err != nil {
			panic(err)
		}
		return n
	}
	memory, err := os.OpenFile(os.Getenv("FAKE_MEMORY"), os.O_RDWR, 0)
	if err != nil {
		return 0, err
	}
	bytesAt := func(at, n int64) []byte {
		b := make([]byte, n)
		if _, err := memory.ReadAt(b, at); err != nil && err != io.EOF {
			panic(err)
		}
		return b
	}
	switch command {
	case "part": // start virtio 0 NUMBER NAME
		_, rest, found := strings.Cut(" "+os.Getenv("FAKE_PARTS"), " "+args[3]+":")
		if !found {
			return 1, nil
		}
		first, _, _ := strings.Cut(rest, " ")
		fmt.Printf("%s=%s\n", args[4], first)
	case "virtio": // read|write MEMORY SECTOR COUNT, dev NUMBER
		if args[0] == "dev" {
			return 0, nil
		}
		disk, err := os.OpenFile(os.Getenv("FAKE_DISK"), os.O_RDWR, 0)
		if err != nil {
			return 0, err
		}
		at, n := number(2)*512, number(3)*512
		if args[0] == "write" {
			_, err = disk.WriteAt(bytesAt(number(1), n), at)
			return 0, err
		}
		b := make([]byte, n)
		if _, err := disk.ReadAt(b, at); err != nil {
			return 1, nil
		}
		_, err = memory.WriteAt(b, number(1))
		return 0, err
	case "cp": // FROM TO COUNT
		_, err = memory.WriteAt(bytesAt(number(0), number(2)), number(1))
	case "crc32": // MEMORY SIZE TO
		if os.Getenv("NATIVE") != "" { // a long one
			_, err = memory.WriteAt(binary.LittleEndian.AppendUint64(nil, uint64(crc32.ChecksumIEEE(bytesAt(number(0), number(1))))), number(2))
			return 0, err
		}
		_, err = memory.WriteAt(binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(bytesAt(number(0), number(1)))), number(2))
	case "cmp":
		if !bytes.Equal(bytesAt(number(0), number(2)), bytesAt(number(1), number(2))) {
			return 1, nil
		}
	case "booti":
		fmt.Fprintln(os.Stderr, os.Getenv("bootargs"))
		if os.Getenv("SHOW") != "" {
			fmt.Fprintln(os.Stderr, args, os.Getenv("kernel_comp_size"), os.Getenv("fdt_high"))
		}
		if !strings.Contains(os.Getenv("FAKE_REFUSED"), os.Getenv("s")) {
			return 77, nil
		}
		return 1, nil
	case "env":
		return fakeUBootEnv(args, number, bytesAt, memory)
	default:
		return 0, fmt.Errorf("%s: U-Boot has it, this test not", command)
	}
	return 0, err
}

func fakeUBootEnv(args []string, number func(int) int64, bytesAt func(at, n int64) []byte, memory io.WriterAt) (code int, err error) {
	if args[0] == "export" { // -c -s SIZE MEMORY NAME...
		b := make([]byte, number(3))
		text := b[4:4]
		for _, name := range args[5:] {
			if value, ok := os.LookupEnv(name); ok {
				text = append(text, name+"="+value+"\x00"...)
			}
		}
		binary.LittleEndian.PutUint32(b, crc32.ChecksumIEEE(b[4:]))
		_, err = memory.WriteAt(b, number(4))
		return 0, err
	}
	b, separator := bytesAt(number(2), number(3)), "\n" // import -c|-t MEMORY SIZE NAME...
	if args[1] == "-c" {
		if binary.LittleEndian.Uint32(b) != crc32.ChecksumIEEE(b[4:]) {
			return 1, nil
		}
		b, separator = b[4:], "\x00"
	}
	for _, line := range strings.Split(string(b), separator) {
		name, value, ok := strings.Cut(line, "=")
		for _, wanted := range args[4:] {
			if ok && name == wanted {
				fmt.Printf("%s='%s'\n", name, value)
			}
		}
	}
	return 0, nil
}

// What is on the disk, and what U-Boot starts and leaves there.
func TestUBootScriptChoosesASlot(t *testing.T) {
	seen := slot.Delivered
	seen.Order, seen.Seen = []string{"A", "B"}, "A"
	trial := seen.WithFirst("B").WithLeft("B", 3)
	flip := func(number, at int) func(*ubootDisk) { return func(d *ubootDisk) { d.image[d.at(number)+at] ^= 1 } }
	several := func(changes ...func(*ubootDisk)) func(*ubootDisk) {
		return func(d *ubootDisk) {
			for _, c := range changes {
				c(d)
			}
		}
	}
	with := func(words string) string { return "console=ttyS0 quiet bantam.slot=" + words }
	a, b := with("A bantam.loader=u-boot "), with("B bantam.loader=u-boot ")
	tornOne, tornTwo := flip(slot.State1Number, 9), flip(slot.State2Number, 300)
	const kernelByte, initrdByte = slot.KernelAt*512 + 100, slot.KernelAt*512 + 4500
	damagedA, damagedB := flip(slot.NumberA, kernelByte), flip(slot.NumberB, kernelByte)
	unseen := slot.Delivered
	const torn = "environment: its checksum is wrong"
	for claim, c := range map[string]struct {
		found   slot.State
		change  func(*ubootDisk)
		refused string
		words   string
		want    []string
		state   string // of both copies, at last
	}{
		"a good slot, nothing to save":           {seen, nil, "", "", []string{a}, "A B: A g, B 0, seen A"},
		"the canary is answered":                 {unseen, nil, "", "", []string{a}, "A: A g, B 0, seen A"},
		"three tries":                            {trial, nil, "", "", []string{b}, "B A: A g, B 2, seen A"},
		"two":                                    {trial.WithLeft("B", 2), nil, "", "", []string{b}, "B A: A g, B 1, seen A"},
		"one":                                    {trial.WithLeft("B", 1), nil, "", "", []string{b}, "B A: A g, B 0, seen A"},
		"none":                                   {trial.WithLeft("B", 0), nil, "", "", []string{a}, "B A: A g, B 0, seen A"},
		"a kernel that does not load is counted": {trial, nil, "B", "", []string{b, a}, "B A: A g, B 2, seen A"},
		"a flipped bit in the kernel":            {trial, damagedB, "", "", []string{a}, "B A: A g, B 3, seen A"},
		"in the initrd":                          {trial, flip(slot.NumberB, initrdByte), "", "", []string{a}, "B A: A g, B 3, seen A"},
		"in the header":                          {trial, flip(slot.NumberB, 700), "", "", []string{a}, "B A: A g, B 3, seen A"},
		"in the checksums":                       {trial, flip(slot.NumberB, 3*512+5), "", "", []string{a}, "B A: A g, B 3, seen A"},
		"no second slot": {trial, func(d *ubootDisk) { d.table.Partitions[slot.NumberB-1].First = 0 }, "", "", []string{a},
			"B A: A g, B 3, seen A"},
		"nothing in it":                 {trial, func(d *ubootDisk) { clear(d.image[d.at(slot.NumberB):][:2048]) }, "", "", []string{a}, "B A: A g, B 3, seen A"},
		"the first copy is torn":        {trial, tornOne, "", "", []string{b}, "B A: A g, B 2, seen A"},
		"the second copy is torn":       {trial, tornTwo, "", "", []string{b}, "B A: A g, B 2, seen A"},
		"both are":                      {trial, several(tornOne, tornTwo), "", "", []string{a}, torn},
		"both are, and A does not load": {trial, several(tornOne, tornTwo), "A", "", []string{a, b}, torn},
		"both are, and A is damaged":    {trial, several(tornOne, tornTwo, damagedA), "", "", []string{b}, torn},
		"no tries left anywhere: what is intact": {trial.WithLeft("A", 0).WithLeft("B", 0), damagedA, "", "", []string{b},
			"B A: A 0, B 0, seen A"},
		"none is intact: what loads": {trial, several(damagedA, damagedB), "", "", []string{a}, "B A: A g, B 3, seen A"},
		"neither loads":              {trial, nil, "A B", "", []string{b, a, a, b, a, b, "reset"}, "B A: A g, B 2, seen A"},
		"nothing is there": {trial, func(d *ubootDisk) { clear(d.image[d.at(slot.NumberA):]) }, "", "", []string{"reset"},
			"B A: A g, B 3, seen A"},
		"a header of numbers that no memory has": {seen, func(d *ubootDisk) {
			clear(d.image[d.at(slot.NumberB):][:2048])
			header := d.image[d.at(slot.NumberA):][:slot.HeaderSize]
			copy(header[bytes.Index(header, []byte("KERNEL_COUNT=")):], "KERNEL_COUNT=fffffff\n")
		}, "", "", []string{"reset"}, "A B: A g, B 0, seen A"},
		"sums in the processor's order": {seen, nil, "", "NATIVE=1", []string{a}, "A B: A g, B 0, seen A"},
		"in that order a flipped bit":   {trial, damagedB, "", "NATIVE=1", []string{a}, "B A: A g, B 3, seen A"},
		"by hand":                       {trial, nil, "", "bantam_slot=A", []string{a + "bantam.hand"}, "B A: A g, B 3, seen A"},
		"by hand one that is damaged":   {trial, damagedA, "", "bantam_slot=A", []string{a + "bantam.hand"}, "B A: A g, B 3, seen A"},
		"by hand one that is no kernel": {trial, nil, "A", "bantam_slot=A", []string{a + "bantam.hand", b}, "B A: A g, B 2, seen A"},
	} {
		t.Run(claim, func(t *testing.T) {
			d := newUBootDisk(t)
			d.setState(t, c.found)
			if c.change != nil {
				c.change(d)
			}
			got := strings.Split(d.boot(t, c.refused, c.words), "\n")
			for i := range got {
				got[i] = strings.TrimRight(got[i], " ")
			}
			for i := range c.want {
				c.want[i] = strings.TrimRight(c.want[i], " ")
			}
			if strings.Join(got, "\n") != strings.Join(c.want, "\n") {
				t.Errorf("it starts\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
			if said := d.states(0); said != [2]string{c.state, c.state} {
				t.Errorf("the state is %q, want %q twice", said, c.state)
			}
		})
	}
}

// The device trees of a board lie before the kernel, and the kernel gets the one that U-Boot asks for.
func TestUBootScriptPassesADeviceTree(t *testing.T) {
	trees := []string{"broadcom/one.dtb", "broadcom/two.dtb", "three.dtb"}
	at := board.Loader{Kernel: 0x400000, Initrd: 0x800000}
	for claim, c := range map[string]struct {
		board board.Board
		words string
		want  string
	}{
		"U-Boot's own":           {treeless, "", "[100000 200000:a00 f00] c00"},
		"the only one":           {board.Board{Arch: "arm", DeviceTrees: trees[:1]}, "fdtfile=other.dtb", "[120000 200000:a00 100000]"},
		"the first of several":   {board.Board{Arch: "arm", DeviceTrees: trees}, "", "[160000 200000:a00 100000]"},
		"the one asked for":      {board.Board{Arch: "arm64", DeviceTrees: trees}, "fdtfile=broadcom/two.dtb", "[160000 200000:a00 120000]"},
		"by its name alone":      {board.Board{Arch: "arm64", DeviceTrees: trees}, "fdtfile=two.dtb", "[160000 200000:a00 120000]"},
		"the last":               {board.Board{Arch: "arm64", DeviceTrees: trees}, "fdtfile=three.dtb", "[160000 200000:a00 140000]"},
		"addresses of the board": {board.Board{Arch: "arm64", DeviceTrees: trees[:1], Loader: at}, "", "[420000 800000:a00 400000]"},
	} {
		d := newUBootDisk(t)
		d.board = c.board
		c.board.Boot = board.UBoot
		if got := d.boot(t, "", "SHOW=1 fdt_high=ffffffff", c.words); !strings.Contains(got, "\n"+c.want) {
			t.Errorf("%s: U-Boot starts\n%s\nwant %s", claim, got, c.want)
		} else if len(c.board.DeviceTrees) > 0 && strings.HasSuffix(got, "ffffffff") {
			t.Errorf("%s: the tree stays where a kernel unpacks itself", claim)
		}
	}
}

// Where no state is readable each slot has its tries: one whose kernel never comes to PID 1 makes room for the other one.
func TestUBootScriptCountsWithoutAState(t *testing.T) {
	d := newUBootDisk(t)
	for _, number := range []int{slot.State1Number, slot.State2Number} {
		d.image[d.at(number)+9] ^= 1
	}
	for boot, want := range []struct{ slot, spare string }{
		{"A", "A B: A 2, B 3, seen A"}, {"A", "A B: A 1, B 3, seen A"}, {"A", "A B: A 0, B 3, seen A"},
		{"B", "A B: A 0, B 2, seen A"}, {"B", "A B: A 0, B 1, seen A"}, {"B", "A B: A 0, B 0, seen A"}, {"A", "A B: A 0, B 0, seen A"},
	} {
		if got := d.boot(t, ""); !strings.Contains(got, "bantam.slot="+want.slot) || strings.Contains(got, "\n") {
			t.Errorf("boot %d starts %s, want %s", boot+1, got, want.slot)
		}
		if said := d.states(1); said != [2]string{want.spare, want.spare} {
			t.Errorf("boot %d leaves %q, want %q", boot+1, said, want.spare)
		}
		const torn = "environment: its checksum is wrong"
		if said := d.states(0); said != [2]string{torn, torn} {
			t.Errorf("boot %d: the state is %q: PID 1 could not tell that it was torn", boot+1, said)
		}
		d.image[d.at([]int{slot.State1Number, slot.State2Number}[boot%2])+slot.StateSize+9] ^= byte(boot & 2) // one of the spares is torn, too
	}
}

// Boards whose own U-Boot runs the script: each has a slot started, with its addresses and its device tree.
func TestUBootScriptOfEveryBoardStartsASlot(t *testing.T) {
	for _, name := range board.Names() {
		b, err := board.Load(name)
		if err != nil {
			t.Fatal(err)
		}
		if b.Boot != board.UBoot {
			continue
		}
		d := newUBootDisk(t)
		d.board = b
		words, kernel, initrd := "SHOW=1", int64(0x100000), int64(0x200000)
		if b.Loader.Kernel != 0 {
			kernel, initrd = b.Loader.Kernel, b.Loader.Initrd
		}
		tree := int64(0xf00) // U-Boot's own
		if last := len(b.DeviceTrees) - 1; last >= 0 {
			words += " fdtfile=" + b.DeviceTrees[last]
			tree = kernel + int64(last)*treeRoom
		}
		want := fmt.Sprintf("[%x %x:a00 %x]", kernel+int64(len(b.DeviceTrees))*treeRoom, initrd, tree)
		if got := d.boot(t, "", words); !strings.Contains(got, "bantam.slot=A") || !strings.Contains(got, "\n"+want) {
			t.Errorf("%s: U-Boot starts\n%s\nwant %s", name, got, want)
		}
	}
}
