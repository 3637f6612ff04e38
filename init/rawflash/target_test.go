package rawflash

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"bantam/firmware"
	"bantam/flashmap"
	"bantam/init/flashing"
)

func (c *fakeChip) Close() error { return nil }

func norMap(blocks int64) flashmap.Map {
	return flashmap.Map{Kind: flashmap.NOR, Size: 4096 * (blocks + 1), EraseBlock: 4096, Areas: []flashmap.Area{
		{Name: "u-boot", Size: 4096, Use: flashmap.Loader}, {Name: "firmware", Offset: 4096, Size: 4096 * blocks, Use: flashmap.Firmware}}}
}

var nandMap = flashmap.Map{Kind: flashmap.UBI, Size: 1 << 27, EraseBlock: 1 << 17, Page: 2048, Areas: []flashmap.Area{
	{Name: "ubi", Size: 1 << 27, Use: flashmap.Volumes, Volume: "fit"}}}

// done is what a machine was asked to do.
type done struct{ list []string }

func (d *done) machine() Machine {
	note := func(what string) func() error {
		return func() error {
			d.list = append(d.list, what)
			return nil
		}
	}
	return Machine{Arch: "mipsle", Memory: func() int64 { return 100 << 20 }, Wipe: note("wipe"), Keeps: func(paths []string) error { return note("keeps " + strings.Join(paths, " "))() }, Reboot: note("reboot"),
		Steady: func() func() {
			d.list = append(d.list, "steady")
			return func() {}
		}}
}

// sysupgrade is a firmware as a file: an image, and metadata.
func sysupgrade(t *testing.T, image []byte) []byte {
	t.Helper()
	return sysupgradeOf(t, firmware.Bantam, image)
}

func sysupgradeOf(t *testing.T, system string, image []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := firmware.NewTrailerWriter(&b)
	_, err := w.Write(image)
	if err == nil {
		var m []byte
		if m, err = (firmware.Metadata{Devices: []string{"qemu,malta"}, Compat: "1.0", Release: firmware.Release{Distribution: system, Version: "1"}}).Encode(); err == nil {
			err = w.Trailer(firmware.Info, m)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func look(t *testing.T, file []byte) flashing.Firmware {
	t.Helper()
	f, err := flashing.Look(bytes.NewReader(file))
	if err == nil {
		err = flashing.Examine(context.Background(), &f)
	}
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestAFirmwareIsBroughtToNOR(t *testing.T) {
	chip, d := newChip(t, 12, uimage(t, "old", 9*4096, 0)), &done{}
	n := &NOR{norMap(12), d.machine(), func() (OpenChip, error) { return chip, nil }}
	image := uimage(t, "new", 9*4096+5, 0)
	f := look(t, sysupgrade(t, image))
	p, err := n.Plan(context.Background(), f, flashing.Order{Wipe: true})
	if err != nil || len(chip.ops) > 0 {
		t.Fatalf("%v, %q", err, chip.ops)
	}
	for _, want := range []string{
		"to      area firmware of the NOR flash, at 0x1000",
		"there is no way back: if the power goes while it is written", "recovery is the boot loader's",
		"write   10 of 10 erase blocks that differ", "commit  the first bytes", "lost    the state volume",
	} {
		if !strings.Contains(p.String(), want) {
			t.Errorf("the plan does not say %q:\n%s", want, p)
		}
	}
	if err := n.Write(context.Background(), f, p, func(flashing.Progress) {}); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(chip.data[:len(image)], image) {
		t.Error("it is not there")
	}
	if want := []string{"steady", "wipe", "reboot"}; !slices.Equal(d.list, want) {
		t.Errorf("%q, want %q", d.list, want)
	}
	// The trailers are for who flashes, and are not written.
	if rest := chip.data[len(image):]; bytes.Contains(rest, []byte("FWx0")) {
		t.Error("the trailer lies in the flash")
	}
	again, err := n.Plan(context.Background(), f, flashing.Order{})
	if err != nil || len(again.Steps) > 0 || !strings.Contains(again.String(), "the flash holds this firmware already: there is nothing to do") {
		t.Errorf("%v\n%s", err, again)
	}
}

func TestAFirmwareIsBroughtToUBI(t *testing.T) {
	u, d := newUBI(t, 400, map[string][]byte{"fit": uimage(t, "old", 9000, 0)}), &done{}
	locked := 0
	target := &UBI{nandMap, d.machine(), func() (Volumes, func(), error) { locked++; return u, func() { locked-- }, nil }}
	image := uimage(t, "new", 12345, 0)
	f := look(t, sysupgrade(t, image))
	u.state.Bad = 3
	p, err := target.Plan(context.Background(), f, flashing.Order{})
	if err != nil || len(u.ops) > 0 {
		t.Fatalf("%v, %q", err, u.ops)
	}
	for _, want := range []string{"to      volume fit of UBI, in area ubi of the NAND flash", "3 erase blocks of the chip are bad, and are passed over; 20 may be",
		"write   13 erase blocks, as new volumes beside those that run", "commit  all of them get the names of the old ones, at once", "back    a cut while it is written leaves what runs"} {
		if !strings.Contains(p.String(), want) {
			t.Errorf("the plan does not say %q:\n%s", want, p)
		}
	}
	if err := target.Write(context.Background(), f, p, func(flashing.Progress) {}); err != nil || u.content("fit") != string(image) || locked != 0 {
		t.Errorf("%v, %q, locked %d", err, u.ops, locked)
	}
	if want := []string{"reboot"}; !slices.Equal(d.list, want) {
		t.Errorf("%q, want %q", d.list, want)
	}
	// An archive, as other systems have them: kernel and root, at once.
	var b bytes.Buffer
	tar := firmware.SysupgradeTar{Board: "qemu,malta", Kernel: bytes.NewReader(uimage(t, "third", 3000, 0)), Root: strings.NewReader(text("root", 2048))}
	if err := tar.Write(&b); err != nil {
		t.Fatal(err)
	}
	f = look(t, sysupgrade(t, b.Bytes()))
	if p, err = target.Plan(context.Background(), f, flashing.Order{}); err != nil {
		t.Fatal(err)
	}
	if err := target.Write(context.Background(), f, p, func(flashing.Progress) {}); err != nil || !strings.Contains(u.content("fit"), "third") || u.content("rootfs") != text("root", 2048) {
		t.Errorf("%v, %+v", err, u.volumes)
	}
}

func TestWhatTargetsRefuse(t *testing.T) {
	old := uimage(t, "old", 9*4096, 0)
	var tar, fit bytes.Buffer
	archive := firmware.SysupgradeTar{Board: "qemu,malta", Kernel: bytes.NewReader(old), Root: strings.NewReader(text("root", 2048))}
	if err := archive.Write(&tar); err != nil {
		t.Fatal(err)
	}
	tree := firmware.FIT{Description: "x", Images: []firmware.FITImage{{Name: "kernel-1", Type: "kernel", Arch: "mips", OS: "linux", Compression: "none", Data: bytes.NewReader(old)}},
		Configurations: []firmware.Configuration{{Name: "config-1", Kernel: "kernel-1"}}, Default: "config-1"}
	if err := tree.Write(&fit); err != nil {
		t.Fatal(err)
	}
	arm := bytes.Buffer{}
	if err := (firmware.UImage{OS: "linux", Arch: "arm", Type: "kernel", Compression: "none", Name: "arm"}).Write(&arm, strings.NewReader("arm")); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name   string
		image  []byte
		change func(*Machine)
		open   error
		want   string
	}{
		{"one byte too large", uimage(t, "new", 12*4096+1, 0), nil, nil, "it has 49153 bytes, 1 more than area firmware; build a smaller one"},
		{"an archive for NAND", tar.Bytes(), nil, nil, "a sysupgrade.tar is not what lies in this flash: it is for NAND"},
		{"another processor", arm.Bytes(), nil, nil, "it is for the processor arm, and this one is mips"},
		{"another format than what is there", fit.Bytes(), nil, nil, "it is a FIT, and the boot loader starts a uImage now; take the one whose name has sysupgrade in it; --force takes it nevertheless"},
		{"too little memory", uimage(t, "new", 4096, 0), func(m *Machine) { m.Memory = func() int64 { return 8<<20 + 4095 } }, nil, "there is too little memory to hold it while it is written: 8195 kB are free, it needs 8196"},
		{"a second flash", uimage(t, "new", 4096, 0), nil, errBusy, "another flash is under way; wait for its end"},
	} {
		t.Run(test.name, func(t *testing.T) {
			chip, d := newChip(t, 12, old), &done{}
			m := d.machine()
			if test.change != nil {
				test.change(&m)
			}
			n := &NOR{norMap(12), m, func() (OpenChip, error) { return chip, test.open }}
			_, err := n.Plan(context.Background(), look(t, sysupgrade(t, test.image)), flashing.Order{})
			var r *flashing.Refusal
			if !errors.As(err, &r) || !strings.Contains(err.Error(), test.want) || len(chip.ops) > 0 {
				t.Errorf("%v, want %q", err, test.want)
			}
		})
	}
	t.Run("what would not fit beside what runs", func(t *testing.T) {
		u, d := newUBI(t, 12, map[string][]byte{"fit": old[:6000]}), &done{}
		target := &UBI{nandMap, d.machine(), func() (Volumes, func(), error) { return u, func() {}, nil }}
		_, err := target.Plan(context.Background(), look(t, sysupgrade(t, uimage(t, "new", 6001, 0))), flashing.Order{})
		var r *flashing.Refusal
		if want := "it takes 7 erase blocks of 1000 bytes beside what runs, and 6 are free"; !errors.As(err, &r) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	})
}

func TestWhatIsKeptIsAskedForBeforeAnyChange(t *testing.T) {
	chip, u, d := newChip(t, 12, uimage(t, "old", 9*4096, 0)), newUBI(t, 400, map[string][]byte{"fit": uimage(t, "old", 9000, 0)}), &done{}
	missing := errors.New("--keep /state/x is not there")
	f := look(t, sysupgrade(t, uimage(t, "new", 9*4096, 0)))
	for name, target := range map[string]func(Machine) flashing.Target{
		"NOR": func(m Machine) flashing.Target {
			return &NOR{norMap(12), m, func() (OpenChip, error) { return chip, nil }}
		},
		"UBI": func(m Machine) flashing.Target {
			return &UBI{nandMap, m, func() (Volumes, func(), error) { return u, func() {}, nil }}
		},
	} {
		t.Run(name, func(t *testing.T) {
			d.list = nil
			o := flashing.Order{Wipe: true, Keep: []string{"/state/secrets", "/var/lib/web"}}
			p, err := target(d.machine()).Plan(context.Background(), f, o)
			if want := []string{"keeps /state/secrets /var/lib/web"}; err != nil || !slices.Equal(d.list, want) {
				t.Fatalf("%v, %q", err, d.list)
			}
			for _, want := range []string{"wipe    what this machine keeps, at the next boot\n", "kept    /state/secrets\nkept    /var/lib/web\n", "lost    the state volume: generations"} {
				if !strings.Contains(p.String(), want) {
					t.Errorf("the plan does not say %q:\n%s", want, p)
				}
			}
			m := d.machine()
			m.Keeps = func([]string) error { return missing }
			if _, err := target(m).Plan(context.Background(), f, o); !errors.Is(err, missing) || len(chip.ops)+len(u.ops) > 0 {
				t.Errorf("%v, %q, %q", err, chip.ops, u.ops)
			}
		})
	}
}

// OpenWrt's image for NOR is a kernel, a squashfs behind it, and marks behind that: all of it is what lies in the flash, and nothing else is.
func TestAMachineIsLeftToAnotherSystem(t *testing.T) {
	chip, d := newChip(t, 80, uimage(t, "old", 79*4096, 0)), &done{}
	before := bytes.Clone(chip.data)
	n := &NOR{norMap(80), d.machine(), func() (OpenChip, error) { return chip, nil }}
	root := make([]byte, 5*4096)
	copy(root, "hsqs")
	root[28], root[41] = 4, byte(len(root)>>8) // version 4.0, and its size
	var b bytes.Buffer
	if err := firmware.WriteSysupgradeBin(&b, bytes.NewReader(uimage(t, "other", 3*4096+7, 0)), bytes.NewReader(root), 4096); err != nil {
		t.Fatal(err)
	}
	f := look(t, sysupgradeOf(t, "OpenWrt", b.Bytes()))
	p, err := n.Plan(context.Background(), f, flashing.Order{Leave: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"flash   firmware (uImage, OpenWrt 1)", "there is no way back", "lost    generations, draft, secrets, host key, leases, what services and users keep: that system reads none of it"} {
		if !strings.Contains(p.String(), want) {
			t.Errorf("the plan does not say %q:\n%s", want, p)
		}
	}
	if err := n.Write(context.Background(), f, p, func(flashing.Progress) {}); err != nil {
		t.Fatal(err)
	}
	behind := (b.Len() + 4095) / 4096 * 4096
	if !bytes.Equal(chip.data[:b.Len()], b.Bytes()) || !bytes.Equal(chip.data[behind:], before[behind:]) {
		t.Error("the area holds something else")
	}
}

// What lies in memory is verified once more: the file may have changed since it was looked at.
func TestAFileThatChangesIsNotWritten(t *testing.T) {
	chip, d := newChip(t, 12, uimage(t, "old", 9*4096, 0)), &done{}
	n := &NOR{norMap(12), d.machine(), func() (OpenChip, error) { return chip, nil }}
	file := sysupgrade(t, uimage(t, "new", 9*4096, 0))
	f := look(t, file)
	p, err := n.Plan(context.Background(), f, flashing.Order{})
	if err != nil {
		t.Fatal(err)
	}
	file[5000] ^= 1
	if err := n.Write(context.Background(), f, p, nil); err == nil || !strings.Contains(err.Error(), "damaged") || len(chip.ops) > 0 {
		t.Errorf("%v, %q", err, chip.ops)
	}
}
