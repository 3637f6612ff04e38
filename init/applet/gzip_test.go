package applet

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"bantam/packing"
)

// packers are the tools that write what ours read.
var packers = []struct {
	tool, pkg, unpack, cat string
	format                 *packing.Format
}{
	{"gzip", "gzip", "gunzip", "zcat", packing.Gzip},
	{"xz", "xz-utils", "unxz", "xzcat", packing.XZ},
	{"zstd", "zstd", "unzstd", "zstdcat", packing.Zstd},
}

// packedBy is text as the reference tool compresses it.
func packedBy(t *testing.T, tool, pkg string, text []byte, args ...string) []byte {
	t.Helper()
	cmd := exec.Command(needTool(t, tool, pkg), append([]string{"-c", "-q"}, args...)...)
	cmd.Stdin = bytes.NewReader(text)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// run is one of our commands with a text as its input.
func run(name string, in []byte, args ...string) (out, errs string, code int) {
	var o, e bytes.Buffer
	code, _ = Run(name, args, Stdio{bytes.NewReader(in), &o, &e})
	return o.String(), e.String(), code
}

func sample() []byte {
	r := rand.New(rand.NewSource(1))
	noise := make([]byte, 70000)
	r.Read(noise)
	return append([]byte(strings.Repeat("all work and no play\n", 9000)), noise...)
}

func TestWhatTheOthersCompressIsRead(t *testing.T) {
	text := sample()
	for _, p := range packers {
		for _, level := range []string{"-1", "-9"} {
			packed := packedBy(t, p.tool, p.pkg, text, level)
			if out, errs, code := run(p.cat, packed); out != string(text) || code != 0 {
				t.Errorf("%s %s: status %d, %s", p.cat, level, code, errs)
			}
		}
		part := packedBy(t, p.tool, p.pkg, []byte("one\n"))
		empty := packedBy(t, p.tool, p.pkg, nil)
		both := bytes.Join([][]byte{part, empty, packedBy(t, p.tool, p.pkg, []byte("two\n"))}, nil)
		if out, errs, code := run(p.cat, both); out != "one\ntwo\n" || code != 0 {
			t.Errorf("%s: several files one behind the other: %q, status %d, %s", p.cat, out, code, errs)
		}
		for _, n := range []int{len(part) - 1, len(part) / 2, 5, 1} {
			if _, errs, code := run(p.cat, part[:n]); code != 1 || errs == "" {
				t.Errorf("%s: the first %d bytes: status %d, %q", p.cat, n, code, errs)
			}
		}
		damaged := bytes.Clone(packedBy(t, p.tool, p.pkg, text))
		damaged[len(damaged)/2] ^= 0x10
		if _, errs, code := run(p.tool, damaged, "-t"); code != 1 || errs == "" {
			t.Errorf("%s -t of damaged data: status %d, %q", p.tool, code, errs)
		}
	}
}

func TestGzipIsReadByTheOthers(t *testing.T) {
	text := sample()
	for _, level := range []string{"-1", "-6", "-9"} {
		packed, _, code := run("gzip", text, "-c", level)
		cmd := exec.Command(needTool(t, "gzip", "gzip"), "-dc")
		cmd.Stdin = strings.NewReader(packed)
		out, err := cmd.Output()
		if err != nil || !bytes.Equal(out, text) || code != 0 {
			t.Errorf("gzip %s: %v, status %d", level, err, code)
		}
	}
}

func TestBehindTheLastMemberZerosAreNothingAndOtherBytesAWarning(t *testing.T) {
	packed := packedBy(t, "gzip", "gzip", []byte("text\n"))
	if out, errs, code := run("zcat", append(bytes.Clone(packed), make([]byte, 5000)...)); out != "text\n" || code != 0 {
		t.Errorf("zeros: %q, status %d, %s", out, code, errs)
	}
	if out, errs, code := run("zcat", append(bytes.Clone(packed), "garbage"...)); out != "text\n" || code != 2 || errs == "" {
		t.Errorf("garbage: %q, status %d, %q", out, code, errs)
	}
}

// The file that takes the place of another has its mode, owner and times.
func TestAFileIsReplacedByItsCompressedSelf(t *testing.T) {
	for _, p := range packers {
		dir := t.TempDir()
		file := write(t, dir+"/file", string(sample()))
		if err := os.Chmod(file, 0o640); err != nil {
			t.Fatal(err)
		}
		if os.Getuid() == 0 {
			if err := os.Chown(file, 12, 34); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Chtimes(file, stampOf("a"), stampOf("b")); err != nil {
			t.Fatal(err)
		}
		before, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		if p.tool == "gzip" {
			do(t, "gzip", file)
		} else if out, err := exec.Command(needTool(t, p.tool, p.pkg), "-q", "--rm", file).CombinedOutput(); err != nil && p.tool == "zstd" {
			t.Fatal(err, string(out))
		} else if p.tool == "xz" {
			if out, err := exec.Command("xz", "-q", file).CombinedOutput(); err != nil {
				t.Fatal(err, string(out))
			}
		}
		if _, err := os.Lstat(file); err == nil {
			t.Fatalf("%s: the file is still there", p.tool)
		}
		do(t, p.unpack, filepath.Join(dir, filepath.Base(file)+p.format.Suffix))
		after, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		if before.Mode() != after.Mode() || !before.ModTime().Equal(after.ModTime()) || stat(before).Uid != stat(after).Uid || stat(before).Gid != stat(after).Gid {
			t.Errorf("%s: got %v %v %d, want %v %v %d", p.tool, after.Mode(), after.ModTime(), stat(after).Uid, before.Mode(), before.ModTime(), stat(before).Uid)
		}
		if read(t, file) != string(sample()) {
			t.Errorf("%s: the content differs", p.tool)
		}
	}
}

func TestAnInputIsNeverLost(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	good, _, _ := run("gzip", []byte("text\n"), "-c")
	write(t, "cut.gz", good[:len(good)-3])
	write(t, "taken.gz", good)
	write(t, "taken", "mine\n")
	write(t, "plain", "text\n")
	write(t, "two", "names\n")
	if err := os.Link("two", "second"); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("plain", "link"); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir("folder", 0o755); err != nil {
		t.Fatal(err)
	}
	before := listing(t, dir)
	for _, args := range [][]string{{"gunzip", "cut.gz"}, {"gunzip", "taken.gz"}, {"gunzip", "plain"}, {"gzip", "two"}, {"gzip", "link"}, {"gzip", "taken.gz"},
		{"gzip", "missing"}, {"gzip", "folder"}, {"gzip", "-t", "cut.gz"}, {"unxz", "taken.gz"}, {"xz", "plain"}} {
		if _, errs, code := run(args[0], nil, args[1:]...); code == 0 || errs == "" {
			t.Errorf("%q: status %d, %q", args, code, errs)
		}
		if after := listing(t, dir); after != before {
			t.Fatalf("%q changed\n%s\nto\n%s", args, before, after)
		}
	}
}

func TestAFullDiskLeavesTheInput(t *testing.T) {
	out := inNamespaces(t, syscall.CLONE_NEWNS, `
mount --make-rprivate /
mkdir m
mount -t tmpfs -o size=256k none m
head -c 150000 /dev/urandom > m/noise
head -c 9000000 /dev/zero | gzip -c > m/zeros.gz
for file in "gzip m/noise" "gunzip m/zeros.gz"; do ours $file 2> message && echo "$file went well"; cat message; done
ls -A m | tr "\n" " "
stat -c %s m/noise
umount m
`)
	if want := "gzip: m/noise: no space left on device\ngunzip: m/zeros.gz: no space left on device\nnoise zeros.gz 150000\n"; out != want {
		t.Errorf("got %q, want %q", out, want)
	}
}

func TestAHeaderCannotAskForAllMemory(t *testing.T) {
	// zstd: magic, a frame header with the largest window there is, one raw block.
	zst := []byte("\x28\xb5\x2f\xfd\x00\xff\x09\x00\x00a")
	if _, errs, code := run("zstdcat", zst); code != 1 || !strings.Contains(errs, "memory") {
		t.Errorf("zstd: status %d, %q", code, errs)
	}
	big := packedBy(t, "xz", "xz-utils", []byte("a"), "--lzma2=dict=512MiB")
	if _, errs, code := run("xzcat", big); code != 1 || !strings.Contains(errs, "memory") {
		t.Errorf("xz: status %d, %q", code, errs)
	}
}

func TestZcatOfPlainText(t *testing.T) {
	if _, errs, code := run("zcat", []byte("text\n")); code != 1 || !strings.Contains(errs, "not in that compressed format") {
		t.Errorf("zcat: status %d, %q", code, errs)
	}
	if out, errs, code := run("zcat", []byte("text\n"), "-f"); code != 0 || out != "text\n" {
		t.Errorf("zcat -f: status %d, %q, %q", code, out, errs)
	}
}

func FuzzUnpackedNeitherPanicsNorIsEndless(f *testing.F) {
	for _, p := range []string{"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03", "\xfd7zXZ\x00\x00\x04", "\x28\xb5\x2f\xfd\x24\x05\x29\x00\x00hello"} {
		f.Add([]byte(p))
	}
	var packed bytes.Buffer
	pack(&packed, strings.NewReader("some text that is packed"), 6)
	f.Add(packed.Bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		r, _, err := packing.Open(bufio.NewReader(bytes.NewReader(data)))
		if err != nil {
			return
		}
		defer r.Close()
		if _, err := io.CopyN(io.Discard, r, 64<<20); err != nil && err != io.EOF && fmt.Sprint(err) == "" {
			t.Error("an error without words")
		}
	})
}
