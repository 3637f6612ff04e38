package images

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bantam/board"
)

// What takes the bytes of an image is the kernel as it lies there, packed where the loader unpacks it.
func TestExplainedKernelIsTheOneInTheImage(t *testing.T) {
	in := testInputs(t, t.TempDir())
	in.Kernel.Image = filepath.Join(t.TempDir(), "Image")
	plain := bytes.Repeat([]byte("a kernel that is not compressed "), 10_000)
	if err := os.WriteFile(in.Kernel.Image, plain, 0o644); err != nil {
		t.Fatal(err)
	}
	packed, err := PackKernel(context.Background(), in.Cache, plain)
	if err != nil {
		t.Fatal(err)
	}
	forUBoot, err := packForUBoot(context.Background(), in.Cache, plain)
	if err != nil {
		t.Fatal(err)
	}
	for boot, want := range map[string]int{board.Hybrid: len(plain), board.EFIGrub: len(packed), board.UBoot: len(forUBoot)} {
		in.Board.Boot = boot
		c := mustCompose(t, in)
		x, err := Explain(context.Background(), in.Store, in.Board)
		if err != nil {
			t.Fatal(err)
		}
		if x.Generation != c.Digest || x.Parts[0].Name != "kernel" || x.Parts[0].Size != int64(want) {
			t.Errorf("%s: generation %s has %+v, want %s with a kernel of %d bytes", boot, x.Generation, x.Parts[0], c.Digest, want)
		}
	}
}

func TestExplainMakesNoStore(t *testing.T) {
	dir := t.TempDir()
	if _, err := Explain(context.Background(), dir, board.Board{Name: "pc"}); err == nil || !strings.Contains(err.Error(), "has no generation for board pc") {
		t.Errorf("a folder that is no store: %v", err)
	}
	if made, err := os.ReadDir(dir); err != nil || len(made) > 0 {
		t.Errorf("it makes %v there (%v)", made, err)
	}
}
