package test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bantam/test/vm"
)

// The card of a Raspberry Pi 3 in QEMU's, from U-Boot on. QEMU has none of the processor that runs Raspberry Pi's firmware: what that would read
// from the card, U-Boot and the device tree for it, is taken from the card's FAT partition here. Nor has it the board's network port, but the USB
// host that this is behind, with an adapter of QEMU's own. That is plugged in anew at each boot: QEMU's host forgets nothing when it is reset, so
// that Linux is not told of what U-Boot has found already.
//
// The timer of its watchdog does not run: QEMU restarts the machine the moment that one is set. So nothing may arm it. The board's file is changed
// to load it later than what is armed, which is the kernel's own, softdog; then it restarts the machine when it is asked to, and switches it off.
func TestBoardRaspberryPi3(t *testing.T) {
	forBoard(t, "raspberrypi-3")
	own := filepath.Join(t.TempDir(), "raspberrypi-3.toml")
	text := string(read(t, "../board/raspberrypi-3.toml"))
	for _, change := range [][2]string{
		{"quiet panic=10", "quiet panic=10 modprobe.blacklist=bcm2835_wdt"},
		{`"bcm2835_wdt", `, `"bcm2835_wdt", "softdog", `},
	} {
		if strings.Count(text, change[0]) != 1 {
			t.Fatalf("the board's file does not have %q once", change[0])
		}
		text = strings.Replace(text, change[0], change[1], 1)
	}
	if err := os.WriteFile(own, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	out := build(t, own, "../examples/pc/system.toml")
	image := filepath.Join(out, "raspberrypi-3.img")
	card, files := disk(t, image), filesOf(t, image)
	// Its port is the board's only one: without a port it were behind a hub, whose coming and going is what Linux is told of. By an address that is
	// nobody's own Linux would call it usb0.
	adapter := map[string]any{"netdev": "network", "port": "1", "mac": "b8:27:eb:12:34:56"}
	args := []string{"qemu-system-aarch64", "-machine", "raspi3b", "-accel", "tcg", "-kernel", files.file(t, "U-BOOT.BIN"), "-dtb", files.file(t, "PI3B.DTB"),
		"-drive", "if=sd,format=raw,file=" + card, "-netdev", "user,id=network", "-serial", "null"}
	var plugged *vm.Machine
	prepare := func(c *console) {
		c.must("modprobe softdog; modprobe bcm2835_wdt; echo code $?", "code 0")
		c.waitFor("ls /sys/bus/usb/devices", "usb1")
		if plugged == c.Machine { // it was before the reset
			c.Unplug("adapter")
		}
		c.Plug("usb-net", "adapter", adapter)
		plugged = c.Machine
	}
	virtualBoard{board: "raspberrypi-3", args: args, card: card, network: true, restart: true, ends: true, prepare: prepare}.lives(t, panicking(t, out))
}
