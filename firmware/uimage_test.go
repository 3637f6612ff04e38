package firmware

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"strings"
	"testing"
)

func exampleUImage() UImage {
	return UImage{OS: "linux", Arch: "mips", Type: "kernel", Compression: "lzma", Name: "Bantam", Time: 1700000000, Load: 0x80001000, Entry: 0x80001000}
}

func TestUImagesAreThoseOfMkimage(t *testing.T) {
	kernel, initrd := noise(70_001, 1), noise(4_098, 2)
	dir := folder(t, map[string][]byte{"kernel": kernel, "initrd": initrd})
	for _, c := range []struct {
		u       UImage
		options string
		parts   []Source
	}{
		{exampleUImage(), "-A mips -O linux -T kernel -C lzma -a 80001000 -e 80001000 -n Bantam -d kernel", []Source{source(kernel)}},
		{UImage{OS: "linux", Arch: "arm", Type: "ramdisk", Compression: "gzip", Time: 1700000000}, "-A arm -O linux -T ramdisk -C gzip -n  -d initrd", []Source{source(initrd)}},
		{UImage{OS: "linux", Arch: "x86_64", Type: "script", Compression: "none", Name: strings.Repeat("n", 32), Time: 1700000000},
			"-A x86_64 -T script -C none -n " + strings.Repeat("n", 32) + " -d initrd", []Source{source(initrd)}},
		{UImage{OS: "linux", Arch: "riscv", Type: "multi", Compression: "zstd", Name: "two", Time: 1700000000, Load: 1, Entry: 2},
			"-A riscv -O linux -T multi -C zstd -a 1 -e 2 -n two -d kernel:initrd", []Source{source(kernel), source(initrd)}},
		{UImage{OS: "u-boot", Arch: "arm64", Type: "firmware", Compression: "none", Name: "fw", Time: 1700000000}, "-A arm64 -O u-boot -T firmware -C none -n fw -d initrd", []Source{source(initrd)}},
		{UImage{OS: "linux", Arch: "arm", Type: "kernel_noload", Compression: "none", Name: "n", Time: 1700000000}, "-A arm -O linux -T kernel_noload -C none -n n -d kernel", []Source{source(kernel)}},
		{UImage{OS: "linux", Arch: "mips", Type: "ramdisk", Compression: "bzip2", Name: "n", Time: 1700000000}, "-A mips -O linux -T ramdisk -C bzip2 -n n -d kernel", []Source{source(kernel)}},
		{UImage{OS: "linux", Arch: "mips", Type: "filesystem", Compression: "lz4", Name: "n", Time: 1700000000}, "-A mips -O linux -T filesystem -C lz4 -n n -d kernel", []Source{source(kernel)}},
		{UImage{OS: "linux", Arch: "x86", Type: "standalone", Compression: "lzo", Name: "n", Time: 1700000000}, "-A x86 -O linux -T standalone -C lzo -n n -d kernel", []Source{source(kernel)}},
	} {
		got := written(t, func(w io.Writer) error { return c.u.Write(w, c.parts...) })
		run(t, dir, "u-boot-tools", append(append([]string{"mkimage"}, strings.Split(c.options, " ")...), "made")...)
		made := content(t, dir, "made")
		if !bytes.Equal(got, made) {
			t.Errorf("%s: mkimage makes %d bytes\n%x\nwe %d\n%x", c.options, len(made), made[:UImageHeader], len(got), got[:UImageHeader])
			continue
		}
		read, err := ReadUImage(source(append(got, "what follows"...)))
		if err != nil || read.Verify(source(got)) != nil {
			t.Fatalf("%s: %+v, %v", c.options, read, err)
		}
		if c.u.Size, c.u.Sum = read.Size, read.Sum; read != c.u {
			t.Errorf("%s: read as %+v, want %+v", c.options, read, c.u)
		}
		parts, err := read.Parts(source(got))
		if err != nil || len(parts) != len(c.parts) {
			t.Fatalf("%s: parts %v, %v", c.options, parts, err)
		}
		for i, p := range parts {
			if !bytes.Equal(all(t, p.In(source(got))), all(t, c.parts[i])) {
				t.Errorf("%s: part %d is %v", c.options, i, p)
			}
		}
	}
}

func TestDumpimageReadsUImages(t *testing.T) {
	kernel := noise(999, 1)
	dir := folder(t, map[string][]byte{"image": written(t, func(w io.Writer) error { return exampleUImage().Write(w, source(kernel)) })})
	list := run(t, dir, "u-boot-tools", "dumpimage", "-l", "image")
	for _, want := range []string{"Image Name:   Bantam", "MIPS Linux Kernel Image (lzma compressed)", "999 Bytes", "Load Address: 80001000", "Entry Point:  80001000"} {
		if !strings.Contains(list, want) {
			t.Errorf("dumpimage has no %q:\n%s", want, list)
		}
	}
	run(t, dir, "u-boot-tools", "dumpimage", "-T", "kernel", "-p", "0", "-o", "out", "image")
	if !bytes.Equal(content(t, dir, "out"), kernel) {
		t.Error("dumpimage finds another kernel")
	}
}

func TestDamagedUImages(t *testing.T) {
	b := written(t, func(w io.Writer) error { return exampleUImage().Write(w, source(noise(100, 3))) })
	verify := func(f Source) error {
		u, err := ReadUImage(f)
		if err != nil {
			return err
		}
		return u.Verify(f)
	}
	eachTruncation(t, b, verify)
	eachFlip(b, 0, len(b), func(bit int) {
		refused(t, fmt.Sprintf("bit %d", bit), verify(source(b)))
	})
	eachFlip(b, 0, 4, func(bit int) {
		if _, err := ReadUImage(source(b)); !errors.Is(err, ErrOther) {
			t.Errorf("bit %d of the magic number: %v", bit, err)
		}
	})
}

// header is one with any bytes, and a right checksum.
func rawUImage(size uint32, change func(h []byte)) []byte {
	h := make([]byte, UImageHeader)
	copy(h, "\x27\x05\x19\x56")
	binary.BigEndian.PutUint32(h[12:], size)
	h[28], h[29], h[30] = 5, 5, 2
	change(h)
	binary.BigEndian.PutUint32(h[4:], crc32.ChecksumIEEE(h))
	return h
}

func TestUImagesThatAreNone(t *testing.T) {
	for claim, change := range map[string]func(h []byte){
		"an operating system that is unknown": func(h []byte) { h[28] = 14 },
		"an architecture that is unknown":     func(h []byte) { h[29] = 200 },
		"a type that is unknown":              func(h []byte) { h[30] = 26 },
		"a compression that is unknown":       func(h []byte) { h[31] = 7 },
		"no data":                             func(h []byte) { clear(h[12:16]) },
		"one byte too many":                   func(h []byte) { h[15]++ },
	} {
		_, err := ReadUImage(source(append(rawUImage(100, change), make([]byte, 100)...)))
		refused(t, claim, err)
	}
	for claim, list := range map[string]string{
		"an empty list":          "\x00\x00\x00\x00\x00\x00\x00\x01",
		"a part behind the data": "\x00\x00\x00\x01\x7f\xff\xff\xff\x00\x00\x00\x00",
		"a list without end":     strings.Repeat("\x00\x00\x00\x01", 25),
	} {
		f := source(append(rawUImage(100, func(h []byte) { h[30] = 4 }), list+strings.Repeat("\x00", 100-len(list))...))
		u, err := ReadUImage(f)
		if err != nil {
			t.Fatal(err)
		}
		_, err = u.Parts(f)
		refused(t, claim, err)
	}
}

func TestUImagesThatCannotBeWritten(t *testing.T) {
	one := source([]byte{1})
	for claim, c := range map[string]struct {
		change func(u *UImage)
		parts  []Source
	}{
		"a name of 33 bytes":                  {func(u *UImage) { u.Name = strings.Repeat("n", 33) }, []Source{one}},
		"an operating system that is unknown": {func(u *UImage) { u.OS = "" }, []Source{one}},
		"an architecture that is unknown":     {func(u *UImage) { u.Arch = "mipsle" }, []Source{one}},
		"a type that is unknown":              {func(u *UImage) { u.Type = "initrd" }, []Source{one}},
		"a compression that is unknown":       {func(u *UImage) { u.Compression = "xz" }, []Source{one}},
		"no part":                             {func(*UImage) {}, nil},
		"two parts that are one":              {func(*UImage) {}, []Source{one, one}},
		"more parts than U-Boot counts":       {func(u *UImage) { u.Type = "multi" }, bytesParts(17)},
		"nothing":                             {func(*UImage) {}, []Source{source(nil)}},
		"one byte more than 32 bits say":      {func(*UImage) {}, []Source{sparse{size: math.MaxUint32 + 1}}},
		"as much, with its list":              {func(u *UImage) { u.Type = "script" }, []Source{sparse{size: math.MaxUint32 - 7}}},
		"as much, in two parts":               {func(u *UImage) { u.Type = "multi" }, []Source{sparse{size: 2 * gib}, sparse{size: 2 * gib}}},
	} {
		u := exampleUImage()
		c.change(&u)
		refused(t, claim, u.Write(io.Discard, c.parts...))
	}
}

func bytesParts(count int) (list []Source) {
	for range count {
		list = append(list, source([]byte{1}))
	}
	return list
}

func TestUImagesOfGigabytes(t *testing.T) {
	if testing.Short() {
		t.Skip("gigabytes are summed up")
	}
	for _, size := range []int64{2*gib + 1, math.MaxUint32} {
		var head headOf
		if err := exampleUImage().Write(&head, sparse{size: size}); err != nil {
			t.Fatalf("%d bytes: %v", size, err)
		}
		f := sparse{size: size + UImageHeader, at: map[int64][]byte{0: head.b[:UImageHeader]}}
		u, err := ReadUImage(f)
		if err != nil || int64(u.Size) != size || head.size != f.size {
			t.Fatalf("%d bytes: %+v, %v", size, u, err)
		}
		f.at[f.size-1] = []byte{1}
		refused(t, "another last byte", u.Verify(f))
		f.size--
		_, err = ReadUImage(f)
		refused(t, "no last byte", err)
	}
}

// headOf keeps the beginning of what is written to it, and counts the rest.
type headOf struct {
	b    []byte
	size int64
}

func (h *headOf) Write(b []byte) (int, error) {
	h.b = append(h.b, b[:min(len(b), 1<<20-len(h.b))]...)
	h.size += int64(len(b))
	return len(b), nil
}

func TestUBootArch(t *testing.T) {
	for goarch, want := range map[string]string{"arm": "arm", "arm64": "arm64", "amd64": "x86_64", "mips": "mips", "mipsle": "mips", "riscv64": "riscv", "s390x": ""} {
		if got := UBootArch(goarch); got != want {
			t.Errorf("%s: got %q, want %q", goarch, got, want)
		}
	}
}

func FuzzUImage(f *testing.F) {
	f.Add(rawUImage(0, func([]byte) {}), []byte("data"))
	f.Fuzz(func(t *testing.T, h, data []byte) {
		if len(h) != UImageHeader || len(data) == 0 {
			return
		}
		binary.BigEndian.PutUint32(h[12:], uint32(len(data)))
		clear(h[4:8])
		binary.BigEndian.PutUint32(h[4:], crc32.ChecksumIEEE(h))
		file := source(append(h, data...))
		u, err := ReadUImage(file)
		if err != nil {
			return
		}
		u.Verify(file)
		parts, err := u.Parts(file)
		if err != nil {
			return
		}
		for _, p := range parts {
			if err := p.check(file); err != nil {
				t.Errorf("%+v: %v", u, err)
			}
		}
	})
}
