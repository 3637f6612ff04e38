package newc

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/u-root/u-root/pkg/cpio"
)

func TestCPIOIsReadByGNUCpio(t *testing.T) {
	if _, err := exec.LookPath("cpio"); err != nil {
		t.Fatalf("%v: apt-get install cpio", err)
	}
	archive, err := Pack([]File{
		{Path: "init", Mode: 0o755, Data: bytes.Repeat([]byte("bantam"), 1000)},
		{Path: "bin/bantam", Link: "../init"},
		{Path: "dev/console", Mode: 0o600, Major: 5, Minor: 1},
		{Path: "tmp", Mode: 0o1777, Dir: true},
		{Path: "a/b/c/empty", Mode: 0o400},
		{Path: "a/b-side", Mode: 0o644, Data: []byte("x")},
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(archive)%4 != 0 {
		t.Errorf("archive of %d bytes: the next segment would not be found", len(archive))
	}
	list := exec.Command("cpio", "-itv", "--numeric-uid-gid", "--quiet")
	list.Env = append(os.Environ(), "TZ=UTC", "LC_ALL=C")
	list.Stdin = bytes.NewReader(archive)
	out, err := list.CombinedOutput()
	if err != nil {
		t.Fatalf("cpio -itv: %v: %s", err, out)
	}
	var got []string
	for line := range strings.Lines(string(out)) {
		got = append(got, strings.Join(strings.Fields(line), " "))
	}
	want := []string{
		"drwxr-xr-x 1 0 0 0 Jan 1 1970 a",
		"drwxr-xr-x 1 0 0 0 Jan 1 1970 a/b",
		"-rw-r--r-- 1 0 0 1 Jan 1 1970 a/b-side",
		"drwxr-xr-x 1 0 0 0 Jan 1 1970 a/b/c",
		"-r-------- 1 0 0 0 Jan 1 1970 a/b/c/empty",
		"drwxr-xr-x 1 0 0 0 Jan 1 1970 bin",
		"lrwxrwxrwx 1 0 0 7 Jan 1 1970 bin/bantam -> ../init",
		"drwxr-xr-x 1 0 0 0 Jan 1 1970 dev",
		"crw------- 1 0 0 5, 1 Jan 1 1970 dev/console",
		"-rwxr-xr-x 1 0 0 6000 Jan 1 1970 init",
		"drwxrwxrwt 1 0 0 0 Jan 1 1970 tmp",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("cpio lists\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	extract := exec.Command("cpio", "-i", "--quiet", "--to-stdout", "init")
	extract.Stdin = bytes.NewReader(archive)
	if out, err := extract.Output(); err != nil || !bytes.Equal(out, bytes.Repeat([]byte("bantam"), 1000)) {
		t.Errorf("cpio extracts init as %d bytes, %v", len(out), err)
	}
}

func TestCPIOOrderOfFilesDoesNotMatter(t *testing.T) {
	a, b := File{Path: "x/a", Mode: 0o644, Data: []byte("a")}, File{Path: "x/b", Mode: 0o644, Data: []byte("b")}
	one, err := Pack([]File{a, b})
	if err != nil {
		t.Fatal(err)
	}
	two, err := Pack([]File{b, a})
	if err != nil || !bytes.Equal(one, two) {
		t.Errorf("the archives differ (%v)", err)
	}
}

func TestCPIORefusesPathsThatTheKernelWouldMisread(t *testing.T) {
	for _, test := range []struct {
		name, want string
		files      []File
	}{
		{"absolute", "clean relative", []File{{Path: "/etc/passwd"}}},
		{"upwards", "clean relative", []File{{Path: "../etc/passwd"}}},
		{"unclean", "clean relative", []File{{Path: "a//b"}}},
		{"the root itself", "clean relative", []File{{Path: "."}}},
		{"twice", "there twice", []File{{Path: "a"}, {Path: "a"}}},
		{"below a file", "which is no folder", []File{{Path: "a", Data: []byte("x")}, {Path: "a/b"}}},
		{"named as the end of an archive", "clean relative", []File{{Path: "TRAILER!!!"}}},
		{"with a zero byte", "clean relative", []File{{Path: "a\x00b"}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if _, err := Pack(test.files); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one that says %q", err, test.want)
			}
		})
	}
}

// What was packed before this package was, with u-root's writer, has the same bytes now: images and their digests stay.
func TestTheBytesAreThoseOfURootsWriter(t *testing.T) {
	files := []File{
		{Path: "a", Mode: 0o755, Dir: true},
		{Path: "a/empty", Mode: 0o400},
		{Path: "a/file", Mode: 0o4755, Data: []byte("12345")},
		{Path: "a/link", Link: "../init"},
		{Path: "a/null", Mode: 0o666, Major: 1, Minor: 3},
	}
	var want bytes.Buffer
	w := cpio.Newc.Writer(&want)
	for i, r := range []cpio.Record{
		cpio.Directory("a", 0o755),
		cpio.StaticRecord(nil, cpio.Info{Name: "a/empty", Mode: cpio.S_IFREG | 0o400}),
		cpio.StaticRecord([]byte("12345"), cpio.Info{Name: "a/file", Mode: cpio.S_IFREG | 0o4755}),
		cpio.Symlink("a/link", "../init"),
		cpio.CharDev("a/null", 0o666, 1, 3),
	} {
		r.Ino, r.NLink = uint64(i+1), 1
		if err := w.WriteRecord(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := cpio.WriteTrailer(w); err != nil {
		t.Fatal(err)
	}
	got, err := Pack(files)
	if err != nil || !bytes.Equal(bytes.TrimRight(got, "\x00"), bytes.TrimRight(want.Bytes(), "\x00")) {
		t.Errorf("%v, got\n%q\nwant\n%q", err, got, want.Bytes())
	}
}
