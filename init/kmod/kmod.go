// Package kmod loads kernel modules: by name, by alias, for every device the
// machine has at boot (coldplug) and for every device that comes later
// (hotplug, from the kernel's own uevents).
//
// It reads what depmod writes as text (modules.dep, modules.alias,
// modules.softdep, modules.builtin), not the binary indexes: an image carries
// a few hundred modules, and their text is parsed in under a millisecond.
// It knows no modprobe.d; parameters and a blacklist come from the kernel
// command line in the words that modprobe uses. The kernel unpacks compressed
// modules; nothing here does.
package kmod

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// Open reads the index of the running kernel, /lib/modules/RELEASE.
// A kernel without modules has an empty index and no error.
func Open() (*Index, error) {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return nil, fmt.Errorf("uname: %w", err)
	}
	return OpenDir(filepath.Join("/lib/modules", unix.ByteSliceToString(u.Release[:])))
}

// OpenDir reads the index in dir, e.g. /lib/modules/6.1.0-40-amd64.
func OpenDir(dir string) (*Index, error) {
	x := &Index{Dir: dir, modules: map[string]*module{}, builtin: map[string]bool{}}
	for name, parse := range map[string]func(string){
		"modules.dep":     x.parseDep,
		"modules.alias":   x.parseAlias,
		"modules.softdep": x.parseSoftdep,
		"modules.builtin": x.parseBuiltin,
	} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		parse(string(text))
	}
	return x, nil
}

// Name is the name the kernel gives to the module in a file or the module a
// person wrote: kernel/net/bridge/br-netfilter.ko.xz and br-netfilter are both br_netfilter.
func Name(file string) string {
	file = file[strings.LastIndexByte(file, '/')+1:]
	if i := strings.Index(file, ".ko"); i > 0 && (len(file) == i+3 || file[i+3] == '.') {
		file = file[:i]
	}
	return strings.ReplaceAll(file, "-", "_")
}
