package test

import (
	"path/filepath"
	"strings"
	"testing"
)

// A kernel that panics and hangs: the watchdog resets the machine, and the next boot says both, from the watchdog's own
// flag and from what the firmware kept of the kernel's log.
func TestAMachineThatHungSaysWhyAtItsNextBoot(t *testing.T) {
	path := disk(t, filepath.Join(build(t, "pc", "../examples/pc/system.toml"), "pc.img"))
	memory := filepath.Join(t.TempDir(), "erst")
	// On q35 the watchdog would be the chipset's, which does not say afterwards that it was it.
	c := start(t, pc(t, bios, "-machine", "pc", "-drive", virtio(path),
		"-object", "memory-backend-file,id=erst,size=64K,share=on,mem-path="+memory, "-device", "acpi-erst,memdev=erst"))
	c.settled()
	c.must("bantam status", "generation  1, good", "watchdog")
	c.Send("echo 0 > /proc/sys/kernel/panic; echo 1 > /proc/sys/kernel/sysrq; echo c > /proc/sysrq-trigger\r")
	c.Expect("Kernel panic - not syncing: sysrq triggered crash")
	c.booted() // when the watchdog's 60 s are over
	c.settled()
	c.must("bantam status", "generation  1, good", "it hung, and the watchdog reset it", "Kernel panic - not syncing: sysrq triggered crash")
	c.must("cat /state/lastwords/*", "sysrq triggered crash")
	if left := c.run("ls /sys/fs/pstore"); strings.Contains(left, "dmesg") {
		t.Errorf("what is kept on the volume was left in the firmware's small store:\n%s", left)
	}
	c.Send("poweroff\r")
	c.WaitEnd()
}
