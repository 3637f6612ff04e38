package firmware

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// tool runs a program of Debian's.
func tool(t *testing.T, name, debian string, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Skipf("%s (Debian package %s) is not there", name, debian)
	}
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// mipsFake is a kernel of a few bytes, and a tree as dtc would write it.
func mipsFake(t *testing.T, chosen ...Property) MIPSKernel {
	t.Helper()
	root := Node{Properties: []Property{Cells("#address-cells", 1), Text("model", "a router")}}
	if len(chosen) > 0 {
		root.Children = []Node{{Name: "chosen", Properties: chosen}}
	}
	var tree bytes.Buffer
	if err := WriteTree(&tree, root); err != nil {
		t.Fatal(err)
	}
	return MIPSKernel{Name: "Linux 6.12.0", Load: 0x8400_0000, Entry: 0x8400_0010, VMLinuz: strings.NewReader(strings.Repeat("vmlinuz ", 8)), Tree: bytes.NewReader(tree.Bytes())}
}

// What a U-Boot puts at the image's address is an initrd at a page, vmlinuz where it was linked to, and a tree that says where the initrd is.
func TestAnImageForMIPSIsWhatUBootAndKernelTake(t *testing.T) {
	const cmdline = "console=ttyS0,57600 quiet"
	for claim, c := range map[string]struct {
		kernel      MIPSKernel
		initrd      int
		compression string
	}{
		"one byte":                   {mipsFake(t), 1, "none"},
		"a page":                     {mipsFake(t), 4096, "none"},
		"a page and a byte":          {mipsFake(t, Text("bootargs", "of the maker"), Text("stdout-path", "serial0")), 4097, "none"},
		"packed":                     {mipsFake(t), 70_000, "lzma"},
		"as much as there may be":    {mipsFake(t), 40 << 20, "none"},
		"told already where it lies": {mipsFake(t, Cells("linux,initrd-start", 7), Cells("linux,initrd-end", 8)), 5, "none"},
	} {
		t.Run(claim, func(t *testing.T) {
			// By way of the store, as every generation's kernel comes.
			var blob bytes.Buffer
			if err := c.kernel.Write(&blob); err != nil {
				t.Fatal(err)
			}
			kernel, err := ReadMIPSKernel(bytes.NewReader(blob.Bytes()))
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			image, payload, dtb := filepath.Join(dir, "image"), filepath.Join(dir, "payload"), filepath.Join(dir, "dtb")
			var b bytes.Buffer
			initrd := bytes.Repeat([]byte{0x5A}, c.initrd)
			if err := kernel.WriteImage(&b, initrd, cmdline, c.compression); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(image, b.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
			said := tool(t, "dumpimage", "u-boot-tools", "-l", image)
			pages := uint32((c.initrd + 4095) / 4096 * 4096)
			for _, want := range []string{"MIPS Linux Kernel Image", "Linux 6.12.0", "Entry Point:  84000010"} {
				if !strings.Contains(said, want) {
					t.Errorf("dumpimage does not say %q:\n%s", want, said)
				}
			}
			u, err := ReadUImage(bytes.NewReader(b.Bytes()))
			if err != nil || u.Load != 0x8400_0000-pages || u.Compression != c.compression {
				t.Errorf("header %+v, %v", u, err)
			}
			tool(t, "dumpimage", "u-boot-tools", "-T", "kernel", "-p", "0", "-o", payload, image)
			data, err := os.ReadFile(payload)
			if c.compression == "lzma" {
				data, err = exec.Command("xz", "--format=lzma", "-dc", payload).Output()
			}
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(data[:c.initrd], initrd) || string(data[pages:][:64]) != strings.Repeat("vmlinuz ", 8) {
				t.Error("initrd and vmlinuz are not where they belong")
			}
			if err := os.WriteFile(dtb, data[pages+64:], 0o600); err != nil {
				t.Fatal(err)
			}
			for property, want := range map[string]uint32{"linux,initrd-start": 0x0400_0000 - pages, "linux,initrd-end": 0x0400_0000 - pages + uint32(c.initrd)} {
				got := strings.TrimSpace(tool(t, "fdtget", "device-tree-compiler", "-t", "x", dtb, "/chosen", property))
				if got != fmt.Sprintf("%x", want) {
					t.Errorf("%s is %s, want %x", property, got, want)
				}
			}
			if got := strings.TrimSpace(tool(t, "fdtget", "device-tree-compiler", dtb, "/chosen", "bootargs")); got != cmdline {
				t.Errorf("bootargs %q", got)
			}
			if got := strings.TrimSpace(tool(t, "fdtget", "device-tree-compiler", dtb, "/", "model")); got != "a router" {
				t.Errorf("model %q", got)
			}
		})
	}
}

func TestKernelsForMIPSThatCannotStartAreRefused(t *testing.T) {
	for claim, c := range map[string]struct {
		change func(*MIPSKernel)
		want   string
	}{
		"over the kernel itself":    {func(k *MIPSKernel) { k.Load, k.Entry = 0x8100_0000, 0x8100_0000 }, "CONFIG_ZBOOT_LOAD_ADDRESS"},
		"beyond unmapped memory":    {func(k *MIPSKernel) { k.Load, k.Entry = 0x9FFF_FFF0, 0x9FFF_FFF0 }, "CONFIG_ZBOOT_LOAD_ADDRESS"},
		"at no page":                {func(k *MIPSKernel) { k.Load = 0x8400_0010 }, "multiple of 4096"},
		"entered before it":         {func(k *MIPSKernel) { k.Entry = 0x83FF_FFFC }, "outside of itself"},
		"entered behind it":         {func(k *MIPSKernel) { k.Entry = 0x8400_0040 }, "outside of itself"},
		"of no whole words":         {func(k *MIPSKernel) { k.VMLinuz = strings.NewReader(strings.Repeat("v", 63)) }, "would not be found"},
		"with a name that is large": {func(k *MIPSKernel) { k.Name = strings.Repeat("n", 33) }, "at most 32"},
	} {
		k := mipsFake(t)
		c.change(&k)
		if err := k.Write(new(bytes.Buffer)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", claim, err, c.want)
		}
	}
	k := mipsFake(t)
	for _, size := range []int{0, 40<<20 + 1} {
		if _, _, err := k.Image(make([]byte, size), ""); err == nil || !strings.Contains(err.Error(), "want 1 to 41943040") {
			t.Errorf("an initrd of %d bytes: %v", size, err)
		}
	}
	k.Tree = strings.NewReader("no tree")
	if _, _, err := k.Image([]byte("initrd"), ""); err == nil {
		t.Error("what is no device tree is taken")
	}
	if err := mipsFake(t).WriteImage(new(bytes.Buffer), []byte("initrd"), "", "zstd"); err == nil || !strings.Contains(err.Error(), "none or lzma") {
		t.Errorf("zstd: %v", err)
	}
}

func TestAMIPSKernelThatIsDamagedIsNotRead(t *testing.T) {
	var blob bytes.Buffer
	if err := mipsFake(t).Write(&blob); err != nil {
		t.Fatal(err)
	}
	for at := range blob.Len() {
		b := bytes.Clone(blob.Bytes())
		b[at] ^= 1
		if _, err := ReadMIPSKernel(bytes.NewReader(b)); err == nil {
			t.Errorf("byte %d is changed, and it is read", at)
		}
	}
	var script bytes.Buffer
	u := UImage{OS: "linux", Arch: "mips", Type: "kernel", Compression: "none", Name: "Linux"}
	if err := u.Write(&script, strings.NewReader("kernel")); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadMIPSKernel(bytes.NewReader(script.Bytes())); err == nil || !strings.Contains(err.Error(), "is none") {
		t.Errorf("a uImage of another type: %v", err)
	}
}
