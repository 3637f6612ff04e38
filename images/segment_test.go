package images

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"bantam/newc"
	"bantam/packing"
)

func TestXZIsWhatTheKernelReads(t *testing.T) {
	if _, err := exec.LookPath("xz"); err != nil {
		t.Fatalf("%v: apt-get install xz-utils", err)
	}
	data := bytes.Repeat([]byte("some code \xe8\x00\x00\x00\x00 "), 20_000)
	t.Setenv("XZ_OPT", "-0 --check=sha256") // what a user likes must not change our bytes
	for _, test := range []struct {
		bcj  string
		want []string // in the columns of xz --robot --list -vv
	}{
		{"", []string{"\tCRC32\t", "--lzma2=dict=512KiB"}},
		{"--x86", []string{"\tCRC32\t", "--x86 --lzma2=dict=512KiB"}},
	} {
		packed, err := compressXZ(context.Background(), Cache{t.TempDir()}, data, test.bcj)
		if err != nil {
			t.Fatal(err)
		}
		if len(packed)%4 != 0 {
			t.Errorf("%d bytes: the next segment would not be found", len(packed))
		}
		path := filepath.Join(t.TempDir(), "x.xz")
		if err := os.WriteFile(path, packed, 0o644); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command("xz", "--robot", "--list", "-vv", path).CombinedOutput()
		if err != nil {
			t.Fatalf("xz --list: %v: %s", err, out)
		}
		for _, want := range test.want {
			if !strings.Contains(string(out), want) {
				t.Errorf("xz %s --list says\n%swant %q in it", test.bcj, out, want)
			}
		}
		back, err := filter(context.Background(), packed, "xz", "-dc")
		if err != nil || !bytes.Equal(back, data) {
			t.Errorf("xz %s does not come back: %v", test.bcj, err)
		}
	}
}

// A kernel that is known to have zstd is soonest done with it.
func TestSegmentsArePackedAsTheKernelUnpacksThemSoonest(t *testing.T) {
	t.Setenv("ZSTD_CLEVEL", "1") // what a user likes must not change our bytes
	code := bytes.Repeat([]byte("some code \xe8\x00\x00\x00\x00 "), 500)
	config := filepath.Join(t.TempDir(), "config")
	for _, test := range []struct {
		config, tool, magic string
	}{
		{"\nCONFIG_RD_XZ=y\nCONFIG_RD_ZSTD=y\n", "zstd", packing.Zstd.Magic},
		{"\nCONFIG_RD_XZ=y\n# CONFIG_RD_ZSTD is not set\n", "xz", packing.XZ.Magic},
		{"\nCONFIG_RD_XZ=y\nCONFIG_RD_ZSTD=m\n", "xz", packing.XZ.Magic},
		{"", "xz", packing.XZ.Magic},
	} {
		if err := os.WriteFile(config, []byte(test.config), 0o644); err != nil {
			t.Fatal(err)
		}
		for more := range 4 { // bytes that nothing makes fewer, so that all lengths are there that are no multiple of four
			files := []newc.File{{Path: "code", Mode: 0o755, Data: slices.Concat(code, []byte("\x93\x47\xd1\x0e")[:more])}}
			raw, err := newc.Pack(files)
			if err != nil {
				t.Fatal(err)
			}
			s, err := packSegment(t.Context(), Cache{t.TempDir()}, Kernel{Config: config}, "init", files, "--x86")
			if err != nil {
				t.Fatal(err)
			}
			packed := bytes.TrimLeft(s.Data, "\x00")
			if len(s.Data)%4 != 0 || len(s.Data)-len(packed) > 3 || !bytes.HasPrefix(packed, []byte(test.magic)) {
				t.Errorf("%q: %d bytes that begin with %q", test.config, len(s.Data), s.Data[:8])
			}
			back, err := filter(t.Context(), packed, test.tool, "-dc")
			if err != nil || !bytes.Equal(back, raw) || s.Raw != int64(len(raw)) {
				t.Errorf("%s does not give back the archive: %v", test.tool, err)
			}
			if back, err = unpackSegment(s.Data); err != nil || !bytes.Equal(back, raw) {
				t.Errorf("a segment does not give back the archive: %v", err)
			}
			if test.tool != "zstd" {
				continue
			}
			path := filepath.Join(t.TempDir(), "x.zst")
			if err := os.WriteFile(path, packed, 0o644); err != nil {
				t.Fatal(err)
			}
			// The window, for which the kernel has to find memory, is as large as the data.
			if said := output(t, "zstd", "-lv", path); !strings.Contains(said, "Check: XXH64") || strings.Count(said, fmt.Sprintf("(%d B)", len(raw))) != 2 {
				t.Errorf("zstd -lv says\n%s", said)
			}
		}
	}
}

func TestBranchFilterOnlyIfTheKernelCanUndoIt(t *testing.T) {
	dir := t.TempDir()
	config := filepath.Join(dir, "config")
	kernel := func(text string) Kernel {
		if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return Kernel{Config: config}
	}
	for _, test := range []struct{ name, config, arch, want string }{
		{"x86 with its filter", "\nCONFIG_XZ_DEC_X86=y\n", "amd64", "--x86"},
		{"x86 without", "\n# CONFIG_XZ_DEC_X86 is not set\n", "amd64", ""},
		{"arm64 before Linux 6.12", "\nCONFIG_XZ_DEC_ARM=y\n", "arm64", ""},
		{"arm64 since", "\nCONFIG_XZ_DEC_ARM64=y\n", "arm64", "--arm64"},
		{"mips has none", "\nCONFIG_XZ_DEC_X86=y\n", "mips", ""},
	} {
		if got := bcjFilter(kernel(test.config), test.arch); got != test.want {
			t.Errorf("%s: filter %q, want %q", test.name, got, test.want)
		}
	}
	if got := bcjFilter(Kernel{}, "amd64"); got != "" {
		t.Errorf("a kernel of unknown configuration: filter %q, want none", got)
	}
}
