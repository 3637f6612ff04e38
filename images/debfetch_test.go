package images

import (
	"context"
	"os"
	"strings"
	"testing"
)

func TestDebIsFetchedOnceAndWhenItIsDamaged(t *testing.T) {
	ctx := context.Background()
	archive := Archive{CacheDir: testCache(t).Dir, Release: "bookworm", Arch: "amd64"}
	all, err := archive.Closure(ctx, "libtirpc-common")
	if err != nil {
		t.Fatal(err)
	}
	archive.CacheDir = t.TempDir()
	if err := os.CopyFS(archive.CacheDir+"/apt", os.DirFS(testCache(t).Dir+"/apt")); err != nil {
		t.Fatal(err)
	}
	get := func() (string, error) { return archive.Deb(ctx, all[0]) }
	path, err := get()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, 1000); err != nil {
		t.Fatal(err)
	}
	if again, err := get(); err != nil || again != path {
		t.Fatalf("a damaged one: %s, %v; want it fetched again", again, err)
	}
	if sum, err := FileDigest(path); err != nil || sum != all[0].SHA256 {
		t.Errorf("it has digest %s, %v; want %s", sum, err, all[0].SHA256)
	}
	noNetwork(t)
	if _, err := get(); err != nil {
		t.Errorf("without network: %v", err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := get(); err == nil || !strings.Contains(err.Error(), "Debian package libtirpc-common 1.3") {
		t.Errorf("without network and cache: %v, want an error that names the package", err)
	}
	if left, err := os.ReadDir(archive.CacheDir + "/debs"); err != nil || len(left) > 0 {
		t.Errorf("it leaves %v, %v", left, err)
	}
}
