package main

import (
	"debug/elf"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/u-root/u-root/pkg/cpio"
)

const (
	libraryFolder = "lib/x86_64-linux-gnu"
	linker        = "ld-linux-x86-64.so.2"
)

// programs adds programs of the packages under their own paths, with the libraries that they need.
func (t tree) programs(paths ...string) error {
	if err := t.take(paths...); err != nil {
		return err
	}
	seen := map[string]bool{}
	var need func(path string) error
	need = func(path string) error {
		f, err := elf.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		names, err := f.ImportedLibraries()
		if err != nil {
			return err
		}
		for _, name := range append(names, linker) {
			if seen[name] {
				continue
			}
			seen[name] = true
			from, err := t.find(filepath.Join(libraryFolder, name), filepath.Join("usr", libraryFolder, name), filepath.Join("usr", libraryFolder, "systemd", name))
			if err != nil {
				return err
			}
			data, err := os.ReadFile(from)
			if err != nil {
				return err
			}
			to := filepath.Join(libraryFolder, name)
			if name == linker {
				to = filepath.Join("lib64", name)
			}
			t.add(cpio.StaticFile(to, string(data), 0o755))
			if err := need(from); err != nil {
				return err
			}
		}
		return nil
	}
	for _, path := range paths {
		from, err := t.find(path)
		if err != nil {
			return err
		}
		if err := need(from); err != nil {
			return err
		}
	}
	return nil
}

// find looks for a file of one of these paths in the packages.
func (t tree) find(paths ...string) (string, error) {
	for _, path := range paths {
		for _, dir := range t.from {
			at := filepath.Join(dir, path)
			if _, err := os.Stat(at); err == nil {
				return at, nil
			} else if !errors.Is(err, fs.ErrNotExist) {
				return "", err
			}
		}
	}
	return "", fmt.Errorf("no package has %s", paths[0])
}
