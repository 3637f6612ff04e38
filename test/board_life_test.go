package test

import (
	"cmp"
	"path/filepath"
	"strconv"
	"testing"

	"bantam/slot"
	"bantam/switcher"
	"bantam/test/vm"
)

// A virtualBoard is QEMU's machine of a board with a card in it.
type virtualBoard struct {
	board   string // its name, as status tells it
	args    []string
	card    string         // its file
	disk    string         // what its name in Linux begins with; "" is that of a card, /dev/mmcblk
	network bool           // QEMU has the board's network, or one that takes its place
	restart bool           // the machine restarts by itself when it is asked to
	ends    bool           // likewise it switches itself off
	prepare func(*console) // what a boot of it needs beside; may be nil
}

// panicking puts the generation of a build, with a kernel that comes no further than to a panic, into a folder.
func panicking(t *testing.T, out string) (archive string) {
	t.Helper()
	archive = filepath.Join(t.TempDir(), "panics.tar")
	altered(t, out, archive, func(s *switcher.Store, g *switcher.Generation) { withInit(t, make([]byte, 4096))(s, g) })
	return archive
}

// lives is what becomes of a card with the PC's example: it is started, edited and switched, loses its power, is rolled back, and falls back from
// a kernel that panics. Where nothing in the machine restarts it, as before the watchdog's driver is there, the test is the finger on the button.
func (b virtualBoard) lives(t *testing.T, panics string) {
	t.Helper()
	c := &console{Machine: vm.Start(t, b.args...), t: t, host: "bantam"}
	up := func() {
		c.booted()
		if b.prepare != nil {
			b.prepare(c)
		}
		c.settled()
	}
	up()
	c.must("cat /proc/cmdline", " bantam.slot=A bantam.loader=u-boot\n")
	c.must("bantam status", "board "+b.board, "boot        u-boot, slot A (booted, generation 1, good), slot B (empty)", cmp.Or(b.disk, "/dev/mmcblk"))
	if b.network {
		c.waitFor("bantam net", "default via 10.0.2.2")
		c.must("bantam net", "eth0", "10.0.2.15/24", "dhcp 10.0.2.2")
	}

	// Edit and switch, and back.
	c.write("/tmp/second.toml", "hostname = \"second\"\n[service.web]\ncommand = [\"nc\", \"-lk\", \"-p\", \"8080\"]\nready = \"tcp/8080\"\n")
	c.Send("bantam switch /tmp/second.toml\r")
	c.Expect(`generation 2 runs and is the default`)
	c.host = "second"
	c.prompt()
	c.must("bantam service list", "web", "ready")
	c.must("sync; bantam generations", "2   good", "running, default")
	c.Reset() // without warning
	up()
	c.must("bantam status", "generation  2, good")
	c.Send("bantam rollback\r")
	c.Expect(`generation 1 runs and is the default`)
	c.host = "bantam"
	c.prompt()
	off := func() {
		c.Send("poweroff\r")
		c.Expect(`reboot: (Power down|Power off not available)`)
		if b.ends {
			c.WaitEnd()
		}
		c.PowerCut()
	}
	off()

	// A kernel that never comes to its proof: U-Boot counts it down, and the old one is back. Its archive is put onto the card in another machine.
	offset, _ := statePartition(t, b.card)
	e2fs(t, "debugfs", "-w", "-R", "write "+panics+" panics.tar", b.card+"?offset="+strconv.FormatInt(offset, 10))
	c = &console{Machine: vm.Start(t, b.args...), t: t, host: "bantam"}
	up()
	c.must("bantam import /state/panics.tar", "generation")
	bad := c.newest()
	c.must("bantam boot "+bad, "the next boot tries generation "+bad+", from boot slot B")
	c.Send("reboot\r")
	c.Expect(`reboot: Restarting system`)
	if !b.restart {
		c.Reset()
	}
	for range slot.MaxTries {
		c.starts(`\] Kernel panic`)
		c.Reset()
	}
	up()
	c.must("bantam status", "generation  1, good", "slot A (booted, generation 1, good)", "generation "+bad+" was tried at a boot", "is bad: ", "not once came as far as its proof in 3 boots")
	off()
}
