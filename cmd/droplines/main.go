// Command droplines drops line numbers and names of files from Go programs for Linux, in place.
//
// The linker has no flag for that, and they are what packs worst in a device binary (docs/size.md). A trace then says of a function its name, ?:0, and the
// offset in it, which a build of the same source turns into file and line. Everything keeps its place: tables
// that nobody needs any longer become zeros, and all functions share one that says that nothing is known.
package main

import (
	"bytes"
	"debug/buildinfo"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"os"

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
			fmt.Fprintf(errOut, "droplines: %s: %v; it keeps its line numbers\n", name, err)
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
	before := bytes.Clone(data)
	if err := dropFrom(data); err != nil || bytes.Equal(data, before) {
		return err
	}
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	return atomicfile.WriteUnsynced(name, info.Mode(), func(f *os.File) error {
		_, err := f.Write(data)
		return err
	})
}

// dropFrom drops them from a program.
func dropFrom(program []byte) error {
	if _, err := buildinfo.Read(bytes.NewReader(program)); err != nil { // it is none of Go
		return err
	}
	f, err := elf.NewFile(bytes.NewReader(program))
	if err != nil {
		return err
	}
	section := f.Section(".gopclntab")
	if section == nil {
		return fmt.Errorf("%w: no section .gopclntab", errUnknownLayout)
	}
	if end := section.Offset + section.FileSize; end < section.Offset || end > uint64(len(program)) {
		return errDamaged
	}
	return drop(program[section.Offset:][:section.FileSize], f.ByteOrder)
}
