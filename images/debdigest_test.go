package images

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// makeDeb makes a package of the given date with one file in it.
func makeDeb(t *testing.T, path, file, text string, made time.Time) {
	t.Helper()
	tree := t.TempDir()
	control := "Package: small\nVersion: 1\nArchitecture: all\nMaintainer: Nobody <nobody@example.org>\nDescription: small\n"
	for name, text := range map[string]string{"DEBIAN/control": control, file: text} {
		if err := writeText(filepath.Join(tree, name), text); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("dpkg-deb", "--root-owner-group", "-b", tree, path)
	cmd.Env = append(os.Environ(), "SOURCE_DATE_EPOCH="+made.Format("20060102")) // any number will do
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v: %s", cmd.Args, err, out)
	}
}

// fakeApt puts an apt-get before the real one, a script.
func fakeApt(t *testing.T, script string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "apt-get"), []byte("#!/bin/sh\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
}

// apt verifies what it downloads; should it hand us other bytes than its lists name all the same, they are not used.
func TestPackageWithAnotherDigestIsNotUsed(t *testing.T) {
	dir := t.TempDir()
	deb := filepath.Join(dir, "small_1_all.deb")
	makeDeb(t, deb, "usr/share/small", "small\n", time.Now())
	good, err := FileDigest(deb)
	if err != nil {
		t.Fatal(err)
	}
	fakeApt(t, `[ "$2" = download ] && cp "`+deb+`" .`+"\n")
	bad := strings.Repeat("0", 64)
	for digest, fault := range map[string]string{good: "", bad: "has SHA-256 " + good + ", its list says " + bad} {
		a := Archive{CacheDir: t.TempDir(), Release: "bookworm", Arch: "amd64", configured: true}
		p, err := a.unpacked(context.Background(), Record{Package: "small", Version: "1", Architecture: "all", SHA256: digest})
		if fault == "" && err != nil || fault != "" && (err == nil || !strings.Contains(err.Error(), fault)) {
			t.Errorf("digest %.4s: %v, want %q", digest, err, fault)
		}
		if _, err := os.Stat(filepath.Join(p.Dir, "usr/share/small")); (err == nil) != (fault == "") {
			t.Errorf("digest %.4s: unpacked file: %v", digest, err)
		}
		left, _ := filepath.Glob(filepath.Join(a.CacheDir, "packages", "*"))
		hidden, _ := filepath.Glob(filepath.Join(a.CacheDir, "packages", ".*"))
		if want := map[bool]int{true: 1, false: 0}[fault == ""]; len(left)+len(hidden) != want {
			t.Errorf("digest %.4s: the cache keeps %v %v", digest, left, hidden)
		}
	}
}

// Two hosts that fetched the same kernel on different days write the same date.
func TestDateOfAKernelIsThatOfItsPackage(t *testing.T) {
	const name = "linux-image-9"
	made := time.Unix(20260102, 0).UTC()
	for _, fetched := range []time.Time{time.Unix(1e9, 0), time.Unix(2e9, 0)} {
		a := Archive{CacheDir: t.TempDir(), Release: "bookworm", Arch: "amd64"}
		if err := a.writeSources(); err != nil {
			t.Fatal(err)
		}
		package9 := filepath.Join(a.CacheDir, "packages", name+"_1_amd64_"+"abc")
		image := filepath.Join(package9, "root/boot/vmlinuz-9")
		for path, text := range map[string]string{
			image:               string(make([]byte, 0x202)) + "HdrS",
			a.path("updated"):   "",
			a.path(recordsFile): `{"` + name + `": {"Package": "` + name + `", "Version": "1", "Architecture": "amd64", "SHA256": "abc"}}`,
		} {
			if err := writeText(path, text); err != nil {
				t.Fatal(err)
			}
		}
		makeDeb(t, filepath.Join(package9, "package.deb"), "boot/vmlinuz-9", "", time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC))
		for _, path := range []string{image, filepath.Join(package9, "package.deb")} {
			if err := os.Chtimes(path, fetched, fetched); err != nil {
				t.Fatal(err)
			}
		}
		k, err := DebianKernel(context.Background(), a, name)
		if err != nil || !k.Date.Equal(made) {
			t.Errorf("fetched %v: date %v, %v; want %v", fetched, k.Date, err, made)
		}
	}
	if _, err := debDate("debdigest_test.go"); err == nil || !strings.Contains(err.Error(), "is no Debian package") {
		t.Errorf("date of what is no package: %v", err)
	}
}

// A mirror whose signed word is past its own limit is refused, also where old lists would do; but for want of a network they do.
func TestExpiredArchiveIsRefused(t *testing.T) {
	for _, test := range []struct {
		name, said string
		refused    bool
	}{
		{"an expired archive", "E: Release file for http://x/dists/bookworm-security/InRelease is expired (invalid since 3d 1h 2min 3s). Updates for this repository will not be applied.", true},
		{"no network", "E: Failed to fetch http://x/dists/bookworm/InRelease  Could not connect to x:80", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			fakeApt(t, `echo "`+test.said+`" >&2; exit 100`+"\n")
			var notes []string
			a := Archive{CacheDir: t.TempDir(), Release: "bookworm", Arch: "amd64", configured: true, Note: func(said string) { notes = append(notes, said) }}
			if err := a.writeSources(); err != nil {
				t.Fatal(err)
			}
			old := time.Now().Add(-2 * listsAge)
			for path, text := range map[string]string{
				a.path("updated"):                   "",
				a.path(recordsFile):                 `{"small": {"Package": "small"}}`,
				a.path("lists", "bookworm_Release"): "Date: Sat, 11 Jul 2026 10:16:37 UTC\n",
			} {
				if err := writeText(path, text); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Chtimes(a.path("updated"), old, old); err != nil {
				t.Fatal(err)
			}
			known, err := a.records(context.Background(), []string{"small"})
			if test.refused {
				if !errors.Is(err, errExpired) || !strings.Contains(err.Error(), "--allow-expired") {
					t.Errorf("got %v, %v; want it refused and the way out named", known, err)
				}
				return
			}
			if err != nil || known["small"].Package != "small" {
				t.Errorf("got %v, %v; want the old lists", known, err)
			}
			if len(notes) == 0 || !strings.Contains(notes[0], "using those of 2026-07-11") {
				t.Errorf("notes %q, want the age of the lists", notes)
			}
		})
	}
}
