// Package release gives tests programs of other releases of Debian than the host's: fetched from Debian's archive into the cache that
// builds use too, and started with the libraries of their own release. Nothing is installed.
package release

import (
	"path/filepath"
	"strings"
	"testing"

	"bantam/images"
)

// A Program is one that an unpacked package has.
type Program struct {
	Command []string // that starts it, e.g. ld-linux-x86-64.so.2 --library-path ... /usr/bin/ssh: arguments follow
	Root    string   // of its package, unpacked
}

// Fetch fetches a package of a release, e.g. trixie, with all that it depends on. path is the program's below /, e.g. usr/bin/ssh.
func Fetch(t testing.TB, release, pkg, path string) Program {
	t.Helper()
	cache, err := images.DefaultCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	a := images.Archive{CacheDir: cache, Arch: "amd64", Release: release}
	closure, err := a.Closure(t.Context(), pkg)
	if err != nil {
		t.Fatal(err)
	}
	var names, libraries []string
	for _, r := range closure {
		names = append(names, r.Package)
	}
	packages, err := a.Packages(t.Context(), names...)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range packages {
		libraries = append(libraries, filepath.Join(p.Dir, "lib/x86_64-linux-gnu"), filepath.Join(p.Dir, "usr/lib/x86_64-linux-gnu"))
	}
	loader := one(t, packages["libc6"].Dir, "lib64/ld-linux-x86-64.so.2", "usr/lib64/ld-linux-x86-64.so.2")
	root := packages[pkg].Dir
	return Program{[]string{loader, "--library-path", strings.Join(libraries, ":"), one(t, root, path)}, root}
}

// one is the file in a folder that one of some patterns finds.
func one(t testing.TB, dir string, patterns ...string) string {
	t.Helper()
	for _, p := range patterns {
		found, err := filepath.Glob(filepath.Join(dir, p))
		if err != nil {
			t.Fatal(err)
		}
		if len(found) > 0 {
			return found[0]
		}
	}
	t.Fatalf("%s has none of %q", dir, patterns)
	return ""
}
