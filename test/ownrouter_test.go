package test

import (
	"bytes"
	"math"
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
func TestOwnKernelsOfRoutersAreInOneUImage(t *testing.T) {
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
			checkUImage(t, b, filepath.Join(out, name+".uimage"))
		})
	}
}

func checkUImage(t *testing.T, b board.Board, image string) {
	size := int64(len(read(t, image)))
	t.Logf("%s: %d bytes", b.Name, size)
	if size > min(mostFirmware, b.ImageLimit) {
		t.Errorf("the image has %d bytes, more than %d", size, min(mostFirmware, b.ImageLimit))
	}
	if row := regexp.MustCompile(`\| ` + b.Name + ` \| ([0-9,]+) `).FindStringSubmatch(string(read(t, "../docs/size.md"))); row != nil {
		documented, err := strconv.ParseFloat(strings.ReplaceAll(row[1], ",", ""), 64)
		if err != nil || math.Abs(documented-float64(size)) > near*float64(size) {
			t.Errorf("docs/size.md says %s", row[1])
		}
	}
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
	dir := t.TempDir()
	payload, tree := filepath.Join(dir, "payload"), filepath.Join(dir, "tree")
	if out, err := exec.Command("dumpimage", "-T", "kernel", "-p", "0", "-o", payload, image).CombinedOutput(); err != nil {
		t.Fatalf("dumpimage: %v\n%s", err, out)
	}
	data := read(t, payload)
	if b.Firmware.Compression == "lzma" {
		if data, err = exec.Command("xz", "--format=lzma", "-dc", payload).Output(); err != nil {
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
	load, entry := address("Load Address"), address("Entry Point")
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
