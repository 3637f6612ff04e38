package payload

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"bantam/images"
	"bantam/layer"
)

// unsquash is what unsquashfs reads of a squashfs: rights, owner, size or link, and path of each entry.
func unsquash(t *testing.T, file string) string {
	t.Helper()
	cmd := exec.Command("unsquashfs", "-lln", "-d", "", file)
	cmd.Env = append(os.Environ(), "TZ=UTC", "LC_ALL=C")
	out, err := cmd.Output()
	if errors.Is(err, exec.ErrNotFound) {
		t.Fatal("unsquashfs is missing: apt-get install squashfs-tools")
	}
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(string(out)) {
		if strings.HasPrefix(line, "-") || strings.HasPrefix(line, "d") || strings.HasPrefix(line, "l") {
			lines = append(lines, strings.Join(strings.Fields(line), " "))
		}
	}
	return strings.Join(lines, "\n")
}

func file(path string, mode uint32, text string) File {
	return File{Entry: layer.Entry{Path: path, Kind: layer.RegularFile, Mode: mode}, Data: []byte(text)}
}

func folder(path string, mode uint32) File {
	return File{Entry: layer.Entry{Path: path, Kind: layer.Folder, Mode: mode}}
}

func link(path, to string) File {
	return File{Entry: layer.Entry{Path: path, Kind: layer.Link, Link: to}}
}

// squashFS packs a tree that is not whole yet.
func squashFS(ctx context.Context, cache images.Cache, progress images.Progress, name, filter string, tree []File) (blob, error) {
	tree, err := wholeTree(tree)
	if err != nil {
		return blob{}, err
	}
	return packTree(ctx, cache, progress, name, filter, tree, nil, atHand)
}

func testTree(t *testing.T) []File {
	t.Helper()
	host := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(host, bytes.Repeat([]byte("program "), 40_000), 0o600); err != nil {
		t.Fatal(err)
	}
	return []File{
		{Entry: layer.Entry{Path: "usr/sbin/program", Kind: layer.RegularFile, Mode: 0o755}, Host: host},
		{Entry: layer.Entry{Path: "etc/program/secret", Kind: layer.RegularFile, Mode: 0o640, UID: 100, GID: 70_000}, Data: []byte("x")},
		{Entry: layer.Entry{Path: "etc/program", Kind: layer.Folder, Mode: 0o750, GID: 100}},
		link("usr/lib/libx.so.1", "libx.so.1.0"),
		file("usr/lib/libx.so.1.0", 0o644, ""),
		file("usr/share/odd \n\t\x01\"\\ñ\xffame"+strings.Repeat("x", 200), 0o644, "odd"),
		folder("usr/share/spool", 0o1777),
	}
}

func TestSquashFSIsReadByOthers(t *testing.T) {
	made, err := squashFS(context.Background(), images.Cache{Dir: t.TempDir()}, nil, "test", "x86", testTree(t))
	if err != nil {
		t.Fatal(err)
	}
	got := unsquash(t, made.File)
	for _, want := range []string{
		"drwxr-xr-x 0/0 37 1970-01-01 00:00",
		"drwxr-xr-x 0/0 30 1970-01-01 00:00 /etc",
		"drwxr-x--- 0/100 29 1970-01-01 00:00 /etc/program",
		"-rw-r----- 100/70000 1 1970-01-01 00:00 /etc/program/secret",
		"lrwxrwxrwx 0/0 11 1970-01-01 00:00 /usr/lib/libx.so.1 -> libx.so.1.0",
		"-rw-r--r-- 0/0 0 1970-01-01 00:00 /usr/lib/libx.so.1.0",
		"-rwxr-xr-x 0/0 320000 1970-01-01 00:00 /usr/sbin/program",
		"drwxrwxrwt 0/0 3 1970-01-01 00:00 /usr/share/spool",
	} {
		if !strings.Contains("\n"+got+"\n", "\n"+want) {
			t.Errorf("want %q in\n%s", want, got)
		}
	}
	for path, want := range map[string]string{
		"usr/sbin/program":  strings.Repeat("program ", 40_000),
		testTree(t)[5].Path: "odd",
	} {
		if out, err := exec.Command("unsquashfs", "-cat", "-no-wildcards", made.File, path).Output(); err != nil || string(out) != want {
			t.Errorf("%q holds %.20q, %v", path, out, err)
		}
	}
	out, err := exec.Command("unsquashfs", "-s", made.File).Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Compression xz", "Block size 8192", "Fragments are not stored", "Filters selected: x86", "Xattrs are not stored", "Filesystem is not exportable", "Thu Jan  1 00:00:00 1970"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("want %q in\n%s", want, out)
		}
	}
}

func TestSquashFSIsTheSameEachTime(t *testing.T) {
	t.Setenv("TZ", "UTC")
	pack := func(entries []File) []byte {
		t.Helper()
		made, err := squashFS(context.Background(), images.Cache{Dir: t.TempDir()}, nil, "test", "", entries)
		if err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(made.File)
		if err != nil || int64(len(data)) != made.Size {
			t.Fatalf("%d bytes, %v; it says %d", len(data), err, made.Size)
		}
		return data
	}
	entries := testTree(t)
	first := pack(entries)

	t.Setenv("SOURCE_DATE_EPOCH", "1000000000")
	t.Setenv("TZ", "Asia/Tokyo")
	defer syscall.Umask(syscall.Umask(0o077))
	again := testTree(t) // in other files
	for i := range again {
		if again[i].Host == "" {
			continue
		}
		if err := os.Chtimes(again[i].Host, time.Unix(0, 0), time.Unix(2e9, 0)); err != nil {
			t.Fatal(err)
		}
	}
	again[0], again[3] = again[3], again[0]
	if second := pack(again); !bytes.Equal(first, second) {
		t.Errorf("%d bytes, then %d others", len(first), len(second))
	}
}

func TestTreesThatAreNone(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	for _, test := range []struct {
		name    string
		entries []File
		want    string
	}{
		{"absolute", []File{file("/etc/x", 0, "")}, `"/etc/x" is no path`},
		{"out", []File{file("../x", 0, "")}, `"../x" is no path`},
		{"up in the middle", []File{file("a/../x", 0, "")}, `"a/../x" is no path`},
		{"the root", []File{folder(".", 0)}, `"." is no path`},
		{"nothing", []File{file("", 0, "")}, `"" is no path`},
		{"a zero byte", []File{file("a\x00b", 0, "")}, `is no path`},
		{"twice", []File{file("a", 0, ""), folder("a", 0)}, "a is there twice"},
		{"below a file", []File{file("a/b/c", 0, ""), file("a", 0, "")}, "a/b/c lies below a, which is no folder"},
		{"below a link", []File{link("a", "/etc"), file("a/passwd", 0, "")}, "a/passwd lies below a, which is no folder"},
		{"a link that leads nowhere", []File{link("a", "")}, `a is of kind l and leads to ""`},
		{"a file that leads somewhere", []File{{Entry: layer.Entry{Path: "a", Kind: layer.RegularFile, Link: "b"}}}, `a is of kind f and leads to "b"`},
		{"not rights alone", []File{file("a", 0o100644, "")}, "a has rights 100644"},
		{"a file that is not there", []File{{Entry: layer.Entry{Path: "a", Kind: layer.RegularFile}, Host: missing}}, missing},
		{"a file that is a folder", []File{{Entry: layer.Entry{Path: "a", Kind: layer.RegularFile}, Host: filepath.Dir(missing)}}, " is no regular file"},
	} {
		t.Run(test.name, func(t *testing.T) {
			cache := t.TempDir()
			_, err := squashFS(context.Background(), images.Cache{Dir: cache}, nil, "test", "", test.entries)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one that says %q", err, test.want)
			}
			if left, _ := filepath.Glob(filepath.Join(cache, "files", "*")); len(left) > 0 {
				t.Errorf("it leaves %q", left)
			}
		})
	}
}

func TestFileThatChangesIsRefused(t *testing.T) {
	host := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(host, []byte("one"), 0o644); err != nil {
		t.Fatal(err)
	}
	tree, err := wholeTree([]File{{Entry: layer.Entry{Path: "a", Kind: layer.RegularFile}, Host: host}})
	if err != nil {
		t.Fatal(err)
	}
	for _, now := range []string{"two", "longer", ""} {
		if err := os.WriteFile(host, []byte(now), 0o644); err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := writeTar(&b, tree); err == nil || !strings.Contains(err.Error(), "changed while it was read") {
			t.Errorf("now %q: %v", now, err)
		}
	}
}

// smallDisk is a folder on a file system of its own.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Fatalf("run the tests as root: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func TestFullCacheDiskIsSaid(t *testing.T) {
	cache := smallDisk(t, "128k")
	noise := make([]byte, 1<<20)
	x := uint32(1)
	for i := range noise {
		x = x*1664525 + 1013904223
		noise[i] = byte(x >> 24)
	}
	_, err := squashFS(context.Background(), images.Cache{Dir: cache}, nil, "test", "", []File{file("noise", 0o644, string(noise))})
	if err == nil || !strings.Contains(err.Error(), "No space left on device") {
		t.Errorf("error %v, want one that says that the disk is full", err)
	}
	if left, _ := filepath.Glob(filepath.Join(cache, "files", "*")); len(left) > 0 {
		t.Errorf("it leaves %q", left)
	}
	deb := writeDeb(t, nil, entry{name: "./usr/noise", text: string(noise)})
	if _, err := readDeb(context.Background(), deb, cache, "amd64"); err == nil || !strings.Contains(err.Error(), "/usr/noise: write "+cache) || !strings.Contains(err.Error(), "no space left on device") {
		t.Errorf("unpacking: error %v, want one that says that the disk is full", err)
	}
}

// The bytes of a layer do not tell who has made it.
func TestAnotherUserMakesTheSameBytes(t *testing.T) {
	const child = "BANTAM_PACKS_IN"
	if dir := os.Getenv(child); dir != "" {
		made, err := squashFS(context.Background(), images.Cache{Dir: dir}, nil, "test", "x86", testTree(t))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Printf("digest %s\n", made.Digest)
		return
	}
	if os.Getuid() != 0 {
		t.Skip("only root is somebody else, too")
	}
	made, err := squashFS(context.Background(), images.Cache{Dir: t.TempDir()}, nil, "test", "x86", testTree(t))
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "bantam-nobody-") // those of the test are closed to others
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	const nobody = 65534
	if err := os.Chown(dir, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/proc/self/exe", "-test.run=^TestAnotherUserMakesTheSameBytes$")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), child+"="+dir, "TMPDIR="+dir, "HOME="+dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	out, err := cmd.CombinedOutput()
	if strings.Contains(string(out), "need a user namespace") {
		t.Skip("this host lets nobody make user namespaces")
	}
	if err != nil || !strings.Contains(string(out), "digest "+string(made.Digest)+"\n") {
		t.Errorf("%v: root makes %s, nobody\n%s", err, made.Digest, out)
	}
}

// What a layer costs in memory where it is mounted follows from its blocks; see blockSize.
func TestBlocksFollowFromWhatALayerHas(t *testing.T) {
	large := strings.Repeat("many bytes ", smallTree/11+1)
	for name, c := range map[string]struct {
		tree []File
		want uint32
	}{
		"small":                  {[]File{file("usr/bin/a", 0o755, "a")}, 8 << 10},
		"large":                  {[]File{file("usr/bin/a", 0o755, large)}, 32 << 10},
		"large by many":          {[]File{file("usr/bin/a", 0o755, large[:smallTree/2]), file("usr/bin/b", 0o755, large[:smallTree/2])}, 32 << 10},
		"links are of no weight": {[]File{link("usr/bin/a", large[:4000])}, 8 << 10},
	} {
		b, err := squashFS(context.Background(), images.Cache{Dir: t.TempDir()}, nil, name, "", c.tree)
		if err != nil {
			t.Fatal(err)
		}
		head, err := os.ReadFile(b.File)
		if err != nil {
			t.Fatal(err)
		}
		if got := binary.LittleEndian.Uint32(head[12:]); got != c.want { // squashfs superblock: block_size
			t.Errorf("%s: blocks of %d bytes, want %d", name, got, c.want)
		}
		if c.want == dictionary {
			continue // as large as a block: what is not said otherwise
		}
		if options := head[96:]; binary.LittleEndian.Uint32(options[2:]) != dictionary { // behind a metadata header: dictionary_size
			t.Errorf("%s: a dictionary of %d bytes", name, binary.LittleEndian.Uint32(options[2:]))
		}
	}
}
