package pid1

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"bantam/printable"
	"bantam/switcher"
)

func TestAnImageThatContradictsItselfIsNotReadAndTheVolumeIsAskedNext(t *testing.T) {
	dir, text := t.TempDir(), []byte("hostname = \"gate\"\n")
	blob := func(kind string, text []byte) switcher.Descriptor {
		return switcher.Descriptor{MediaType: kind, Digest: switcher.DigestOf(text), Size: int64(len(text))}
	}
	g := switcher.Generation{Board: "pc", Arch: "amd64", System: blob(switcher.SystemType, text), Kernel: blob(switcher.KernelType, []byte("kernel"))}
	write := func(name string, text []byte) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("manifest.json", g.Manifest())
	write("system.toml", text)
	if got, err := readImage(dir); err != nil || got.Digest() != g.Digest() {
		t.Fatalf("%v %+v", err, got)
	}
	for _, c := range []struct {
		file, text, want string
	}{
		{"system.toml", "hostname = \"gat", "its manifest names sha256:"},
		{"manifest.json", "{", "manifest.json: manifest: "},
	} {
		write(c.file, []byte(c.text))
		_, unread := readImage(dir)
		if unread == nil || !strings.Contains(unread.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.file, unread, c.want)
			continue
		}
		_, err := standIn(unread, t.TempDir(), "6.1.0")
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "no image with kernel 6.1.0 has run here before") {
			t.Errorf("%s: %v", c.file, err)
		}
	}
}

func TestACheckThatFailsSaysWhyInWords(t *testing.T) {
	late := os.ErrDeadlineExceeded // stands for the words of whoever set the limit
	for _, c := range []struct {
		claim  string
		status syscall.WaitStatus
		output string
		err    error
		want   string
	}{
		{"a success is none", 0, "all well\n", nil, ""},
		{"its status, and the last line that says something", 2 << 8, "one\ntwo\n\n", nil, "exit status 2: two"},
		{"a signal with its number", syscall.WaitStatus(syscall.SIGKILL), "", nil, "signal 9 (killed)"},
		{"a limit, and what it said before", 0, "PING 10.0.0.1\n", late, late.Error() + ": PING 10.0.0.1"},
		{"what it says cannot command the terminal", 1 << 8, "\x1b[2J", nil, "exit status 1: " + printable.Escape("\x1b[2J")},
	} {
		got := ""
		if err := checkFault(c.status, []byte(c.output), c.err); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.claim, got, c.want)
		}
	}
}
