package payload

import (
	"bytes"
	"debug/elf"
	"io"
	"path"
	"slices"
	"strings"

	"bantam/images"
	"bantam/layer"
)

// inspect finds out of each file of a tree whether it is a program or a library for an architecture, and what it loads.
func inspect(tree []File, arch string) error {
	for i := range tree {
		if tree[i].Kind != layer.RegularFile {
			continue
		}
		if err := tree[i].inspect(arch); err != nil {
			return err
		}
	}
	return nil
}

func (f *File) inspect(arch string) error {
	var r io.ReaderAt = bytes.NewReader(f.Data)
	if f.Host != "" {
		host, err := f.openHost()
		if err != nil {
			return err
		}
		defer host.Close()
		r = host
	}
	head := make([]byte, 256)
	n, err := r.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return err
	}
	switch head = head[:n]; {
	case bytes.HasPrefix(head, []byte("#!")) && f.Mode&0o111 != 0:
		f.Interpreter, f.Env = scriptOf(head)
	case bytes.HasPrefix(head, []byte(elf.ELFMAG)):
		f.inspectELF(r, arch)
	}
	return nil
}

// scriptOf is the program that the kernel starts for a script, e.g. /usr/bin/perl: execve(2), and for /usr/bin/env the one that
// this starts, e.g. python3.
func scriptOf(head []byte) (interpreter, env string) {
	line, found := bytes.CutPrefix(head, []byte("#!"))
	line, _, _ = bytes.Cut(line, []byte("\n"))
	fields := strings.Fields(string(line))
	if !found || len(fields) == 0 || !path.IsAbs(fields[0]) {
		return "", ""
	}
	if interpreter = fields[0]; path.Base(interpreter) != "env" {
		return interpreter, ""
	}
	i := slices.IndexFunc(fields[1:], func(word string) bool { return !strings.HasPrefix(word, "-") && !strings.Contains(word, "=") })
	if i < 0 {
		return interpreter, ""
	}
	return interpreter, fields[1+i]
}

// libraryOnDemand are functions by whose use a program comes to load libgcc_s.so.1, which its header does not say: libc
// opens it to unwind the stack of a thread that ends.
var libraryOnDemand = []string{"pthread_cancel", "pthread_create", "pthread_exit", "thrd_create", "thrd_exit", "backtrace"}

// unwinder is what libc opens then.
const unwinder = "libgcc_s.so.1"

// inspectELF takes what cannot be read, as it is damaged or for another machine, for data: nobody here runs it.
func (f *File) inspectELF(r io.ReaderAt, arch string) {
	e, err := elf.NewFile(r)
	if err != nil || e.Machine != images.ELFMachine(arch) || e.Type != elf.ET_EXEC && e.Type != elf.ET_DYN {
		return
	}
	f.ELF = true
	for _, p := range e.Progs {
		if p.Type != elf.PT_INTERP || p.Filesz > 4096 {
			continue
		}
		if name, err := io.ReadAll(p.Open()); err == nil {
			f.Interpreter = strings.TrimRight(string(name), "\x00")
		}
	}
	f.Needs, _ = e.DynString(elf.DT_NEEDED)
	runPath, _ := e.DynString(elf.DT_RUNPATH)
	if len(runPath) == 0 {
		runPath, _ = e.DynString(elf.DT_RPATH)
	}
	f.RunPath = spellOut(runPath, "/"+path.Dir(f.Path))
	imported, _ := e.ImportedSymbols()
	f.Unwinds = slices.ContainsFunc(imported, func(s elf.ImportedSymbol) bool { return slices.Contains(libraryOnDemand, s.Name) })
}

// spellOut lists the folders of run paths, with the place of the library itself for $ORIGIN: ld.so(8). Those with
// other variables depend on the processor, and Debian has none.
func spellOut(paths []string, origin string) (folders []string) {
	for _, list := range paths {
		for _, dir := range strings.Split(list, ":") {
			dir = strings.NewReplacer("${ORIGIN}", origin, "$ORIGIN", origin).Replace(dir)
			if path.IsAbs(dir) && !strings.Contains(dir, "$") {
				folders = append(folders, path.Clean(dir))
			}
		}
	}
	return folders
}
