package test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"bantam/gpt"
)

// The card of a Raspberry Pi 3 in QEMU's, from U-Boot on. QEMU has none of the processor that runs Raspberry Pi's firmware: what that would read
// from the card, U-Boot and the device tree for it, is taken from the card's FAT partition here. It has no USB network port either, and its
// watchdog bites the moment that it is armed, so that the board's file is changed to leave it out. So this shows U-Boot, script, slots, kernel and SD
// card, and neither the firmware nor network, watchdog and restart.
func TestBoardRaspberryPi3(t *testing.T) {
	forBoard(t, "raspberrypi-3")
	own := filepath.Join(t.TempDir(), "raspberrypi-3.toml")
	text := string(read(t, "../board/raspberrypi-3.toml"))
	changed := strings.Replace(text, "quiet panic=10", "quiet panic=10 module_blacklist=bcm2835_wdt", 1)
	if err := os.WriteFile(own, []byte(changed), 0o600); err != nil || changed == text {
		t.Fatalf("%v, or no command line", err)
	}
	image := filepath.Join(build(t, own, "../examples/pc/system.toml"), "raspberrypi-3.img")
	path := disk(t, image)
	esp := tableOf(t, image).Table.Partitions[0]
	fat := filepath.Join(t.TempDir(), "fat")
	if err := os.WriteFile(fat, read(t, image)[esp.First*gpt.SectorSize:(esp.Last+1)*gpt.SectorSize], 0o600); err != nil {
		t.Fatal(err)
	}
	file := func(name string) string {
		out := filepath.Join(t.TempDir(), name)
		if said, err := exec.Command("mcopy", "-i", fat, "::/"+name, out).CombinedOutput(); err != nil {
			t.Fatalf("mcopy %s: %v\n%s", name, err, said)
		}
		return out
	}
	c := start(t, []string{"qemu-system-aarch64", "-machine", "raspi3b", "-accel", "tcg", "-kernel", file("u-boot.bin"), "-dtb", file("pi3b.dtb"),
		"-drive", "if=sd,format=raw,file=" + path, "-serial", "null"})
	c.waitFor("bantam status", "slot A (booted, generation 1")
	c.must("cat /proc/cmdline", " bantam.slot=A bantam.loader=u-boot\n")
	c.must("bantam status", "board raspberrypi-3", "/dev/mmcblk", "slot B (empty)")
	c.PowerCut()
}
