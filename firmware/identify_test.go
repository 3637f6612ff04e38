package firmware

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
)

// A router's firmware, as each kind is built.
func exampleFiles(t *testing.T) map[string][]byte {
	t.Helper()
	kernel := written(t, func(w io.Writer) error { return exampleUImage().Write(w, source(noise(9000, 1))) })
	dir := folder(t, map[string][]byte{"file": noise(20_000, 5)})
	run(t, dir, "squashfs-tools", "mksquashfs", "file", "root", "-all-root", "-noappend", "-no-progress", "-quiet")
	root := content(t, dir, "root")
	sysupgrade := written(t, func(w io.Writer) error { return WriteSysupgradeBin(w, source(kernel), source(root), 64<<10) })
	for claim, err := range map[string]error{
		"no kernel":          WriteSysupgradeBin(io.Discard, source(nil), source(root), 64<<10),
		"no root":            WriteSysupgradeBin(io.Discard, source(kernel), source(nil), 64<<10),
		"another root":       WriteSysupgradeBin(io.Discard, source(kernel), source(kernel), 64<<10),
		"no erase block":     WriteSysupgradeBin(io.Discard, source(kernel), source(root), 0),
		"an odd erase block": WriteSysupgradeBin(io.Discard, source(kernel), source(root), 60_000),
	} {
		refused(t, claim, err)
	}
	metadata, err := Metadata{Compat: "1.0", Devices: []string{"a,b", "a,c"}}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	trailed := func(b []byte) []byte {
		return written(t, func(w io.Writer) error {
			tw := NewTrailerWriter(w)
			tw.Write(b)
			if err := tw.Trailer(Info, metadata); err != nil {
				return err
			}
			return tw.Trailer(Signature, []byte("signature"))
		})
	}
	fit := exampleFIT()
	fit.Align = 4096
	ubi := exampleUBI(small)
	archive := exampleTar()
	loader := exampleSafeloader()
	tree, _ := exampleTree()
	tp := exampleTPLink()
	tp.Root.At = 65536
	return map[string][]byte{
		"kernel": kernel,
		"script": written(t, func(w io.Writer) error {
			return UImage{OS: "linux", Arch: "arm", Type: "script", Compression: "none"}.Write(w, source([]byte("echo\n")))
		}),
		"sysupgrade.bin": trailed(sysupgrade),
		"kernel+root":    append(bytes.Clone(kernel), root...),
		"sysupgrade.itb": trailed(written(t, fit.Write)),
		"tree":           written(t, func(w io.Writer) error { return WriteTree(w, tree) }),
		"ubi":            written(t, ubi.Write),
		"sysupgrade.tar": trailed(written(t, archive.Write)),
		"tp-link":        written(t, func(w io.Writer) error { return tp.Write(w, source(kernel), source(root), true) }),
		"safeloader":     written(t, loader.Write),
		"trx":            written(t, func(w io.Writer) error { return TRX{}.Write(w, source(kernel), source(root)) }),
		"chk": written(t, func(w io.Writer) error {
			return CHK{Board: "B"}.Write(w, source(written(t, func(w io.Writer) error { return TRX{}.Write(w, source(kernel)) })), source(root))
		}),
		"dni": written(t, func(w io.Writer) error { return DNI{Device: "D", Version: "1"}.Write(w, source(sysupgrade)) }),
	}
}

func TestIdentify(t *testing.T) {
	const uimage = `kernel, linux, mips, lzma, "Bantam"`
	files := exampleFiles(t)
	for name, want := range map[string][]string{
		"kernel":         {"uImage: " + uimage},
		"script":         {`uImage: script, linux, arm, none, ""`},
		"sysupgrade.bin": {"uImage: " + uimage, "squashfs", "JFFS2 end marks", "trailer metadata: for a,b, a,c, compat version 1.0", "trailer signature"},
		"kernel+root":    {"uImage: " + uimage, "squashfs"},
		"sysupgrade.itb": {`FIT: "Bantam": kernel-1, fdt-1, initrd-1, rootfs-1`, "trailer metadata: for a,b, a,c, compat version 1.0", "trailer signature"},
		"tree":           {"device tree"},
		"ubi":            {"UBI: erase blocks of 4096 bytes, volumes fit, " + strings.Repeat("n", 127) + ", empty, whole, rootfs_data"},
		"sysupgrade.tar": {"sysupgrade.tar: for gnubee,gb-pc1", "trailer metadata: for a,b, a,c, compat version 1.0", "trailer signature"},
		"tp-link":        {"TP-Link v1: for 0x10430001, revision 1", "TP-Link v1 > uImage kernel: " + uimage, "TP-Link v1 > squashfs root"},
		"safeloader":     {"TP-Link safeloader: soft-version, support-list, os-image, file-system"},
		"trx":            {"TRX", "TRX > uImage part 0: " + uimage, "TRX > squashfs part 1"},
		"chk":            {"Netgear CHK: for B", "Netgear CHK > TRX kernel", "TRX > uImage part 0: " + uimage, "Netgear CHK > squashfs root"},
		"dni":            {"Netgear DNI: for D", "Netgear DNI > uImage data: " + uimage, "Netgear DNI > squashfs data", "Netgear DNI > JFFS2 end marks data"},
	} {
		b := files[name]
		var got []string
		for _, d := range Identify(source(b)) {
			line := string(d.Format)
			if d.Within != "" {
				line = string(d.Within) + " > " + line
			}
			if d.Part.Name != "" {
				line += " " + d.Part.Name
			}
			if d.About != "" && d.Format != FormatEndMarks { // they depend on how small the squashfs is
				line += ": " + d.About
			}
			got = append(got, line)
			if err := d.Verify(); err != nil {
				t.Errorf("%s: %v: %v", name, d, err)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s:\ngot  %q\nwant %q", name, got, want)
		}
		if first := Begins(b[:min(len(b), 8192)]); string(first) != strings.Split(strings.Split(want[0], ":")[0], "\n")[0] && name != "tree" {
			t.Errorf("%s begins like %q", name, first)
		}
	}
}

// What is appended, cut off or damaged is told, whatever the file.
func TestIdentifyTellsWhatIsWrong(t *testing.T) {
	verify := func(b []byte) error {
		list := Identify(source(b))
		for _, d := range list {
			if err := d.Verify(); err != nil {
				return err
			}
		}
		if len(list) == 0 {
			return fmt.Errorf("nothing")
		}
		return nil
	}
	for name, b := range exampleFiles(t) {
		if err := verify(b); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		refused(t, name+" with garbage behind it", verify(append(bytes.Clone(b), noise(100, 9)...)))
		refused(t, name+" twice the trailer", verify(trailerByHand(trailerByHand(b, 1, []byte(`{"metadata_version":"1.1","supported_devices":["a"]}`)), 1, []byte("{}"))))
		refused(t, name+" behind something else", verify(append(noise(100, 9), b...)))
		if name == "safeloader" || name == "ubi" { // of which the end may be missing, or with what nobody reads
			continue
		}
		refused(t, "a third of "+name, verify(b[:len(b)*3/10]))
	}
	for size := range 100 {
		refused(t, fmt.Sprintf("%d bytes of noise", size), verify(noise(size, 3)))
	}
	refused(t, "an empty file", verify(nil))
	refused(t, "a trailer alone", verify(trailerByHand(nil, 1, []byte(`{"metadata_version":"1.1","supported_devices":["a"]}`))))
	one := written(t, func(w io.Writer) error { return exampleUImage().Write(w, source([]byte{1})) })
	refused(t, "very many things", verify(bytes.Repeat(one, identifyMost+1)))
	if err := verify(bytes.Repeat(one, identifyMost)); err != nil {
		t.Errorf("many things: %v", err)
	}
	list := Identify(source(trailerByHand(one, 1, []byte(`{"metadata_version":"1.1","supported_devices":["a\u001b[2J"]}`))))
	if about := list[len(list)-1].About; strings.Contains(about, "\x1b") {
		t.Errorf("a terminal is told %q", about)
	}
}

func TestFindingsOfLargeFiles(t *testing.T) {
	h := rawUImage(3*gib, func([]byte) {})
	list := Identify(sparse{size: 5 * gib, at: map[int64][]byte{0: h, 3*gib + 64: {1}}})
	if len(list) != 2 || list[0].Size != 3*gib+64 || list[1].At != 3*gib+64 || list[1].Err == nil {
		t.Errorf("%v", list)
	}
}

func FuzzIdentify(f *testing.F) {
	f.Add(rawUImage(0, func([]byte) {}))
	f.Add(trailerByHand(trxByHand([]byte("\x27\x05\x19\x56"), []byte("hsqs")), 1, []byte("{}")))
	f.Add(chkByHand("B", trxByHand([]byte("device:"), []byte("UBI#")), []byte("\xd0\x0d\xfe\xed")))
	f.Fuzz(func(t *testing.T, b []byte) {
		at := int64(0)
		for _, d := range Identify(source(b)) {
			d.Verify()
			if d.At < 0 || d.End() > int64(len(b)) || d.Size < 0 {
				t.Errorf("%v of %d bytes", d, len(b))
			}
			if d.Within == "" {
				if d.At < at {
					t.Errorf("%v lies over what ends at %d", d, at)
				}
				at = d.End()
			}
		}
	})
}
