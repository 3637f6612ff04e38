package images

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Deb fetches a package, and returns the path of its .deb. It has the digest of the record.
func (a Archive) Deb(ctx context.Context, r Record) (string, error) {
	if err := a.locate(); err != nil {
		return "", err
	}
	path := a.debPath(r)
	intact := func() bool {
		sum, err := FileDigest(path)
		return err == nil && sum == r.SHA256
	}
	if intact() {
		return path, nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", err
	}
	unlock, err := Cache{a.CacheDir}.Lock(ctx, "debs", a.Progress)
	if err != nil {
		return "", err
	}
	defer unlock()
	if intact() {
		return path, nil // another build was faster
	}
	tmp, err := fetchDir(filepath.Dir(path))
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(tmp)
	deb, err := a.download(ctx, tmp, r)
	if err != nil {
		return "", fmt.Errorf("Debian package %s %s: %w", r.Package, r.Version, err)
	}
	return path, os.Rename(deb, path)
}

func (a *Archive) debPath(r Record) string {
	return filepath.Join(a.CacheDir, "debs", r.fileName()+".deb")
}

// Prefetch fetches packages by one call of apt, which takes little more than the time of one. What does not come so is left
// to Deb, which says why.
func (a Archive) Prefetch(ctx context.Context, records ...Record) {
	if a.Vendor != "" || a.locate() != nil {
		return
	}
	wanted := make(map[string]Record) // by digest
	args := []string{"download"}
	for _, r := range records {
		if _, err := os.Stat(a.debPath(r)); err != nil {
			wanted[r.SHA256] = r
			args = append(args, r.Package+"="+r.Version)
		}
	}
	if len(wanted) < 2 || os.MkdirAll(filepath.Join(a.CacheDir, "debs"), 0o755) != nil {
		return
	}
	unlock, err := Cache{a.CacheDir}.Lock(ctx, "debs", a.Progress)
	if err != nil {
		return
	}
	defer unlock()
	tmp, err := fetchDir(filepath.Join(a.CacheDir, "debs"))
	if err != nil {
		return
	}
	defer os.RemoveAll(tmp)
	a.Progress.Step("fetching %d packages", len(wanted))
	a.apt(ctx, tmp, "apt-get", args...) // of what it could not fetch it leaves nothing
	debs, _ := filepath.Glob(filepath.Join(tmp, "*.deb"))
	for _, deb := range debs {
		sum, err := FileDigest(deb)
		if r, ok := wanted[sum]; ok && err == nil {
			os.Rename(deb, a.debPath(r)) // or it is fetched once more
		}
	}
}

// fetchDir makes a folder to fetch into, and removes those of builds that were killed: only one build is here at a time.
func fetchDir(dir string) (string, error) {
	left, _ := filepath.Glob(filepath.Join(dir, ".fetch-*"))
	for _, dead := range left {
		if err := os.RemoveAll(dead); err != nil {
			return "", err
		}
	}
	return os.MkdirTemp(dir, ".fetch-*")
}

// download fetches a package into a folder, as package.deb, with the digest of its record: from the vendor folder if there
// is one, else from the archive, and what the lock names and the archive has no longer from the snapshot service.
func (a *Archive) download(ctx context.Context, tmp string, r Record) (string, error) {
	switch {
	case a.Vendor != "":
		return a.vendored(tmp, r)
	case r.locked:
		return a.downloadLocked(ctx, tmp, r)
	}
	return a.downloadListed(ctx, tmp, r)
}

// downloadListed fetches a package from the archive.
func (a *Archive) downloadListed(ctx context.Context, tmp string, r Record) (string, error) {
	a.Progress.Step("fetching %s %s", r.Package, r.Version)
	if _, err := a.retry(ctx, tmp, "apt-get", "download", r.Package+"="+r.Version); err != nil {
		if said := err.Error(); strings.Contains(said, "404") || strings.Contains(said, "was not found") || strings.Contains(said, "Unable to locate package") {
			return "", fmt.Errorf("%w: %w", errGone, err)
		}
		return "", err
	}
	debs, err := filepath.Glob(filepath.Join(tmp, "*.deb"))
	if err != nil || len(debs) != 1 {
		return "", fmt.Errorf("apt-get download: left %d packages, want 1", len(debs))
	}
	if err := a.verify(r, debs[0]); err != nil {
		return "", errors.Join(err, os.Remove(debs[0]))
	}
	deb := filepath.Join(tmp, "package.deb")
	return deb, os.Rename(debs[0], deb)
}

// verify compares a file with the record that it was fetched for.
func (a *Archive) verify(r Record, file string) error {
	sum, err := FileDigest(file)
	if err != nil {
		return err
	}
	if sum == r.SHA256 {
		return nil
	}
	says := "its list says"
	if r.locked {
		says = a.Lock.Name() + " says"
	}
	return fmt.Errorf("%s has SHA-256 %s, %s %s", filepath.Base(file), sum, says, r.SHA256)
}
