package powercut

import (
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"bantam/switcher"
)

// logOf encodes a log of writes ("sector content"), flushes ("flush") and writes that are safe at once ("force").
func logOf(entries ...string) []byte {
	le := binary.LittleEndian
	log := make([]byte, sectorSize)
	le.PutUint64(log, logMagic)
	le.PutUint64(log[8:], logVersion)
	le.PutUint64(log[16:], uint64(len(entries)))
	le.PutUint32(log[24:], sectorSize)
	for _, e := range entries {
		head := make([]byte, sectorSize)
		var data []byte
		switch e {
		case "flush":
			le.PutUint64(head[16:], flagFlush)
		case "force":
			le.PutUint64(head[16:], flagForce)
		default:
			var at uint64
			var content string
			fmt.Sscan(e, &at, &content)
			for _, c := range content {
				data = append(data, strings.Repeat(string(c), sectorSize)...)
			}
			le.PutUint64(head, at)
			le.PutUint64(head[8:], uint64(len(content)))
		}
		log = append(append(log, head...), data...)
	}
	return log
}

// sectors shows a disk with one character a sector.
func sectors(disk []byte) string {
	var text []byte
	for at := 0; at < len(disk); at += sectorSize {
		text = append(text, disk[at])
	}
	return string(text)
}

func TestEveryDiskThatAPowerCutMayLeave(t *testing.T) {
	log, err := ReadLog(logOf("0 a", "1 bc", "flush", "0 xyz"))
	if err != nil {
		t.Fatal(err)
	}
	if last := log[len(log)-1]; last.End != int64(len(logOf("0 a", "1 bc", "flush", "0 xyz"))) {
		t.Errorf("the last event ends at %d", last.End)
	}
	base := []byte(strings.Repeat("-", 4*sectorSize))
	var got []string
	EachCut(slices.Clone(base), log, func(c Cut) {
		got = append(got, fmt.Sprintf("%d %s %s", c.Event, sectors(c.Disk), c.How))
	})
	want := []string{
		"1 a--- " + Written,
		"1 ab-- " + Torn,
		"2 abc- " + Written,
		"2 a--- " + Alone,
		"2 -bc- " + Missing,
		"2 -bc- " + Alone,
		"2 a--- " + Missing,
		"3 xbc- " + Torn,
		"3 xyc- " + Torn,
		"4 xyz- " + Written,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if got := sectors(After(base, log)); got != "xyz-" {
		t.Errorf("after all: %s", got)
	}
}

func TestWhatIsNoLogIsRefused(t *testing.T) {
	whole := logOf("0 a", "flush")
	for name, log := range map[string][]byte{
		"nothing":                  nil,
		"another magic":            make([]byte, len(whole)),
		"an entry is missing":      whole[:len(whole)-sectorSize],
		"data are missing":         whole[:2*sectorSize],
		"a write is safe at once":  logOf("force"),
		"more sectors than memory": slices.Concat(whole[:sectorSize+8], slices.Repeat([]byte{0x7f}, 8), whole[sectorSize+16:]),
	} {
		if events, err := ReadLog(log); err == nil {
			t.Errorf("%s: %v", name, events)
		}
	}
}

func TestADamageThatNoPowerCutExplainsIsTold(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ext4")
	if out, err := exec.Command("mke2fs", "-q", "-F", "-t", "ext4", "-b", "4096", "-O", "metadata_csum", path, "16M").CombinedOutput(); err != nil {
		t.Fatalf("mke2fs (Debian package e2fsprogs): %v\n%s", err, out)
	}
	if err := Recover(path); err != nil {
		t.Fatalf("nothing is wrong: %v", err)
	}
	out, err := exec.Command("debugfs", "-w", "-R", "clri <2>", path).CombinedOutput() // the root directory
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if err := Recover(path); err == nil {
		t.Error("a lost root directory was not told")
	}
}

func TestAGenerationThatCannotRunIsTold(t *testing.T) {
	const text, next = "hostname = \"image\"\n", "hostname = \"next\"\n"
	g := switcher.Generation{
		Board: "pc", Arch: "amd64",
		System: switcher.Descriptor{MediaType: switcher.SystemType, Digest: switcher.DigestOf([]byte(text)), Size: int64(len(text))},
		Kernel: switcher.Descriptor{MediaType: switcher.KernelType, Digest: switcher.DigestOf([]byte("kernel")), Size: 6},
	}
	dir := t.TempDir()
	o, err := Boot(dir, g, []byte(text), []byte(next))
	if err != nil || o.Text != text || o.Generation != 1 {
		t.Fatalf("first boot: %+v, %v", o, err)
	}
	if o, err = Boot(dir, g, []byte(text), []byte(text)); err != nil || o.Text != next || !o.Reached("committed", 2) {
		t.Fatalf("second boot: %+v, %v", o, err)
	}
	if o, err = Boot(dir, g, []byte(text), []byte(next)); err != nil || o.Text != text {
		t.Fatalf("third boot: %+v, %v", o, err)
	}
	if err := os.Remove(filepath.Join(dir, "store/blobs/sha256", switcher.DigestOf([]byte(next)).Hex())); err != nil {
		t.Fatal(err)
	}
	if o, err = Boot(dir, g, []byte(text), []byte(text)); err == nil {
		t.Errorf("the default cannot run, and nothing is told: %+v", o)
	}
}
