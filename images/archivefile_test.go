package images

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"bantam/oci"
	"bantam/switcher"
)

func TestAnArchiveOfABuildIsReadBySkopeoAndByUs(t *testing.T) {
	in := testInputs(t, t.TempDir())
	in.Layers = []Layer{testLayer(t, "package/libc6", 70_000, 1, "package/tcpdump")}
	c := mustCompose(t, in)
	file := filepath.Join(t.TempDir(), "pc.oci.tar")
	size, err := WriteArchive(t.Context(), in.Store, c.Digest, "pc", file, nil)
	if err != nil {
		t.Fatal(err)
	}
	first, err := os.ReadFile(file)
	if err != nil || int64(len(first)) != size {
		t.Fatalf("%d bytes, %v, told %d", len(first), err, size)
	}
	if _, err := exec.LookPath("skopeo"); err != nil {
		t.Fatalf("%v: apt-get install skopeo", err)
	}
	said, err := exec.Command("skopeo", "inspect", "oci-archive:"+file).CombinedOutput()
	if err != nil || !bytes.Contains(said, []byte(c.Digest)) {
		t.Errorf("skopeo inspect: %v: %s", err, said)
	}
	src, err := oci.Open(t.Context(), file, oci.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	if raw, err := src.Manifest(t.Context()); err != nil || switcher.DigestOf(raw) != c.Digest {
		t.Errorf("manifest: %v: %s", err, raw)
	}
	if _, err := WriteArchive(t.Context(), in.Store, c.Digest, "pc", file, nil); err != nil {
		t.Fatal(err)
	}
	if again, err := os.ReadFile(file); err != nil || !bytes.Equal(first, again) {
		t.Errorf("again it has other bytes: %v", err)
	}
}

func TestAnArchiveThatCannotBeWholeIsNone(t *testing.T) {
	in := testInputs(t, t.TempDir())
	c := mustCompose(t, in)
	store, err := switcher.OpenStore(in.Store)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "pc.oci.tar")
	kernel := store.BlobPath(c.Generation.Kernel.Digest)
	for claim, damage := range map[string]func() error{
		"one wrong byte": func() error { return os.WriteFile(kernel, append([]byte("x"), c.Kernel[1:]...), 0o644) },
		"absent":         func() error { return os.Remove(kernel) },
	} {
		if err := os.WriteFile(kernel, c.Kernel, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := damage(); err != nil {
			t.Fatal(err)
		}
		_, err := WriteArchive(t.Context(), in.Store, c.Digest, "pc", file, nil)
		if err == nil || !strings.Contains(err.Error(), c.Generation.Kernel.Digest.Short()) {
			t.Errorf("%s: got %v", claim, err)
		}
		if left, _ := filepath.Glob(filepath.Join(filepath.Dir(file), "*")); len(left) > 0 {
			t.Errorf("%s: left over: %q", claim, left)
		}
	}
}
