package slot

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// run runs somebody else's program.
func run(t *testing.T, pkg string, command ...string) string {
	t.Helper()
	if _, err := exec.LookPath(command[0]); err != nil {
		t.Fatalf("%s is missing: apt-get install %s", command[0], pkg)
	}
	out, err := exec.Command(command[0], command[1:]...).CombinedOutput()
	if err != nil {
		t.Fatalf("%q: %v: %s", command, err, out)
	}
	return string(out)
}

func fileOf(t *testing.T, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func contentOf(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestGRUBsToolReadsAndChangesOurBlocks(t *testing.T) {
	s := Delivered
	s.other = []variable{{"note", `back\slash`}}
	b, err := s.EncodeGRUB()
	if err != nil {
		t.Fatal(err)
	}
	path := fileOf(t, b)
	want := "BOOT_ORDER=A\nBOOT_A_LEFT=g\nBOOT_B_LEFT=0\nSEQ=0\nSEEN=0\nnote=back\\slash\n"
	if got := run(t, "grub-common", "grub-editenv", path, "list"); got != want {
		t.Errorf("grub-editenv reads\n%s\nwant\n%s", got, want)
	}
	run(t, "grub-common", "grub-editenv", path, "set", "BOOT_ORDER=B A", "BOOT_B_LEFT=2")
	got, err := ParseGRUB(contentOf(t, path))
	if want := s.WithFirst(B).WithLeft(B, 2); err != nil || !got.Equal(want) {
		t.Errorf("after grub-editenv: %+v, %v, want %+v", got, err, want)
	}
	run(t, "grub-common", "grub-editenv", path, "unset", "note", "SEQ")
	run(t, "grub-common", "grub-editenv", path, "set", "SEQ=8", "BOOT_A_LEFT=3")
	if got, err = ParseGRUB(contentOf(t, path)); err != nil || got.Seq != 8 || got.LeftA != 3 || got.other != nil {
		t.Errorf("after grub-editenv: %+v, %v", got, err)
	}

	header := run(t, "grub-common", "grub-editenv", fileOf(t, encoded(t, example())), "list")
	if !strings.Contains(header, "\nKERNEL=4+16108\nINITRD=16112+9458\nORIGIN=25570+1\n") || !strings.HasSuffix(header, "\nARGS="+example().Args+"\n") {
		t.Errorf("grub-editenv reads the header as\n%s", header)
	}
}

func TestUBootsToolsReadAndWriteOurEnvironments(t *testing.T) {
	s := Delivered
	s.other = []variable{{"note", "a b"}}
	b, err := s.EncodeUBoot()
	if err != nil {
		t.Fatal(err)
	}
	text := fileOf(t, []byte("BOOT_ORDER=A\nBOOT_A_LEFT=g\nBOOT_B_LEFT=0\nSEQ=0\nSEEN=0\nnote=a b\n"))
	made := filepath.Join(t.TempDir(), "made")
	run(t, "u-boot-tools", "mkenvimage", "-s", fmt.Sprint(StateSize), "-p", "0", "-o", made, text)
	if !bytes.Equal(contentOf(t, made), b) {
		t.Errorf("mkenvimage makes\n%q, we\n%q", contentOf(t, made), b)
	}
	path := fileOf(t, UBootCopy(b))
	config := fileOf(t, fmt.Appendf(nil, "%s 0 %#x\n", path, StateSize))
	printed := strings.Split(strings.TrimSpace(run(t, "libubootenv-tool", "fw_printenv", "-c", config)), "\n")
	if len(printed) != 6 || !strings.Contains(strings.Join(printed, "\n"), "BOOT_A_LEFT=g") {
		t.Errorf("fw_printenv prints %q", printed)
	}
	run(t, "libubootenv-tool", "fw_setenv", "-c", config, "BOOT_B_LEFT", "2")
	got, err := ParseUBoot(contentOf(t, path)[:StateSize])
	if err != nil || got.LeftB != 2 || got.LeftA != Good || len(got.other) != 1 {
		t.Errorf("after fw_setenv: %+v, %v", got, err)
	}
}

func TestTarFindsStateAndSpareInACopy(t *testing.T) {
	b, err := Delivered.EncodeGRUB()
	if err != nil {
		t.Fatal(err)
	}
	whole := GRUBCopy(b)
	path := fileOf(t, whole)
	if got := run(t, "tar", "tar", "--list", "--file", path); len(whole) != CopySize || got != GRUBFile+"\n"+GRUBSpare+"\n" {
		t.Errorf("%d bytes, tar lists %q", len(whole), got)
	}
	if got := run(t, "tar", "tar", "--extract", "--to-stdout", "--file", path, GRUBFile); got != string(b) || !bytes.Equal(whole[GRUBBlockAt:][:StateSize], b) {
		t.Errorf("tar reads\n%s", got)
	}
	if s, err := ParseGRUB([]byte(run(t, "tar", "tar", "--extract", "--to-stdout", "--file", path, GRUBSpare))); err != nil || !s.Equal(Spare) {
		t.Errorf("the spare is %+v, %v", s, err)
	}
}

func TestTheSumsAreThoseOfGzip(t *testing.T) {
	h := NewHeader(3*SectorSize-1, 2*SectorSize)
	h.Generation, h.Boot = example().Generation, example().Boot
	kernel, initrd := bytes.Repeat([]byte("k"), 3*SectorSize-1), bytes.Repeat([]byte("i"), 2*SectorSize)
	sums, err := SumsOf(kernel, initrd).Encode(h)
	if err != nil {
		t.Fatal(err)
	}
	var want string
	for _, part := range []struct {
		of      Range
		content []byte
	}{{Range{0, 2}, encoded(t, h)}, {h.Kernel, append(kernel, 0)}, {h.Initrd, initrd}} {
		packed := fileOf(t, part.content)
		run(t, "gzip", "gzip", packed)
		listed := strings.Fields(strings.Split(run(t, "gzip", "gzip", "--list", "--verbose", packed), "\n")[1])
		want += listed[1] + "  " + part.of.String() + "\n"
	}
	if got := strings.TrimLeft(string(sums[:SectorSize]), " "); got != want {
		t.Errorf("sums\n%sgzip says\n%s", got, want)
	}
}
