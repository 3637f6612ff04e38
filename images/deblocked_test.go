package images

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"bantam/images/lock"
)

// lockedArchive is an archive whose lock names package small, in an empty cache.
func lockedArchive(t *testing.T, digest string) Archive {
	t.Helper()
	f := lock.File{"pc": {Release: "bookworm", Packages: map[lock.Name]lock.Package{
		{Arch: "amd64", Package: "small"}: {Version: "1:1", SHA256: digest, Arch: "all", Source: "small 1:1"},
	}}}
	in, err := lock.Use("system.lock", f, "pc", lock.Update{}, true)
	if err != nil {
		t.Fatal(err)
	}
	return Archive{CacheDir: t.TempDir(), Release: "bookworm", Arch: "amd64", Lock: in, snapshot: "http://127.0.0.1:1"}
}

// small makes package small and returns its path and digest.
func small(t *testing.T) (deb, digest string) {
	t.Helper()
	deb = filepath.Join(t.TempDir(), "small.deb")
	makeDeb(t, deb, "usr/share/small", "small\n", time.Now())
	digest, err := FileDigest(deb)
	if err != nil {
		t.Fatal(err)
	}
	return deb, digest
}

// wantSmall checks that package small came with its file, or not, with what fault says.
func wantSmall(t *testing.T, name string, a Archive, fault string) {
	t.Helper()
	packages, err := a.Packages(context.Background(), "small")
	if fault != "" {
		if err == nil || !strings.Contains(err.Error(), fault) {
			t.Errorf("%s: %v, want %q", name, err, fault)
		}
		return
	}
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	if text, err := os.ReadFile(filepath.Join(packages["small"].Dir, "usr/share/small")); err != nil || string(text) != "small\n" {
		t.Errorf("%s: its file: %q, %v", name, text, err)
	}
}

func TestALockedPackageIsTakenFromTheArchiveThatHasIt(t *testing.T) {
	deb, digest := small(t)
	fakeApt(t, `case "$*" in
*update*) ;;
*"download small=1:1") cp "`+deb+`" small_1%3a1_all.deb ;;
*) echo "E: what is $*?" >&2; exit 100 ;;
esac
`)
	wantSmall(t, "the archive has it", lockedArchive(t, digest), "")
	wantSmall(t, "the archive has other bytes", lockedArchive(t, strings.Repeat("0", 64)), "has SHA-256 "+digest+", system.lock says 000")
}

// What the archive has no longer is asked for once more with new lists, then fetched from the snapshot service.
func TestALockedPackageThatHasLeftTheArchive(t *testing.T) {
	deb, digest := small(t)
	updates := filepath.Join(t.TempDir(), "updates")
	gone := `case "$*" in
*update*) echo >>"` + updates + `" ;;
*) echo "E: Version '1:1' for 'small' was not found" >&2; exit 100 ;;
esac
`
	asked := 0
	files := http.NewServeMux()
	files.HandleFunc("/mr/binary/small/1:1/binfiles", func(w http.ResponseWriter, r *http.Request) {
		asked++
		w.Write([]byte(`{"package": "small", "result": [{"architecture": "armhf", "hash": "00"}, {"architecture": "all", "hash": "abcd"}]}`))
	})
	files.HandleFunc("/file/abcd", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, deb) })
	server := httptest.NewServer(files)
	defer server.Close()
	t.Setenv("http_proxy", "")
	t.Setenv("no_proxy", "*")

	fakeApt(t, gone)
	a := lockedArchive(t, digest)
	a.snapshot = server.URL
	wantSmall(t, "the snapshot service has it", a, "")
	if text, err := os.ReadFile(updates); err != nil || len(text) != 2 || asked != 1 {
		t.Errorf("%d updates of the lists, %v, and %d questions; want 2 and 1", len(text), err, asked)
	}
	a = lockedArchive(t, strings.Repeat("0", 64))
	a.snapshot = server.URL
	wantSmall(t, "the snapshot service has other bytes", a, "system.lock says 000")
	wantSmall(t, "nobody has it", lockedArchive(t, digest), "system.lock wants version 1:1 of SHA-256 "+digest+", which neither archive nor snapshot service gave; bantam build --update small takes the newest")
}

// A full disk is no reason to take another version.
func TestALockedPackageForWhichThereIsNoRoom(t *testing.T) {
	fakeApt(t, `case "$*" in
*update*) ;;
*) echo "E: Failed to fetch http://deb.debian.org/small.deb  Error writing to file - write (28: No space left on device)" >&2; exit 100 ;;
esac
`)
	a := lockedArchive(t, strings.Repeat("0", 64))
	_, err := a.Packages(context.Background(), "small")
	if !errors.Is(err, syscall.ENOSPC) || strings.Contains(err.Error(), "--update") {
		t.Errorf("%v", err)
	}
}

func TestALockedPackageFromAVendorFolder(t *testing.T) {
	deb, digest := small(t)
	fakeApt(t, "echo apt was called >&2; exit 100\n")
	vendor := t.TempDir()
	a := lockedArchive(t, digest)
	a.Vendor = vendor
	wantSmall(t, "an empty folder", a, "debian/small_1%3a1_all.deb: no such file or directory; bantam vendor puts it there")
	if err := os.Mkdir(filepath.Join(vendor, "debian"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := copyFile(filepath.Join(vendor, "debian/small_1%3a1_all.deb"), deb); err != nil {
		t.Fatal(err)
	}
	wantSmall(t, "the folder has it", a, "")
	if _, err := a.Packages(context.Background(), "other"); err == nil || !strings.Contains(err.Error(), "system.lock does not say which other (amd64)") {
		t.Errorf("a package that nobody vendored: %v", err)
	}
	a = lockedArchive(t, strings.Repeat("0", 64))
	a.Vendor = vendor
	wantSmall(t, "the folder has other bytes", a, "system.lock says 000")
}

// A build whose lock says everything asks apt nothing, not even for its lists.
func TestALockedBuildWithAWarmCacheAsksNobody(t *testing.T) {
	fakeApt(t, "echo apt was called >&2; exit 100\n")
	a := lockedArchive(t, "abc")
	if err := writeText(filepath.Join(a.CacheDir, "packages/small_1:1_all_abc/root/usr/share/small"), "small\n"); err != nil {
		t.Fatal(err)
	}
	wantSmall(t, "in the cache", a, "")
	if _, err := os.Stat(a.path()); err == nil {
		t.Error("apt's private root was made for nothing")
	}
}

// A package more takes its versions from the archive of today, all others stay; unless they do not go together.
func TestVersionsOfDifferentDays(t *testing.T) {
	deb, digest := small(t)
	for needs, want := range map[string]string{
		"small":                     "",
		"libc6, small (>= 1)":       "",
		"small (>= 9) | other":      "",
		"small:any (>= 2), libc6":   "app 2 depends on small >= 2, but version 1 is to be taken; bantam build --update small takes the newest",
		"libc6 (>= 9), small (= 0)": "app 2 depends on small = 0, but",
		"small (<< 1), base (= 7)":  "app 2 depends on small << 1, but",
	} {
		a := lockedArchive(t, digest)
		all, err := lock.Use("system.lock", lock.File{"pc": {Release: "bookworm", Packages: map[lock.Name]lock.Package{
			{Arch: "amd64", Package: "small"}: {Version: "1", SHA256: digest, Arch: "all", Source: "small 1"},
		}}}, "pc", lock.Update{}, false)
		if err != nil {
			t.Fatal(err)
		}
		a.Lock = all
		if err := a.writeSources(); err != nil {
			t.Fatal(err)
		}
		r := Record{Package: "small", Version: "1", Architecture: "all", SHA256: digest}
		for path, text := range map[string]string{
			a.path("updated"): "",
			a.path(closuresFile): `{"app": [{"Package": "app", "Version": "2", "Architecture": "amd64", "SHA256": "aa", "Depends": "` + needs + `"},
				{"Package": "small", "Version": "3", "Architecture": "all", "SHA256": "bb"}]}`,
		} {
			if err := writeText(path, text); err != nil {
				t.Fatal(err)
			}
		}
		if err := copyFile(filepath.Join(a.CacheDir, "debs", r.fileName()+".deb"), deb); err != nil {
			t.Fatal(err)
		}
		if needs == "small" { // what a hand has written into the lock is not believed
			wrong := Record{Package: "small", Version: "7", Architecture: "all", SHA256: digest, locked: true}
			if err := copyFile(filepath.Join(a.CacheDir, "debs", wrong.fileName()+".deb"), deb); err != nil {
				t.Fatal(err)
			}
			wrong, err := a.complete(context.Background(), wrong)
			if err == nil || !strings.Contains(err.Error(), "system.lock says that small 7 has SHA-256 "+digest+", but that is small 1") {
				t.Errorf("a version of another digest: %+v, %v", wrong, err)
			}
		}
		records, err := a.Closure(context.Background(), "app")
		if want != "" {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %q", needs, err, want)
			}
			continue
		}
		if err != nil || len(records) != 2 || records[0].Version != "2" || records[1].Version != "1" || records[1].SHA256 != digest {
			t.Errorf("%s: %+v, %v", needs, records, err)
		}
	}
}
