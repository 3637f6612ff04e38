package flashing

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"bantam/firmware"
	"bantam/init/flashing/imagetest"
	"bantam/switcher"
)

// routerFile is a kernel for a router, with metadata behind it if they name devices.
func routerFile(t testing.TB, compat string, devices ...string) []byte {
	t.Helper()
	return routerFileOf(t, firmware.Bantam, compat, devices...)
}

// routerFileOf is one of another system.
func routerFileOf(t testing.TB, system, compat string, devices ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := firmware.NewTrailerWriter(&b)
	u := firmware.UImage{OS: "linux", Arch: "mips", Type: "kernel", Compression: "lzma", Name: "Bantam", Load: 0x80001000, Entry: 0x80001000}
	if err := u.Write(w, bytes.NewReader(bytes.Repeat([]byte("kernel"), 5000))); err != nil {
		t.Fatal(err)
	}
	if len(devices) > 0 {
		m := firmware.Metadata{Compat: compat, Message: "the partitions have moved", Devices: devices, Release: firmware.Release{Distribution: system, Version: "24.10"}}
		text, err := m.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Trailer(firmware.Info, text); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

func look(t testing.TB, b []byte) Firmware {
	t.Helper()
	f, err := Look(bytes.NewReader(b))
	if err == nil {
		err = f.Verify(t.Context(), nil)
	}
	if err == nil && f.Kind == Router {
		err = Examine(t.Context(), &f)
	}
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestAFirmwareOfARouterIsToldAndRead(t *testing.T) {
	b := routerFile(t, "1.0", "gnubee,gb-pc1")
	f := look(t, b)
	if f.Kind != Router || f.What != "firmware (uImage, Bantam 24.10)" || f.Foreign != "" || f.Body != 64+30000 || f.Metadata == nil || !slices.Equal(f.Metadata.Devices, []string{"gnubee,gb-pc1"}) {
		t.Errorf("%+v", f)
	}
	if f = look(t, routerFile(t, "")); f.What != "firmware (uImage)" || f.Metadata != nil || f.Foreign != "an unnamed system" {
		t.Errorf("%+v", f)
	}
	// What is cut off has lost its list of devices as well: that it is damaged comes first, and nobody is told to force it.
	cutAnywhere := Machine{Board: "gnubee", Arch: "mipsle", Names: []string{"gnubee,gb-pc1"}}
	for size := 1024; size < len(b); size += 1024 {
		for _, o := range []Order{{}, {Force: true}, {Force: true, Leave: true}} {
			w, err := Look(bytes.NewReader(b[:size]))
			if err == nil {
				_, err = Vet(t.Context(), &w, cutAnywhere, o, Examine, nil)
			}
			words := "it is cut off or damaged"
			if int64(size) > f.Body {
				words = "of no known format" // a part of the metadata
			}
			refused(t, "cut off", err, words)
		}
	}
	whole, err := Look(bytes.NewReader(b))
	if err == nil {
		_, err = Vet(t.Context(), &whole, cutAnywhere, Order{}, Examine, nil)
	}
	if err != nil || len(whole.Findings) < 2 {
		t.Errorf("whole: %v, %v", err, whole.Findings)
	}
	_, err = take(slices.Concat(b, []byte("garbage")))
	refused(t, "garbage behind it", err, "this firmware is damaged: trailer: ")
	changed := slices.Clone(b)
	changed[5000] ^= 1
	_, err = take(changed)
	refused(t, "a flipped bit", err, "this firmware is damaged: ")
	changed = routerFile(t, "") // without trailers
	changed[5000] ^= 1
	_, err = take(changed)
	refused(t, "a flipped bit without a trailer", err, "this firmware is damaged: ")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Examine(ended, &f); !errors.Is(err, context.Canceled) {
		t.Errorf("given up: %v", err)
	}
}

func TestWhatIsNoFirmwareIsTold(t *testing.T) {
	iso := make([]byte, 40<<10)
	copy(iso[32769:], "CD001")
	tar := make([]byte, 1024)
	copy(tar, "photos/1.jpg")
	copy(tar[257:], "ustar")
	mbr := make([]byte, 1024)
	copy(mbr[510:], "\x55\xaa")
	for words, b := range map[string][]byte{"it is empty": nil, "a web page": []byte("\n <!DOCTYPE html>"), "an ISO image": iso, "an archive of other files": tar, "a disk with another system": mbr, "it is no firmware;": []byte("hostname = \"x\"")} {
		_, err := take(b)
		refused(t, words, err, words)
	}
	for _, name := range []string{"index.json", "./oci-layout", "blobs/sha256/12"} {
		b := make([]byte, 1024)
		copy(b, name)
		copy(b[257:], "ustar\x0000")
		if f := look(t, b); f.Kind != Archive || f.What != "an archive of a generation" {
			t.Errorf("%s: %+v", name, f)
		}
	}
}

func TestWhoMayFlashWhat(t *testing.T) {
	pc := Machine{Board: "pc", Arch: "amd64"}
	gnubee := Machine{Board: "gnubee", Arch: "mipsle", Names: []string{"gnubee,gb-pc1", "mediatek,mt7621-soc"}}
	with := func(m Machine, change func(*Machine)) Machine { change(&m); return m }
	image := look(t, imagetest.New(t, sampleText, nil).Bytes)
	released := look(t, imagetest.New(t, "version = 5\n", func(g *switcher.Generation) { g.Release = 5 }).Bytes)
	router := look(t, routerFile(t, "1.0", "gnubee,gb-pc1", "gnubee,gb-pc2"))
	openwrt := look(t, routerFileOf(t, "OpenWrt", "1.1", "gnubee,gb-pc1"))
	for _, c := range []struct {
		claim  string
		f      Firmware
		m      Machine
		o      Order
		want   string // of the refusal; "": none
		forced string // of the notes with --force; "": --force does not help
	}{
		{"an image for this board", image, pc, Order{}, "", ""},
		{"one of the same version", released, with(pc, func(m *Machine) { m.Release = 5 }), Order{}, "", ""},
		{"one for another board", image, gnubee, Order{}, "it is for board pc (amd64), this is gnubee (mipsle); build one for this board: bantam build --board gnubee", ""},
		{"one for another architecture", image, with(pc, func(m *Machine) { m.Arch = "arm64" }), Order{}, "it is for board pc (amd64), this is pc (arm64)", ""},
		{"an older one", released, with(pc, func(m *Machine) { m.Release = 7 }), Order{}, "version 5 is older than 7, which runs; --downgrade takes an older one; --force takes it nevertheless", "version 5 is older than 7, which runs: overridden"},
		{"an older one, as is wanted", released, with(pc, func(m *Machine) { m.Release = 7 }), Order{Downgrade: true}, "", ""},
		{"one without a version", image, with(pc, func(m *Machine) { m.Release = 7 }), Order{}, "it has no version, which is older than 7", "it has no version, which is older than 7, which runs: overridden"},
		{"one that nobody can have signed", image, with(pc, func(m *Machine) { m.Trusts = true }), Order{}, "a disk image carries no signatures", ""},
		{"a router's", router, gnubee, Order{}, "", ""},
		{"a router's by the second of its names", router, with(gnubee, func(m *Machine) { m.Names = []string{"x", "gnubee,gb-pc2"} }), Order{}, "", ""},
		{"another device's", router, with(gnubee, func(m *Machine) { m.Names = []string{"gnubee,gb-pc9"} }), Order{}, "it is for gnubee,gb-pc1, gnubee,gb-pc2, and this is gnubee,gb-pc9, board gnubee", "overridden"},
		{"a router's on a machine that knows no names", router, with(gnubee, func(m *Machine) { m.Names = nil }), Order{}, "and this is board gnubee", "overridden"},
		{"of another layout", look(t, routerFile(t, "2.0", "gnubee,gb-pc1")), gnubee, Order{}, `lays out the flash anew: the device is at 1.0, the image at 2.0: "the partitions have moved"; the device's own boot loader`, ""},
		{"of an older layout", router, with(gnubee, func(m *Machine) { m.Compat = "2.0" }), Order{}, "lays out the flash anew", ""},
		{"whose configuration does not fit", look(t, routerFile(t, "1.1", "gnubee,gb-pc1")), gnubee, Order{}, "the configuration cannot be kept: the device is at 1.0, the image at 1.1", "overridden"},
		{"whose configuration does not fit, with --wipe", look(t, routerFile(t, "1.1", "gnubee,gb-pc1")), gnubee, Order{Wipe: true}, "", ""},
		{"without a list of devices", look(t, routerFile(t, "")), gnubee, Order{Leave: true}, "it does not say for which devices it is", "overridden"},
		{"another system", openwrt, gnubee, Order{}, "it is OpenWrt 24.10, not Bantam: no setting of this machine is kept there, and there is no way back but its own; --leave-bantam takes it, if that is meant", ""},
		{"another system that is to wipe", openwrt, gnubee, Order{Wipe: true, Leave: true}, "it is OpenWrt 24.10, not Bantam, which is what would wipe", ""},
		{"another system for another device", openwrt, with(gnubee, func(m *Machine) { m.Names = []string{"x"} }), Order{Leave: true}, "it is for gnubee,gb-pc1, and this is x, board gnubee", "overridden"},
		{"one that names no system", look(t, routerFileOf(t, "", "1.0", "gnubee,gb-pc1")), gnubee, Order{}, "it is an unnamed system, not Bantam", ""},
		{"that no key has signed", router, with(gnubee, func(m *Machine) { m.Trusts = true }), Order{}, "carries no signature", ""},
	} {
		notes, err := Check(c.f, c.m, c.o)
		var r *Refusal
		if c.want == "" {
			if err != nil || c.o.Downgrade != (len(notes) > 0) {
				t.Errorf("%s: %q, %v", c.claim, notes, err)
			}
			continue
		}
		if !errors.As(err, &r) || !strings.Contains(err.Error(), c.want) || r.Forceable != (c.forced != "") {
			t.Errorf("%s: %v", c.claim, err)
		}
		c.o.Force = true
		notes, err = Check(c.f, c.m, c.o)
		if c.forced == "" && err == nil || c.forced != "" && (err != nil || len(notes) == 0 || !strings.Contains(notes[0], c.forced)) {
			t.Errorf("%s with --force: %q, %v", c.claim, notes, err)
		}
	}
}

func TestAMachineIsLeftToAnotherSystem(t *testing.T) {
	f := look(t, routerFileOf(t, "OpenWrt", "1.1", "gnubee,gb-pc1")) // its settings would not fit, and none are kept
	notes, err := Check(f, Machine{Board: "gnubee", Arch: "mipsle", Names: []string{"gnubee,gb-pc1"}}, Order{Leave: true})
	if want := []string{"it is OpenWrt 24.10, not Bantam: no setting of this machine is kept there, and there is no way back but its own"}; err != nil || !slices.Equal(notes, want) {
		t.Errorf("%q, %v", notes, err)
	}
}

func TestAPlanIsPrintedWithWhatAPersonMustKnowInFront(t *testing.T) {
	p := Plan{Firmware: "a disk image", Target: "boot slot B", WayBack: "generation 3 runs again", Kept: []string{"secrets"}, Notes: []string{"version 5: overridden"},
		Steps: []Step{{Action: ActionLoad, What: "2 blobs", Bytes: 2049}, {Action: ActionReboot, What: "once"}}}
	want := "flash   a disk image\nto      boot slot B\nnote    version 5: overridden\nload    2 blobs, 3 kB\nreboot  once\nback    generation 3 runs again\nkept    secrets\n"
	if got := p.String(); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	p = Plan{Firmware: "firmware", Target: "NOR", Recovery: "its boot loader asks for a file over TFTP", Lost: []string{"\x1b[2Jall"}}
	if got := p.String(); !strings.HasPrefix(got, "flash   firmware\nto      NOR\n!       there is no way back") || !strings.Contains(got, "TFTP") || strings.Contains(got, "\x1b") {
		t.Errorf("%q", got)
	}
}
