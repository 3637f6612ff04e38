package lock

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"bantam/spelling"
)

// Update says which entries a build is to find anew.
type Update struct {
	All   bool
	Names []string // of packages and programs
}

// Inputs are those of one build for one board: what the lock says, until somebody finds what it does not say. All its
// methods may be called at the same time, and on nil, which is no lock: nothing is said, and nothing kept.
type Inputs struct {
	file   string // for messages
	board  string
	all    File // as it was read
	update Update
	locked bool

	mu   sync.Mutex
	used *Board // what this build has asked for
}

// Use is what a lock file says to a build for a board. all may be empty, as for a first build. With locked nothing may
// differ from it. A name to update that the lock does not have is an error, as is locked with an update.
func Use(file string, all File, board string, update Update, locked bool) (*Inputs, error) {
	in := &Inputs{file: file, board: board, all: all, update: update, locked: locked, used: newBoard()}
	old := in.old()
	for _, name := range update.Names {
		if known := old.known(); !slices.Contains(known, name) {
			if near := spelling.Nearest(name, known); near != "" {
				return nil, fmt.Errorf("%s has no %s for board %s; did you mean %q?", file, name, board, near)
			}
			return nil, fmt.Errorf("%s has no %s for board %s", file, name, board)
		}
	}
	return in, nil
}

// known are the names that can be updated.
func (b *Board) known() []string {
	known := slices.Collect(maps.Keys(b.Programs))
	for n := range b.Packages {
		known = append(known, n.Package)
	}
	return known
}

func (in *Inputs) old() *Board {
	if b := in.all[in.board]; b != nil {
		return b
	}
	return newBoard()
}

func (in *Inputs) renewed(name string) bool {
	return in.update.All || slices.Contains(in.update.Names, name)
}

// Name is the lock file's, for messages.
func (in *Inputs) Name() string {
	if in == nil {
		return "system.lock"
	}
	return in.file
}

// New tells whether the lock said nothing of the board when it was read.
func (in *Inputs) New() bool { return in == nil || in.all[in.board] == nil }

// Release is the release of Debian to use: the wanted one, or where none is, the lock's; "" if that has none either. To leave
// the lock's for another is an update of all.
func (in *Inputs) Release(wanted string) (string, error) {
	if in == nil {
		return wanted, nil
	}
	old := in.old().Release
	switch {
	case wanted == "" || wanted == old:
		return old, nil
	case old != "" && !in.update.All:
		return "", fmt.Errorf("%s is of Debian %s, not %s; --update goes over to it", in.file, old, wanted)
	}
	return wanted, nil
}

// SetRelease says which release the packages come from.
func (in *Inputs) SetRelease(name string) {
	in.use(func() { in.used.Release = name })
}

// Kernel is the package of the kernel to use, by name or name=version: the wanted one, or where none is, that of an earlier
// build, or else the board's own. It is kept for later builds, but without a version: that is the package's.
func (in *Inputs) Kernel(wanted, own string) (name string) {
	name = cmp.Or(wanted, own)
	in.use(func() {
		name = cmp.Or(wanted, in.old().Kernel, own)
		if in.used.Kernel, _, _ = strings.Cut(name, "="); in.used.Kernel == own {
			in.used.Kernel = ""
		}
	})
	return name
}

// SetDevice says the digest of the device binary.
func (in *Inputs) SetDevice(sha256 string) {
	in.use(func() { in.used.Device = sha256 })
}

func (in *Inputs) use(do func()) {
	if in != nil {
		in.mu.Lock()
		defer in.mu.Unlock()
		do()
	}
}

// Package is what the lock says of a package, by name or name=version, for an architecture.
func (in *Inputs) Package(arch, name string) (p Package, ok bool) {
	in.use(func() {
		name, version, pinned := strings.Cut(name, "=")
		n := Name{arch, name}
		if p, ok = in.used.Packages[n]; !ok && !in.renewed(name) {
			p, ok = in.old().Packages[n]
		}
		if ok = ok && (!pinned || p.Version == version); ok {
			in.keep(n, p)
		}
	})
	return p, ok
}

// keep notes that a package is used. For whom it carries others, Carry says anew.
func (in *Inputs) keep(n Name, p Package) {
	known := in.used.Packages[n]
	p.Closure, p.Carries = known.Closure, known.Carries
	in.used.Packages[n] = p
}

// Says is Package for one that is not used for that.
func (in *Inputs) Says(arch, name string) (p Package, ok bool) {
	in.use(func() {
		if !in.renewed(name) {
			p, ok = in.old().Packages[Name{arch, name}]
		}
	})
	return p, ok
}

// Closure is what the lock says is carried for a package, found in such a way, e.g. libraries: names, itself left out.
func (in *Inputs) Closure(arch, name, how string) (names []string, ok bool) {
	p, ok := in.Says(arch, name)
	return strings.Fields(p.Carries), ok && p.Closure == how
}

// Carry keeps what is carried for a package.
func (in *Inputs) Carry(arch, name, how string, names []string) {
	in.use(func() {
		n := Name{arch, name}
		p := in.used.Packages[n]
		p.Closure, p.Carries = how, strings.Join(slices.Sorted(slices.Values(names)), " ")
		in.used.Packages[n] = p
	})
}

// Refuse is the error of a locked build to which the lock does not say something, e.g. which tcpdump (amd64) to take; nil
// for other builds.
func (in *Inputs) Refuse(what string) error {
	if in == nil || !in.locked {
		return nil
	}
	return fmt.Errorf("%s does not say %s, and --locked forbids to add it; run bantam build without it", in.file, what)
}

// AddPackage keeps what the archive said of a package.
func (in *Inputs) AddPackage(arch, name string, p Package) {
	name, _, _ = strings.Cut(name, "=")
	in.use(func() { in.keep(Name{arch, name}, p) })
}

// Program is what the lock says of a program; one that system.toml takes from elsewhere meanwhile, or with other tags, is
// not known.
func (in *Inputs) Program(name, from, tags string) (p Program, ok bool) {
	in.use(func() {
		if p, ok = in.used.Programs[name]; !ok && !in.renewed(name) {
			p, ok = in.old().Programs[name]
		}
		if ok = ok && p.Go == from && p.Tags == tags; ok {
			in.used.Programs[name] = p
		}
	})
	return p, ok
}

// AddProgram keeps what a program was built from.
func (in *Inputs) AddProgram(name string, p Program) {
	in.use(func() { in.used.Programs[name] = p })
}

// AddSource keeps the digest of a file or tree beside system.toml. Those are the user's own, so a changed one is not an error
// but in a locked build.
func (in *Inputs) AddSource(path, sha256 string) {
	in.use(func() { in.used.Sources[path] = sha256 })
}

// Finish is told that a build has all its inputs. It returns the lock file's new text, nil if nothing differs, and the
// changes, one a line. What the build has not asked for is dropped, but not what other boards are made of, nor tools for
// hosts of other architectures. In a locked build any change is an error, which names them.
func (in *Inputs) Finish() (text []byte, changes []string, err error) {
	in.use(func() {
		now := in.used.withOthers(in.old())
		if changes = differences(in.old(), now); len(changes) == 0 {
			return
		}
		if in.locked {
			err = errors.New(in.file + " differs, and --locked forbids to write it:\n  " + strings.Join(changes, "\n  "))
			return
		}
		all := maps.Clone(in.all)
		if all == nil {
			all = make(File)
		}
		all[in.board] = now
		text = all.Encode()
	})
	return text, changes, err
}

// Board is what the build has asked for so far.
func (in *Inputs) Board() (b Board) {
	in.use(func() {
		b = *in.used
		b.Packages, b.Programs, b.Sources = maps.Clone(b.Packages), maps.Clone(b.Programs), maps.Clone(b.Sources)
	})
	return b
}

// withOthers adds the packages for architectures that b has none of.
func (b *Board) withOthers(old *Board) *Board {
	all := *b
	all.Packages = maps.Clone(b.Packages)
	asked := make(map[string]bool)
	for n := range b.Packages {
		asked[n.Arch] = true
	}
	for n, p := range old.Packages {
		if !asked[n.Arch] {
			all.Packages[n] = p
		}
	}
	return &all
}
