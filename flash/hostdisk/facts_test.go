package hostdisk

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bantam/flash"
	"bantam/flash/hostdisk/looptest"
)

// tree writes files below a folder of their own; a text that begins with -> is a link.
func tree(t *testing.T, files map[string]string) under {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if target, link := strings.CutPrefix(text, "->"); link {
			err = os.Symlink(target, path)
		} else {
			err = os.WriteFile(path, []byte(text), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return under{root}
}

// laptop is what the kernel of one says: an SSD with LVM, a USB stick, a card in its reader, a soldered eMMC.
func laptop(t *testing.T) flash.Host {
	t.Helper()
	const (
		nvme = "sys/devices/pci0000:00/0000:00:1d.0/nvme/nvme0/nvme0n1/"
		usb  = "sys/devices/pci0000:00/0000:00:14.0/usb1/1-2/1-2:1.0/host0/target0:0:0/0:0:0:0/block/sdb/"
		sd   = "sys/devices/pci0000:00/0000:00:1c.0/mmc_host/mmc0/mmc0:aaaa/block/mmcblk0/"
		emmc = "sys/devices/platform/mmc1/mmc_host/mmc1/mmc1:0001/block/mmcblk1/"
		dm   = "sys/devices/virtual/block/dm-0/"
	)
	h, err := tree(t, map[string]string{
		nvme + "dev": "259:0\n", nvme + "size": "1000215216\n", nvme + "ro": "0\n", nvme + "removable": "0\n", nvme + "queue/logical_block_size": "512\n",
		nvme + "device/model": "Samsung SSD 980                         \n", nvme + "diskseq": "1\n",
		nvme + "nvme0n1p1/dev": "259:1\n", nvme + "nvme0n1p1/partition": "1\n", nvme + "nvme0n1p1/size": "999999488\n", nvme + "nvme0n1p1/ro": "0\n", nvme + "nvme0n1p1/holders/dm-0": "",
		dm + "dev": "253:0\n", dm + "size": "999999000\n", dm + "ro": "0\n", dm + "dm/name": "vg-root\n", dm + "slaves/nvme0n1p1": "", dm + "queue/logical_block_size": "512\n",
		usb + "dev": "8:16\n", usb + "size": "62333952\n", usb + "ro": "0\n", usb + "removable": "1\n", usb + "queue/logical_block_size": "512\n", usb + "diskseq": "7\n",
		usb + "device/vendor": "SanDisk \n", usb + "device/model": "Ultra           \n",
		usb + "sdb1/dev": "8:17\n", usb + "sdb1/partition": "1\n", usb + "sdb1/size": "62331904\n", usb + "sdb1/ro": "1\n",
		sd + "dev": "179:0\n", sd + "size": "0\n", sd + "ro": "1\n", sd + "removable": "0\n", sd + "device/type": "SD\n", sd + "device/name": "SU08G\n",
		emmc + "dev": "179:8\n", emmc + "size": "30535680\n", emmc + "ro": "0\n", emmc + "device/type": "MMC\n",
		"sys/class/block/nvme0n1":       "->../../devices/pci0000:00/0000:00:1d.0/nvme/nvme0/nvme0n1",
		"sys/class/block/nvme0n1p1":     "->../../devices/pci0000:00/0000:00:1d.0/nvme/nvme0/nvme0n1/nvme0n1p1",
		"sys/class/block/sdb":           "->../../devices/pci0000:00/0000:00:14.0/usb1/1-2/1-2:1.0/host0/target0:0:0/0:0:0:0/block/sdb",
		"sys/class/block/sdb1":          "->../../devices/pci0000:00/0000:00:14.0/usb1/1-2/1-2:1.0/host0/target0:0:0/0:0:0:0/block/sdb/sdb1",
		"sys/class/block/mmcblk0":       "->../../devices/pci0000:00/0000:00:1c.0/mmc_host/mmc0/mmc0:aaaa/block/mmcblk0",
		"sys/class/block/mmcblk1":       "->../../devices/platform/mmc1/mmc_host/mmc1/mmc1:0001/block/mmcblk1",
		"sys/class/block/dm-0":          "->../../devices/virtual/block/dm-0",
		"sys/fs/btrfs/1234/devices/sdx": "", "sys/fs/btrfs/1234/devices/sdy": "",
		"dev/mapper/vg-root": "->../dm-0", "dev/dm-0": "", "dev/sdb1": "", "dev/disk/by-label/BOOT": "->../../sdb1",
		"run/udev/data/b8:17": "S:disk/by-label/BOOT\nE:ID_FS_TYPE=vfat\nE:ID_FS_LABEL=BOOT\nE:ID_PART_TABLE_TYPE=dos\n",
		"run/udev/data/b8:16": "E:ID_PART_TABLE_TYPE=dos\n",
		"proc/self/mountinfo": "22 1 253:0 / / rw,relatime shared:1 - ext4 /dev/mapper/vg-root rw\n" +
			"23 22 0:21 / /proc rw - proc proc rw\n" +
			"24 22 8:17 / /media/me/my\\040card rw,nosuid shared:9 - vfat /dev/disk/by-label/BOOT rw\n",
		"proc/swaps": "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n/dev/dm-0                               partition\t8388604\t\t0\t\t-2\n/swap\\040file file 1 0 -3\n",
	}).read()
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestWhatTheKernelSaysIsUnderstood(t *testing.T) {
	h := laptop(t)
	for _, want := range []flash.Device{
		{Name: "nvme0n1", Path: "/dev/nvme0n1", Number: "259:0", Size: 512110190592, Bus: "nvme", Model: "Samsung SSD 980", Sector: 512, Sequence: "1"},
		{Name: "nvme0n1p1", Path: "/dev/nvme0n1p1", Number: "259:1", Parent: "nvme0n1", Holders: []string{"dm-0"}, Size: 511999737856, Bus: "nvme", Model: "Samsung SSD 980", Sector: 512, Sequence: "1"},
		{Name: "dm-0", Path: "/dev/dm-0", Number: "253:0", Made: "vg-root", Size: 511999488000, Sector: 512},
		{Name: "sdb", Path: "/dev/sdb", Number: "8:16", Size: 31914983424, Removable: true, Bus: "usb", Model: "SanDisk Ultra", Sector: 512, Sequence: "7", Content: "partition table (dos)"},
		{Name: "sdb1", Path: "/dev/sdb1", Number: "8:17", Parent: "sdb", Size: 31913934848, ReadOnly: true, Removable: true, Bus: "usb", Model: "SanDisk Ultra", Sector: 512, Sequence: "7", Content: `vfat "BOOT"`},
		{Name: "mmcblk0", Path: "/dev/mmcblk0", Number: "179:0", ReadOnly: true, Bus: "sd", Model: "SU08G"},
		{Name: "mmcblk1", Path: "/dev/mmcblk1", Number: "179:8", Size: 15634268160, Bus: "mmc"},
	} {
		got, ok := h.Find(want.Name)
		if !ok || strings.Join(got.Holders, " ") != strings.Join(want.Holders, " ") {
			t.Errorf("%s: got %+v", want.Name, got)
		}
		got.Holders, want.Holders = nil, nil
		if !equal(got, want) {
			t.Errorf("%s: got  %+v\nwant %+v", want.Name, got, want)
		}
	}
	if got := h.Uses("nvme0n1"); len(got) != 3 || got[0].String() != "dm-0 is mounted at /" || got[1].String() != "dm-0 is swapped to" || got[2].String() != "vg-root is made of nvme0n1p1" {
		t.Errorf("uses of the SSD: %v", got)
	}
	if got := h.Uses("sdb"); len(got) != 1 || got[0].String() != "sdb1 is mounted at /media/me/my card" {
		t.Errorf("uses of the stick: %v", got)
	}
	if len(h.Btrfs) != 1 || strings.Join(h.Btrfs[0], " ") != "sdx sdy" {
		t.Errorf("btrfs: %v", h.Btrfs)
	}
	var order []string
	for _, d := range h.Devices {
		order = append(order, d.Name)
	}
	if got := strings.Join(order, " "); got != "sdb sdb1 mmcblk0 mmcblk1 dm-0 nvme0n1 nvme0n1p1" {
		t.Errorf("order: %s", got)
	}
}

func equal(a, b flash.Device) bool {
	a.Holders, b.Holders = nil, nil
	return a.Name == b.Name && a.Path == b.Path && a.Number == b.Number && a.Parent == b.Parent && a.Made == b.Made && a.Size == b.Size && a.ReadOnly == b.ReadOnly &&
		a.Removable == b.Removable && a.Bus == b.Bus && a.Model == b.Model && a.Sector == b.Sector && a.Sequence == b.Sequence && a.Content == b.Content
}

func TestWhatIsNotUnderstoodIsAnError(t *testing.T) {
	for name, files := range map[string]map[string]string{
		"no block devices":                 {"proc/self/mountinfo": ""},
		"no list of mounts":                {"sys/class/block/x/dev": "1:2"},
		"a line of mounts without its end": {"sys/class/block/x/dev": "1:2", "proc/self/mountinfo": "22 1 253:0 / / rw\n"},
	} {
		if _, err := tree(t, files).read(); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// util-linux reads the same files.
func TestThisHostsDisksAreThoseOfLsblk(t *testing.T) {
	loop := looptest.Make(t, 5<<20)
	h, err := Read()
	if err != nil {
		t.Fatal(err)
	}
	d, ok := h.Find(loop.Name)
	if !ok || d.Size != 5<<20 || d.ReadOnly || d.Model != loop.File || d.Bus != "loop" || d.Sector != 512 {
		t.Errorf("got %+v", d)
	}
	for line := range strings.Lines(looptest.Tool(t, "util-linux", "lsblk", "-rbno", "KNAME,MAJ:MIN,SIZE,RO,RM,LOG-SEC")) {
		f := strings.Fields(line)
		d, ok := h.Find(f[0])
		removable := map[bool]string{false: "0", true: "1"}
		if !ok || d.Number != f[1] || removable[d.ReadOnly] != f[3] || removable[d.Removable] != f[4] {
			t.Errorf("lsblk says %q, got %+v", strings.TrimSpace(line), d)
		}
	}
}

func TestADiskIsFoundByAnyOfItsNames(t *testing.T) {
	loop := looptest.Make(t, 1<<20)
	h, err := Read()
	if err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "card")
	if err := os.Symlink(loop.Path, link); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{loop.Path, loop.Name, link} {
		if got, err := Resolve(path, h); err != nil || got != loop.Name {
			t.Errorf("%s: got %q, %v", path, got, err)
		}
	}
	for path, want := range map[string]string{
		"/dev/null": "/dev/null is no disk but a character device", "/tmp": "/tmp is no disk but a folder; name the disk",
		loop.File: "is no disk but a file", "/dev/nothing": "no such file", "nothing": "no such file",
	} {
		if _, err := Resolve(path, h); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", path, err, want)
		}
	}
}
