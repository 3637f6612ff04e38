package test

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"bantam/oci"
	"bantam/switcher"
	"bantam/test/vm"
)

// archiveOf writes the generation that build has left in its folder as an archive.
func archiveOf(t *testing.T, out, to string) {
	t.Helper()
	source, err := oci.Open(t.Context(), filepath.Join(out, "store"), oci.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	f, err := os.Create(to)
	if err != nil {
		t.Fatal(err)
	}
	if err := oci.WriteArchive(t.Context(), f, "pc", source); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// usbStick is a disk with an ext4 file system that holds what is in the folder.
func usbStick(t *testing.T, folder string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "stick")
	if text, err := exec.Command("mkfs.ext4", "-q", "-d", folder, path, "160M").CombinedOutput(); err != nil {
		t.Fatalf("mkfs.ext4: %v\n%s\napt-get install e2fsprogs", err, text)
	}
	return path
}

// stick mounts the USB stick, whichever of two disks the kernel has met first.
func (c *console) stick() {
	c.t.Helper()
	c.must("mount /dev/vdb /mnt || mount /dev/vda /mnt; ls /mnt", ".tar")
}

// changed is a copy of an example with one text replaced by another.
func changed(t *testing.T, example, old, text string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Dir(example))); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, filepath.Base(example))
	before := string(read(t, file))
	if !strings.Contains(before, old) {
		t.Fatalf("%s has no %q", example, old)
	}
	if err := os.WriteFile(file, []byte(strings.Replace(before, old, text, 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

// Two generations of another build come on a USB stick: one with a package more, one with another text alone. They are switched to, rolled back, and one is
// taken away again, which skopeo reads.
func TestGenerationsComeAndGoOnAStick(t *testing.T) {
	const example = "../examples/mqtt/system.toml"
	first := build(t, "pc", example)
	files := t.TempDir()
	more := changed(t, example, `packages = ["mosquitto"]`, `packages = ["mosquitto", "tree"]`)
	archiveOf(t, build(t, "pc", more), filepath.Join(files, "more.oci.tar"))
	text := changed(t, example, `hostname = "mqtt"`, `hostname = "other"`)
	archiveOf(t, build(t, "pc", text), filepath.Join(files, "text.oci.tar"))
	usb := usbStick(t, files)
	path := disk(t, filepath.Join(first, "pc.img"))
	args := pc(t, bios, "-drive", virtio(path), "-drive", virtio(usb))
	c := &console{Machine: vm.Start(t, args...), t: t, host: "mqtt"}
	c.booted()
	c.settled()
	c.stick()

	got := c.must("bantam import --json /mnt/more.oci.tar", `"number": 2`, `"known": false`)
	moved := importedBytes(t, got)
	if moved.Loaded == 0 || moved.Loaded >= moved.Blobs || moved.Bytes > 2<<20 {
		t.Errorf("a package more has moved %+v", moved)
	}
	c.must("bantam import /mnt/more.oci.tar", "generation 2 was here already (nothing had to be loaded)")
	c.must("bantam generations", "2   untried", "import")
	c.must("ls /usr/bin/tree 2>&1; bantam status", "o such file", "generation  1, good")
	c.must("bantam plan 2", "package tree")
	c.Send("bantam switch 2\r")
	c.Expect("generation 2 runs and is the default")
	c.prompt()
	c.must("tree -L 1 /mnt", "more.oci.tar")

	c.Send("bantam switch /mnt/text.oci.tar\r")
	c.Expect("generation 3 came from /mnt/text.oci.tar")
	c.Expect("generation 3 runs and is the default")
	c.host = "other"
	c.prompt()
	c.must("bantam service list", "mosquitto", "ready")
	c.Send("bantam rollback\r")
	c.Expect("generation 2 runs and is the default")
	c.host = "mqtt"
	c.prompt()
	c.must("tree -L 1 /mnt", "more.oci.tar")

	// The next boot finds what came.
	c.must("umount /mnt; echo code $?", "code 0")
	c.PowerCut()
	c.Machine = vm.Start(t, args...)
	c.booted()
	c.settled()
	c.must("bantam status", "generation  2, good", "made by import")
	c.stick()
	c.must("tree -L 1 /mnt", "more.oci.tar")

	// Kernel and initrd come out of the boot slot.
	c.must("bantam export 2 /mnt/out.oci.tar; echo code $?", "generation 2 is in /mnt/out.oci.tar", "code 0")
	c.must("bantam import /mnt/out.oci.tar", "generation 2 was here already")
	c.must("bantam gc; umount /mnt; ls /state/import/blobs | wc -l", "removed 0 generations", "\n0\n")
	c.Send("poweroff\r")
	c.WaitEnd()

	exported := filepath.Join(t.TempDir(), "out.tar")
	if text, err := exec.Command("debugfs", "-R", "dump /out.oci.tar "+exported, usb).CombinedOutput(); err != nil {
		t.Fatalf("debugfs: %v\n%s\napt-get install e2fsprogs", err, text)
	}
	raw, err := exec.Command("skopeo", "inspect", "--raw", "oci-archive:"+exported).Output()
	if err != nil {
		t.Fatalf("skopeo: %v; apt-get install skopeo", err)
	}
	source, err := oci.Open(t.Context(), filepath.Join(files, "more.oci.tar"), oci.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	if want, err := source.Manifest(t.Context()); err != nil || !bytes.Equal(raw, want) {
		t.Errorf("skopeo reads\n%s\nwant\n%s\n%v", raw, want, err)
	}
	g, err := switcher.ParseManifest(raw)
	if err != nil || len(g.Layers) < 2 {
		t.Errorf("%+v, %v", g, err)
	}
	taken, err := oci.Open(t.Context(), exported, oci.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, d := range g.Blobs() {
		blob, err := taken.Blob(t.Context(), d, 0)
		if err != nil {
			t.Errorf("%s: %v", d.Spoken(), err)
			continue
		}
		content, err := io.ReadAll(blob)
		if have := switcher.DigestOf(content); err != nil || have != d.Digest {
			t.Errorf("%s: %s instead of %s, %v", d.Spoken(), have.Short(), d.Digest.Short(), err)
		}
		blob.Close()
	}
}

// moved is what an import says of its work.
type moved struct {
	Blobs, Loaded int
	Bytes         int64
}

func importedBytes(t *testing.T, text string) (m moved) {
	t.Helper()
	begin, end := strings.Index(text, "{"), strings.LastIndex(text, "}")
	if begin < 0 || end < begin {
		t.Fatalf("no JSON in\n%s", text)
	}
	if err := json.Unmarshal([]byte(text[begin:end+1]), &m); err != nil {
		t.Fatal(err)
	}
	t.Logf("moved %d bytes in %d blobs of %d", m.Bytes, m.Loaded, m.Blobs)
	return m
}
