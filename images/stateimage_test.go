package images

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"bantam/init/statevolume/sparse"
)

func TestTheStateImageIsACleanFileSystemAndTheSameEachTime(t *testing.T) {
	packed, err := StateImage(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("TZ", "Asia/Tokyo")
	t.Setenv("TMPDIR", t.TempDir())
	again, err := StateImage(context.Background())
	if err != nil || !bytes.Equal(packed, again) {
		t.Errorf("two images differ (%d and %d bytes, %v)", len(packed), len(again), err)
	}
	if len(packed) > 200_000 {
		t.Errorf("the template has %d bytes, want less than 200,000", len(packed))
	}
	s, err := sparse.Unpack(packed)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "ext4")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	for i, b := range s.Used {
		if _, err := f.WriteAt(b, int64(i)*sparse.BlockSize); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Truncate(s.Size()); err != nil {
		t.Fatal(err)
	}
	f.Close()
	output(t, "e2fsck", "-f", "-n", path)
	t.Logf("%d bytes: %d of %d blocks", len(packed), len(s.Used), s.Blocks)
}
