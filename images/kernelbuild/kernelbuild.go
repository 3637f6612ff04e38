// Package kernelbuild makes a board's own kernel of Debian's source: the package, which apt has verified and system.lock pins, is
// unpacked, configured by the board's fragments, and built by Debian's compiler for its architecture. Nothing of it needs root.
//
// The same source, options and compiler give the same bytes, wherever and whenever it is built: so what was built once is kept under
// the digest of these, and a build of a quarter of an hour happens when one of them changes. The compiler is the host's, of which
// the lock knows nothing.
package kernelbuild

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"bantam/board"
	"bantam/images"
)

// A Source is that of a kernel.
type Source struct {
	Package string    // with its version, e.g. linux-source-6.1 6.1.153-1
	SHA256  string    // of the package, in hex
	Tarball string    // path of linux-source-*.tar.xz
	Date    time.Time // of the package: the kernel says that it was built then
}

// A Request is what is built, and with what.
type Request struct {
	Board    board.Board
	Source   Source
	Cache    images.Cache
	Progress images.Progress
}

// listed is the architecture in whose lists the source is looked for: it is the same for all, and security updates go on the longest there.
const listed = "amd64"

// Fetch fetches the source that a board names.
func Fetch(ctx context.Context, archive images.Archive, b board.Board) (Source, error) {
	archive.Arch = listed
	packages, err := archive.Packages(ctx, b.Kernel.Build)
	if err != nil {
		return Source{}, err
	}
	p := packages[b.Kernel.Build]
	found, err := filepath.Glob(filepath.Join(p.Dir, "usr/src/linux-source-*.tar.xz"))
	if err != nil || len(found) != 1 {
		return Source{}, fmt.Errorf("Debian package %s has no source of a kernel; kernel.build names one such as linux-source-6.1", b.Kernel.Build)
	}
	date, err := p.Date()
	return Source{Package: p.Name + " " + p.Version, SHA256: p.SHA256, Tarball: found[0], Date: date}, err
}

// recipe changes whenever what is made of the same inputs does.
const recipe = "kernel 1"

// inputs are all that the kernel depends on. Device trees are kept beside it, so that boards of one processor share a kernel.
func (r Request) inputs(ctx context.Context, options []board.Option) ([]string, error) {
	compiler, err := r.arch().compiler(ctx)
	if err != nil {
		return nil, err
	}
	return []string{recipe, r.Source.SHA256, r.Board.Arch, r.arch().target, compiler, wanted(options)}, nil
}

// Build gives the board's kernel, from the cache if it was built before.
func Build(ctx context.Context, r Request) (images.Kernel, error) {
	k, err := r.build(ctx)
	if err != nil {
		return k, fmt.Errorf("kernel %s of board %s: %w", r.Board.Kernel.Name, r.Board.Name, err)
	}
	return k, nil
}

func (r Request) build(ctx context.Context) (images.Kernel, error) {
	options, err := r.Board.Configuration()
	if err != nil {
		return images.Kernel{}, err
	}
	inputs, err := r.inputs(ctx, options)
	if err != nil {
		return images.Kernel{}, err
	}
	dir, err := r.Cache.Folder(ctx, r.Progress, inputs, func(dir, work string) error {
		t := tree{dir: work, arch: r.arch(), source: r.Source}
		if err := t.unpack(ctx, r.Progress); err != nil {
			return err
		}
		config, err := t.configure(ctx, options)
		if err != nil {
			return err
		}
		if err := t.make(ctx, config, r.Board.Name, r.Progress); err != nil {
			return err
		}
		return t.collect(ctx, config, dir)
	})
	if err != nil {
		return images.Kernel{}, err
	}
	trees, err := r.trees(ctx, inputs, options)
	if err != nil {
		return images.Kernel{}, err
	}
	return r.kernel(dir, trees)
}

// trees is the folder of the board's device trees; "" if it has none.
func (r Request) trees(ctx context.Context, inputs []string, options []board.Option) (string, error) {
	if len(r.Board.DeviceTrees) == 0 {
		return "", nil
	}
	inputs = append(append(inputs, "device trees"), r.Board.DeviceTrees...)
	if r.Board.Kernel.Trees != "" {
		inputs = append(inputs, "with", r.Board.Kernel.Trees)
	}
	return r.Cache.Folder(ctx, r.Progress, inputs, func(dir, work string) error {
		t := tree{dir: work, arch: r.arch(), source: r.Source}
		if err := t.unpack(ctx, r.Progress); err != nil {
			return err
		}
		if _, err := t.configure(ctx, options); err != nil {
			return err
		}
		r.Progress.Step("making device trees for %s", r.Board.Name)
		return t.deviceTrees(ctx, r.Board.DeviceTrees, r.Board.Kernel.Trees, dir)
	})
}

// kernel is what a folder of collect's holds.
func (r Request) kernel(dir, trees string) (images.Kernel, error) {
	found, err := filepath.Glob(filepath.Join(dir, imageName+"*"))
	if err != nil || len(found) != 1 {
		return images.Kernel{}, errors.Join(fmt.Errorf("%s has no kernel; delete it", dir), err)
	}
	version := strings.TrimPrefix(filepath.Base(found[0]), imageName)
	k, err := images.KernelFiles(found[0], filepath.Join(dir, modulesDir, version), trees, r.Board.Arch)
	k.Source = fmt.Sprintf("Linux %s of %s", version, r.Source.Package)
	k.Date = r.Source.Date
	return k, err
}

// A Comparison is what a board's options make of the architecture's defaults.
type Comparison struct {
	Source   string         // package and version
	Options  []board.Option // what is asked for
	Defaults Config         // what the source takes where nothing is asked for
	Result   Config
}

// Compare configures the board's kernel without building it.
func Compare(ctx context.Context, r Request) (Comparison, error) {
	c := Comparison{Source: r.Source.Package}
	var err error
	if c.Options, err = r.Board.Configuration(); err != nil {
		return c, err
	}
	inputs, err := r.inputs(ctx, c.Options)
	if err != nil {
		return c, err
	}
	text, err := r.Cache.Result(append(inputs, "compared"), func() (text []byte, err error) {
		err = r.Cache.Work(ctx, r.Progress, inputs, func(work string) error {
			defaults, result, err := r.compare(ctx, work, c.Options)
			if err != nil {
				return err
			}
			text, err = json.Marshal([]Config{defaults, result})
			return err
		})
		return text, err
	})
	if err != nil {
		return c, fmt.Errorf("kernel %s of board %s: %w", r.Board.Kernel.Name, r.Board.Name, err)
	}
	return c, json.Unmarshal(text, &[]*Config{&c.Defaults, &c.Result})
}

func (r Request) compare(ctx context.Context, work string, options []board.Option) (defaults, result Config, err error) {
	t := tree{dir: work, arch: r.arch(), source: r.Source}
	if err := t.unpack(ctx, r.Progress); err != nil {
		return nil, nil, err
	}
	r.Progress.Step("configuring %s", r.Source.Package)
	if defaults, err = t.defaults(ctx); err != nil {
		return nil, nil, err
	}
	result, err = t.configure(ctx, options)
	return defaults, result, err
}
