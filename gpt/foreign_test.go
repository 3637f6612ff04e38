package gpt

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Somebody takes the whole disk for something else; the backup of the table at its end is still there. Restoring the
// primary from it would write over what is there now: over LUKS' keys, for one.
func TestWhatReplacedTheTableIsNotWrittenOver(t *testing.T) {
	const sectors = 64 << 20 / SectorSize
	table := testTable(sectors)
	for name, command := range map[string][]string{
		"ext4": {"mke2fs", "-q", "-F", "-t", "ext4"},
		"swap": {"mkswap", "-f"},
		"FAT":  {"mkfs.fat", "-I"},
	} {
		path := filepath.Join(t.TempDir(), "disk")
		if err := os.WriteFile(path, written(t, table, sectors), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command(command[0], append(command[1:], path)...).CombinedOutput(); err != nil {
			t.Fatalf("%q (Debian packages e2fsprogs, util-linux, dosfstools): %v\n%s", command, err, out)
		}
		disk, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		c, err := Read(bytes.NewReader(disk), sectors)
		if err == nil && len(c.Repair()) > 0 {
			t.Errorf("%s: the table would be written over it", name)
		}
		t.Logf("%s: from the backup %v, foreign %v, %v", name, c.FromBackup, c.Foreign, err)
	}
	for name, change := range map[string]func(disk []byte){
		"LUKS 1": func(disk []byte) {
			copy(disk, "LUKS\xba\xbe\x00\x01aes")
			copy(disk[4096:], bytes.Repeat([]byte("key"), 5000))
		},
		"an MBR":   func(disk []byte) { disk[450] = 0x83; clear(disk[512:1024]) },
		"LVM":      func(disk []byte) { clear(disk[:2048]); copy(disk[512:], "LABELONE") },
		"mdraid":   func(disk []byte) { copy(disk[4096:], "\xfc\x4e\x2b\xa9\x01\x00\x00\x00"); copy(disk[1024:], "\x01") },
		"btrfs":    func(disk []byte) { clear(disk[:64<<10]) },
		"bit flip": func(disk []byte) { disk[1024+40] ^= 1 },
		"torn":     func(disk []byte) { clear(disk[1024+128 : 1024+512]); disk[1024+100] ^= 1 },
	} {
		disk := written(t, table, sectors)
		change(disk)
		c := read(t, disk)
		if ours := name == "bit flip" || name == "torn"; !c.FromBackup || c.Foreign == ours || (len(c.Repair()) > 0) != ours {
			t.Errorf("%s: from the backup %v, foreign %v, %d writes", name, c.FromBackup, c.Foreign, len(c.Repair()))
		}
	}
}
