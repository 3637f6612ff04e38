package payload

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"bantam/layer"
)

// entry is a file of a test's package.
type entry struct {
	name string
	kind byte // a type flag of tar; 0 is a file, or a folder if the name ends with a slash
	mode int64
	text string // or where a link leads
	caps string // value of security.capability
}

// writeDeb writes a .deb as deb(5) has it.
func writeDeb(t *testing.T, scripts map[string]string, entries ...entry) string {
	t.Helper()
	control := tarOf(t, entry{name: "./control", text: "Package: test\nVersion: 1\nArchitecture: all\nMaintainer: x <x@x>\nDescription: x\n"})
	for _, name := range []string{"preinst", "postinst"} {
		if scripts[name] != "" {
			control = tarOf(t, entry{name: "./control", text: "Package: test\nVersion: 1\n"}, entry{name: "./" + name, mode: 0o755, text: scripts[name]})
		}
	}
	var b bytes.Buffer
	b.WriteString("!<arch>\n")
	for _, member := range []struct {
		name string
		data []byte
	}{{"debian-binary", []byte("2.0\n")}, {"control.tar", control}, {"data.tar", tarOf(t, entries...)}} {
		fmt.Fprintf(&b, "%-16s%-12d%-6d%-6d%-8s%-10d`\n", member.name, 0, 0, 0, "100644", len(member.data))
		b.Write(member.data)
		if len(member.data)%2 == 1 {
			b.WriteByte('\n')
		}
	}
	path := filepath.Join(t.TempDir(), "test.deb")
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func tarOf(t *testing.T, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Typeflag: e.kind, Mode: e.mode}
		if e.caps != "" {
			h.PAXRecords = map[string]string{"SCHILY.xattr.security.capability": e.caps}
		}
		switch {
		case e.kind == tar.TypeSymlink || e.kind == tar.TypeLink:
			h.Linkname, e.text = e.text, ""
		case e.kind == 0 && strings.HasSuffix(e.name, "/"):
			h.Typeflag = tar.TypeDir
		case e.kind == 0:
			h.Typeflag = tar.TypeReg
		}
		h.Size = int64(len(e.text))
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(e.text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// listing is a tree as text: kind, rights and path of each file but the folders that are there anyway.
func listing(tree []File) (lines []string) {
	for _, f := range tree {
		switch {
		case f.Kind == layer.Link:
			lines = append(lines, f.Path+" -> "+f.Link)
		case f.Kind == layer.RegularFile:
			lines = append(lines, fmt.Sprintf("%s %o", f.Path, f.Mode))
		}
	}
	return lines
}

func TestDebBecomesATree(t *testing.T) {
	for _, test := range []struct {
		name    string
		entries []entry
		want    []string // of the tree
		dropped string   // a part of what is said; "" if nothing
	}{
		{"files, folders and links", []entry{{name: "./"}, {name: "./usr/"}, {name: "./usr/bin/", mode: 0o755}, {name: "./usr/bin/a", mode: 0o755, text: "a"},
			{name: "./usr/bin/b", kind: tar.TypeSymlink, text: "a"}, {name: "./etc/c", mode: 0o640, text: "c"}},
			[]string{"etc/c 640", "usr/bin/a 755", "usr/bin/b -> a"}, ""},
		{"/usr is merged, whatever the package has", []entry{{name: "./lib/"}, {name: "./lib/x86_64-linux-gnu/a", mode: 0o644}, {name: "./usr/lib/"}, {name: "./bin/b", mode: 0o755}, {name: "./lib64", kind: tar.TypeSymlink, text: "usr/lib64"}},
			[]string{"usr/bin/b 755", "usr/lib/x86_64-linux-gnu/a 644"}, ""},
		{"a hard link is a file of its own", []entry{{name: "./usr/bin/a", mode: 0o755, text: "a"}, {name: "./usr/bin/b", kind: tar.TypeLink, text: "./usr/bin/a"}},
			[]string{"usr/bin/a 755", "usr/bin/b 0"}, ""},
		{"odd names", []entry{{name: "./usr/bin/\xff\n\x1b[31m %", mode: 0o755}}, []string{"usr/bin/\xff\n\x1b[31m % 755"}, ""},
		{"a link out is a link, and nobody follows it", []entry{{name: "./usr/a", kind: tar.TypeSymlink, text: "../../../../etc"}, {name: "./usr/b", kind: tar.TypeSymlink, text: "/etc/shadow"}},
			[]string{"usr/a -> ../../../../etc", "usr/b -> /etc/shadow"}, ""},
		{"documents are left out", []entry{{name: "./usr/share/doc/test/copyright", text: "x"}, {name: "./usr/share/man/man1/test.1.gz"}, {name: "./usr/share/test", mode: 0o644}},
			[]string{"usr/share/test 644"}, ""},
		{"setuid", []entry{{name: "./usr/bin/su", mode: 0o4755}}, []string{"usr/bin/su 755"}, "/usr/bin/su is setuid or setgid"},
		{"setgid", []entry{{name: "./usr/bin/wall", mode: 0o2755}}, []string{"usr/bin/wall 755"}, "/usr/bin/wall is setuid or setgid"},
		{"file capabilities", []entry{{name: "./usr/bin/ping", mode: 0o755, caps: "\x01\x02"}}, []string{"usr/bin/ping 755"}, "/usr/bin/ping has capabilities of its own: it runs without"},
		{"devices", []entry{{name: "./usr/dev", kind: tar.TypeBlock}, {name: "./usr/c", kind: tar.TypeChar}}, nil, "/usr/dev is a device file, FIFO or socket: not carried"},
		{"FIFOs", []entry{{name: "./usr/f\n", kind: tar.TypeFifo}}, nil, `/usr/f\x0a is a device file, FIFO or socket: not carried`},
		{"elsewhere", []entry{{name: "./srv/", mode: 0o755}, {name: "./srv/www", text: "x"}, {name: "./boot/vmlinuz"}}, nil, "/srv/www lies outside of /usr and /etc: not carried"},
		{"modules of a kernel, said once", []entry{{name: "./lib/modules/6.1/a.ko"}, {name: "./lib/modules/6.1/b.ko"}}, nil, "it has modules of a kernel: they come with the board's, by modules = [...]"},
		{"below /var", []entry{{name: "./var/"}, {name: "./var/lib/"}, {name: "./var/lib/test/"}}, nil, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, err := readDeb(context.Background(), writeDeb(t, nil, test.entries...), t.TempDir(), runtime.GOARCH)
			if err != nil {
				t.Fatal(err)
			}
			if got := listing(c.Tree); !slices.Equal(got, test.want) {
				t.Errorf("got  %q\nwant %q", got, test.want)
			}
			if said := strings.Join(c.Dropped, "\n"); strings.Count(said, "modules of a kernel") > 1 || (said == "") != (test.dropped == "") || !strings.Contains(said, test.dropped) {
				t.Errorf("it says %q, want %q", said, test.dropped)
			}
		})
	}
}

func TestDebTellsWhatIsAsideOfTheTree(t *testing.T) {
	deb := writeDeb(t, map[string]string{"postinst": "#!/bin/sh\nadduser x\n"},
		entry{name: "./lib/systemd/system/test.service", text: "[Service]\n"}, entry{name: "./usr/share/doc/test/copyright", text: "License: MIT\n"},
		entry{name: "./var/lib/test/", mode: 0o750}, entry{name: "./var/log/"}, entry{name: "./usr/bin/x", mode: 0o755, text: "#!/bin/sh\n"})
	c, err := readDeb(context.Background(), deb, t.TempDir(), runtime.GOARCH)
	if err != nil {
		t.Fatal(err)
	}
	if c.Aside["usr/lib/systemd/system/test.service"] != "[Service]\n" || c.Aside["usr/share/doc/test/copyright"] != "License: MIT\n" || c.Scripts["postinst"] != "#!/bin/sh\nadduser x\n" {
		t.Errorf("aside %q, scripts %q", c.Aside, c.Scripts)
	}
	if !slices.Equal(c.Folders, []string{"/var/lib/test"}) {
		t.Errorf("folders %q", c.Folders)
	}
	if i := slices.IndexFunc(c.Tree, func(f File) bool { return f.Path == "usr/bin/x" }); c.Tree[i].Interpreter != "/bin/sh" {
		t.Errorf("the script is %+v", c.Tree[i])
	}
}

// Whatever a package holds, nothing is written but numbered files in the spool.
func TestHostileDebs(t *testing.T) {
	whole := writeDeb(t, nil, entry{name: "./usr/bin/a", mode: 0o755, text: strings.Repeat("x", 5000)})
	data, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	damaged := func(data []byte) string {
		path := filepath.Join(t.TempDir(), "damaged.deb")
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, test := range []struct {
		name, deb, want string
	}{
		{"up and out", writeDeb(t, nil, entry{name: "./usr/../../etc/passwd"}), `it has a file "./usr/../../etc/passwd", which leads out of it`},
		{"up and in again", writeDeb(t, nil, entry{name: "./usr/../usr/x"}), `it has a file "./usr/../usr/x", which leads out of it`},
		{"absolute", writeDeb(t, nil, entry{name: "/etc/passwd"}), `it has a file "/etc/passwd", which leads out of it`},
		{"through a link", writeDeb(t, nil, entry{name: "./usr/a", kind: tar.TypeSymlink, text: "/etc"}, entry{name: "./usr/a/passwd", text: "x"}), "usr/a/passwd lies below usr/a, which is no folder"},
		{"through a link that comes later", writeDeb(t, nil, entry{name: "./usr/a/passwd", text: "x"}, entry{name: "./usr/a", kind: tar.TypeSymlink, text: "/etc"}), "usr/a/passwd lies below usr/a, which is no folder"},
		{"a hard link out", writeDeb(t, nil, entry{name: "./usr/a", kind: tar.TypeLink, text: "/etc/shadow"}), `it has a file "/etc/shadow", which leads out of it`},
		{"a hard link to what it does not have", writeDeb(t, nil, entry{name: "./usr/a", kind: tar.TypeLink, text: "etc/shadow"}), "/usr/a is a hard link to etc/shadow, which is no file of the package"},
		{"a file twice", writeDeb(t, nil, entry{name: "./usr/a", text: "x"}, entry{name: "./usr/a", text: "y"}), "usr/a is there twice"},
		{"a link to nowhere", writeDeb(t, nil, entry{name: "./usr/a", kind: tar.TypeSymlink}), "/usr/a is a link to nowhere"},
		{"cut off", damaged(data[:len(data)-4096]), "dpkg-deb --fsys-tarfile damaged.deb"},
		{"no package", damaged([]byte("<html>")), "dpkg-deb --ctrl-tarfile damaged.deb"},
		{"nothing", damaged(nil), "dpkg-deb --ctrl-tarfile damaged.deb"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			spool := filepath.Join(dir, "spool")
			if err := os.Mkdir(spool, 0o700); err != nil {
				t.Fatal(err)
			}
			_, err := readDeb(context.Background(), test.deb, spool, runtime.GOARCH)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one that says %q", err, test.want)
			}
			if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
				t.Errorf("beside the spool it has written %v, %v", left, err)
			}
			names, err := os.ReadDir(spool)
			for _, n := range names {
				if strings.Trim(n.Name(), "0123456789") != "" || !n.Type().IsRegular() {
					t.Errorf("in the spool it has written %v", n)
				}
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
}

func TestDebWithMoreThanIsTaken(t *testing.T) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	if err := w.WriteHeader(&tar.Header{Name: "./usr/huge", Typeflag: tar.TypeReg, Size: mostUnpacked + 1}); err != nil {
		t.Fatal(err)
	}
	u := unpacker{contents: &contents{}, spool: t.TempDir(), seen: make(map[string]int)}
	if err := u.unpack(tar.NewReader(&b)); err == nil || !strings.Contains(err.Error(), "more than 8589934592 bytes") {
		t.Errorf("error %v", err)
	}
	u = unpacker{contents: &contents{}, spool: t.TempDir(), seen: make(map[string]int), files: mostFiles}
	if err := u.unpack(tar.NewReader(bytes.NewReader(tarOf(t, entry{name: "./usr/x"})))); err == nil || !strings.Contains(err.Error(), "more than 200000 files") {
		t.Errorf("error %v", err)
	}
}
