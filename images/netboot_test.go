package images

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bantam/board"
	"bantam/newc"
)

func TestNetbootHasEachLayerInItsInitrd(t *testing.T) {
	one, two := squashLayer(t, "package/one", 5001), squashLayer(t, "program/two", 70_002)
	same := one
	same.Name = "program/same"
	c := composedOf(one, two, same)
	segment, err := newc.Pack([]newc.File{{Path: "bantam/generation/manifest.json", Mode: 0o644, Data: []byte("{}")}})
	if err != nil {
		t.Fatal(err)
	}
	c.Kernel, c.Segments, c.Digest = []byte("kernel"), []Segment{{Name: "generation", Data: segment}}, "sha256:x"
	dir := t.TempDir()
	b := board.Board{Name: "pc", Cmdline: "console=ttyS0", ImageLimit: 1 << 20}
	sizes, err := c.WriteMedia(context.Background(), Archive{}, b, dir, []string{KindNetboot})
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "pc.netboot")
	initrd := bytesOf(t, filepath.Join(out, "initrd"))
	if !bytes.HasPrefix(initrd, segment) || len(initrd)%4 != 0 {
		t.Errorf("%d bytes do not begin with the segments", len(initrd))
	}
	for _, l := range []Layer{one, two} {
		data := bytesOf(t, l.File)
		at := bytes.Index(initrd, data)
		name := fmt.Sprintf("bantam/layers/%s\x00", l.Digest.Hex())
		if at < 0 || at%4 != 0 || !strings.Contains(string(initrd[at-len(name)-8:at]), name) || bytes.Count(initrd, data) != 1 {
			t.Errorf("%s is not there once, under its name: at %d", l.Name, at)
		}
	}
	const script = "#!ipxe\nkernel vmlinuz initrd=initrd console=ttyS0 bantam.state=memory\ninitrd initrd\nboot\n"
	if got := string(bytesOf(t, filepath.Join(out, "boot.ipxe"))); got != script {
		t.Errorf("got\n%s\nwant\n%s", got, script)
	}
	if got := string(bytesOf(t, filepath.Join(out, "vmlinuz"))); got != "kernel" {
		t.Errorf("the kernel is %q", got)
	}
	if len(sizes) != 1 || sizes[0].Total != int64(len("kernel")+len(initrd)+len(script)) || sizes[0].Image != out {
		t.Errorf("sizes %+v", sizes)
	}

	b.ImageLimit = 1000
	if _, err := c.WriteMedia(context.Background(), Archive{}, b, dir, []string{KindNetboot}); err == nil || !strings.Contains(err.Error(), "pc.netboot") {
		t.Errorf("over the limit: %v", err)
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("what is over the limit is still there")
	}
	damaged := bytesOf(t, one.File)
	damaged[100] ^= 1
	if err := os.WriteFile(one.File, damaged, 0o644); err != nil {
		t.Fatal(err)
	}
	b.ImageLimit = 1 << 20
	if _, err := c.WriteMedia(context.Background(), Archive{}, b, dir, []string{KindNetboot}); err == nil || !strings.Contains(err.Error(), "is damaged; remove it") {
		t.Errorf("a damaged layer: %v", err)
	}
	if _, err := os.Stat(filepath.Join(out, "initrd")); err == nil {
		t.Error("half an initrd is there")
	}
}

func bytesOf(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
