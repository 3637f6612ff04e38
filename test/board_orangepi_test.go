package test

import (
	"path/filepath"
	"testing"

	"bantam/images"
	"bantam/slot"
	"bantam/switcher"
)

// What becomes of an SD card with the PC's example in QEMU's Orange Pi PC, from its boot ROM's first sector on. QEMU 7.2 has no watchdog in it,
// and so nothing that a restart would go by: there the test is the finger on the button.
func TestBoardOrangePiPC(t *testing.T) {
	forBoard(t, "orangepi-pc")
	out := build(t, "orangepi-pc", "../examples/pc/system.toml")
	files := t.TempDir()
	altered(t, out, filepath.Join(files, "panics.tar"), func(s *switcher.Store, g *switcher.Generation) {
		withInit(t, make([]byte, 4096))(s, g)
	})
	image, usb := filepath.Join(out, "orangepi-pc.img"), usbStick(t, files)
	args := onBoard(t, "orangepi-pc", images.RunOptions{Image: image, Keep: image + ".kept",
		Args: []string{"-drive", "if=none,id=stick,format=raw,file=" + usb, "-device", "usb-storage,drive=stick"}})
	c := startAs(t, "bantam", args)
	restart := func() {
		c.Send("reboot\r")
		c.Expect(`reboot: Restarting system`)
		c.Reset()
	}
	c.must("cat /proc/cmdline", " bantam.slot=A bantam.loader=u-boot\n")
	c.must("bantam status", "board orangepi-pc", "boot        u-boot, slot A (booted, generation 1, good), slot B (empty)", "/dev/mmcblk0p8", "online")
	c.must("bantam net", "eth0", "10.0.2.15/24", "dhcp 10.0.2.2", "default via 10.0.2.2")

	// Edit and switch, and back.
	c.write("/tmp/second.toml", "hostname = \"second\"\n[service.web]\ncommand = [\"nc\", \"-lk\", \"-p\", \"8080\"]\nready = \"tcp/8080\"\n")
	c.Send("bantam switch /tmp/second.toml\r")
	c.Expect(`generation 2 runs and is the default`)
	c.host = "second"
	c.prompt()
	c.must("bantam service list", "web", "ready")
	c.must("sync; bantam generations", "2   good", "running, default")
	c.Reset() // without warning
	c.booted()
	c.settled()
	c.must("bantam status", "generation  2, good")
	c.Send("bantam rollback\r")
	c.Expect(`generation 1 runs and is the default`)
	c.host = "bantam"
	c.prompt()

	// A kernel that never comes to its proof: U-Boot counts it down, and the old one is back.
	c.must("mount /dev/sda /mnt; ls /mnt", "panics.tar")
	c.must("bantam import /mnt/panics.tar", "generation")
	bad := c.newest()
	c.must("umount /mnt; bantam boot "+bad, "the next boot tries generation "+bad+", from boot slot B")
	restart()
	for range slot.MaxTries {
		c.Expect(`\] Kernel panic`)
		c.Reset()
	}
	c.booted()
	c.settled()
	c.must("bantam status", "generation  1, good", "slot A (booted, generation 1, good)", "generation "+bad+" was tried at a boot", "is bad: ", "not once came as far as its proof in 3 boots")
	c.Send("poweroff\r")
	c.Expect(`reboot: Power down`)
	c.PowerCut()
}
