package test

import (
	"path/filepath"
	"testing"

	"bantam/gpt"
	"bantam/images"
	"bantam/newc"
	"bantam/slot"
	"bantam/switcher"
)

// spoil writes over a few bytes of a partition.
func spoil(t *testing.T, path string, number int, at int64) {
	t.Helper()
	writeAt(t, path, []byte("spoilt"), int64(tableOf(t, path).Table.Partitions[number-1].First)*gpt.SectorSize+at)
}

// U-Boot counts, passes over what is damaged, and starts what a person names; Bantam switches on it as on GRUB.
func TestBoardUBootStartsWhatItShould(t *testing.T) {
	forBoard(t, "qemu-arm64-uboot")
	const host = "bantam-arm64"
	out := build(t, "qemu-arm64-uboot", "../examples/qemu-arm64/system.toml")
	files := t.TempDir()
	altered(t, out, filepath.Join(files, "other.tar"), func(s *switcher.Store, g *switcher.Generation) {
		segment, err := newc.Pack([]newc.File{{Path: "of-the-other", Mode: 0o644, Data: []byte("the other initrd\n")}})
		if err != nil {
			t.Fatal(err)
		}
		d, err := s.PutBytes(segment)
		if err != nil {
			t.Fatal(err)
		}
		g.Initrd = append(g.Initrd, switcher.Descriptor{MediaType: switcher.InitrdType, Size: int64(len(segment)), Digest: d,
			Annotations: map[string]string{switcher.SegmentAnnotation: "other"}})
	})
	altered(t, out, filepath.Join(files, "panics.tar"), func(s *switcher.Store, g *switcher.Generation) {
		withInit(t, make([]byte, 4096))(s, g)
		g.Kernel.Annotations[switcher.CmdlineAnnotation] = "console=ttyAMA0,115200 panic=1"
	})
	image, usb := filepath.Join(out, "qemu-arm64-uboot.img"), usbStick(t, files)
	path := image + ".kept"

	machine := func() []string {
		return onBoard(t, "qemu-arm64-uboot", images.RunOptions{Image: image, Keep: image + ".kept", Args: []string{"-drive", virtio(usb)}})
	}
	c := startAs(t, host, machine())
	c.must("cat /proc/cmdline", " bantam.slot=A bantam.loader=u-boot\n")
	c.must("bantam status", "board qemu-arm64-uboot", "boot        u-boot, slot A (booted, generation 1, good), slot B (empty)")
	c.must("bantam status --json", `"loader": "u-boot"`, `"tries": true`, `"fallback": true`)

	// It never comes to its proof: U-Boot counts it down.
	c.stick()
	c.must("bantam import /mnt/panics.tar", "generation")
	bad := c.newest()
	c.must("bantam boot "+bad, "the next boot tries generation "+bad+", from boot slot B")
	c.Send("reboot\r")
	for range slot.MaxTries {
		c.Expect(`\] Kernel panic`)
	}
	c.booted()
	c.settled()
	c.must("bantam status", "slot A (booted, generation 1, good)", "generation "+bad+" was tried at a boot", "is bad: ", "not once came as far as its proof in 3 boots")

	// Another initrd is proven, and good.
	c.stick()
	c.must("bantam import /mnt/other.tar", "generation")
	good := c.newest()
	c.must("bantam boot "+good, "from boot slot B")
	c.Send("reboot\r")
	c.booted()
	c.settled()
	c.must("cat /of-the-other", "the other initrd")
	c.must("bantam status", "generation  "+good+", good", "slot B (booted, generation "+good+", good")
	c.off()

	// A kernel that is damaged is passed over, and so is a copy of the state.
	spoil(t, path, slot.NumberB, slot.KernelAt*slot.SectorSize+1_000_000)
	spoil(t, path, slot.State1Number, 20)
	c = startAs(t, host, machine())
	c.must("bantam status", "slot A (booted, generation 1, good)", "the first copy of the boot loader's state was damaged and is written anew")
	c.off()

	// With neither copy A comes first; and a person may name a slot at U-Boot's prompt.
	spoil(t, path, slot.State1Number, 20)
	spoil(t, path, slot.State2Number, 20)
	c = startAs(t, host, machine())
	c.must("bantam status", "slot A (booted, generation 1", "both copies of the boot loader's state are damaged")
	c.Send("reboot\r")
	c.Expect("Hit any key to stop autoboot")
	c.Send(" ")
	c.Expect("=> $")
	c.Send("setenv bantam_slot A; boot\r")
	c.booted()
	c.must("cat /proc/cmdline", " bantam.slot=A bantam.loader=u-boot bantam.hand\n")
	c.off()
}
