package payload

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"bantam/images"
	"bantam/images/lock"
)

// noApt has apt fail whatever it is asked for.
func noApt(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"apt-get", "apt-cache", "apt-config"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\necho E: $0 was called >&2\nexit 100\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
}

// byLock makes layers with a lock file, and returns them and the file's new text.
func byLock(t *testing.T, r Request, text []byte, locked bool) ([]images.Layer, []byte) {
	t.Helper()
	f, err := lock.File{}, error(nil)
	if text != nil {
		if f, err = lock.Read("system.lock", text); err != nil {
			t.Fatal(err)
		}
	}
	if r.Archive.Lock, err = lock.Use("system.lock", f, "pc", lock.Update{}, locked); err != nil {
		t.Fatal(err)
	}
	layers, _, err := Layers(context.Background(), r)
	if err != nil {
		t.Fatal(err)
	}
	next, changes, err := r.Archive.Lock.Finish()
	if err != nil {
		t.Fatal(err)
	}
	if (len(changes) == 0) != (next == nil) {
		t.Errorf("changes %q, but writes %q", changes, next)
	}
	return layers, next
}

func digests(layers []images.Layer) (all []string) {
	for _, l := range layers {
		all = append(all, l.Name+" "+l.Version+" "+string(l.Digest))
	}
	return all
}

// Real packages: what the lock names is carried by another host, which asks apt nothing.
func TestPackagesByTheLock(t *testing.T) {
	home, err := images.DefaultCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	r := request(t, "packages = [\"rsync\"]\n")
	r.Cache = images.Cache{Dir: home}
	r.Archive = images.Archive{CacheDir: home, Release: "bookworm", Arch: "amd64"}
	first, text := byLock(t, r, nil, false)
	if len(first) < 4 {
		t.Fatalf("layers %q", digests(first))
	}
	kept, err := lock.Read("system.lock", text)
	if err != nil {
		t.Fatal(err)
	}
	root := kept["pc"].Packages[lock.Name{Arch: "amd64", Package: "rsync"}]
	if root.Closure != "libraries" || !slices.Contains(strings.Fields(root.Carries), "libpopt0") || strings.Contains(root.Carries, "perl") {
		t.Errorf("the lock keeps %+v", root)
	}
	for n, p := range kept["pc"].Packages {
		if name := n.Package; name != "rsync" && !slices.Contains(strings.Fields(root.Carries), name) || len(p.SHA256) != 64 || p.Source == "" {
			t.Errorf("the lock keeps %s: %+v, which nobody carries", name, p)
		}
	}
	noApt(t)
	less := request(t, "packages = [\"rsync\"]\n[package.rsync]\nexclude = [\"/usr/bin/rsync\"]\n")
	less.Cache, less.Archive = r.Cache, r.Archive
	if _, next := byLock(t, less, text, false); !strings.Contains(string(next), "rsync]") || strings.Contains(string(next), "libpopt0") {
		t.Errorf("without the library that needs them the lock still has\n%s", next)
	}
	if second, text := byLock(t, r, text, true); text != nil || !slices.Equal(digests(second), digests(first)) {
		t.Errorf("by the lock\n%q\nwant\n%q\nnew lock %s", digests(second), digests(first), text)
	}
}

func TestSourcesInTheLock(t *testing.T) {
	r := request(t, "[file.\"/srv/a\"]\nsource = \"site\"\n")
	r.Dir = t.TempDir()
	siteFiles(t, r.Dir)
	_, text := byLock(t, r, nil, false)
	moved := request(t, "[user.web]\nuid = 7\n[file.\"/srv/elsewhere\"]\nsource = \"site/\"\nowner = \"web\"\n")
	moved.Dir = r.Dir
	if _, text := byLock(t, moved, text, true); text != nil {
		t.Errorf("the same source in another place is said to be another: %s", text)
	}
	if err := os.WriteFile(filepath.Join(r.Dir, "site/new"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, text := byLock(t, r, text, false); !strings.Contains(string(text), "site = ") {
		t.Errorf("a source with a new file: %s", text)
	}
}
