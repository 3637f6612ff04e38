package applet

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

func TestFileSystemsAreToldByTheirBeginning(t *testing.T) {
	table := make([]byte, 1024)
	table[510], table[511] = 0x55, 0xaa
	table[446], table[446+4] = 0x80, 0x0c
	boot := append([]byte(nil), table...)
	boot[446] = 0x33 // code, not a flag
	gpt := append(make([]byte, 512), "EFI PART"...)
	exfat := append([]byte("\xeb\x76\x90EXFAT   "), table[11:]...)
	for name, c := range map[string]struct {
		start []byte
		want  string
	}{
		"nothing":                   {nil, ""},
		"zeros":                     {make([]byte, signatureBytes), ""},
		"a table of partitions":     {table, partitioned},
		"an empty table":            {append(make([]byte, 510), 0x55, 0xaa), ""},
		"a boot sector's code":      {boot, ""},
		"a GPT":                     {gpt, partitioned},
		"exfat":                     {exfat, "exfat"},
		"cut within the signature":  {exfat[:8], ""},
		"a signature, not its disk": {[]byte("hsq"), ""},
	} {
		if got := fileSystemOf(c.start); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

func TestFileSystemsOfTheirOwnToolsAreTold(t *testing.T) {
	dir := t.TempDir()
	files := filepath.Join(dir, "files")
	if err := os.Mkdir(files, 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, files+"/file", "text")
	for _, c := range []struct {
		want, pkg string
		size      int64
		command   []string
	}{
		{"vfat", "dosfstools", 1 << 20, []string{"mkfs.vfat", "-F", "12"}},
		{"vfat", "dosfstools", 20 << 20, []string{"mkfs.vfat", "-F", "16"}},
		{"vfat", "dosfstools", 40 << 20, []string{"mkfs.vfat", "-F", "32"}},
		{"ext4", "e2fsprogs", 4 << 20, []string{"mkfs.ext4", "-q"}},
		{"ext4", "e2fsprogs", 4 << 20, []string{"mkfs.ext2", "-q"}},
		{"iso9660", "xorriso", 0, []string{"xorriso", "-as", "mkisofs", "-quiet", files, "-o"}},
	} {
		path := filepath.Join(dir, "disk")
		os.Remove(path)
		if c.size > 0 {
			// Over an older ext4, whose signature a new one may not reach.
			if err := os.WriteFile(path, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Truncate(path, c.size); err != nil {
				t.Fatal(err)
			}
			if out, err := exec.Command(needTool(t, "mkfs.ext4", "e2fsprogs"), "-q", "-F", path).CombinedOutput(); err != nil {
				t.Fatalf("mkfs.ext4: %v: %s", err, out)
			}
		}
		tool := needTool(t, c.command[0], c.pkg)
		if out, err := exec.Command(tool, append(c.command[1:], path)...).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v: %s", c.command, err, out)
		}
		start, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := fileSystemOf(start[:min(len(start), signatureBytes)]); got != c.want {
			t.Errorf("%s: got %q, want %q", c.command, got, c.want)
		}
	}
}
