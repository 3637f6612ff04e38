package test

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// The card of a SABRE Lite in QEMU's, from U-Boot on. QEMU has no boot ROM: what that would copy from the card to where the header says, QEMU's
// loader puts there at each reset, and starts it. What it would do before that, set up the memory, QEMU's machine needs not.
//
// To U-Boot and Linux the card is a USB stick: before it sends a command QEMU's SD host waits for clock bits that the i.MX6 has not, so U-Boot finds no card.
func TestBoardSABRELite(t *testing.T) {
	forBoard(t, "sabrelite")
	out := build(t, "sabrelite", "../examples/pc/system.toml")
	card := disk(t, filepath.Join(out, "sabrelite.img"))
	program, at, entry := copiedByROM(t, read(t, card))
	args := newerQEMU(t, []string{"qemu-system-arm", "-machine", "sabrelite", "-m", "1024", "-accel", "tcg", "-nic", "user",
		"-device", fmt.Sprintf("loader,file=%s,addr=%#x,force-raw=on", program, at), "-device", fmt.Sprintf("loader,addr=%#x,cpu-num=0", entry),
		"-drive", "if=none,id=stick,format=raw,file=" + card, "-device", "usb-storage,drive=stick,bus=usb-bus.1",
		"-audiodev", "none,id=silent", // else it looks for the host's sound, by modules of the host's QEMU
		"-serial", "null"})
	virtualBoard{board: "sabrelite", args: args, card: card, disk: "/dev/sd", network: true}.lives(t, panicking(t, out))
}

// copiedByROM is what the boot ROM of an i.MX6 takes from a card: a program, that from its header on lies in memory at an address, and where it
// is entered. The header, the image vector table, has addresses alone: its own, and of the words that say where the card's first byte would be.
func copiedByROM(t *testing.T, card []byte) (program string, at, entry uint32) {
	t.Helper()
	const header = 1024
	word := func(offset uint32) uint32 { return binary.LittleEndian.Uint32(card[offset:]) }
	entry, at = word(header+4), word(header+20)
	where := header + word(header+16) - at
	start, length := word(where), word(where+4)
	if start+header != at || length <= header || int(length) > len(card) || entry < at || entry >= start+length {
		t.Fatalf("the boot ROM's header lies at %#x, is entered at %#x, and has %d bytes at %#x", at, entry, length, start)
	}
	program = filepath.Join(t.TempDir(), "u-boot")
	if err := os.WriteFile(program, card[header:length], 0o600); err != nil {
		t.Fatal(err)
	}
	return program, at, entry
}
