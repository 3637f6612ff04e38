package payload

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"bantam/images"
	"bantam/layer"
	"bantam/system"
	"bantam/system/syntax"
)

// programLayers makes a layer of each program, which is one file: usr/bin/NAME.
func programLayers(ctx context.Context, r Request) (all []built, notes []string, err error) {
	var problems []system.Problem
	for _, name := range slices.Sorted(maps.Keys(r.System.Programs)) {
		p, of := r.System.Programs[name], "program/"+name
		l := images.Layer{Name: of, For: []string{of}}
		_, l.Version, _ = strings.Cut(p.Go, "@")
		file, err := r.ProgramFile(ctx, name)
		var bad *badProgram
		switch {
		case errors.As(err, &bad):
			key := syntax.Join("program", name) + "." + bad.key
			problems = append(problems, r.problem(key, bad.suggestion, "%s: %s", key, bad.message))
			continue
		case err != nil:
			return nil, nil, err
		}
		b, err := r.build(ctx, l, []File{{Entry: layer.Entry{Path: "usr/bin/" + name, Kind: layer.RegularFile, Mode: 0o755}, Host: file}})
		if err != nil {
			return nil, nil, err
		}
		all = append(all, b)
	}
	return all, nil, badSystem(problems)
}

// ProgramFile is the path on this host of a program that system.toml names: built, or beside it.
func (r Request) ProgramFile(ctx context.Context, name string) (string, error) {
	if p := r.System.Programs[name]; p.Go == "" {
		return r.ownProgram(p)
	}
	return r.goProgram(ctx, name, r.System.Programs[name])
}

// badProgram is a fault of a program at one of its keys.
type badProgram struct{ key, message, suggestion string }

func (e *badProgram) Error() string { return e.message }

// ownProgram is the path of a program that lies beside system.toml.
func (r Request) ownProgram(p system.Program) (string, error) {
	name := strings.ReplaceAll(p.File, "{arch}", r.Arch)
	what, err := r.describe(name)
	switch {
	case err != nil:
		return "", err
	case what != "":
		return "", &badProgram{"file", fmt.Sprintf("%q is %s", name, what), "give a program for " + r.Arch + ", or a script that begins with #!"}
	}
	file := filepath.Join(r.Dir, name)
	digest, err := images.FileDigest(file)
	if err != nil {
		return "", err
	}
	r.Archive.Lock.AddSource(name, digest)
	return file, nil
}

// programLibraries makes sure that the layers have what programs load that are linked dynamically.
func (r Request) programLibraries(all []built) error {
	var tree layer.Tree
	for _, b := range all {
		tree = append(tree, b.Index)
	}
	var problems []system.Problem
	for _, name := range slices.Sorted(maps.Keys(r.System.Programs)) {
		entries, lacking := tree.Closure("/usr/bin/"+name, layer.Folders(r.Arch))
		if len(lacking) == 0 {
			continue
		}
		key := syntax.Join("program", name)
		if len(entries) == 1 && len(entries[0].Needs) == 0 && lacking[0] == entries[0].Interpreter && !strings.HasPrefix(path.Base(lacking[0]), "ld") {
			continue // a script, of which scriptNotes speaks
		}
		problems = append(problems, r.problem(key, librarySuggestion(lacking), "%s: nothing provides %s, which it loads", key, strings.Join(lacking, ", ")))
	}
	return badSystem(problems)
}

// librarySuggestion names the packages of Debian that have the libraries of most programs.
func librarySuggestion(lacking []string) string {
	var names []string
	for _, l := range lacking {
		switch base := path.Base(l); {
		case base == "libstdc++.so.6":
			names = append(names, "libstdc++6")
		case base == unwinder:
			names = append(names, "libgcc-s1")
		case strings.HasPrefix(base, "ld-linux"), slices.Contains([]string{"libc.so.6", "libm.so.6", "libpthread.so.0", "libdl.so.2", "librt.so.1"}, base):
			names = append(names, "libc6")
		}
	}
	slices.Sort(names)
	if names = slices.Compact(names); len(names) == 0 {
		return "add the package of Debian that has it to packages, or link the program statically"
	}
	return fmt.Sprintf("add %s to packages, or link the program statically", quoted(names))
}

func quoted(names []string) string {
	for i, name := range names {
		names[i] = syntax.Quote(name)
	}
	return strings.Join(names, ", ")
}
