package test

import (
	"bytes"
	"encoding/binary"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"bantam/board"
	"bantam/gpt"
	"bantam/slot"
)

// tested tells whether make test-boards is about a board: about all, or BOARD=NAME names it.
func tested(name string) bool {
	only := os.Getenv("TEST_BOARD")
	return only == "" || only == name
}

func forBoard(t *testing.T, name string) {
	if !tested(name) {
		t.Skip("this is about " + name)
	}
}

// mostBytes is what a card's contents may have, by architecture.
var mostBytes = map[string]int64{"arm": 20_000_000, "arm64": 30_000_000}

// Every board that U-Boot or GRUB starts from a card or a disk of its own: the same system.toml is built, and other people's tools find in the image what the boot ROM and U-Boot
// will look for.
func TestBoardCardsAreWhatBootROMsLookFor(t *testing.T) {
	for _, name := range board.Names() {
		b, err := board.Load(name)
		if err != nil {
			t.Fatal(err)
		}
		if b.Loader.IsZero() && (b.Boot != board.UBoot || len(b.DeviceTrees) == 0) || !tested(name) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			out := build(t, name, "../examples/pc/system.toml")
			checkCard(t, b, filepath.Join(out, name+".img"))
		})
	}
}

func checkCard(t *testing.T, b board.Board, image string) {
	card := read(t, image)
	if most := mostBytes[b.Arch]; int64(len(card)) > most {
		t.Errorf("the card has %d bytes, more than %d", len(card), most)
	}
	t.Logf("%s: %d bytes", b.Name, len(card))
	documented(t, b.Name, int64(len(card)))
	if out, err := exec.Command("sgdisk", "-v", image).CombinedOutput(); err != nil || !strings.Contains(string(out), "No problems found") {
		t.Errorf("sgdisk -v: %v\n%s", err, out)
	}
	table := tableOf(t, image).Table
	for _, p := range b.Loader.Programs {
		if !p.Has(card[p.Offset:]) || p.Magic == "" {
			t.Errorf("%q is not at byte %d", p.Magic, p.Offset)
		}
		if p.Magic == "eGON.BT0" && !sumOfEGON(card[p.Offset:]) {
			t.Errorf("the checksum of the SPL at byte %d is wrong", p.Offset)
		}
		if p.Offset >= int64(table.FirstUsable()*gpt.SectorSize) {
			t.Errorf("byte %d is a partition's", p.Offset)
		}
	}

	esp := table.Partitions[0]
	fat := filesOf(t, image)
	if out, err := exec.Command("fsck.fat", "-n", string(fat)).CombinedOutput(); err != nil {
		t.Errorf("fsck.fat: %v\n%s", err, out)
	}
	file := func(name string) []byte { return read(t, fat.file(t, name)) }
	for _, f := range b.Loader.Files {
		if data := file(f.Name); len(data) == 0 || f.Tree != "" && model(t, data) == "" {
			t.Errorf("%s: %d bytes", f.Name, len(data))
		}
		for line := range strings.Lines(f.Text) { // of config.txt
			if key, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && (key == "kernel" || key == "device_tree" || strings.HasSuffix(key, "_file")) {
				file(value)
			}
		}
	}
	if b.Loader.MBR {
		entry := card[446:462]
		if entry[4] != 0x0C || uint64(binary.LittleEndian.Uint32(entry[8:])) != esp.First {
			t.Errorf("the MBR's first entry is % x, the FAT partition begins at sector %d", entry, esp.First)
		}
	}
	if b.Boot != board.UBoot {
		return
	}
	if out, err := exec.Command("dumpimage", "-l", fat.file(t, "boot.scr")).CombinedOutput(); err != nil || !strings.Contains(string(out), "Linux Script (uncompressed)") {
		t.Errorf("dumpimage: %v\n%s", err, out)
	}
	a := table.Partitions[slot.NumberA-1]
	at := card[a.First*gpt.SectorSize:]
	h, err := slot.ParseHeader(at[:slot.HeaderSize])
	if err != nil {
		t.Fatal(err)
	}
	blob := at[h.Kernel.First*slot.SectorSize : h.Kernel.End()*slot.SectorSize]
	const room = 128 << 10
	for i, name := range b.DeviceTrees {
		if got := model(t, blob[i*room:]); got == "" {
			t.Errorf("%s names no model", name)
		} else {
			t.Logf("%s: %s", path.Base(name), got)
		}
	}
	switch kernel := blob[len(b.DeviceTrees)*room:]; {
	case b.Arch == "arm" && !bytes.Equal(kernel[0x24:0x28], []byte{0x18, 0x28, 0x6f, 0x01}):
		t.Error("no zImage behind the device trees")
	case b.Arch == "arm64" && !bytes.Equal(kernel[:2], []byte{0x1f, 0x8b}):
		t.Error("no packed kernel behind the device trees")
	}
}

// A fat is a file with the FAT partition of a card, that firmware reads.
type fat string

func filesOf(t *testing.T, image string) fat {
	t.Helper()
	path := filepath.Join(t.TempDir(), "fat")
	esp := tableOf(t, image).Table.Partitions[0]
	if err := os.WriteFile(path, read(t, image)[esp.First*gpt.SectorSize:(esp.Last+1)*gpt.SectorSize], 0o600); err != nil {
		t.Fatal(err)
	}
	return fat(path)
}

// file copies one out of it.
func (f fat) file(t *testing.T, name string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), strings.ToLower(name))
	if said, err := exec.Command("mcopy", "-i", string(f), "::/"+name, path).CombinedOutput(); err != nil {
		t.Fatalf("mcopy %s (Debian package mtools): %v\n%s", name, err, said)
	}
	return path
}

// model is what a device tree says of the board it is for.
func model(t *testing.T, data []byte) string {
	t.Helper()
	if len(data) < 8 || int64(binary.BigEndian.Uint32(data[4:])) > int64(len(data)) {
		return ""
	}
	file := filepath.Join(t.TempDir(), "tree")
	if err := os.WriteFile(file, data[:binary.BigEndian.Uint32(data[4:])], 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("fdtget", file, "/", "model").CombinedOutput()
	if err != nil {
		t.Errorf("fdtget (Debian package device-tree-compiler): %v\n%s", err, out)
	}
	return strings.TrimSpace(string(out))
}

// sumOfEGON checks what Allwinner's boot ROM checks: the sum of the SPL's words, the checksum's own taken for a stamp.
func sumOfEGON(spl []byte) bool {
	le := binary.LittleEndian
	const stamp = 0x5F0A6C39
	want, length, sum := le.Uint32(spl[12:]), le.Uint32(spl[16:]), uint32(stamp)
	for i := uint32(0); i < length; i += 4 {
		if i != 12 {
			sum += le.Uint32(spl[i:])
		}
	}
	return sum == want
}
