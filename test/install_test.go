package test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bantam/gpt"
	"bantam/init/statevolume"
	"bantam/test/vm"
)

// emptyDisk is a disk on which something was once.
func emptyDisk(t *testing.T, size int64) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "disk")
	if err := os.WriteFile(path, bytes.Repeat([]byte("somebody's data\n"), 1<<16), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, size); err != nil {
		t.Fatal(err)
	}
	return path
}

// From the ISO to a disk: what was edited and switched to on the device goes along, and the disk is a machine like any other.
func TestTheISOInstallsItselfToADisk(t *testing.T) { installsItself(t, bios) }

func TestBoardPCInstallsItselfByUEFI(t *testing.T) {
	forBoard(t, "pc")
	installsItself(t, uefi)
}

func installsItself(t *testing.T, f firmware) {
	out := build(t, "pc", withSite(t, "../examples/pc/system.toml"))
	iso, path := filepath.Join(out, "pc.iso"), emptyDisk(t, 256<<20)
	small := filepath.Join(t.TempDir(), "small")
	if err := os.WriteFile(small, make([]byte, 20<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	with := func(args ...string) []string {
		return pc(t, f, append([]string{"-drive", "if=none,id=disk,format=raw,file=" + path, "-device", "virtio-blk-pci,drive=disk,addr=0x10,bootindex=2"}, args...)...)
	}
	c := start(t, with("-drive", "if=none,id=cd,media=cdrom,readonly=on,file="+iso, "-device", "ide-cd,drive=cd,bootindex=1",
		"-drive", "if=none,id=small,format=raw,file="+small, "-device", "virtio-blk-pci,drive=small,addr=0x11"))
	c.settled()
	c.must("echo word | bantam secret set token")
	c.edits()
	c.Send("bantam switch\r")
	c.Expect("generation 2 runs and is the default")
	c.host = "forgetful"
	c.prompt()
	c.write("/state/mine", "of mine\n")

	c.must("bantam install; echo code $?", "install to which disk? `lsblk` lists them", "code 2\n")
	c.must("bantam install nowhere; echo code $?", "there is no disk nowhere", "code 1\n")
	c.must("bantam install /dev/vdb --yes; echo code $?", "/dev/vdb is too small", "code 1\n")
	c.must("bantam install /dev/sr0 --yes; echo code $?", "is what this machine was started from", "code 1\n")
	c.must("bantam test /run/bantam/system.toml >/dev/null; bantam install --test vda; echo code $?", "install a disk image of Bantam for board pc", "of which 2 runs", "code 0\n")
	c.must("bantam install --yes --json; echo code $?", "install to which disk?", "code 2\n")
	before := read(t, path)
	c.Send("bantam install /dev/vda\r")
	c.Expect(`lost +everything that is on /dev/vda: vda: nothing that is known, 268 MB`)
	c.Expect("Everything on /dev/vda (.*) will be lost. Type yes to go on: ")
	c.Send("no\r")
	c.Expect("Nothing is changed")
	c.prompt()
	if !bytes.Equal(before, read(t, path)) {
		t.Error("the disk was written to before yes was said")
	}
	c.Send("bantam install /dev/vda\r")
	c.Expect("Type yes to go on: ")
	c.Send("yes\r")
	c.Expect("/dev/vda .* holds this machine, all of the image read back and compared")
	c.prompt()
	c.must("bantam status", "generation  2, good", "in memory")
	c.Send("poweroff\r")
	c.WaitEnd()

	c = &console{Machine: vm.Start(t, with()...), t: t, host: "forgetful"}
	c.booted()
	c.settled()
	c.must("bantam status", "generation  2, good", "/dev/vda8", "grub, slot A (booted, generation 1, good), slot B (empty)")
	c.startedBy(f)
	c.must("cat /srv/www/index.html /state/mine", "from beside system.toml", "of mine")
	c.must("bantam secret list", "token")
	c.must("bantam install --test vda; echo code $?", "this machine runs from its own disk", "code 1\n")
	c.write("/tmp/new.toml", "hostname = \"third\"\n")
	c.Send("bantam switch /tmp/new.toml\r")
	c.Expect("generation 3 runs and is the default")
	c.host = "third"
	c.prompt()
	c.Send("bantam rollback\r")
	c.Expect("generation 2 runs and is the default")
	c.host = "forgetful"
	c.prompt()
	c.must("cat /srv/www/index.html", "from beside system.toml")
	c.Send("reboot\r")
	c.booted()
	c.settled()
	if status := c.must("bantam status", "generation  2, good", "/dev/vda8"); strings.Contains(status, "note") {
		t.Errorf("something is noted:\n%s", status)
	}
	c.Send("poweroff\r")
	c.WaitEnd()
	c.checkDisk(path)
}

// startedBy asks the kernel which firmware has started it.
func (c *console) startedBy(f firmware) {
	c.t.Helper()
	want := map[firmware]string{bios: "no UEFI\n", uefi: "by UEFI\n"}[f]
	c.must("if [ -d /sys/firmware/efi ]; then echo by UEFI; else echo no UEFI; fi", want)
}

// The power goes while the machine is installed over a disk that could be started from: nothing starts from it then, so that the firmware goes on
// to the CD, and there the same command installs all of it.
func TestBoardPCIsInstalledDespitePowerCuts(t *testing.T) {
	forBoard(t, "pc")
	out := build(t, "pc", "../examples/pc/system.toml")
	for _, f := range []firmware{bios, uefi} {
		t.Run(string(f), func(t *testing.T) {
			path := disk(t, filepath.Join(out, "pc.img"))
			with := func(disk, cd int, more string) []string {
				return pc(t, f, "-drive", "if=none,id=disk,format=raw,file="+path+more, "-device", fmt.Sprint("virtio-blk-pci,drive=disk,bootindex=", disk),
					"-drive", "if=none,id=cd,media=cdrom,readonly=on,file="+filepath.Join(out, "pc.iso"), "-device", fmt.Sprint("ide-cd,drive=cd,bootindex=", cd))
			}
			// A disk as slow as a stick, so that the cut comes in the midst of it.
			const slow = ",throttling.bps-write=2000000"
			c := startAs(t, "bantam", with(2, 1, slow))
			c.startedBy(f)
			c.must("bantam status", "in memory")
			c.Send("bantam install --yes vda\r")
			untilCleared(t, path)
			c.PowerCut()

			c = startAs(t, "bantam", with(1, 2, slow))
			c.must("bantam status", "in memory")
			c.run("head -c 40000000 /dev/urandom > /state/large")
			c.run("bantam install --yes vda > /tmp/told 2>&1 &")
			c.Send(`until grep -q " /run/bantam/install " /proc/mounts; do true; done; echo the volume is" "filled` + "\r")
			c.Expect("the volume is filled")
			c.PowerCut()

			c = startAs(t, "bantam", with(1, 2, ""))
			c.must("bantam status", "in memory")
			c.write("/state/mine", "of mine\n")
			c.must("bantam install --yes vda", "holds this machine, all of the image read back and compared")
			c.Send("poweroff\r")
			c.WaitEnd()

			c = startAs(t, "bantam", with(1, 2, ""))
			c.startedBy(f)
			c.must("bantam status", "generation  1, good", "/dev/vda8", "grub, slot A (booted, generation 1, good), slot B (empty)")
			c.must("cat /state/mine", "of mine\n")
			c.Send("poweroff\r")
			c.WaitEnd()
			c.checkDisk(path)
		})
	}
}

// untilCleared waits until a disk has another beginning than one that something starts from: the first that an installation changes.
func untilCleared(t *testing.T, path string) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for end := time.Now().Add(vm.Patience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		page := make([]byte, 4096)
		if _, err := f.ReadAt(page, 0); err != nil {
			t.Fatal(err)
		}
		if bytes.Count(page, []byte{0}) == len(page) {
			return
		}
	}
	t.Fatal("the disk's beginning was not cleared")
}

// checkDisk has other people's tools look at an installed disk.
func (c *console) checkDisk(path string) {
	t := c.t
	t.Helper()
	content := read(t, path)
	copies, err := gpt.Read(bytes.NewReader(content), uint64(len(content)/gpt.SectorSize))
	if err != nil || copies.BackupErr != nil || copies.FromBackup {
		t.Fatalf("partition tables: %+v, %v", copies, err)
	}
	for number, kind := range map[int]gpt.GUID{6: gpt.Slot, 7: gpt.Slot, 8: statevolume.PartitionType} {
		if p := copies.Table.Partitions[number-1]; p.Type != kind {
			t.Errorf("partition %d: %+v", number, p)
		}
	}
	offset, size := statePartition(t, path)
	volume := filepath.Join(t.TempDir(), "volume")
	if err := os.WriteFile(volume, content[offset:offset+size], 0o600); err != nil {
		t.Fatal(err)
	}
	e2fs(t, "e2fsck", "-f", "-n", volume)
}
