package test

import (
	"path/filepath"
	"strings"
	"testing"
)

// loopText is good by its proof, and takes the machine down soon after each start.
const loopText = "[sysctl]\n\"kernel.panic\" = 1\n[service.loop]\ncommand = [\"sh\", \"-c\", \"sleep 12; echo c > /proc/sysrq-trigger\"]\n[proof]\nsettle = \"1s\"\n"

// lockText works until a file lies in the way; lockedText puts it there, and fails.
const (
	lockText   = "[proof]\ntimeout = \"15s\"\n[service.web]\ncommand = [\"sh\", \"-c\", \"test ! -e /tmp/lock && exec nc -lk -p 8080\"]\nready = \"tcp/8080\"\n"
	lockedText = "[service.web]\ncommand = [\"sh\", \"-c\", \"touch /tmp/lock; exit 3\"]\n"
)

// A kernel that panics and hangs: the watchdog resets the machine, and the next boot says both, from the watchdog's own
// flag and from what the firmware kept of the kernel's log. A default that has it panic at each boot is passed over. A
// machine that a failed way back leaves as no generation wants it restarts by itself.
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

	c.write("/state/lock.toml", lockText)
	c.write("/state/locked.toml", lockedText)
	c.must("bantam switch /state/lock.toml", "generation 2 runs and is the default")
	c.Send("bantam switch /state/locked.toml; echo code $?\r")
	c.Expect("so the machine reboots into the default generation by itself, in 10s")
	c.Expect("code 4")
	c.booted()
	c.settled()
	c.must("bantam status", "generation  2, good", "PID 1 restarted it: a switch to generation 3 failed, and so did the way back: service web: exit status 3", "web")

	c.write("/state/loop.toml", loopText)
	c.must("bantam switch /state/loop.toml", "generation 4 runs and is the default")
	for range 3 {
		c.Expect("Kernel panic - not syncing: sysrq triggered crash")
		c.booted()
		c.must("bantam status", "generation  4, good")
	}
	c.Expect("Kernel panic - not syncing: sysrq triggered crash")
	c.booted()
	c.settled()
	if at := strings.LastIndex(c.Screen(), "Generation 2, good."); at < 0 || !strings.Contains(c.Screen()[at:], "generation 4 is passed over: 3 boots in a row ended within 2m0s of their start") {
		t.Error("the greeting does not say it")
	}
	c.must("bantam status", "generation  2, good", "generation 4 is passed over: 3 boots in a row", "`bantam rollback 4` goes back to it")
	if status := c.run("bantam status"); strings.Contains(status, "next boot") {
		t.Errorf("the next boot runs something else:\n%s", status)
	}
	c.must("bantam generations", "4   good", "passed over", "3 boots in a row")
	c.Send("poweroff\r")
	c.WaitEnd()
}
