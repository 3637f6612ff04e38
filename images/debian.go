package images

import (
	"bytes"
	"context"
	"encoding/json"
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
)

// Archive fetches packages from Debian's archive with apt in a root directory of its own
// below CacheDir: it needs no privilege, leaves the host's apt alone and serves every architecture.
// What was fetched once needs no network again until apt's lists are older than NotBefore.
type Archive struct {
	CacheDir  string
	Release   string    // e.g. bookworm; "" is the host's
	Arch      string    // Debian's name, e.g. arm64
	NotBefore time.Time // lists older than this are updated; zero: a week ago
	Progress  Progress

	AllowExpired bool              // take an archive whose Release file is past its Valid-Until
	Note         func(said string) // told what people should know when the work is done, e.g. how old the lists are; may be nil

	configured bool // apt.conf has been written
}

// listsAge is how long apt's lists are used without asking the archive again.
const listsAge = 7 * 24 * time.Hour

// Package is a Debian package, fetched, verified and unpacked.
type Package struct {
	Name    string // e.g. linux-image-6.1.0-40-amd64
	Version string // e.g. 6.1.153-1
	SHA256  string // of the .deb, in hex
	Dir     string // its files lie below this folder as they would below /
	Deb     string // the .deb itself
	Depends string // its Depends field as it stands there
}

// DebianPackages fetches packages by name, or as name=version, and returns them by the
// names that were asked for. See Archive.
func DebianPackages(ctx context.Context, cacheDir, release, debArch string, names []string, progress Progress) (map[string]Package, error) {
	return Archive{CacheDir: cacheDir, Release: release, Arch: debArch, Progress: progress}.Packages(ctx, names...)
}

// Packages fetches packages by name, or as name=version, and returns them by the names that were asked for.
func (a Archive) Packages(ctx context.Context, names ...string) (packages map[string]Package, err error) {
	err = a.current(func(a Archive) error {
		packages, err = a.packages(ctx, names)
		return err
	})
	return packages, err
}

// errGone: apt's lists name a version that the archive has replaced since.
var errGone = errors.New("the archive has it no longer")

// current does something once more with new lists if the ones we have turn out to be outdated.
func (a Archive) current(do func(Archive) error) error {
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

// record is what the archive says of a package.
type record struct {
	Package, Version, Architecture, SHA256, Depends string
}

// records resolves names against apt's lists. The answers are kept beside the lists until
// those are updated, because loading the lists takes apt longer than all of a warm build.
func (a *Archive) records(ctx context.Context, names []string) (map[string]record, error) {
	if a.Release == "" {
		release, err := hostRelease("/etc/os-release")
		if err != nil {
			return nil, err
		}
		a.Release = release
	}
	if strings.Trim(a.Release, "abcdefghijklmnopqrstuvwxyz-") != "" { // it is part of paths, too
		return nil, noRelease(a.Release)
	}
	dir, err := filepath.Abs(a.CacheDir) // apt knows no working directory
	if err != nil {
		return nil, err
	}
	a.CacheDir = dir
	unlock, err := Cache{a.CacheDir}.Lock(ctx, "apt-"+a.Release+"-"+a.Arch, a.Progress)
	if err != nil {
		return nil, err
	}
	defer unlock()

	known, err := a.freshRecords(ctx)
	if err != nil {
		return nil, err
	}
	var missing []string
	for _, name := range names {
		if _, ok := known[name]; !ok {
			missing = append(missing, name)
		}
	}
	if len(missing) == 0 {
		return known, nil
	}
	for _, name := range missing {
		r, err := a.show(ctx, name)
		if err != nil {
			return nil, err
		}
		known[name] = r
	}
	text, err := json.MarshalIndent(known, "", "\t")
	if err != nil {
		return nil, err
	}
	return known, writeText(a.path("records.json"), string(text)+"\n")
}

// freshRecords updates apt's lists when they are missing, too old or for other sources, and
// returns the records known for them. Old lists serve on when the archive cannot be reached,
// unless newer ones were asked for.
func (a *Archive) freshRecords(ctx context.Context) (map[string]record, error) {
	if err := a.writeSources(); err != nil {
		return nil, err
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
			if err := os.RemoveAll(a.path("records.json")); err != nil {
				return nil, err
			}
			if err := os.WriteFile(stamp, nil, 0o644); err != nil {
				return nil, err
			}
		} else if usable && !errors.Is(err, errExpired) {
			a.Progress.Step("no newer package lists, using the old ones: %v", err)
			a.note(fmt.Sprintf("no newer package lists, using those of %s: %v", newestRelease(a.path("lists")).Format(time.DateOnly), err))
			again := notBefore.Add(time.Hour) // not in every build of a long journey without network
			if err := os.Chtimes(stamp, again, again); err != nil {
				return nil, err
			}
		} else {
			return nil, err
		}
	}
	a.note(staleNote(a.Release, newestRelease(a.path("lists")), time.Now()))
	known := make(map[string]record)
	text, err := os.ReadFile(a.path("records.json"))
	if err != nil {
		return known, nil // none yet
	}
	if json.Unmarshal(text, &known) != nil {
		return make(map[string]record), nil // damaged: ask apt again
	}
	return known, nil
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
	return err
}

func (a *Archive) note(said string) {
	if a.Note != nil && said != "" {
		a.Note(said)
	}
}

func noRelease(name string) error {
	return fmt.Errorf("Debian has no release %q; they are called bookworm (12), trixie (13)", name)
}

// show asks apt for the newest version of a package, or for the one that name=version names.
func (a *Archive) show(ctx context.Context, name string) (record, error) {
	out, err := a.apt(ctx, "", "apt-cache", "show", "--no-all-versions", name)
	if err != nil && !strings.Contains(err.Error(), "No packages found") {
		return record{}, err
	}
	stanzas := parseDeb822(out)
	if len(stanzas) == 0 {
		return record{}, fmt.Errorf("Debian %s %s has no package %s%s", a.Release, a.Arch, name, a.others(ctx, name))
	}
	if stanzas[0]["sha256"] == "" {
		return record{}, fmt.Errorf("apt-cache show %s: no SHA256 in its answer", name)
	}
	s := stanzas[0]
	return record{
		Package:      s["package"],
		Version:      s["version"],
		Architecture: s["architecture"],
		SHA256:       s["sha256"],
		Depends:      s["depends"],
	}, nil
}

// others suggests what there is instead: other versions, or packages whose names differ only in
// numbers, as those of kernels do.
func (a *Archive) others(ctx context.Context, name string) string {
	name, version, pinned := strings.Cut(name, "=")
	if pinned {
		if out, err := a.apt(ctx, "", "apt-cache", "show", name); err == nil {
			var versions []string
			for _, s := range parseDeb822(out) {
				versions = append(versions, s["version"])
			}
			return fmt.Sprintf(" in version %s; it has %s", version, strings.Join(versions, ", "))
		}
	}
	pattern := "^" + digits.ReplaceAllString(regexp.QuoteMeta(name), "[0-9]+") + "$"
	out, err := a.apt(ctx, "", "apt-cache", "search", "--names-only", pattern)
	var names []string
	for line := range strings.Lines(out) {
		found, _, _ := strings.Cut(line, " ")
		names = append(names, found)
	}
	if err != nil || len(names) == 0 {
		return ""
	}
	slices.Sort(names)
	return "; it has " + strings.Join(names, ", ")
}

var digits = regexp.MustCompile("[0-9]+")

// unpacked returns the package of a record, fetching it if it is not in the cache.
func (a *Archive) unpacked(ctx context.Context, r record) (Package, error) {
	// A version may hold ':' and '~', which are fine in a file name.
	dir := filepath.Join(a.CacheDir, "packages", fmt.Sprintf("%s_%s_%s_%.12s", r.Package, r.Version, r.Architecture, r.SHA256))
	p := Package{
		Name: r.Package, Version: r.Version, SHA256: r.SHA256, Depends: r.Depends,
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
	// Only one build gets here at a time, so these are of builds that were killed.
	left, _ := filepath.Glob(filepath.Join(filepath.Dir(dir), ".fetch-*"))
	for _, dead := range left {
		if err := os.RemoveAll(dead); err != nil {
			return p, err
		}
	}
	tmp, err := os.MkdirTemp(filepath.Dir(dir), ".fetch-*")
	if err != nil {
		return p, err
	}
	defer os.RemoveAll(tmp)
	a.Progress.Step("fetching %s %s", r.Package, r.Version)
	if _, err := a.retry(ctx, tmp, "apt-get", "download", r.Package+"="+r.Version); err != nil {
		if said := err.Error(); strings.Contains(said, "404") || strings.Contains(said, "was not found") {
			return p, fmt.Errorf("%w: %w", errGone, err)
		}
		return p, err
	}
	debs, err := filepath.Glob(filepath.Join(tmp, "*.deb"))
	if err != nil || len(debs) != 1 {
		return p, fmt.Errorf("apt-get download: left %d packages, want 1", len(debs))
	}
	sum, err := FileDigest(debs[0])
	if err != nil {
		return p, err
	}
	if sum != r.SHA256 {
		return p, fmt.Errorf("%s has SHA-256 %s, its list says %s", filepath.Base(debs[0]), sum, r.SHA256)
	}
	deb := filepath.Join(tmp, "package.deb")
	if err := os.Rename(debs[0], deb); err != nil {
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
