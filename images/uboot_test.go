package images

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bantam/board"
	"bantam/slot"
)

// U-Boot's own tools find in boot.scr what mkimage would have put there.
func TestUBootScriptIsAnImageOfItsTools(t *testing.T) {
	for arch, name := range map[string]string{"arm64": "arm64", "arm": "arm", "mips": "mips", "amd64": "x86_64", "riscv64": "riscv"} {
		scr := UBootScript(board.Board{Arch: arch})
		dir := t.TempDir()
		path, text, made := filepath.Join(dir, "boot.scr"), filepath.Join(dir, "text"), filepath.Join(dir, "made")
		if err := os.WriteFile(path, scr, 0o644); err != nil {
			t.Fatal(err)
		}
		list := output(t, "dumpimage", "-l", path)
		for _, want := range []string{"Image Name:   Bantam", "Linux Script (uncompressed)", "Script"} {
			if !strings.Contains(list, want) {
				t.Errorf("%s: dumpimage has no %q:\n%s", arch, want, list)
			}
		}
		output(t, "dumpimage", "-T", "script", "-p", "0", "-o", text, path)
		got, err := os.ReadFile(text)
		if err != nil || !bytes.HasSuffix(scr, got) || len(got) < 8 {
			t.Fatalf("%s: dumpimage finds %d bytes of %d, %v", arch, len(got), len(scr), err)
		}
		if err := os.WriteFile(text, got[8:], 0o644); err != nil { // the list of parts goes
			t.Fatal(err)
		}
		t.Setenv("SOURCE_DATE_EPOCH", "0")
		output(t, "mkimage", "-A", name, "-T", "script", "-C", "none", "-n", "Bantam", "-d", text, made)
		if want, err := os.ReadFile(made); err != nil || !bytes.Equal(want, scr) {
			t.Errorf("%s: mkimage makes\n%q\nwe\n%q, %v", arch, want[:80], scr[:80], err)
		}
	}
}

// The words of the script are those of package slot.
func TestUBootScriptSpeaksOfSlots(t *testing.T) {
	for _, word := range []string{"BOOT_ORDER BOOT_A_LEFT BOOT_B_LEFT SEQ SEEN", "KERNEL_FIRST KERNEL_COUNT INITRD_FIRST INITRD_COUNT INITRD_BYTES ARGS",
		"bantam.slot=${s} bantam.loader=u-boot", "bantam.hand"} {
		if !strings.Contains(ubootScript, word) {
			t.Errorf("no %q", word)
		}
	}
	for _, line := range strings.Split(ubootScript, "\n") {
		if !strings.HasPrefix(line, "#") && strings.Count(line, "'")%2 != 0 {
			t.Errorf("%q: a quote does not end in its line", line)
		}
	}
}

func TestADiskForUBootHasEverythingInItsPlace(t *testing.T) {
	d := fakeDisk(t, 9_000_000, 4_000_001)
	d.Programs, d.Script = GRUBPrograms{}, UBootScript(treeless)
	path := filepath.Join(t.TempDir(), "disk.img")
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
	fat, copied := espOf(t, path), filepath.Join(t.TempDir(), "copied")
	output(t, "fsck.fat", "-n", fat)
	output(t, "mcopy", "-o", "-i", fat, "::/boot.scr", copied)
	if got, err := os.ReadFile(copied); err != nil || !bytes.Equal(got, d.Script) {
		t.Errorf("U-Boot finds %d bytes, %v", len(got), err)
	}
	for _, number := range []int{slot.State1Number, slot.State2Number} {
		b := partitionOf(t, image, number)
		if s, err := slot.ParseUBoot(b[:slot.StateSize]); err != nil || !s.Equal(slot.Delivered) || len(b) != slot.CopySize {
			t.Errorf("partition %d: %+v, %v", number, s, err)
		}
	}
	checkSlotA(t, "U-Boot", d, image)
}

func TestTheKernelForUBootIsPacked(t *testing.T) {
	plain := all(t, numbered(300_000, 7))
	packed, err := packForUBoot(t.Context(), Cache{t.TempDir()}, plain)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("GZIP", "--rsyncable") // what a user likes must not change our bytes
	if again, err := packForUBoot(t.Context(), Cache{t.TempDir()}, plain); err != nil || !bytes.Equal(again, packed) {
		t.Errorf("%d bytes, then %d: %v", len(packed), len(again), err)
	}
	// By these two bytes U-Boot tells what it is (its boot/image.c).
	if got, err := unpackKernel(t.Context(), board.Board{Arch: "arm64", Boot: board.UBoot}, packed); err != nil || !bytes.Equal(got, plain) || !bytes.HasPrefix(packed, []byte{0x1f, 0x8b}) {
		t.Errorf("%d bytes became %d, and those %d: %v", len(plain), len(packed), len(got), err)
	}
}
