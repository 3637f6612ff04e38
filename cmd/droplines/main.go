// Command droplines makes the function table of Go programs for Linux smaller, in place: no line numbers, no names of files, no arguments in traces.
//
// The linker has no flag for that, and the table packs worse than anything else in a device binary (docs/size.md). A trace then says of a function its name,
// ?:0, and the offset in it, which a build of the same source turns into file and line. The table is taken apart and laid out anew: what the runtime asks for
// stays, equal pieces are there once, and in the file all that follows comes nearer. Code and data keep their addresses.
//
// It is for static programs of the versions of Go whose runtime has been read, on little-endian and big-endian machines; others stay as they are.
package main

import (
	"bytes"
	"debug/buildinfo"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"bantam/atomicfile"
)

func main() { os.Exit(run(os.Args[1:], os.Stderr)) }

func run(files []string, errOut io.Writer) int {
	if len(files) == 0 {
		fmt.Fprintln(errOut, "usage: droplines FILE...")
		return 2
	}
	for _, name := range files {
		switch err := rewrite(name); {
		case errors.Is(err, errUnknownLayout): // of another Go: its binaries work as well, and test/lint tells what they weigh
			fmt.Fprintf(errOut, "droplines: %s: %v; it stays as it is\n", name, err)
		case err != nil:
			fmt.Fprintf(errOut, "droplines: %s: %v\n", name, err)
			return 1
		}
	}
	return 0
}

func rewrite(name string) error {
	data, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	small, err := shrunk(data)
	if err != nil || bytes.Equal(small, data) {
		return err
	}
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	return atomicfile.WriteUnsynced(name, small, info.Mode())
}

// known are the versions of Go whose runtime has been read. Another may ask its tables for what these do not.
var known = []string{"go1.26"}

// shrunk is a program with a smaller function table.
func shrunk(data []byte) (small []byte, err error) {
	defer func() {
		if recover() != nil { // an offset leads out of it
			small, err = nil, errDamaged
		}
	}()
	info, err := buildinfo.Read(bytes.NewReader(data))
	if err != nil { // it is none of Go
		return nil, err
	}
	if !slices.ContainsFunc(known, func(version string) bool {
		return info.GoVersion == version || strings.HasPrefix(info.GoVersion, version+".") || strings.HasPrefix(info.GoVersion, version+" ")
	}) {
		return nil, fmt.Errorf("%w: it is of %s", errUnknownLayout, info.GoVersion)
	}
	m, err := parse(data)
	if err != nil {
		return nil, err
	}
	table, module := m.file.Section(".gopclntab"), m.file.Section(".go.module")
	if table == nil || module == nil {
		return nil, fmt.Errorf("%w: no section .gopclntab or .go.module", errUnknownLayout)
	}
	for _, s := range []*elf.Section{table, module} {
		if end := s.Offset + s.FileSize; end < s.Offset || end > uint64(len(data)) {
			return nil, errDamaged
		}
	}
	t, err := open(table, data[table.Offset:][:table.Size], data[module.Offset:][:module.Size], m.order)
	if err != nil {
		return nil, err
	}
	p, err := read(t)
	if err != nil {
		return nil, err
	}
	return m.replace(table, pack(p))
}
