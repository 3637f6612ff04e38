package payload

import (
	"context"
	"errors"
	"fmt"
	"maps"
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
		b, err := r.build(ctx, l, []File{{Entry: layer.Entry{Path: "usr/bin/" + name, Kind: layer.RegularFile, Mode: 0o755}, Host: file}}, false)
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
