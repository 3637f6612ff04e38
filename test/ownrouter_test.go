package test

import (
	"bytes"
	"crypto/md5"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"bantam/board"
)

// mostFirmware is what a router's image may have: what its flash has for it is more, and this is what is aimed at.
const mostFirmware = 7_500_000

// Every router with the U-Boot of its maker: its kernel is built, and other people's tools find in its image what U-Boot and the kernel go by.
func TestOwnKernelsOfRoutersAreInOneImage(t *testing.T) {
	for _, name := range board.Names() {
		b, err := board.Load(name)
		if err != nil {
			t.Fatal(err)
		}
		if b.Boot != board.UImage || !tested(name) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			out := build(t, name, "../examples/pc/system.toml")
			if b.Firmware.TPLinkID != 0 {
				checkFirmware(t, b, filepath.Join(out, name+".factory.bin"), checkTPLink)
				return
			}
			checkFirmware(t, b, filepath.Join(out, name+".uimage"), checkUImage)
		})
	}
}

// checkUImage gives what a uImage has, as dumpimage sees it: its data, still packed, and where they are loaded and entered.
func checkUImage(t *testing.T, image string) (payload []byte, load, entry int) {
	said, err := exec.Command("dumpimage", "-l", image).CombinedOutput()
	if err != nil || !strings.Contains(string(said), "MIPS Linux Kernel Image") {
		t.Errorf("dumpimage: %v\n%s", err, said)
	}
	address := func(what string) int {
		text := regexp.MustCompile(what + `:\s+([0-9a-f]+)`).FindStringSubmatch(string(said))
		if text == nil {
			t.Fatalf("dumpimage names no %s:\n%s", what, said)
		}
		n, err := strconv.ParseInt(text[1], 16, 64)
		if err != nil {
			t.Fatal(err)
		}
		return int(n)
	}
	path := filepath.Join(t.TempDir(), "payload")
	if out, err := exec.Command("dumpimage", "-T", "kernel", "-p", "0", "-o", path, image).CombinedOutput(); err != nil {
		t.Fatalf("dumpimage: %v\n%s", err, out)
	}
	return read(t, path), address("Load Address"), address("Entry Point")
}

// checkTPLink does the same for TP-Link's header, which no tool of Debian's knows, by the places where U-Boot looks.
func checkTPLink(t *testing.T, image string) (payload []byte, load, entry int) {
	data := read(t, image)
	at := func(offset int) int { return int(binary.BigEndian.Uint32(data[offset:])) }
	if at(0) != 0x01000000 || at(0x80) != 0x200 || at(0x80)+at(0x84) != len(data) || at(0x88)|at(0x8C)|at(0x90)|at(0x94) != 0 {
		t.Fatalf("header % x of a file of %d bytes", data[:0x98], len(data))
	}
	sum := [16]byte(data[0x4C:])
	copy(data[0x4C:], "\xdc\xd7\x3a\xa5\xc3\x95\x98\xfb\xdd\xf9\xe7\xf4\x0e\xae\x47\x38")
	if md5.Sum(data) != sum {
		t.Error("its checksum is another one")
	}
	return data[0x200:], at(0x74), at(0x78)
}

// checkFirmware looks at the image of a router as its U-Boot and then its kernel do.
func checkFirmware(t *testing.T, b board.Board, image string, header func(t *testing.T, image string) (payload []byte, load, entry int)) {
	size := int64(len(read(t, image)))
	t.Logf("%s: %d bytes", b.Name, size)
	if size > min(mostFirmware, b.ImageLimit) {
		t.Errorf("the image has %d bytes, more than %d", size, min(mostFirmware, b.ImageLimit))
	}
	documented(t, b.Name, size)
	data, load, entry := header(t, image)
	dir := t.TempDir()
	tree := filepath.Join(dir, "tree")
	if b.Firmware.Compression == "lzma" {
		unpack := exec.Command("xz", "--format=lzma", "-dc")
		unpack.Stdin = bytes.NewReader(data)
		var err error
		if data, err = unpack.Output(); err != nil {
			t.Fatalf("xz: %v", err)
		}
	}
	at := bytes.LastIndex(data, []byte("\xd0\x0d\xfe\xed"))
	if at < 0 {
		t.Fatal("there is no device tree")
	}
	if err := os.WriteFile(tree, data[at:], 0o600); err != nil {
		t.Fatal(err)
	}
	chosen := func(property string) string {
		out, err := exec.Command("fdtget", "-t", map[bool]string{true: "s", false: "x"}[property == "bootargs"], tree, "/chosen", property).CombinedOutput()
		if err != nil {
			t.Errorf("fdtget %s: %v\n%s", property, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	if got := chosen("bootargs"); got != b.Cmdline {
		t.Errorf("bootargs %q, want %q", got, b.Cmdline)
	}
	const kseg0 = 0x8000_0000
	first, err1 := strconv.ParseInt(chosen("linux,initrd-start"), 16, 64)
	last, err2 := strconv.ParseInt(chosen("linux,initrd-end"), 16, 64)
	if err1 != nil || err2 != nil || int(first) != load-kseg0 || int(last) > entry-kseg0 || first%4096 != 0 {
		t.Fatalf("the initrd is at %#x to %#x, %v, %v; the image at %#x, and it is entered at %#x", first, last, err1, err2, load, entry)
	}
	if initrd := data[:last-first]; !bytes.HasPrefix(initrd, []byte("\xfd7zXZ")) && !bytes.HasPrefix(initrd, []byte("070701")) {
		t.Errorf("no initrd is there: % x", initrd[:8])
	}
	t.Log(model(t, data[at:]))
}
