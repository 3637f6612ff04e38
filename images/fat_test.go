package images

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Every number of clusters around the borders of the two kinds of FAT and of the cluster sizes must give a file system
// that fsck.fat finds clean and mtools reads.
func TestFATIsCleanAtEveryBorder(t *testing.T) {
	const dirs = 2 // EFI and BOOT take a cluster each
	for _, clusters := range []int64{1, 2, 339, 340, 341, fat12Clusters - 17, fat12Clusters - 16, fat12Clusters - 15, fat12Clusters, fat12Clusters + 1,
		fat12Clusters + 16, fat12Clusters + 17, 32 << 10, fat16Clusters - 17, fat16Clusters - 16, fat16Clusters - 15, fat16Clusters} {
		t.Run(fmt.Sprint(clusters, " clusters"), func(t *testing.T) {
			data := bytes.Repeat([]byte{0xA5}, int(max(clusters-dirs, 0)*fatMinCluster))
			l, starts, err := fatLayout([]fatFile{{path: "EFI/BOOT/X.EFI", content: layout{size: int64(len(data)), regions: []region{{content: Bytes(data)}}}}}, "BANTAM", 0x12345678)
			if err != nil {
				t.Fatal(err)
			}
			var b bytes.Buffer
			if err := l.write(&b); err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			path, copied := filepath.Join(dir, "fat"), filepath.Join(dir, "copy")
			if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
			output(t, "fsck.fat", "-n", path)
			output(t, "mcopy", "-i", path, "::/EFI/BOOT/X.EFI", copied)
			got, err := os.ReadFile(copied)
			if err != nil || sha256.Sum256(got) != sha256.Sum256(data) {
				t.Errorf("mcopy gave %d bytes, %v; want %d", len(got), err, len(data))
			}
			if at := starts["EFI/BOOT/X.EFI"]; len(data) > 0 && (at%fatMinCluster != 0 || !bytes.HasPrefix(b.Bytes()[at:], data)) {
				t.Errorf("the file is not contiguous at byte %d", at)
			}
		})
	}
}

func TestFATHoldsManyFilesAndDirectories(t *testing.T) {
	var files []fatFile
	for i := range 100 {
		content := bytes.Repeat([]byte{byte(i)}, i*100) // the first is empty
		for _, path := range []string{"F%02d.TXT", "DIR/F%02d.TXT", "DIR/SUB%02d/A"} {
			files = append(files, fatFile{path: fmt.Sprintf(path, i), content: layout{size: int64(len(content)), regions: []region{{content: Bytes(content)}}}})
		}
	}
	l, _, err := fatLayout(files, "BANTAM", 1)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "fat")
	if err := WriteFileAtomic(path, l.write); err != nil {
		t.Fatal(err)
	}
	output(t, "fsck.fat", "-n", path)
	output(t, "mcopy", "-s", "-i", path, "::/", dir)
	for i := range 100 {
		for _, name := range []string{"F%02d.TXT", "DIR/F%02d.TXT", "DIR/SUB%02d/A"} {
			got, err := os.ReadFile(filepath.Join(dir, fmt.Sprintf(name, i)))
			if err != nil || !bytes.Equal(got, bytes.Repeat([]byte{byte(i)}, i*100)) {
				t.Errorf(name+": got %d bytes, %v", i, len(got), err)
			}
		}
	}
}

func TestFATRefusesNamesItCannotKeep(t *testing.T) {
	for _, name := range []string{"lower", "NINECHARS", "A.LONG", "A B", "", "EFI//X", "A.B.C", "Ä"} {
		if _, _, err := fatLayout([]fatFile{{path: name}}, "BANTAM", 1); err == nil || !strings.Contains(err.Error(), "FAT name") {
			t.Errorf("%q: got %v", name, err)
		}
	}
}

func TestALayoutNeverWritesTwoThingsToOnePlace(t *testing.T) {
	l := layout{size: 100}
	l.add(0, "first", Bytes(make([]byte, 50)))
	l.add(49, "second", Bytes(make([]byte, 10)))
	if err := l.write(&bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), "second at byte 49 begins inside first") {
		t.Errorf("got %v", err)
	}
	l = layout{size: 100}
	l.add(99, "late", Bytes(make([]byte, 2)))
	if err := l.write(&bytes.Buffer{}); err == nil {
		t.Error("a region behind the end was written")
	}
}
