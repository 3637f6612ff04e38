// Package lock is system.lock: every input of a build with its version and digest, as text that people keep beside
// system.toml. It knows neither archive nor network; those who fetch ask Inputs what to fetch, and tell it what they found.
package lock

import (
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Format is the version of the text.
const Format = 1

// A File is a whole system.lock: the inputs of each board by its name, e.g. pc.
type File map[string]*Board

// Board is what the generations of one board are made of.
type Board struct {
	Release  string             // of Debian, e.g. bookworm; "" if nothing comes from there
	Kernel   string             // package that was asked for, e.g. linux-image-6.12-amd64; "" if it is the board's own
	Device   string             // SHA-256 of the device binary, in hex
	Packages map[Name]Package   // of Debian
	Programs map[string]Program // built from Go modules, by their names in system.toml
	Sources  map[string]string  // SHA-256 of a file or tree by its path as system.toml has it, e.g. dist/sensor-amd64
}

// Name is what a package of Debian is asked for by.
type Name struct {
	Arch    string // Debian's, of whom it is for, e.g. arm64; that of the package may be all
	Package string // e.g. linux-image-amd64
}

// Package is a package of Debian as the archive delivered it.
type Package struct {
	Version string // e.g. 6.1.153-1
	SHA256  string // of the .deb, in hex
	Arch    string // its own, e.g. all
	Source  string // source package and its version, e.g. linux-signed-amd64 6.1.153+1
	Archive string // where the archive has it, e.g. pool/main/s/syslinux/isolinux_6.04_all.deb
	Closure string // of one that system.toml names: how what it needs was found, libraries or depends
	Carries string // and the packages that were carried for it, itself left out, sorted, blank-separated
	Means   string // of a meta package of kernels: name=version of the kernel, e.g. linux-image-6.1.0-40-amd64=6.1.153-1; else ""
}

// Program is a program built from a Go module.
type Program struct {
	Go        string   // path@version as system.toml has it
	Tags      string   // its build tags, with commas
	Toolchain string   // e.g. go1.26.8
	Sums      []string // lines of go.sum, sorted: all that go needs to build it, and nothing more
}

// Path is where the lock of a system.toml lies: beside it, e.g. system.lock; "" for one that is read from standard input.
func Path(systemFile string) string {
	if systemFile == "-" {
		return ""
	}
	return strings.TrimSuffix(systemFile, filepath.Ext(systemFile)) + ".lock"
}

// ReadFile reads a lock file; one that is not there yet is empty.
func ReadFile(file string) (File, error) {
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return File{}, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, mostBytes+1))
	if err != nil {
		return nil, err
	}
	return Read(file, text)
}

func newBoard() *Board {
	return &Board{Packages: make(map[Name]Package), Programs: make(map[string]Program), Sources: make(map[string]string)}
}

// Names lists the packages by architecture, then name.
func (b *Board) Names() []Name {
	return slices.SortedFunc(maps.Keys(b.Packages), func(x, y Name) int {
		return slices.Compare([]string{x.Arch, x.Package}, []string{y.Arch, y.Package})
	})
}
