package images

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bantam/board"
	"bantam/firmware"
	"bantam/gpt"
	"bantam/slot"
)

// cardDisk is what an SD card is made from.
func cardDisk(t *testing.T) Disk {
	d := fakeDisk(t, 900_000, 400_001)
	d.Programs, d.Script, d.Area = GRUBPrograms{}, UBootScript(treeless), 1<<20
	spl, uboot, text := all(t, numbered(40_000, 5)), all(t, numbered(600_000, 6)), []byte("enable_uart=1\n")
	d.UBoot = ubootLoader{
		programs: []rawProgram{{1024, "SPL", spl}, {69 << 10, "U-Boot", uboot}},
		files:    []fatFile{{"CONFIG.TXT", layout{size: int64(len(text)), regions: []region{{name: "CONFIG.TXT", content: Bytes(text)}}}}},
	}
	return d
}

// What a boot ROM starts lies where it looks, and table and programs are not in each other's way.
func TestAnSDCardHasItsLoaderWhereTheBootROMLooks(t *testing.T) {
	d := cardDisk(t)
	path := filepath.Join(t.TempDir(), "card.img")
	if err := WriteDisk(path, d); err != nil {
		t.Fatal(err)
	}
	image, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range d.UBoot.programs {
		if !bytes.Equal(image[p.at:][:len(p.bytes)], p.bytes) {
			t.Errorf("%s is not whole at byte %d", p.name, p.at)
		}
	}
	// A gap before the entries is what was wanted.
	if out := output(t, "sgdisk", "-v", "-p", path); !strings.Contains(out, "No problems found") || !strings.Contains(out, "First usable sector is 2048") {
		t.Errorf("sgdisk -v:\n%s", out)
	}
	fat, copied := espOf(t, path), filepath.Join(t.TempDir(), "copied")
	output(t, "fsck.fat", "-n", fat)
	for name, want := range map[string]string{"boot.scr": string(d.Script), "config.txt": "enable_uart=1\n"} {
		output(t, "mcopy", "-o", "-i", fat, "::/"+name, copied)
		if got, err := os.ReadFile(copied); err != nil || string(got) != want {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
	checkSlotA(t, "U-Boot", d, image)

	d.UBoot.programs[1].bytes = make([]byte, 1<<20)
	if err := WriteDisk(path, d); err == nil || !strings.Contains(err.Error(), "begins inside U-Boot") {
		t.Errorf("a program over the table: %v", err)
	}
	if now, err := os.ReadFile(path); err != nil || !bytes.Equal(now, image) {
		t.Errorf("and the image that was there is touched: %v", err)
	}
}

// A Raspberry Pi's ROM knows an MBR and FAT16.
func TestAnSDCardOfARaspberryPiIsFoundByItsMBR(t *testing.T) {
	d := cardDisk(t)
	d.Area, d.MBR, d.UBoot.programs = 0, true, nil
	path := filepath.Join(t.TempDir(), "card.img")
	if err := WriteDisk(path, d); err != nil {
		t.Fatal(err)
	}
	image, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if out := output(t, "sgdisk", "-v", path); !strings.Contains(out, "No problems found") {
		t.Errorf("sgdisk -v:\n%s", out)
	}
	c, err := gpt.Read(bytes.NewReader(image), uint64(len(image)/gpt.SectorSize))
	if err != nil {
		t.Fatal(err)
	}
	esp, entry, le := c.Table.Partitions[0], image[446:462], binary.LittleEndian
	if entry[4] != 0x0C || uint64(le.Uint32(entry[8:])) != esp.First || uint64(le.Uint32(entry[12:])) != esp.Sectors() {
		t.Errorf("the MBR has % x, the table %+v", entry, esp)
	}
	fat := espOf(t, path)
	if out := output(t, "fsck.fat", "-n", "-v", fat); !strings.Contains(out, "16 bit entries") {
		t.Errorf("no FAT16:\n%s", out)
	}
	if a, _ := numberedSlot(c.Table); a.First == 0 {
		t.Error("no slot A")
	}
}

func numberedSlot(t gpt.Table) (gpt.Partition, bool) {
	if len(t.Partitions) < slot.NumberA {
		return gpt.Partition{}, false
	}
	return t.Partitions[slot.NumberA-1], true
}

// A tree is what a board says of its hardware to a kernel; each kernel brings its own.
func TestAKernelBringsTheBoardsDeviceTrees(t *testing.T) {
	dir := t.TempDir()
	tree := func(n int, letter string) []byte {
		root := firmware.Node{Properties: []firmware.Property{{Name: "pad", Value: strings.NewReader("")}}}
		root.Properties[0].Value = strings.NewReader(strings.Repeat(letter, n-int(firmware.TreeSize(root))))
		var b bytes.Buffer
		if err := firmware.WriteTree(&b, root); err != nil || b.Len() != n {
			t.Fatalf("%d bytes, want %d, %v", b.Len(), n, err)
		}
		return b.Bytes()
	}
	cut := tree(5000, "c")[:4000]
	for name, data := range map[string][]byte{"vendor/a.dtb": tree(5000, "a"), "b.dtb": tree(7000, "b"), "cut.dtb": cut, "large.dtb": tree(treeRoom-100, "l"), "text.dtb": []byte("a text, not a tree")} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	k := Kernel{Version: "6.12.1", Trees: dir}
	b := board.Board{Name: "mine", Arch: "arm", Boot: board.UBoot, DeviceTrees: []string{"vendor/a.dtb", "vendor/b.dtb"}}
	blob, err := withTrees(b, k, []byte("kernel"))
	if err != nil || len(blob) != 2*treeRoom+6 {
		t.Fatalf("%d bytes, %v", len(blob), err)
	}
	if got := treeIn(b, blob, "vendor/b.dtb"); !bytes.Equal(got, tree(7000, "b")) { // of a kernel without folders of vendors
		t.Errorf("the second tree has %d bytes", len(got))
	}
	if plain, err := unpackKernel(t.Context(), b, blob); err != nil || string(plain) != "kernel" {
		t.Errorf("the kernel behind them is %q, %v", plain, err)
	}
	for name, want := range map[string]string{
		"vendor/c.dtb": `Linux 6.12.1 has no device tree vendor/c.dtb; did you mean "vendor/a.dtb"?`,
		"nothing.dtb":  "has no device tree nothing.dtb",
		"cut.dtb":      "cut.dtb of Linux 6.12.1 is no device tree",
		"text.dtb":     "is no device tree",
		"large.dtb":    "130972 bytes: at most 122880",
	} {
		b.DeviceTrees = []string{name}
		if _, err := withTrees(b, k, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
}
