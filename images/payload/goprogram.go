package payload

import (
	"context"
	"debug/buildinfo"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"bantam/images/lock"
	"bantam/system"
)

// goProgram builds a program of a Go module for the board, and returns its path in the cache. What the lock says of it
// is taken: toolchain and modules; otherwise go decides, and the lock is told.
//
// It is built as a dependency of a module that has nothing else, with the replacements and exclusions that its own go.mod
// has: as its authors build it, where go install PATH@VERSION would refuse those. Versions, and so sums, are the ones of its go.mod.
func (r Request) goProgram(ctx context.Context, name string, p system.Program) (file string, err error) {
	tags := strings.Join(p.Tags, ",")
	locked, known := r.Archive.Lock.Program(name, p.Go, tags)
	if known {
		return r.cachedProgram(ctx, locked, func(to *os.File) error {
			return r.buildProgram(ctx, locked, func(built lock.Program, file string) error {
				if !slices.Equal(built.Sums, locked.Sums) {
					return fmt.Errorf("%s names other modules for program %s than go wants; bantam build --update %s takes these", r.Archive.Lock.Name(), name, name)
				}
				return copyInto(to, file)
			})
		})
	}
	if err := r.Archive.Refuse(fmt.Sprintf("what program %s is made of as %s", name, p.Go)); err != nil {
		return "", err
	}
	err = r.buildProgram(ctx, lock.Program{Go: p.Go, Tags: tags}, func(built lock.Program, made string) error {
		r.Archive.Lock.AddProgram(name, built)
		file, err = r.cachedProgram(ctx, built, func(to *os.File) error { return copyInto(to, made) })
		return err
	})
	return file, err
}

func copyInto(to *os.File, file string) error {
	from, err := os.Open(file)
	if err != nil {
		return err
	}
	defer from.Close()
	_, err = io.Copy(to, from)
	return err
}

// cachedProgram is the program that was built of the same modules by the same toolchain, or that make writes.
func (r Request) cachedProgram(ctx context.Context, of lock.Program, make func(*os.File) error) (string, error) {
	inputs := slices.Concat([]string{"go program 1", of.Go, of.Tags, of.Toolchain, strings.Join(buildFlags, " ")}, targetEnv(r.Arch), of.Sums)
	file, _, err := r.Cache.File(ctx, r.Progress, inputs, make)
	return file, err
}

// buildFlags leave out of a program where, when and from what copy of its sources it was built.
var buildFlags = []string{"-mod=mod", "-trimpath", "-buildvcs=false", "-ldflags=-s -w"}

// buildProgram builds a program with what the lock says of it, or if that has no toolchain with what go wants. use is
// told what it was built of and with, and gets the file, which goes afterwards.
func (r Request) buildProgram(ctx context.Context, of lock.Program, use func(built lock.Program, file string) error) error {
	g, err := r.newGoCommand(ctx, of.Toolchain)
	if err != nil {
		return err
	}
	defer g.remove()
	r.Progress.Step("building %s for %s", of.Go, r.Arch)
	path, version, _ := strings.Cut(of.Go, "@")
	module := moduleOf(path, version, of.Sums)
	if module == "" {
		if module, err = g.findModule(ctx, path, version); err != nil {
			return err
		}
	}
	if err := g.prepare(ctx, module, version, of.Sums); err != nil {
		return err
	}
	out := filepath.Join(g.dir, "program")
	args := append([]string{"build"}, buildFlags...)
	if of.Tags != "" {
		args = append(args, "-tags="+of.Tags)
	}
	if _, err := g.run(ctx, append(args, "-o", out, path)...); err != nil {
		return err
	}
	info, err := buildinfo.ReadFile(out)
	if err != nil {
		return fmt.Errorf("program %s: %w", of.Go, err)
	}
	sums, err := os.ReadFile(filepath.Join(g.dir, "go.sum"))
	if err != nil {
		return err
	}
	of.Toolchain, of.Sums = strings.Fields(info.GoVersion)[0], strings.Split(strings.TrimSpace(string(sums)), "\n")
	slices.Sort(of.Sums)
	return use(of, out)
}

// moduleOf finds in sums the module that has a package: the longest path of that version. "" if there is none.
func moduleOf(path, version string, sums []string) (module string) {
	for _, sum := range sums {
		m, rest, _ := strings.Cut(sum, " ")
		if strings.HasPrefix(rest, version+" ") && (m == path || strings.HasPrefix(path, m+"/")) && len(m) > len(module) {
			module = m
		}
	}
	return module
}

// noGo is the fault of a host without go.
func noGo(err error) error {
	return &badProgram{"go", fmt.Sprintf("it is built on this host, which has no go (%v)", err), "as root: apt-get install golang-go; newer ones are on https://go.dev/dl"}
}

// goPath finds go also where its own installer puts it.
func goPath() (string, error) {
	path, err := exec.LookPath("go")
	if err == nil {
		return path, nil
	}
	if path, err := exec.LookPath("/usr/local/go/bin/go"); err == nil {
		return path, nil
	}
	return "", noGo(err)
}
