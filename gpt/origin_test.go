package gpt

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

func TestAnOriginIsAnArchiveOfOneSector(t *testing.T) {
	o := Origin{Image: testDisk, Sector: 28672, Disk: DeriveGUID("test", "own")}
	sector := o.Archive()
	if got, ok := ReadOrigin(sector); !ok || got != o || len(sector) != SectorSize {
		t.Fatalf("got %+v, %v from %d bytes; want %+v", got, ok, len(sector), o)
	}
	cmd := exec.Command("cpio", "-i", "--quiet")
	cmd.Dir, cmd.Stdin = t.TempDir(), bytes.NewReader(sector)
	if err := os.Mkdir(cmd.Dir+"/bantam", 0o755); err != nil {
		t.Fatal(err)
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("cpio, of the Debian package of that name: %v\n%s", err, out)
	}
	text, err := os.ReadFile(filepath.Join(cmd.Dir, OriginPath))
	if err != nil || string(text) != o.String() {
		t.Errorf("cpio unpacks %q, %v; want %q", text, err, o)
	}
	for i := range sector {
		damaged := bytes.Clone(sector)
		damaged[i] ^= 0x80
		if got, ok := ReadOrigin(damaged); ok {
			t.Fatalf("with byte %d damaged: %+v", i, got)
		}
	}
	for _, text := range []string{"", o.String()[1:], o.String() + "\n", "Bantam disk\n\n\n\n"} {
		if got, err := ParseOrigin(text); err == nil {
			t.Errorf("%q: got %+v", text, got)
		}
	}
}

func FuzzParseOrigin(f *testing.F) {
	f.Add(Origin{Image: testDisk}.String())
	f.Fuzz(func(t *testing.T, text string) {
		if o, err := ParseOrigin(text); err == nil && o.String() != text {
			t.Errorf("%q is read as %+v", text, o)
		}
	})
}

func TestThePartitionsOfAnImageFollowTheDisksGUID(t *testing.T) {
	old, next, mine := testTable(40000), DeriveGUID("test", "own"), DeriveGUID("somebody's", "own")
	old.Partitions[0].ID = DeriveGUID(old.Disk.String(), ESPPurpose)
	old.Partitions = append(old.Partitions, Partition{Type: stateTyp, ID: mine, First: 3000, Last: 3999},
		Partition{Type: Layers, ID: DeriveGUID(old.Disk.String(), LayersPurpose), First: 4000, Last: 4999})
	got := old.WithDisk(next)
	if got.Disk != next || got.Partitions[0].ID != DeriveGUID(next.String(), ESPPurpose) || got.Partitions[1].ID != mine ||
		got.Partitions[2].ID != DeriveGUID(next.String(), LayersPurpose) {
		t.Errorf("got %+v", got)
	}
	if old.Disk != testDisk || old.Partitions[0].ID != DeriveGUID(testDisk.String(), ESPPurpose) {
		t.Error("the old table was changed")
	}
}
