package firmware

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"strings"
	"testing"
)

// exampleTree is a device tree of hardware, and what dtc takes for it.
func exampleTree() (Node, string) {
	return Node{Properties: []Property{Text("model", "A board"), Texts("compatible", "a,board", "a,soc"), Cells("#address-cells", 1)},
			Children: []Node{
				{Name: "chosen"},
				{Name: "memory@0", Properties: []Property{Text("device_type", "memory"), Cells("reg", 0, 0x4000000), {"empty", source(nil)}},
					Children: []Node{{Name: "below", Properties: []Property{{"odd", source([]byte{1, 2, 3, 4, 5})}}}}},
			}},
		`/dts-v1/; / { model = "A board"; compatible = "a,board", "a,soc"; #address-cells = <1>; chosen { };
		memory@0 { device_type = "memory"; reg = <0 0x4000000>; empty; below { odd = [01 02 03 04 05]; }; }; };`
}

func TestDeviceTreesAreThoseOfDtc(t *testing.T) {
	root, text := exampleTree()
	got := written(t, func(w io.Writer) error { return WriteTree(w, root) })
	dir := folder(t, map[string][]byte{"text": []byte(text), "ours": got})
	run(t, dir, "device-tree-compiler", "dtc", "-q", "-O", "dtb", "-o", "made", "text")
	if made := content(t, dir, "made"); !bytes.Equal(got, made) {
		t.Errorf("dtc makes\n%q, we\n%q", made, got)
	}
	if size := TreeSize(root); size != int64(len(got)) {
		t.Errorf("%d bytes, want %d", len(got), size)
	}
	again, size, err := ReadTree(source(append(got, 1, 2, 3)))
	if err != nil || size != int64(len(got)) {
		t.Fatalf("%d of %d bytes, %v", size, len(got), err)
	}
	if b := written(t, func(w io.Writer) error { return WriteTree(w, again) }); !bytes.Equal(b, got) {
		t.Errorf("what was read is written as\n%q, want\n%q", b, got)
	}
	if _, _, err := ReadFIT(source(got)); !errors.Is(err, ErrOther) {
		t.Errorf("as a FIT image: %v", err)
	}
}

// A tree that is damaged is refused or has another meaning; it never does harm.
func TestDamagedDeviceTrees(t *testing.T) {
	root, _ := exampleTree()
	b := written(t, func(w io.Writer) error { return WriteTree(w, root) })
	read := func(f Source) error { _, _, err := ReadTree(f); return err }
	eachTruncation(t, b, read)
	eachFlip(b, 0, len(b), func(bit int) {
		if again, _, err := ReadTree(source(b)); err == nil {
			WriteTree(io.Discard, again)
		}
	})
	eachFlip(b, 0, 16, func(bit int) { // magic number, size, and where structure and names begin
		refused(t, fmt.Sprintf("bit %d", bit), read(source(b)))
	})
}

func TestDeviceTreesWithoutMeasure(t *testing.T) {
	deep, wide, long := Node{}, Node{}, Node{Children: []Node{{Name: strings.Repeat("n", 257)}}}
	for n, i := &deep, 0; i < 65; i++ {
		n.Children = []Node{{Name: "n"}}
		n = &n.Children[0]
	}
	for range treeMaxThings {
		wide.Properties = append(wide.Properties, Property{"p", source(nil)})
	}
	refused(t, "65 nodes in each other", WriteTree(io.Discard, deep))
	refused(t, "a long name", WriteTree(io.Discard, long))
	refused(t, "a child without name", WriteTree(io.Discard, Node{Children: []Node{{}}}))
	refused(t, "a path for a name", WriteTree(io.Discard, Node{Children: []Node{{Name: "a/b"}}}))
	refused(t, "a property without name", WriteTree(io.Discard, Node{Properties: []Property{{"", source(nil)}}}))
	refused(t, "2 GiB", WriteTree(io.Discard, Node{Properties: []Property{{"p", sparse{size: 2 * gib}}}}))
	b := written(t, func(w io.Writer) error { return WriteTree(w, wide) })
	_, _, err := ReadTree(source(b))
	refused(t, "more properties than it may have", err)
}

func exampleFIT() FIT {
	return FIT{
		Description: "Bantam", Time: 1700000000, Default: "config-1",
		Images: []FITImage{
			{Name: "kernel-1", Description: "Linux", Type: "kernel", Arch: "arm64", OS: "linux", Compression: "lzma", Addressed: true, Load: 0x44000000, Entry: 0x44000000, Data: source(noise(30_001, 1))},
			{Name: "fdt-1", Type: "flat_dt", Arch: "arm64", Compression: "none", Addressed: true, Load: 0x1_4000_0000, Data: source(noise(4_098, 2))},
			{Name: "initrd-1", Type: "ramdisk", Arch: "arm64", OS: "linux", Compression: "none", Data: source(noise(9_000, 3))},
			{Name: "rootfs-1", Type: "filesystem", Arch: "arm64", Compression: "none", Data: source(noise(8_192, 4))},
		},
		Configurations: []Configuration{
			{Name: "config-1", Description: "a board", Kernel: "kernel-1", FDT: []string{"fdt-1"}, Ramdisk: "initrd-1", Loadables: []string{"rootfs-1"}, Compatible: []string{"a,board", "a,soc"}},
			{Name: "config-2", Kernel: "kernel-1", FDT: []string{"fdt-1", "rootfs-1"}}, // a tree and one that is laid over it
		},
	}
}

// same compares two images but for what Data are, and for Align.
func same(t *testing.T, claim string, got, want FIT) {
	t.Helper()
	if len(got.Images) != len(want.Images) {
		t.Fatalf("%s: %d images", claim, len(got.Images))
	}
	for i := range got.Images {
		if a, b := all(t, got.Images[i].Data), all(t, want.Images[i].Data); !bytes.Equal(a, b) {
			t.Errorf("%s: image %d has other data", claim, i)
		}
		a, b := got.Images[i], want.Images[i]
		a.Data, b.Data, a.Hashes, b.Hashes = nil, nil, nil, nil
		if !reflect.DeepEqual(a, b) {
			t.Errorf("%s: image %d: got %+v, want %+v", claim, i, a, b)
		}
	}
	got.Images, want.Images, got.Align, want.Align = nil, nil, 0, 0
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s: got %+v, want %+v", claim, got, want)
	}
}

func TestFITImagesAreReadByOthers(t *testing.T) {
	for _, align := range []int64{0, 4, 4096} {
		want := exampleFIT()
		want.Align = align
		b := written(t, want.Write)
		got, size, err := ReadFIT(source(append(b, "trailer"...)))
		if err != nil || size != int64(len(b)) {
			t.Fatalf("align %d: %d of %d bytes, %v", align, size, len(b), err)
		}
		if err := got.Verify(); err != nil {
			t.Error(err)
		}
		same(t, fmt.Sprint("align ", align), got, want)

		dir := folder(t, map[string][]byte{"image": b})
		list := run(t, dir, "u-boot-tools", "dumpimage", "-l", "image")
		for _, say := range []string{"FIT description: Bantam", "Image 0 (kernel-1)", "lzma compressed", "30001 Bytes", "Load Address: 0x44000000", "Default Configuration: 'config-1'", "sha256"} {
			if !strings.Contains(list, say) {
				t.Errorf("align %d: dumpimage has no %q:\n%s", align, say, list)
			}
		}
		for i, image := range want.Images {
			run(t, dir, "u-boot-tools", "dumpimage", "-T", "flat_dt", "-p", fmt.Sprint(i), "-o", "part", "image")
			if !bytes.Equal(content(t, dir, "part"), all(t, image.Data)) {
				t.Errorf("align %d: dumpimage finds another image %d", align, i)
			}
		}
		run(t, dir, "device-tree-compiler", "dtc", "-q", "-I", "dtb", "-O", "dts", "-o", "text", "image")
		run(t, dir, "device-tree-compiler", "fdtdump", "image")
	}
}

func TestFITImagesOfMkimageAreRead(t *testing.T) {
	want := exampleFIT()
	files := map[string][]byte{}
	for _, image := range want.Images {
		files[image.Name] = all(t, image.Data)
	}
	const image = `%s { data = /incbin/("%[1]s"); type = "%s"; arch = "arm64"; compression = "%s"; %s hash-1 { algo = "sha1"; }; hash-2 { algo = "crc32"; }; };`
	files["text"] = fmt.Appendf(nil, `/dts-v1/; / { description = "Bantam"; images { %s %s %s %s };
		configurations { default = "config-1";
			config-1 { description = "a board"; kernel = "kernel-1"; fdt = "fdt-1"; ramdisk = "initrd-1"; loadables = "rootfs-1"; compatible = "a,board", "a,soc"; };
			config-2 { kernel = "kernel-1"; fdt = "fdt-1", "rootfs-1"; };
		}; };`,
		fmt.Sprintf(image, "kernel-1", "kernel", "lzma", `description = "Linux"; os = "linux"; load = <0x44000000>; entry = <0x44000000>;`),
		fmt.Sprintf(image, "fdt-1", "flat_dt", "none", `load = <1 0x40000000>;`),
		fmt.Sprintf(image, "initrd-1", "ramdisk", "none", `os = "linux";`),
		fmt.Sprintf(image, "rootfs-1", "filesystem", "none", ""))
	dir := folder(t, files)
	for _, options := range []string{"", "-E", "-E -B 0x1000", "-E -p 0x20000"} {
		run(t, dir, "u-boot-tools", append(append([]string{"mkimage"}, strings.Fields(options)...), "-f", "text", "made")...)
		made := content(t, dir, "made")
		got, size, err := ReadFIT(source(made))
		if err != nil || size > int64(len(made)) || size+4096 < int64(len(made)) {
			t.Fatalf("%q: %d of %d bytes, %v", options, size, len(made), err)
		}
		if err := got.Verify(); err != nil {
			t.Errorf("%q: %v", options, err)
		}
		same(t, options, got, want)
	}
}

func TestDamagedFITImages(t *testing.T) {
	for _, align := range []int64{0, 4} {
		fit := exampleFIT()
		fit.Align = align
		fit.Images = fit.Images[:1]
		fit.Images[0].Data = source(noise(200, 1))
		fit.Configurations = fit.Configurations[1:]
		fit.Configurations[0].FDT = nil
		fit.Default = ""
		b := written(t, fit.Write)
		verify := func(f Source) error {
			fit, _, err := ReadFIT(f)
			if err != nil {
				return err
			}
			return fit.Verify()
		}
		if err := verify(source(b)); err != nil {
			t.Fatal(err)
		}
		eachTruncation(t, b[:len(b)-3], verify) // the last bytes may be those of an alignment
		dataAt := bytes.Index(b, noise(200, 1))
		eachFlip(b, dataAt, dataAt+200, func(bit int) {
			refused(t, fmt.Sprintf("bit %d", bit), verify(source(b)))
		})
		eachFlip(b, 0, len(b), func(bit int) { verify(source(b)) })
	}
}

func TestFITImagesThatCannotBeWritten(t *testing.T) {
	for claim, change := range map[string]func(fit *FIT){
		"no image":                     func(fit *FIT) { *fit = FIT{} },
		"an image without data":        func(fit *FIT) { fit.Images[0].Data = nil },
		"an image of no bytes":         func(fit *FIT) { fit.Images[0].Data = source(nil) },
		"an image twice":               func(fit *FIT) { fit.Images[1].Name = "kernel-1" },
		"a configuration twice":        func(fit *FIT) { fit.Configurations[1].Name = "config-1" },
		"a kernel that is not there":   func(fit *FIT) { fit.Configurations[1].Kernel = "kernel-2" },
		"a loadable that is not there": func(fit *FIT) { fit.Configurations[1].Loadables = []string{"x"} },
		"a default that is not there":  func(fit *FIT) { fit.Default = "x" },
		"an alignment that is none":    func(fit *FIT) { fit.Align = 5 },
		"a name with a slash":          func(fit *FIT) { fit.Images[0].Name, fit.Configurations = "a/b", nil; fit.Default = "" },
		"2 GiB within the tree":        func(fit *FIT) { fit.Images[3].Data = sparse{size: 2 * gib} },
		"more than 4 GiB, behind it":   func(fit *FIT) { fit.Images[3].Data, fit.Align = sparse{size: 4*gib + 1}, 4096 },
	} {
		fit := exampleFIT()
		change(&fit)
		refused(t, claim, fit.Write(io.Discard))
	}
}

func TestFITImagesAtTheirLimit(t *testing.T) {
	if testing.Short() {
		t.Skip("gigabytes are summed up")
	}
	fit := FIT{Images: []FITImage{{Name: "a", Data: source([]byte{1})}}, Align: 4096}
	most := int64(fitMax) / 4096 * 4096
	var head headOf
	fit.Images[0].Data = sparse{size: most - 4096} // the tree takes one
	if err := fit.Write(&head); err != nil || head.size != most {
		t.Errorf("%d bytes, %v", head.size, err)
	}
	fit.Images[0].Data = sparse{size: most - 4095}
	refused(t, "one byte more", fit.Write(io.Discard))

	// What others have made may be longer.
	image := Node{Name: "k", Properties: []Property{Cells("data-position", 4096), Cells("data-size", math.MaxUint32)}}
	root := Node{Children: []Node{{Name: "images", Children: []Node{image}}}}
	f := sparse{size: 4096 + math.MaxUint32, at: map[int64][]byte{0: written(t, func(w io.Writer) error { return WriteTree(w, root) })}}
	if got, size, err := ReadFIT(f); err != nil || size != f.size || got.Images[0].Data.Size() != math.MaxUint32 {
		t.Errorf("of 4 GiB: %d bytes, %v", size, err)
	}
	f.size--
	_, _, err := ReadFIT(f)
	refused(t, "of 4 GiB less a byte", err)
}

// What is read has data, and only configurations of images that are there.
func TestFITImagesWithoutSense(t *testing.T) {
	image := Node{Name: "k", Properties: []Property{Text("type", "kernel"), {"data", source([]byte{1})}}}
	configuration := Node{Name: "c", Properties: []Property{Text("kernel", "k")}}
	with := func(n Node, properties ...Property) Node {
		n.Properties = append(n.Properties[:len(n.Properties):len(n.Properties)], properties...)
		return n
	}
	bare := Node{Name: "k", Properties: []Property{Text("type", "kernel")}}
	for claim, c := range map[string]struct {
		image, configuration Node
		fine                 bool
	}{
		"as it should be":             {image, configuration, true},
		"data behind the file":        {with(bare, Cells("data-offset", 0), Cells("data-size", 1)), configuration, false},
		"data of 64 bits":             {with(bare, Cells("data-offset", 0xFFFFFFFF, 0xFFFFFFFF), Cells("data-size", 1)), configuration, false},
		"data without size":           {with(bare, Cells("data-offset", 0)), configuration, false},
		"data within the tree":        {with(bare, Cells("data-position", 8), Cells("data-size", 1)), configuration, false},
		"no data":                     {bare, configuration, false},
		"a size in three cells":       {with(bare, Cells("data-offset", 0), Cells("data-size", 1, 1, 1)), configuration, false},
		"a type of two words":         {with(image, Texts("arch", "a", "b")), configuration, false},
		"a type that does not end":    {with(image, Property{"arch", source([]byte("arm"))}), configuration, false},
		"a description of a megabyte": {with(image, Property{"description", sparse{size: 1 << 20}}), configuration, false},
		"another kernel":              {image, Node{Name: "c", Properties: []Property{Text("kernel", "x")}}, false},
	} {
		root := Node{Children: []Node{{Name: "images", Children: []Node{c.image}}, {Name: "configurations", Children: []Node{c.configuration}}}}
		_, _, err := ReadFIT(source(written(t, func(w io.Writer) error { return WriteTree(w, root) })))
		if c.fine != (err == nil) {
			t.Errorf("%s: %v", claim, err)
		}
	}
	fit, _, err := ReadFIT(source(written(t, func(w io.Writer) error {
		return WriteTree(w, Node{Children: []Node{{Name: "images", Children: []Node{image}}}})
	})))
	if err != nil || !errors.Is(fit.Verify(), ErrUnknownHash) {
		t.Errorf("without a hash: %v, %v", err, fit.Verify())
	}
}

func FuzzFIT(f *testing.F) {
	for _, align := range []int64{0, 4} {
		fit := exampleFIT()
		fit.Align = align
		for i := range fit.Images {
			fit.Images[i].Data = source([]byte{byte(i)})
		}
		var b bytes.Buffer
		if err := fit.Write(&b); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes())
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		fit, size, err := ReadFIT(source(b))
		if err != nil {
			return
		}
		if size > int64(len(b)) {
			t.Errorf("%d of %d bytes", size, len(b))
		}
		fit.Verify()
		if fit.Write(io.Discard) != nil {
			return // names that we do not write
		}
		var again bytes.Buffer
		fit.Write(&again)
		if got, _, err := ReadFIT(source(again.Bytes())); err != nil || got.Verify() != nil {
			t.Errorf("%+v is written and not read: %v", fit, err)
		}
	})
}
