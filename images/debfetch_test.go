package images

import (
	"context"
	"os"
	"path/filepath"
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

func TestDebsAreFetchedTogether(t *testing.T) {
	one, digest := small(t)
	asked := filepath.Join(t.TempDir(), "asked")
	fakeApt(t, `echo "$*" >>"`+asked+`"; cp "`+one+`" small_1_all.deb; echo other >other_1_all.deb; echo "E: no third" >&2; exit 100`+"\n")
	a := Archive{CacheDir: t.TempDir(), Release: "bookworm", Arch: "amd64", configured: true}
	records := []Record{
		{Package: "small", Version: "1", Architecture: "all", SHA256: digest},
		{Package: "other", Version: "1", Architecture: "all", SHA256: strings.Repeat("0", 64)},
		{Package: "third", Version: "1", Architecture: "all", SHA256: strings.Repeat("1", 64)},
	}
	a.Prefetch(context.Background(), records...)
	text, err := os.ReadFile(asked)
	if err != nil || string(text) != "-q download small=1 other=1 third=1\n" {
		t.Errorf("apt-get was asked for %q, %v", text, err)
	}
	left, err := os.ReadDir(filepath.Join(a.CacheDir, "debs"))
	if err != nil || len(left) != 1 {
		t.Errorf("it keeps %v, %v; want the one whose digest is right", left, err)
	}
	if _, err := a.Deb(context.Background(), records[0]); err != nil {
		t.Error(err)
	}
	a.Prefetch(context.Background(), records[0])
	a.Prefetch(context.Background(), records[:2]...) // one is left, which Deb does as well
	if again, err := os.ReadFile(asked); err != nil || string(again) != string(text) {
		t.Errorf("it was asked again: %q", again)
	}
}
