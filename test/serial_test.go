package test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"bantam/gpt"
	"bantam/init/statevolume"
)

// What one does at a serial line beside switching, and a clean end of it.
func TestSerialLineAndCleanEnd(t *testing.T) {
	out := build(t, "pc", "../examples/pc/system.toml")
	path := disk(t, filepath.Join(out, "pc.img"))
	sticks := []string{stick(t, "vfat"), stick(t, "exfat"), stick(t, "ext4"), stick(t, "iso9660")}
	c := start(t, pc(t, bios, "-drive", virtio(path), "-drive", virtio(sticks[0]), "-drive", virtio(sticks[1]), "-drive", virtio(sticks[2]), "-drive", virtio(sticks[3]), "-device", "rtl8139"))
	c.settled()
	c.mountsSticks()
	c.must("bantam net", "no driver: pci", "10ec:8139", "8139cp")

	c.Send("sleep 100\r")
	c.waitTyped()
	c.Send("\x03")
	c.prompt()
	c.must("echo code $?", "code 130\n")
	c.Send("sleep 100 | cat\r")
	c.waitTyped()
	c.Send("\x1a")
	c.Expect(`stopped +sleep 100 \| cat`)
	c.prompt()
	c.must("bg", "sleep 100")
	c.must("jobs", "running")
	c.Send("fg\r")
	c.waitTyped()
	c.Send("\x03")
	c.prompt()
	if got := c.run("jobs; ps | grep 'sleep 1[0]0'"); strings.TrimSpace(got) != "" {
		t.Errorf("left after Ctrl-C:\n%s", got)
	}
	c.must("yes | head -3 | wc -l", "3\n")
	c.must("for i in 1 2 3; do echo $((i * i)); done | sort -rn | tr '\\n' ' '", "9 4 1")

	c.Send("reboot\r")
	c.booted()
	c.must("cat /state/boots", "\"short\":1}") // not 2: the boot before ended in order
	c.settled()
	if log := c.run("dmesg"); strings.Contains(log, "recovery complete") || !regexp.MustCompile(`EXT4-fs \(vd[a-e]8\): mounted`).MatchString(log) {
		t.Errorf("the state volume was not clean after a reboot:\n%s", log)
	}
	c.must("bantam log network", "eth0: had 10.0.2.15 before the reboot and asks for it again", "eth0: lease of 10.0.2.15/24")
	c.Send("poweroff\r")
	c.WaitEnd()
	wantClean(t, path)
	if strings.Contains(c.Screen(), "Kernel panic") {
		t.Error("a kernel panic")
	}
}

// stickSizes tell sticks apart, in bytes: the kernel names disks in the order in which it happens to meet them.
var stickSizes = map[string]int64{"vfat": 40 << 20, "exfat": 41 << 20, "ext4": 42 << 20, "iso9660": 43 << 20}

// deviceOf is the disk of that many bytes, e.g. /dev/vdb.
func (c *console) deviceOf(size int64) string {
	c.t.Helper()
	path := c.must(fmt.Sprintf("grep -l '^%d$' /sys/block/vd*/size", size/gpt.SectorSize), "/size\n")
	return "/dev/" + filepath.Base(filepath.Dir(strings.TrimSpace(path)))
}

// stick makes a disk as other systems make them.
func stick(t *testing.T, kind string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), kind)
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, stickSizes[kind]); err != nil {
		t.Fatal(err)
	}
	switch kind {
	case "vfat":
		e2fs(t, "mkfs.vfat", "-F", "32", path)
		text := filepath.Join(t.TempDir(), "Größe of it.txt")
		if err := os.WriteFile(text, []byte("from a stick\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("mcopy", "-i", path, text, "::")
		cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("mcopy: %v: %s; apt-get install mtools", err, out)
		}
	case "iso9660":
		if out, err := exec.Command("xorriso", "-as", "mkisofs", "-quiet", "-o", path, "serial_test.go").CombinedOutput(); err != nil {
			t.Fatalf("xorriso: %v: %s; apt-get install xorriso", err, out)
		}
		if err := os.Truncate(path, stickSizes[kind]); err != nil {
			t.Fatal(err)
		}
	case "ext4":
		e2fs(t, "mkfs.ext4", "-q", path)
	case "exfat":
		writeAt(t, path, []byte("EXFAT   "), 3)
		writeAt(t, path, []byte{0x55, 0xaa}, 510)
	}
	return path
}

// mountsSticks mounts disks whose file systems nobody names.
func (c *console) mountsSticks() {
	c.t.Helper()
	vfat, exfat, ext4, iso := c.deviceOf(stickSizes["vfat"]), c.deviceOf(stickSizes["exfat"]), c.deviceOf(stickSizes["ext4"]), c.deviceOf(stickSizes["iso9660"])
	c.must("mkdir /tmp/s; mount "+vfat+" /tmp/s && cat /tmp/s/*.txt && ls /tmp/s", "from a stick\n", "Größe of it.txt")
	c.must("echo home > /tmp/s/back; umount /tmp/s; mount -o ro "+vfat+" /tmp/s; cat /tmp/s/back; umount /tmp/s; echo $?", "home\n0\n")
	// Who has a view of its own of the file systems has no part in what is there no more.
	c.run("p=$(bantam service list | awk '$1 == \"network\" {print $3}')")
	c.must("mount "+ext4+" /tmp/s && ls /tmp/s; grep -c /tmp/s /proc/$p/mounts; umount /tmp/s; grep -c /tmp/s /proc/$p/mounts", "lost+found\n1\n0\n")
	c.must("mount "+exfat+" /tmp/s", exfat+" holds exfat, for which this machine's image has no driver", "modules of system.toml")
	c.must("mount "+iso+" /tmp/s", iso+" holds iso9660, for which")
	c.must("mount "+c.deviceOf(256<<20)+" /tmp/s", "holds a partition table; mount one of its partitions")
	c.must("mount | grep -c /tmp/s", "0\n")
	c.must("hwclock -w --utc && hwclock", "+00:00\n")
	c.must("hwclock -s; echo $?", "0\n")
}

// waitTyped gives a command that prints nothing the time to start. A key that
// came too early would go to the shell, and the test would fail.
func (c *console) waitTyped() { time.Sleep(1500 * time.Millisecond) }

// statePartition is where the state volume lies on a disk, in bytes.
func statePartition(t *testing.T, path string) (offset, size int64) {
	t.Helper()
	number, p := tableOf(t, path).Table.Find(statevolume.PartitionType)
	if number == 0 {
		t.Fatal("the disk has no state partition")
	}
	return int64(p.First) * gpt.SectorSize, int64(p.Sectors()) * gpt.SectorSize
}

// wantClean wants a state volume that nothing has to be replayed into.
func wantClean(t *testing.T, path string) {
	t.Helper()
	offset, _ := statePartition(t, path)
	header := e2fs(t, "dumpe2fs", "-h", fmt.Sprintf("%s?offset=%d", path, offset))
	if !regexp.MustCompile(`Filesystem state: +clean\n`).Match(header) || bytes.Contains(header, []byte("needs_recovery")) {
		t.Errorf("the state volume is not clean:\n%s", header)
	}
	e2fs(t, "e2fsck", "-fn", fmt.Sprintf("%s?offset=%d", path, offset))
}

func e2fs(t *testing.T, command string, args ...string) []byte {
	t.Helper()
	if _, err := exec.LookPath(command); err != nil {
		t.Fatalf("%v: apt-get install e2fsprogs", err)
	}
	text, err := exec.Command(command, args...).CombinedOutput()
	if err != nil {
		t.Errorf("%s %s: %v\n%s", command, strings.Join(args, " "), err, text)
	}
	return text
}
