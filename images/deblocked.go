package images

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"bantam/images/lock"
)

// lockedRecords are the records of those names, or names=versions, that the lock knows, and the other names. In a build
// that may not ask the archive those are an error.
func (a *Archive) lockedRecords(names []string) (all map[string]Record, missing []string, err error) {
	if err := a.locate(); err != nil {
		return nil, nil, err
	}
	all = make(map[string]Record)
	for _, name := range names {
		if p, ok := a.Lock.Package(a.Arch, name); ok {
			all[name] = lockedRecord(name, p)
		} else {
			missing = append(missing, name)
		}
	}
	if len(missing) == 0 {
		return all, nil, nil
	}
	return all, missing, a.Refuse(fmt.Sprintf("which %s (%s) to take", strings.Join(missing, ", "), a.Arch))
}

// Refuse is the error of a build that may take nothing but what the lock says, which is not this; nil for other builds.
func (a *Archive) Refuse(what string) error {
	if a.Vendor != "" {
		return fmt.Errorf("%s does not say %s, and --vendor has only what it names", a.Lock.Name(), what)
	}
	return a.Lock.Refuse(what)
}

// lockedRecord is the record of a package, by name or name=version, as the lock keeps it.
func lockedRecord(name string, p lock.Package) Record {
	name, _, _ = strings.Cut(name, "=")
	r := Record{Package: name, Version: p.Version, Architecture: p.Arch, SHA256: p.SHA256, Filename: p.Archive, locked: true, kernel: p.Means}
	r.Source, r.SourceVersion, _ = strings.Cut(p.Source, " ")
	return r
}

// entry is what the lock keeps of a record.
func (r Record) entry() lock.Package {
	return lock.Package{
		Version: r.Version, SHA256: r.SHA256, Arch: r.Architecture, Source: r.Source + " " + r.SourceVersion, Archive: r.Filename,
		Means: r.meant(),
	}
}

// meant is name=version of the kernel behind a meta package, "" if this is none.
func (r Record) meant() string {
	if r.locked {
		return r.kernel
	}
	return metaTarget(r.Depends)
}

// downloadLocked fetches what the lock names, wherever it is.
func (a *Archive) downloadLocked(ctx context.Context, tmp string, r Record) (string, error) {
	deb, err := a.downloadOld(ctx, tmp, r)
	switch {
	case err == nil:
		return deb, nil
	case errors.Is(err, errGone) && a.NotBefore.IsZero():
		return "", err // it is asked for once more with new lists
	case ctx.Err() != nil:
		return "", ctx.Err()
	case errors.Is(err, syscall.ENOSPC): // no other version would have room
		return "", err
	}
	a.Progress.Step("fetching %s %s from %s", r.Package, r.Version, a.snapshotURL())
	deb, late := a.downloadSnapshot(ctx, tmp, r)
	if late == nil || errors.Is(late, syscall.ENOSPC) {
		return deb, late
	}
	return "", fmt.Errorf("%s wants version %s of SHA-256 %s, which neither archive nor snapshot service gave; bantam build --update %s takes the newest\n  archive: %w\n  %s: %w",
		a.Lock.Name(), r.Version, r.SHA256, r.Package, err, a.snapshotURL(), late)
}

// downloadOld fetches from the archive with lists that the lock has spared us so far, or that turned out to be too old.
func (a *Archive) downloadOld(ctx context.Context, tmp string, r Record) (string, error) {
	unlock, err := Cache{a.CacheDir}.Lock(ctx, "apt-"+a.Release+"-"+a.Arch, a.Progress)
	if err != nil {
		return "", err
	}
	err = a.fresh(ctx)
	unlock()
	if err != nil {
		return "", err
	}
	return a.downloadListed(ctx, tmp, r)
}

// VendorName is a package's name below a vendor folder, e.g. debian/isolinux_3%3a6.04_all.deb, as apt writes it.
func (r Record) VendorName() string {
	return filepath.Join("debian", fmt.Sprintf("%s_%s_%s.deb", r.Package, strings.ReplaceAll(r.Version, ":", "%3a"), r.Architecture))
}

func (a *Archive) vendored(tmp string, r Record) (string, error) {
	name, err := a.inVendor(r)
	if err != nil {
		return "", err
	}
	deb := filepath.Join(tmp, "package.deb")
	return deb, copyFile(deb, name)
}

// inVendor is where the vendor folder has a package, whole.
func (a *Archive) inVendor(r Record) (string, error) {
	name := filepath.Join(a.Vendor, r.VendorName())
	if _, err := os.Stat(name); err != nil {
		return "", fmt.Errorf("%w; bantam vendor puts it there", err)
	}
	return name, a.verify(r, name)
}

// CheckVendor makes sure that the vendor folder has every package that a build has taken, also those that were in the cache:
// it is relied on where there is none.
func (a Archive) CheckVendor() error {
	board := a.Lock.Board()
	for _, n := range board.Names() {
		p := board.Packages[n]
		if p.Means != "" {
			continue // nothing of it is used but what it means
		}
		if _, err := a.inVendor(lockedRecord(n.Package, p)); err != nil {
			return fmt.Errorf("--vendor: %w", err)
		}
	}
	return nil
}

// Locked is the record of a package that the lock names, and the folder that it was unpacked to, if it was.
func (a Archive) Locked(name string, p lock.Package) (r Record, root string, unpacked bool) {
	r = lockedRecord(name, p)
	root = filepath.Join(a.CacheDir, "packages", r.fileName(), "root")
	_, err := os.Stat(root)
	return r, root, err == nil
}

// Save copies a package that the lock names into a vendor folder, and returns its bytes.
func (a Archive) Save(ctx context.Context, name string, p lock.Package, dir string) (int64, error) {
	r := lockedRecord(name, p)
	to := filepath.Join(dir, r.VendorName())
	if err := a.locate(); err != nil {
		return 0, err
	}
	from := filepath.Join(a.CacheDir, "packages", r.fileName(), "package.deb")
	if a.verify(r, from) != nil { // it was not unpacked there
		err := a.Current(func(a Archive) (err error) {
			from, err = a.Deb(ctx, r)
			return err
		})
		if err != nil {
			return 0, err
		}
	}
	return SaveFile(to, from)
}

// SaveFile copies a file, with the folders above it, unless one with the same bytes is there. It returns how many there are.
func SaveFile(to, from string) (int64, error) {
	info, err := os.Stat(from)
	if err != nil {
		return 0, err
	}
	was, err := FileDigest(from)
	if err != nil {
		return 0, err
	}
	if there, err := FileDigest(to); err == nil && there == was {
		return info.Size(), nil
	}
	return info.Size(), copyFile(to, from)
}
