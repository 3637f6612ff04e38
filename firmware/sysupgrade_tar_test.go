package firmware

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func exampleTar() SysupgradeTar {
	return SysupgradeTar{Board: "gnubee,gb-pc1", Kernel: source(noise(3001, 1)), Root: source(noise(1500, 2)), Tree: source(noise(100, 3)), Time: 1700000000}
}

func TestSysupgradeTarsAreThoseOfGNUTar(t *testing.T) {
	want := exampleTar()
	b := written(t, want.Write)
	got, err := ReadSysupgradeTar(source(b))
	if err != nil {
		t.Fatal(err)
	}
	if got.Board != want.Board || got.Time != want.Time || !bytes.Equal(all(t, got.Kernel), all(t, want.Kernel)) || !bytes.Equal(all(t, got.Tree), all(t, want.Tree)) ||
		!bytes.Equal(all(t, got.Root), append(all(t, want.Root), make([]byte, 548)...)) {
		t.Errorf("read as %+v", got)
	}
	dir := folder(t, map[string][]byte{"ours": b})
	const name = "sysupgrade-gnubee_gb-pc1"
	list := run(t, dir, "tar", "tar", "--numeric-owner", "-tvf", "ours")
	list = strings.Join(strings.FieldsFunc(list, func(r rune) bool { return r == ' ' }), " ")
	for _, say := range []string{"drwxr-xr-x 0/0", name + "/CONTROL", " 0/0 3001 2023-11-14 22:13 " + name + "/kernel", "2048 2023-11-14 22:13 " + name + "/root"} {
		if !strings.Contains(list, say) {
			t.Errorf("tar has no %q:\n%s", say, list)
		}
	}
	// GNU tar makes the same of the same files, but for zeros at the end.
	if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
		t.Fatal(err)
	}
	for file, data := range map[string][]byte{"CONTROL": []byte("BOARD=gnubee,gb-pc1\n"), "kernel": all(t, want.Kernel), "root": all(t, got.Root), "dtb": all(t, want.Tree)} {
		if err := os.WriteFile(filepath.Join(dir, name, file), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, format := range []string{"ustar", "gnu"} {
		run(t, dir, "tar", "tar", "-cf", "made", "--format="+format, "--sort=name", "--owner=root:0", "--group=root:0", "--mode=u=rwX,go=rX", "--mtime=@1700000000", name)
		made := content(t, dir, "made")
		if format == "ustar" && !bytes.Equal(bytes.TrimRight(b, "\x00"), bytes.TrimRight(made, "\x00")) {
			t.Errorf("tar makes %d bytes, we others", len(made))
		}
		if read, err := ReadSysupgradeTar(source(made)); err != nil || read.Board != want.Board || !bytes.Equal(all(t, read.Kernel), all(t, want.Kernel)) {
			t.Errorf("of tar's %s format: %+v, %v", format, read, err)
		}
	}
}

func TestDamagedSysupgradeTars(t *testing.T) {
	s := exampleTar()
	b := written(t, s.Write)
	read := func(f Source) error { _, err := ReadSysupgradeTar(f); return err }
	eachTruncation(t, b, read)
	for _, at := range []int{0, 512, 1536} { // folder, CONTROL, dtb: their checksum is a sum
		eachFlip(b, at, at+500, func(bit int) {
			if within := bit/8 - at; within >= 148 && within < 156 { // of which a blank more or less means the same
				return
			}
			refused(t, fmt.Sprintf("bit %d", bit), read(source(b)))
		})
	}
	refused(t, "a byte behind it", read(source(append(bytes.Clone(b), 1))))
	refused(t, "a block behind it", read(source(append(bytes.Clone(b), noise(512, 1)...))))
	if err := read(source(append(bytes.Clone(b), make([]byte, 512*7)...))); err != nil {
		t.Errorf("with zeros behind it: %v", err)
	}
	for _, s := range []SysupgradeTar{{}, {Board: "a"}, {Board: "a", Tree: source([]byte{1})}, {Board: "a", Kernel: source(nil)}, {Board: "a b", Kernel: source([]byte{1})},
		{Board: "../a", Kernel: source([]byte{1})}, {Kernel: source([]byte{1})}, {Board: strings.Repeat("a", 81), Kernel: source([]byte{1})}, {Board: "a", Kernel: sparse{size: 8 * gib}}} {
		refused(t, fmt.Sprintf("%+v", s), s.Write(io.Discard))
	}
}

func TestSysupgradeTarsOfOtherThings(t *testing.T) {
	file := func(name, data string) tar.Header {
		return tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Linkname: data, ModTime: time.Unix(0, 0)}
	}
	dir := tar.Header{Typeflag: tar.TypeDir, Name: "sysupgrade-a_b/", Mode: 0o755}
	control := file("sysupgrade-a_b/CONTROL", "BOARD=a,b\n")
	for claim, list := range map[string][]tar.Header{
		"no folder":             {control, file("sysupgrade-a_b/kernel", "k")},
		"no CONTROL":            {dir, file("sysupgrade-a_b/kernel", "k")},
		"another board":         {dir, file("sysupgrade-a_b/CONTROL", "BOARD=a,c\n"), file("sysupgrade-a_b/kernel", "k")},
		"no board":              {dir, file("sysupgrade-a_b/CONTROL", "\n"), file("sysupgrade-a_b/kernel", "k")},
		"a long CONTROL":        {dir, file("sysupgrade-a_b/CONTROL", "BOARD=a,b\n"+strings.Repeat("\n", 600)), file("sysupgrade-a_b/kernel", "k")},
		"no kernel":             {dir, control},
		"an empty kernel":       {dir, control, file("sysupgrade-a_b/kernel", "")},
		"two kernels":           {dir, control, file("sysupgrade-a_b/kernel", "k"), file("sysupgrade-a_b/kernel", "k")},
		"a file that is no one": {dir, control, file("sysupgrade-a_b/kernel", "k"), file("sysupgrade-a_b/setup", "k")},
		"a file elsewhere":      {dir, control, file("kernel", "k")},
		"a link":                {dir, control, {Typeflag: tar.TypeSymlink, Name: "sysupgrade-a_b/kernel", Linkname: "/etc/shadow"}},
		"17 files":              append([]tar.Header{dir}, make([]tar.Header, 17)...),
		"a folder that is deep": {{Typeflag: tar.TypeDir, Name: "sysupgrade-a_b/c/", Mode: 0o755}, control, file("sysupgrade-a_b/kernel", "k")},
	} {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		for i, h := range list {
			if h.Name == "" {
				h = file(fmt.Sprintf("sysupgrade-a_b/CONTROL%d", i), "x")
			}
			data := ""
			if h.Typeflag == tar.TypeReg {
				data, h.Linkname, h.Size = h.Linkname, "", int64(len(h.Linkname))
			}
			if err := w.WriteHeader(&h); err != nil {
				t.Fatal(err)
			}
			io.WriteString(w, data)
		}
		w.Close()
		_, err := ReadSysupgradeTar(source(b.Bytes()))
		refused(t, claim, err)
	}
}

// More than 4 GiB, found without reading them.
func TestSysupgradeTarsOfGigabytes(t *testing.T) {
	s := SysupgradeTar{Board: "a", Root: sparse{size: 5 * gib}, Time: 1}
	at := map[int64][]byte{}
	var head headOf
	if testing.Short() {
		t.Skip("gigabytes are passed on")
	}
	if err := s.Write(&head); err != nil {
		t.Fatal(err)
	}
	at[0] = head.b
	got, err := ReadSysupgradeTar(sparse{size: head.size, at: at})
	if err != nil || got.Root.Size() != 5*gib {
		t.Errorf("%+v, %v", got, err)
	}
	_, err = ReadSysupgradeTar(sparse{size: head.size - 1024, at: at})
	refused(t, "without its end", err)
}

func FuzzSysupgradeTar(f *testing.F) {
	s := SysupgradeTar{Board: "a,b", Kernel: source([]byte{1}), Root: source([]byte{2})}
	var b bytes.Buffer
	if err := s.Write(&b); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := ReadSysupgradeTar(source(b))
		if err != nil {
			return
		}
		var again bytes.Buffer
		if err := s.Write(&again); err != nil {
			return // a date that is none
		}
		if got, err := ReadSysupgradeTar(source(again.Bytes())); err != nil || got.Board != s.Board {
			t.Errorf("%+v became %+v, %v", s, got, err)
		}
	})
}
