package images

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"bantam/board"
	"bantam/firmware"
	"bantam/flashmap"
)

const vmlinuzAt = 0x8400_0000

// tinyVMLinuz is an ELF file of 32 bits with a segment at vmlinuzAt, and behind that, as a linker leaves it, the room of a device tree.
func tinyVMLinuz(t *testing.T, order binary.ByteOrder, code []byte, gap uint32, section string) []byte {
	t.Helper()
	names := "\x00" + section + "\x00.shstrtab\x00"
	const head = 52 + 32
	at := uint32(head + len(code))
	h := elf.Header32{
		Type: uint16(elf.ET_EXEC), Machine: uint16(elf.EM_MIPS), Version: 1, Entry: vmlinuzAt + 4, Phoff: 52, Shoff: at + uint32(len(names)),
		Ehsize: 52, Phentsize: 32, Phnum: 1, Shentsize: 40, Shnum: 3, Shstrndx: 2,
	}
	data := elf.ELFDATA2LSB
	if order == binary.BigEndian {
		data = elf.ELFDATA2MSB
	}
	copy(h.Ident[:], []byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS32), byte(data), 1})
	size := uint32(len(code))
	var b bytes.Buffer
	for _, part := range []any{
		h, elf.Prog32{Type: uint32(elf.PT_LOAD), Off: head, Vaddr: vmlinuzAt, Paddr: vmlinuzAt, Filesz: size, Memsz: size + gap + 1<<20, Flags: 7}, code, []byte(names),
		[3]elf.Section32{
			{}, {Name: 1, Type: uint32(elf.SHT_NOBITS), Flags: uint32(elf.SHF_ALLOC), Addr: vmlinuzAt + size + gap, Size: 1 << 20},
			{Name: uint32(len(section) + 2), Type: uint32(elf.SHT_STRTAB), Off: at, Size: uint32(len(names))},
		},
	} {
		if err := binary.Write(&b, order, part); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

// routerInputs are those of a router with a little-endian MIPS processor.
func routerInputs(t *testing.T) Inputs {
	dir := t.TempDir()
	in := testInputs(t, dir)
	tree := filepath.Join(dir, "trees/maker/router.dtb")
	if err := os.MkdirAll(filepath.Dir(tree), 0o755); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := firmware.WriteTree(&b, firmware.Node{Properties: []firmware.Property{firmware.Text("model", "a router")}}); err != nil {
		t.Fatal(err)
	}
	for path, data := range map[string][]byte{
		tree: b.Bytes(), filepath.Join(dir, "vmlinuz"): tinyVMLinuz(t, binary.LittleEndian, []byte("vmlinuz of a router "), 12, treeSection),
		in.Device: tinyELF(t, elf.EM_MIPS, elf.ET_EXEC, map[string][]byte{".text": []byte("code")}),
	} {
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	in.Kernel.Image, in.Kernel.Trees = filepath.Join(dir, "vmlinuz"), filepath.Join(dir, "trees")
	in.Board = board.Board{
		Name: "router", Arch: "mipsle", Boot: board.UImage, ImageLimit: 8_000_000, Cmdline: "console=ttyS0,57600 panic=10", Modules: []string{"e1000"},
		DeviceTrees: []string{"maker/router.dtb"}, Firmware: board.Firmware{Compression: "none"},
		Flash: flashmap.Map{Kind: flashmap.NOR, Size: 16 << 20, EraseBlock: 64 << 10, Compatible: []string{"maker,router"},
			Areas: []flashmap.Area{{Name: "firmware", Offset: 0x50000, Size: 0xF00000, Use: flashmap.Firmware}}},
	}
	return in
}

func TestARouterHasItsSystemInOneUImage(t *testing.T) {
	in := routerInputs(t)
	c := mustCompose(t, in)
	out := t.TempDir()
	sizes, err := c.WriteMedia(t.Context(), Archive{}, in.Board, out, Media(in.Board))
	if err != nil || len(sizes) != 2 {
		t.Fatalf("%+v, %v", sizes, err)
	}
	plain, err := os.ReadFile(filepath.Join(out, "router."+KindUImage))
	if err != nil {
		t.Fatal(err)
	}
	if sizes[0].Total != int64(len(plain)) {
		t.Errorf("sizes tell of %d bytes, the file has %d", sizes[0].Total, len(plain))
	}
	u, err := firmware.ReadUImage(bytes.NewReader(plain))
	if err != nil || u.Verify(bytes.NewReader(plain)) != nil || u.Type != "kernel" || u.Entry != vmlinuzAt+4 || u.Name != "Linux 6.1.0-test" {
		t.Fatalf("%+v, %v", u, err)
	}
	data := plain[firmware.UImageHeader:]
	if initrd := c.Initrd(); !bytes.HasPrefix(data, initrd) {
		t.Error("it does not begin with the initrd")
	}
	at := vmlinuzAt - u.Load
	if want := "vmlinuz of a router " + strings.Repeat("\x00", 12) + "\xd0\x0d\xfe\xed"; !bytes.HasPrefix(data[at:], []byte(want)) {
		t.Errorf("at vmlinuz's address is %q", data[at:][:40])
	}

	signed, err := os.ReadFile(filepath.Join(out, "router."+KindSysupgrade))
	if err != nil || !bytes.HasPrefix(signed, plain) {
		t.Fatalf("sysupgrade.bin does not begin with the uImage, %v", err)
	}
	list, body, err := firmware.ReadTrailers(bytes.NewReader(signed))
	if err != nil || len(list) != 1 || body != int64(len(plain)) || firmware.VerifyTrailers(bytes.NewReader(signed), list) != nil {
		t.Fatalf("trailers %+v, %v", list, err)
	}
	text, err := list[0].Bytes(bytes.NewReader(signed))
	if err != nil {
		t.Fatal(err)
	}
	m, err := firmware.ParseMetadata(text)
	if err != nil || m.Fits("maker,router", "1.0") != nil || m.Fits("router", "") != nil || m.Fits("maker,other", "1.0") == nil {
		t.Errorf("metadata %s, %v", text, err)
	}

	in.Board.Flash = flashmap.Map{}
	if got := Media(in.Board); len(got) != 1 || got[0] != KindUImage {
		t.Errorf("a board whose flash is not known has %q", got)
	}
	in.Board.ImageLimit = int64(len(plain)) - 1
	var large *TooLarge
	if _, err := c.WriteMedia(t.Context(), Archive{}, in.Board, out, []string{KindUImage}); !errors.As(err, &large) {
		t.Errorf("an image that is a byte too large: %v", err)
	}
	if _, err := os.Stat(filepath.Join(out, "router."+KindUImage)); err == nil {
		t.Error("and it is still there")
	}
}

// One whose U-Boot goes by TP-Link's header has the same behind that, packed by LZMA.
func TestARouterHasItsSystemBehindTPLinksHeader(t *testing.T) {
	in := routerInputs(t)
	in.Board.Firmware = board.Firmware{Compression: "lzma", TPLinkID: 0xD000_0101, TPLinkRev: 7}
	c := mustCompose(t, in)
	out := t.TempDir()
	if got := Media(in.Board); len(got) != 2 || got[0] != KindFactory || got[1] != KindSysupgrade {
		t.Fatalf("media %q", got)
	}
	if _, err := c.WriteMedia(t.Context(), Archive{}, in.Board, out, Media(in.Board)); err != nil {
		t.Fatal(err)
	}
	plain, err := os.ReadFile(filepath.Join(out, "router."+KindFactory))
	if err != nil {
		t.Fatal(err)
	}
	h, err := firmware.ReadTPLink(bytes.NewReader(plain))
	if err != nil || h.Verify(bytes.NewReader(plain)) != nil {
		t.Fatalf("%+v, %v", h, err)
	}
	if h.HardwareID != 0xD000_0101 || h.HardwareRev != 7 || h.Layout != 0xF00000 || h.Entry != vmlinuzAt+4 || h.Release != "Linux 6.1.0-test" || h.Root.Size != 0 || h.Kernel.End() != int64(len(plain)) {
		t.Errorf("header %+v of %d bytes", h, len(plain))
	}
	unpack := exec.Command("xz", "--format=lzma", "-dc")
	unpack.Stdin = io.NewSectionReader(h.Kernel.In(bytes.NewReader(plain)), 0, h.Kernel.Size)
	data, err := unpack.Output()
	if err != nil || !bytes.HasPrefix(data, c.Initrd()) || !bytes.HasPrefix(data[vmlinuzAt-h.Load:], []byte("vmlinuz of a router ")) {
		t.Errorf("it is not initrd and vmlinuz, %d bytes, %v", len(data), err)
	}
	signed, err := os.ReadFile(filepath.Join(out, "router."+KindSysupgrade))
	if err != nil || !bytes.HasPrefix(signed, plain) {
		t.Fatalf("sysupgrade.bin does not begin with it, %v", err)
	}
	for _, f := range firmware.Identify(bytes.NewReader(signed)) {
		if f.Verify() != nil {
			t.Errorf("%v: %v", f, f.Verify())
		}
	}
}

// fitOf writes the FIT image of a board, and what else it has, into a folder, and reads it.
func fitOf(t *testing.T, in Inputs, out string) (c *Composed, plain []byte, fit firmware.FIT) {
	t.Helper()
	in.Board.Arch, in.Board.Boot = "arm64", board.FIT
	if err := os.WriteFile(in.Device, tinyELF(t, elf.EM_AARCH64, elf.ET_EXEC, map[string][]byte{".text": []byte("code")}), 0o755); err != nil {
		t.Fatal(err)
	}
	c = mustCompose(t, in)
	_, err := c.WriteMedia(t.Context(), Archive{}, in.Board, out, Media(in.Board))
	if err == nil {
		plain, err = os.ReadFile(filepath.Join(out, "router."+KindFIT))
	}
	if err != nil {
		t.Fatal(err)
	}
	fit, size, err := firmware.ReadFIT(bytes.NewReader(plain))
	if err != nil || size != int64(len(plain)) || fit.Verify() != nil {
		t.Fatalf("%+v, %d bytes, %v", fit, size, err)
	}
	return c, plain, fit
}

// A board whose U-Boot starts a FIT image: kernel, initrd and a configuration for each device tree, whose command line is the board's.
func TestABoardHasItsSystemInOneFITImage(t *testing.T) {
	in := routerInputs(t)
	in.Board.Start = board.FITStart{Kernel: 0x4400_0000}
	in.Board.DeviceTrees = []string{"maker/router.dtb", "router.dtb"}
	other, err := os.ReadFile(filepath.Join(in.Kernel.Trees, "maker/router.dtb"))
	if err == nil {
		err = os.WriteFile(filepath.Join(in.Kernel.Trees, "router.dtb"), other, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	out := t.TempDir()
	c, plain, fit := fitOf(t, in, out)
	if fit.Default != "config-1" || len(fit.Configurations) != 2 || len(fit.Images) != 4 {
		t.Fatalf("%+v", fit)
	}
	content := func(i int) []byte {
		data, err := io.ReadAll(io.NewSectionReader(fit.Images[i].Data, 0, fit.Images[i].Data.Size()))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	if kernel := fit.Images[0]; kernel.Load != 0x4400_0000 || kernel.Entry != kernel.Load || kernel.Compression != "gzip" || !bytes.HasPrefix(content(0), []byte("\x1f\x8b")) {
		t.Errorf("kernel %+v", kernel)
	}
	if !bytes.Equal(content(1), c.Initrd()) {
		t.Error("the initrd is another one")
	}
	for i, configuration := range fit.Configurations {
		if configuration.Kernel != "kernel-1" || configuration.Ramdisk != "initrd-1" || !slices.Equal(configuration.FDT, []string{fit.Images[2+i].Name}) || !bytes.Contains(content(2+i), []byte(in.Board.Cmdline+"\x00")) {
			t.Errorf("configuration %+v", configuration)
		}
	}
	signed, err := os.ReadFile(filepath.Join(out, "router."+KindSysupgradeFIT))
	if err != nil || !bytes.HasPrefix(signed, plain) {
		t.Fatalf("sysupgrade.itb does not begin with the image, %v", err)
	}
	list, body, err := firmware.ReadTrailers(bytes.NewReader(signed))
	if err != nil || len(list) != 1 || body != int64(len(plain)) || firmware.VerifyTrailers(bytes.NewReader(signed), list) != nil {
		t.Errorf("trailers %+v, %v", list, err)
	}
}

// Overlays are configurations of their own, which U-Boot is asked for beside the first tree's, by the names that it has in its environment;
// where it is asked for nothing, those of the board are laid over that tree.
func TestAFITImageHasOverlays(t *testing.T) {
	in := routerInputs(t)
	in.Board.DeviceTrees = []string{"maker/router.dtb", "maker/router-nand.dtbo", "maker/router-card.dtbo"}
	in.Board.Start = board.FITStart{Kernel: 0x4400_0000, Tree: 0x43f0_0000, Configuration: "config-router", Overlays: in.Board.DeviceTrees[2:]}
	overlay := func(name string) {
		source := filepath.Join(t.TempDir(), "source")
		if err := os.WriteFile(source, []byte("/dts-v1/; /plugin/; &{/} { "+name+"; };"), 0o644); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command("dtc", "-q", "-I", "dts", "-O", "dtb", "-o", filepath.Join(in.Kernel.Trees, "maker/router-"+name+board.Overlay), source).CombinedOutput(); err != nil {
			t.Fatalf("dtc: %v: %s", err, out)
		}
	}
	overlay("nand")
	overlay("card")
	_, _, fit := fitOf(t, in, t.TempDir())
	if len(fit.Images) != 5 {
		t.Fatalf("%+v", fit)
	}
	want := []firmware.Configuration{
		{Name: "config-1", Description: "router", Kernel: "kernel-1", Ramdisk: "initrd-1", FDT: []string{"fdt-1", "fdt-3"}},
		{Name: "router-nand", Description: "router-nand", FDT: []string{"fdt-2"}},
		{Name: "router-card", Description: "router-card", FDT: []string{"fdt-3"}},
		{Name: "config-router", Description: "router", Kernel: "kernel-1", Ramdisk: "initrd-1", FDT: []string{"fdt-1"}},
	}
	if !reflect.DeepEqual(fit.Configurations, want) {
		t.Errorf("configurations %+v", fit.Configurations)
	}
	dir := t.TempDir()
	for i, image := range fit.Images[2:] {
		if tree := i == 0; image.Addressed != tree || tree && image.Load != 0x43f0_0000 {
			t.Errorf("image %+v", image)
		}
		data, err := io.ReadAll(io.NewSectionReader(image.Data, 0, image.Data.Size()))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, image.Name), data, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	laid := exec.Command("fdtoverlay", "-i", "fdt-1", "-o", "laid", "fdt-2", "fdt-3")
	laid.Dir = dir
	if out, err := laid.CombinedOutput(); err != nil {
		t.Fatalf("fdtoverlay: %v: %s", err, out)
	}
	text, err := exec.Command("fdtget", filepath.Join(dir, "laid"), "-p", "/").Output()
	if err != nil || !strings.Contains(string(text), "nand\n") || !strings.Contains(string(text), "card\n") {
		t.Errorf("laid over it is\n%s, %v", text, err)
	}
}

func TestAVMLinuzThatARouterCannotStartIsRefused(t *testing.T) {
	whole := tinyVMLinuz(t, binary.BigEndian, []byte("vmlinuz "), 0, treeSection)
	if m, err := mipsKernel(whole); err != nil || m.Load != vmlinuzAt || m.Entry != vmlinuzAt+4 || m.VMLinuz.Size() != 8 {
		t.Errorf("a big-endian one: %+v, %v", m, err)
	}
	for claim, c := range map[string]struct {
		vmlinuz []byte
		want    string
	}{
		"no ELF file":            {[]byte("a text that is longer"), "bad magic number"},
		"without room behind it": {tinyVMLinuz(t, binary.LittleEndian, []byte("vmlinuz "), 0, ".notes"), "CONFIG_MIPS_RAW_APPENDED_DTB=y"},
		"cut off":                {whole[:60], "EOF"},
		"with a tree far away":   {tinyVMLinuz(t, binary.LittleEndian, []byte("vmlinuz "), 1<<30, treeSection), "nothing of it is loaded"},
	} {
		if _, err := mipsKernel(c.vmlinuz); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", claim, err, c.want)
		}
	}
}
