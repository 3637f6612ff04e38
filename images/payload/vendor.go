package payload

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"bantam/images"
	"bantam/images/lock"
)

// Vendored says what a vendor folder has got.
type Vendored struct {
	Packages, Modules int
	Bytes             int64
}

// Vendor saves in a folder all that the lock says a build has used and that is not beside system.toml: packages of Debian
// below debian, Go modules as a module proxy below VendorGo. What is there already stays, so that boards may share a folder.
func Vendor(ctx context.Context, r Request, dir string) (v Vendored, err error) {
	board := r.Archive.Lock.Board()
	for _, n := range board.Names() {
		p := board.Packages[n]
		if p.Means != "" {
			continue // nothing of it is used but what it means
		}
		a := r.Archive
		a.Arch = n.Arch
		size, err := a.Save(ctx, n.Package, p, dir)
		if err != nil {
			return v, err
		}
		v.Packages, v.Bytes = v.Packages+1, v.Bytes+size
	}
	saved := make(map[string]bool)
	for _, name := range slices.Sorted(maps.Keys(board.Programs)) {
		if err := r.vendorProgram(ctx, board.Programs[name], filepath.Join(dir, VendorGo), saved, &v); err != nil {
			return v, fmt.Errorf("program %s: %w", name, err)
		}
	}
	return v, nil
}

// vendorProgram saves the modules of a program that are not among saved.
func (r Request) vendorProgram(ctx context.Context, p lock.Program, dir string, saved map[string]bool, v *Vendored) error {
	cache := filepath.Join(r.Cache.Dir, "go", "mod", "cache", "download")
	for again := false; ; again = true {
		err := saveModules(cache, dir, p.Sums, saved, v)
		if again || !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		// The program came from the cache, and its modules are gone: building it once more fetches them.
		if err := r.buildProgram(ctx, p, func(lock.Program, string) error { return nil }); err != nil {
			return err
		}
	}
}

// saveModules copies what sums name from go's own cache, whose form is that of a module proxy: Go Modules Reference,
// "Module cache".
func saveModules(cache, dir string, sums []string, saved map[string]bool, v *Vendored) error {
	for _, sum := range sums {
		if saved[sum] {
			continue
		}
		fields := strings.Fields(sum)
		version, onlyMod := strings.CutSuffix(fields[1], "/go.mod")
		stem := filepath.Join(lock.EscapePath(fields[0]), "@v", lock.EscapePath(version))
		files := []string{stem + ".mod"}
		if !onlyMod {
			files = []string{stem + ".zip"}
		}
		if _, err := os.Stat(filepath.Join(cache, stem+".info")); err == nil { // go has asked for it
			files = append(files, stem+".info")
		}
		for _, file := range files {
			size, err := images.SaveFile(filepath.Join(dir, file), filepath.Join(cache, file))
			if err != nil {
				return err
			}
			v.Bytes += size
		}
		if saved[sum] = true; !onlyMod {
			v.Modules++
		}
	}
	return nil
}
