package images

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"bantam/images/lock"
)

// Archive fetches packages from Debian's archive with apt in a root directory of its own
// below CacheDir: it needs no privilege, leaves the host's apt alone and serves every architecture.
// What was fetched once needs no network again until apt's lists are older than NotBefore.
type Archive struct {
	CacheDir  string
	Release   string    // e.g. bookworm; "" is the lock's, or Default, or the host's
	Default   string    // the release where nobody says another
	Component string    // of the archive beside main, e.g. non-free-firmware; "": none
	Arch      string    // Debian's name, e.g. arm64
	NotBefore time.Time // lists older than this are updated; zero: a week ago
	Progress  Progress

	AllowExpired bool              // take an archive whose Release file is past its Valid-Until
	NoUpdates    bool              // take the release as it was made, without the suites of its security and other updates
	Note         func(said string) // told what people should know when the work is done, e.g. how old the lists are; may be nil

	Lock   *lock.Inputs // says which versions to take, and is told which were found; nil: the newest
	Vendor string       // folder that has all that the lock names, as bantam vendor fills it; then nothing else is asked

	configured bool   // apt.conf has been written
	fixed      string // the release, whatever others come from; the lock is not asked for it
	snapshot   string // the service's address; "" is snapshotService
}

// listsAge is how long apt's lists are used without asking the archive again.
const listsAge = 7 * 24 * time.Hour

// Package is a Debian package, fetched, verified and unpacked.
type Package struct {
	Name    string // e.g. linux-image-6.1.0-40-amd64
	Version string // e.g. 6.1.153-1
	Arch    string // its own, e.g. all
	SHA256  string // of the .deb, in hex
	Dir     string // its files lie below this folder as they would below /
	Deb     string // the .deb itself
	Depends string // its Depends field as it stands there
}

// Date is the one that the package carries in itself.
func (p Package) Date() (time.Time, error) { return debDate(p.Deb) }

// Packages fetches packages by name, or as name=version, and returns them by the names that were asked for.
func (a Archive) Packages(ctx context.Context, names ...string) (packages map[string]Package, err error) {
	err = a.Current(func(a Archive) error {
		packages, err = a.packages(ctx, names)
		return err
	})
	return packages, err
}

// errGone: apt's lists name a version that the archive has replaced since, or the lock one that they do not name.
var errGone = errors.New("the archive has it no longer")

// Current does something once more with new lists if the ones we have turn out to be outdated.
func (a Archive) Current(do func(Archive) error) error {
	err := do(a)
	if errors.Is(err, errGone) && a.NotBefore.IsZero() {
		a.NotBefore = time.Now()
		err = do(a)
	}
	return err
}

func (a Archive) packages(ctx context.Context, names []string) (map[string]Package, error) {
	records, err := a.records(ctx, names)
	if err != nil {
		return nil, err
	}
	packages := make(map[string]Package)
	for _, name := range names {
		p, err := a.unpacked(ctx, records[name])
		if err != nil {
			return nil, fmt.Errorf("Debian package %s: %w", name, err)
		}
		packages[name] = p
	}
	return packages, nil
}

// fresh updates apt's lists when they are missing, too old or for other sources. Old lists serve on when the archive cannot
// be reached, unless newer ones were asked for.
func (a *Archive) fresh(ctx context.Context) error {
	if err := a.writeSources(); err != nil {
		return err
	}
	notBefore := a.NotBefore
	if notBefore.IsZero() {
		notBefore = time.Now().Add(-listsAge)
	}
	stamp := a.path("updated")
	updated, err := os.Stat(stamp)
	if err != nil || updated.ModTime().Before(notBefore) {
		usable := updated != nil && a.NotBefore.IsZero()
		if err := a.update(ctx); err == nil {
			for _, answers := range []string{recordsFile, closuresFile} {
				if err := os.RemoveAll(a.path(answers)); err != nil {
					return err
				}
			}
			if err := os.WriteFile(stamp, nil, 0o644); err != nil {
				return err
			}
		} else if usable && !errors.Is(err, errExpired) {
			a.Progress.Step("no newer package lists, using the old ones: %v", err)
			a.note(fmt.Sprintf("no newer package lists, using those of %s: %v", newestRelease(a.path("lists")).Format(time.DateOnly), err))
			again := notBefore.Add(time.Hour) // not in every build of a long journey without network
			if err := os.Chtimes(stamp, again, again); err != nil {
				return err
			}
		} else {
			return err
		}
	}
	a.note(staleNote(a.Release, newestRelease(a.path("lists")), time.Now()))
	return nil
}

// update fetches apt's lists.
func (a *Archive) update(ctx context.Context) error {
	a.Progress.Step("updating the package lists of Debian %s %s", a.Release, a.Arch)
	_, err := a.retry(ctx, "", "apt-get", "update", "-eany")
	if err != nil && strings.Contains(err.Error(), " "+a.Release+" Release' does not have a Release file") {
		return noRelease(a.Release)
	}
	if err != nil && expired(err.Error()) {
		return fmt.Errorf("%w: %w", err, errExpired)
	}
	if err != nil && !a.NoUpdates && onlyUpdates(err.Error(), a.Release) {
		return fmt.Errorf("%w: %w", err, errUpdates)
	}
	return err
}

// errUpdates: the suites of updates are broken, and the release is not.
var errUpdates = errors.New("the mirror's lists of updates are not those that Debian has signed: wait, or take another mirror; " +
	"--no-updates takes the release without any, faults of security that are known included")

// onlyUpdates tells by apt's message that lists of a release's updates do not fit what is signed, and all others do.
func onlyUpdates(message, release string) bool {
	failed := regexp.MustCompile(`Failed to fetch \S+/dists/(\S+?)/(main|contrib|non-free|non-free-firmware)/`).FindAllStringSubmatch(message, -1)
	return passing(message) && len(failed) > 0 && !slices.ContainsFunc(failed, func(m []string) bool { return m[1] == release })
}

func (a *Archive) note(said string) {
	if a.Note != nil && said != "" {
		a.Note(said)
	}
}

func noRelease(name string) error {
	return fmt.Errorf("Debian has no release %q; they are called bookworm (12), trixie (13)", name)
}

// unpacked returns the package of a record, fetching it if it is not in the cache.
func (a *Archive) unpacked(ctx context.Context, r Record) (Package, error) {
	dir := filepath.Join(a.CacheDir, "packages", r.fileName())
	p := Package{
		Name: r.Package, Version: r.Version, Arch: r.Architecture, SHA256: r.SHA256, Depends: r.Depends,
		Dir: filepath.Join(dir, "root"), Deb: filepath.Join(dir, "package.deb"),
	}
	if _, err := os.Stat(dir); err == nil {
		return p, nil
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return p, err
	}
	unlock, err := Cache{a.CacheDir}.Lock(ctx, "packages", a.Progress)
	if err != nil {
		return p, err
	}
	defer unlock()
	if _, err := os.Stat(dir); err == nil {
		return p, nil // another build was faster
	}
	tmp, err := fetchDir(filepath.Dir(dir))
	if err != nil {
		return p, err
	}
	defer os.RemoveAll(tmp)
	deb, err := a.download(ctx, tmp, r)
	if err != nil {
		return p, err
	}
	a.Progress.Step("unpacking %s %s", r.Package, r.Version)
	if out, err := exec.CommandContext(ctx, "dpkg-deb", "-x", deb, filepath.Join(tmp, "root")).CombinedOutput(); err != nil {
		return p, fmt.Errorf("dpkg-deb -x %s: %w: %s", deb, err, bytes.TrimSpace(out))
	}
	if err := os.Chmod(tmp, 0o755); err != nil {
		return p, err
	}
	if err := syncFileSystem(tmp); err != nil { // what is there under its name is taken to be whole for ever
		return p, err
	}
	return p, os.Rename(tmp, dir)
}

// syncFileSystem waits until all that was written to a folder's file system is on the disk.
func syncFileSystem(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return os.NewSyscallError("syncfs", unix.Syncfs(int(f.Fd())))
}

// hostRelease reads the release's name, e.g. bookworm. On another system it is that of the
// release that Bantam is tested with.
func hostRelease(osRelease string) (string, error) {
	text, err := os.ReadFile(osRelease)
	if err != nil {
		return "", fmt.Errorf("release of this host: %w", err)
	}
	fields := make(map[string]string)
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		fields[name] = strings.Trim(value, `"'`)
	}
	if fields["ID"] == "debian" && fields["VERSION_CODENAME"] != "" {
		return fields["VERSION_CODENAME"], nil
	}
	return "bookworm", nil
}
