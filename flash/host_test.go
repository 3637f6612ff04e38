package flash

import (
	"strings"
	"testing"
)

// desk is a workstation: Linux in LVM in an encrypted partition of its disk, /home on a RAID, a btrfs of two disks, and what is plugged in.
func desk() Host {
	const gb = 1_000_000_000
	disk := func(name, number, bus string, size int64) Device {
		return Device{Name: name, Path: "/dev/" + name, Number: number, Bus: bus, Size: size, Sector: 512}
	}
	part := func(name, number, parent string, holders ...string) Device {
		return Device{Name: name, Path: "/dev/" + name, Number: number, Parent: parent, Size: gb, Sector: 512, Holders: holders}
	}
	made := func(name, number, called string, holders ...string) Device {
		return Device{Name: name, Path: "/dev/" + name, Number: number, Made: called, Size: gb, Sector: 512, Holders: holders}
	}
	card := disk("sdx", "8:160", "usb", 32*gb)
	card.Removable, card.Model = true, "Generic Reader"
	empty := disk("sdy", "8:176", "usb", 0)
	empty.Removable = true
	locked := disk("mmcblk1", "179:0", "sd", 8*gb)
	locked.ReadOnly = true
	coarse := disk("sdk", "8:192", "usb", 64*gb)
	coarse.Sector = 4096
	layers := disk("loop4", "7:4", "loop", gb)
	layers.Backing = "sdj5"
	cd := disk("sr0", "11:0", "ata", gb)
	cd.Removable = true
	return Host{
		Devices: []Device{
			disk("nvme0n1", "259:0", "nvme", 500*gb), part("nvme0n1p1", "259:1", "nvme0n1"), part("nvme0n1p2", "259:2", "nvme0n1", "dm-0"),
			made("dm-0", "253:0", "luks-root", "dm-1", "dm-2"), made("dm-1", "253:1", "vg-root"), made("dm-2", "253:2", "vg-swap"),
			disk("sda", "8:0", "ata", 900*gb), part("sda1", "8:1", "sda", "md0"), disk("sdb", "8:16", "ata", 900*gb), part("sdb1", "8:17", "sdb", "md0"),
			made("md0", "9:0", "md0"),
			disk("sdc", "8:32", "ata", 900*gb), disk("sdd", "8:48", "ata", 900*gb), // btrfs
			disk("sde", "8:64", "ata", 900*gb), part("sde1", "8:65", "sde"), // with swap
			disk("sdf", "8:80", "usb", 16*gb), part("sdf1", "8:81", "sdf"), part("sdf2", "8:82", "sdf"), // mounted by a person
			disk("sdg", "8:96", "usb", 16*gb), part("sdg1", "8:97", "sdg", "dm-3"), made("dm-3", "253:3", "backup"), // opened, not mounted
			disk("sdh", "8:112", "usb", 16*gb), part("sdh1", "8:113", "sdh"), // a live system's
			disk("sdi", "8:128", "ata", 900*gb),                              // free
			disk("sdj", "8:144", "usb", 16*gb), part("sdj5", "8:149", "sdj"), // layers
			disk("zram0", "252:0", "", gb), disk("loop3", "7:3", "loop", gb), layers,
			card, empty, locked, coarse, cd,
		},
		Mounts: []Mount{
			{"0:21", "", "/proc"}, {"253:1", "dm-1", "/"}, {"259:1", "nvme0n1p1", "/boot/efi"}, {"9:0", "md0", "/home"},
			{"0:44", "sdd", "/srv"}, {"253:1", "dm-1", "/mnt/bound"},
			{"8:81", "sdf1", "/media/me/BOOT"}, {"8:82", "sdf2", "/media/me/root"}, {"8:82", "sdf2", "/media/me/root/sub"},
			{"8:113", "sdh1", "/run/live/medium"}, {"7:4", "loop4", "/run/layers/files"},
		},
		Swaps: []string{"dm-2", "sde1"},
		Btrfs: [][]string{{"sdc", "sdd"}},
	}
}

func TestWhatMustNotBeWrittenIsRefused(t *testing.T) {
	image := Image{Size: 10_000_000_000, Kind: Kind{Sector: 512}}
	for _, test := range []struct {
		claim, device string
		wish          Wish
		want          string // "": nothing against it
	}{
		{"a card in a reader", "sdx", Wish{Image: image}, ""},
		{"no such device", "sdz", Wish{}, "sdz is not a block device that the kernel knows"},
		{"a partition", "sdf1", Wish{}, "/dev/sdf1 is a partition of /dev/sdf; an image brings its own partition table and is for the whole disk: name /dev/sdf"},
		{"a volume of LVM", "dm-1", Wish{Fixed: true}, "/dev/dm-1 (vg-root) is made of other disks"},
		{"compressed memory", "zram0", Wish{Fixed: true}, "/dev/zram0 is compressed memory"},
		{"a CD", "sr0", Wish{}, "/dev/sr0 is a CD drive"},
		{"the root in LVM in an encrypted partition", "nvme0n1", Wish{Fixed: true}, "/dev/nvme0n1 is a disk that this host runs from: nvme0n1p1 is mounted at /boot/efi"},
		{"half of a RAID", "sdb", Wish{Fixed: true}, "/dev/sdb is a disk that this host runs from: md0 is mounted at /home"},
		{"the part of a btrfs that no mount names", "sdc", Wish{Fixed: true}, "/dev/sdc is a disk that this host runs from: sdc is mounted at /srv"},
		{"the part that one names", "sdd", Wish{Fixed: true}, "runs from: sdd is mounted at /srv"},
		{"swap", "sde", Wish{Fixed: true}, "runs from: sde1 is swapped to"},
		{"a live system's stick", "sdh", Wish{}, "runs from: sdh1 is mounted at /run/live/medium"},
		{"a partition behind a loop device", "sdj", Wish{}, "runs from: loop4 is mounted at /run/layers/files"},
		{"also with force", "sdh", Wish{Fixed: true, Force: true}, "runs from"},
		{"a disk that stays in the machine", "sdi", Wish{}, "/dev/sdi (900.0 GB) is no removable disk; if it is really meant: --fixed"},
		{"it is meant", "sdi", Wish{Image: image, Fixed: true}, ""},
		{"a file as a disk", "loop3", Wish{Fixed: true}, ""},
		{"a reader without a card", "sdy", Wish{}, "/dev/sdy has no medium in it"},
		{"a card whose slider is shut", "mmcblk1", Wish{}, "/dev/mmcblk1 is write-protected"},
		{"one byte too many", "sdf", Wish{Image: Image{Size: 16_000_000_001}}, "/dev/sdf is too small: it has 16.0 GB (16000000000 bytes), the image 16.0 GB (16000000001 bytes)"},
		{"sectors of another size", "sdk", Wish{Image: image}, "/dev/sdk has sectors of 4096 bytes, the image's partition table counts in such of 512"},
		{"that is known", "sdk", Wish{Image: image, Force: true}, ""},
		{"an image without such a table", "sdk", Wish{Image: Image{Size: 1}}, ""},
		{"an encrypted volume that is open", "sdg", Wish{}, "/dev/sdg is in use: backup is made of sdg1; end that first"},
		{"a card that somebody looks at", "sdf", Wish{Image: image}, "/dev/sdf is in use: sdf1 is mounted at /media/me/BOOT, sdf2 is mounted at /media/me/root, sdf2 is mounted at /media/me/root/sub; --unmount unmounts it first"},
	} {
		got := ""
		if err := desk().Refuse(test.device, test.wish); err != nil {
			got = err.Error()
		}
		if test.want == "" && got != "" || !strings.Contains(got, test.want) {
			t.Errorf("%s: got %q, want %q", test.claim, got, test.want)
		}
	}
}

func TestInnerMountsAreUnmountedFirst(t *testing.T) {
	m := desk().Refuse("sdf", Wish{}).(*Mounted)
	if got := strings.Join(m.Points(), " "); got != "/media/me/root/sub /media/me/root /media/me/BOOT" {
		t.Errorf("got %s", got)
	}
}

func TestOnlyWhatCanBePulledOutIsListed(t *testing.T) {
	for _, test := range []struct {
		fixed bool
		want  string
	}{
		{false, "sdf sdg sdh sdj sdx sdy mmcblk1 sdk"},
		{true, "nvme0n1 sda sdb sdc sdd sde sdf sdg sdh sdi sdj loop3 loop4 sdx sdy mmcblk1 sdk"},
	} {
		var names []string
		for _, d := range desk().Candidates(test.fixed) {
			names = append(names, d.Name)
		}
		if got := strings.Join(names, " "); got != test.want {
			t.Errorf("fixed %v: got %s, want %s", test.fixed, got, test.want)
		}
	}
}

func TestWhereAMountMakesADiskTheHosts(t *testing.T) {
	for point, want := range map[string]bool{
		"/": true, "/boot": true, "/boot/efi": true, "/usr": true, "/var/lib/docker": true, "/home": true, "/nix/store": true, "/run/live/medium": true,
		"/run/initramfs/live": true, "/cdrom": true, "/root": true,
		"/media/me/x": false, "/mnt": false, "/run/media/me/x": false, "/home/me/card": false, "/root/card": false, "/tmp/x": false,
	} {
		if got := (Use{Point: point}).ofTheHost(); got != want {
			t.Errorf("%s: got %v", point, got)
		}
	}
}
