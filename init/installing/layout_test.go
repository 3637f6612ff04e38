package installing

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"bantam/init/flashing"
)

func TestADiskThatMustNotBeWrittenIsRefused(t *testing.T) {
	i, _ := image(t)
	m := &Medium{Device: "/dev/sdb", image: i, Firmware: flashing.Firmware{What: "a disk image"}}
	need := Least(i)
	free := Device{Path: "/dev/vda", Size: need, Sector: 512}
	for _, c := range []struct {
		claim, want string
		change      func(d *Device, keeps *int64)
	}{
		{"a free disk", "", func(*Device, *int64) {}},
		{"one sector too few", "is too small: it has ", func(d *Device, _ *int64) { d.Size -= 512 }},
		{"one byte too few", "is too small: it has ", func(d *Device, _ *int64) { d.Size-- }},
		{"as large as the image alone", "is too small", func(d *Device, _ *int64) { d.Size = i.Size() }},
		{"too small for what is kept", "what this machine keeps takes 30000000 bytes", func(_ *Device, keeps *int64) { *keeps = 30_000_000 }},
		{"room for what is kept", "", func(d *Device, keeps *int64) { d.Size, *keeps = need+8<<20, 30_000_000 }},
		{"mounted", "/dev/vda is in use: vda1 is mounted at /mnt; end that first", func(d *Device, _ *int64) { d.Uses = []string{"vda1 is mounted at /mnt"} }},
		{"a partition", "/dev/vda is a partition of vdb", func(d *Device, _ *int64) { d.Of = "vdb" }},
		{"a volume of LVM", "no disk that a machine starts from", func(d *Device, _ *int64) { d.Made = true }},
		{"read-only", "is read-only", func(d *Device, _ *int64) { d.ReadOnly = true }},
		{"large sectors", "has sectors of 4096 bytes; only 512 are supported", func(d *Device, _ *int64) { d.Sector = 4096 }},
		{"no medium in it", "no medium in it", func(d *Device, _ *int64) { d.Size = 0 }},
		{"what the machine was started from", "/dev/sdb is what this machine was started from", func(d *Device, _ *int64) { d.Path = "/dev/sdb" }},
	} {
		d, keeps := free, int64(0)
		c.change(&d, &keeps)
		err := m.Refuse(d, keeps)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.claim, err, c.want)
		}
	}
}

// A disk with partitions of which one is mounted is not here: mounts are the kernel's. Holders, swap and what a device is sysfs says.
func TestWhatTheKernelSaysOfADisk(t *testing.T) {
	root := t.TempDir()
	put := func(path, text string) {
		t.Helper()
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	devices := "sys/devices/pci0/block/"
	for _, name := range []string{"sda", "sda/sda1", "sda/sda2", "vdb", "dm-0", "sr0"} {
		put(devices+name+"/size", "2000000")
		put(devices+name+"/ro", "0")
		put(devices+name+"/dev", "999:"+filepath.Base(name))
		put(devices+name+"/queue/logical_block_size", "512")
		link := filepath.Join(root, "sys/class/block", filepath.Base(name))
		if err := os.MkdirAll(filepath.Dir(link), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(filepath.Join(root, devices+name), link); err != nil {
			t.Fatal(err)
		}
	}
	put(devices+"sda/sda1/partition", "1")
	put(devices+"sda/sda2/partition", "2")
	put(devices+"sda/sda2/holders/dm-0/x", "")
	put(devices+"dm-0/slaves/sda2/x", "")
	put(devices+"dm-0/dm/name", "vg-root")
	put(devices+"sda/device/model", "Some \x1b[31mDisk ")
	put(devices+"vdb/device/vendor", "0x1af4")
	put(devices+"vdb/ro", "1")
	put("proc/swaps", "Filename Type\n/dev/sda1   partition 1 0 -2")
	u := under{root}
	if d := u.device("sda"); d.Size != 1_024_000_000 || d.Sector != 512 || d.ReadOnly || d.Of != "" || d.Made || strings.Contains(d.Model, "\x1b") || !strings.Contains(d.Model, "Disk") ||
		!slices.Equal(d.Uses, []string{"sda1 is swapped to", "vg-root is made of sda2"}) || !slices.Equal(d.Holds, []string{"sda: ?, 1024 MB", "sda1: ?, 1024 MB", "sda2: ?, 1024 MB"}) {
		t.Errorf("sda: %+v", d)
	}
	if d := u.device("sda2"); d.Of != "sda" || !slices.Equal(d.Uses, []string{"vg-root is made of sda2"}) {
		t.Errorf("sda2: %+v", d)
	}
	if d := u.device("vdb"); !d.ReadOnly || d.Model != "" || len(d.Uses) != 0 || d.Made {
		t.Errorf("vdb: %+v", d)
	}
	for _, name := range []string{"dm-0", "sr0"} {
		if d := u.device(name); !d.Made {
			t.Errorf("%s: %+v", name, d)
		}
	}
	for _, word := range []string{"nowhere", root, "/dev/null"} {
		if d, err := LookAt(word); err == nil {
			t.Errorf("%s: %+v", word, d)
		}
	}
}

func TestAPlanNamesTheDiskAndWhatIsLost(t *testing.T) {
	i, _ := image(t)
	m := &Medium{Device: "/dev/sr0", image: i, Firmware: flashing.Firmware{What: "a disk image of Bantam for board pc"}}
	_, p, err := Plan(Device{Path: "/dev/vdb", Size: 1 << 30, Sector: 512, Model: "Some Disk", Holds: []string{"vdb: partition table, 1073 MB", "vdb1: ext4, 500 MB"}}, m, 120_000, 3)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"install a disk image of Bantam for board pc, from /dev/sr0\n", "to      /dev/vdb (Some Disk, 1073 MB)\n",
		"generations, of which 3 runs", "lost    everything that is on /dev/vdb: vdb: partition table, 1073 MB; vdb1: ext4, 500 MB", "back    this machine runs on"} {
		if !strings.Contains(p.String(), want) {
			t.Errorf("no %q in\n%v", want, p)
		}
	}
	order := []flashing.Action{flashing.ActionErase, flashing.ActionWrite, flashing.ActionCheck, flashing.ActionMake, flashing.ActionCopy, flashing.ActionCommit}
	for n, s := range p.Steps {
		if n >= len(order) || s.Action != order[n] {
			t.Errorf("step %d is %v of %v", n, s.Action, p.Steps)
		}
	}
}
