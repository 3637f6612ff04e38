package test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"bantam/board"
	formats "bantam/firmware"
	"bantam/test/vm"
)

// U-Boot itself takes what package firmware writes, and finds the damage in it.
func TestBoardUBootChecksFirmware(t *testing.T) {
	forBoard(t, "qemu-arm64-uboot")
	b, err := board.Load("qemu-arm64-uboot")
	if err != nil {
		t.Fatal(err)
	}
	data := func(size int) formats.Source { return bytes.NewReader(bytes.Repeat([]byte("Bantam\n"), size/7)) }
	fit := formats.FIT{Description: "of both kinds", Default: "config-1",
		Images: []formats.FITImage{
			{Name: "kernel-1", Type: "kernel", Arch: "arm64", OS: "linux", Compression: "none", Addressed: true, Load: 0x48000000, Entry: 0x48000000, Data: data(70_000)},
			{Name: "fdt-1", Type: "flat_dt", Arch: "arm64", Compression: "none", Data: data(7_000)},
		},
		Configurations: []formats.Configuration{{Name: "config-1", Kernel: "kernel-1", FDT: []string{"fdt-1"}}}}
	external := fit
	external.Align = 4096
	environment, err := formats.Environment{Size: 4096}.Encode([]formats.Variable{{Name: "note", Value: "read by U-Boot"}}, 0)
	if err != nil {
		t.Fatal(err)
	}
	multi := formats.UImage{OS: "linux", Arch: "arm64", Type: "multi", Compression: "none", Name: "of two parts"}
	type look struct {
		content []byte
		command string // %x is where it lies
		says    string
	}
	kernel, embedded, behind := written(t, multi, data(70_000), data(7_000)), writtenFIT(t, fit), writtenFIT(t, external)
	looks := []look{
		{kernel, "iminfo %x", `(?s)Image Name:   of two parts.*70000 Bytes.*7000 Bytes.*Verifying Checksum \.\.\. OK`},
		{spoilt(kernel, len(kernel)-1), "iminfo %x", `Bad Data CRC`},
		{spoilt(kernel, 40), "iminfo %x", `Bad Header Checksum`},
		{embedded, "iminfo %x", `(?s)of both kinds.*Hash\(es\) for Image 0 \(kernel-1\): sha256\+.*Image 1 \(fdt-1\): sha256\+`},
		{behind, "iminfo %x", `(?s)of both kinds.*Hash\(es\) for Image 0 \(kernel-1\): sha256\+.*Image 1 \(fdt-1\): sha256\+`},
		{spoilt(behind, 5000), "iminfo %x", `sha256 error!`},
		{environment, "env import -c %x 1000 note; printenv note", `\nnote=read by U-Boot`},
		{spoilt(environment, 9), "env import -c %x 1000 note", `bad CRC, import failed`},
	}
	const at, apart = 0x44000000, 0x100000
	args := []string{"qemu-system-aarch64", "-machine", "virt", "-accel", "tcg", "-cpu", "cortex-a57", "-m", "512", "-nic", "none", "-bios", b.QEMU.UBoot.Path}
	for i, l := range looks {
		path := filepath.Join(t.TempDir(), fmt.Sprint(i))
		if err := os.WriteFile(path, l.content, 0o644); err != nil {
			t.Fatal(err)
		}
		args = append(args, "-device", fmt.Sprintf("loader,file=%s,addr=%#x,force-raw=on", path, at+i*apart))
	}
	m := vm.Start(t, args...)
	m.Expect("Hit any key to stop autoboot")
	m.Send(" ")
	m.Expect("=> $")
	for i, l := range looks {
		m.Send(fmt.Sprintf(l.command, at+i*apart) + "\r")
		said := m.Expect(`(?s)(.*)=> $`)[1]
		if !regexp.MustCompile(l.says).MatchString(said) {
			t.Errorf("U-Boot says\n%s\nwant %s", said, l.says)
		}
	}
}

// spoilt has one other byte.
func spoilt(b []byte, at int) []byte {
	b = bytes.Clone(b)
	b[at] ^= 0x10
	return b
}

func written(t *testing.T, u formats.UImage, parts ...formats.Source) []byte {
	t.Helper()
	return encoded(t, func(w io.Writer) error { return u.Write(w, parts...) })
}

func writtenFIT(t *testing.T, fit formats.FIT) []byte {
	t.Helper()
	return encoded(t, fit.Write)
}

func encoded(t *testing.T, write func(io.Writer) error) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
