package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"bantam/board"
	"bantam/images"
	"bantam/images/kernelbuild"
	"bantam/images/payload"
	"bantam/system"
)

// gathered is all that a build needs, found, fetched and verified.
type gathered struct {
	images.Inputs
	archive images.Archive // for what is still to be read of the packages
	request payload.Request
	notes   []string // what people should know when the work is done
	clear   func()   // takes the progress from the terminal
}

// done ends the progress.
func (g *gathered) done() { g.clear() }

// gather reads system.toml and fetches what its generation for a board is made from.
func (f *composeFlags) gather(c *call, b board.Board, file string) (g *gathered, err error) {
	if err := needTools(buildTools...); err != nil {
		return nil, err
	}
	g = &gathered{Inputs: images.Inputs{Board: b, File: file, Device: f.device, Store: f.store}}
	if g.System, err = readInput(c, file); err != nil {
		return nil, err
	}
	if g.Cache, err = openCache(f.cache); err != nil {
		return nil, err
	}
	if g.Device == "" && f.vendor != "" {
		g.Device = images.DevicePath(filepath.Join(f.vendor, "bantam"), b.Arch)
	}
	if g.Device == "" {
		self, err := os.Executable()
		if err != nil {
			return nil, err
		}
		g.Device = images.DevicePath(self, b.Arch)
	}
	if err := g.Check(); err != nil {
		return nil, err
	}
	sys, _ := system.Parse(file, g.System) // without faults, as Check says
	g.notes = append(g.notes, neededSecrets(sys)...)
	if len(sys.AllPackages())+len(sys.Programs) > 0 || slices.ContainsFunc(slices.Collect(maps.Values(sys.Files)), hasSource) {
		if err := needTools(layerTools...); err != nil {
			return nil, err
		}
	}
	if g.Progress, g.clear = images.TerminalProgress(c.stderr); f.verbose {
		g.Progress, g.clear = func(message string) { fmt.Fprintln(c.stderr, message) }, func() {}
	}
	g.archive = images.Archive{
		CacheDir: g.Cache.Dir, Release: f.release, Default: b.Release, Arch: b.DebianArch, Progress: g.Progress,
		AllowExpired: f.allowExpired, NoUpdates: f.noUpdates, Vendor: f.vendor,
		Note: func(said string) {
			if !slices.Contains(g.notes, said) { // kernel and loaders ask one after the other
				g.notes = append(g.notes, said)
			}
		},
	}
	if f.noUpdates {
		g.archive.Note("--no-updates: packages are those of the Debian release as it was made, with faults of security that have been mended since; `bantam build --update` takes newer ones")
	}
	if f.refresh || f.update {
		g.archive.NotBefore = time.Now()
	}
	if g.archive.Lock, err = f.openLock(b.Name); err != nil {
		return nil, err
	}
	if err := g.fetch(c, f, b, sys); err != nil {
		g.done()
		return nil, unwritable(g.Cache.Dir, "--cache", err)
	}
	if f.vendor != "" {
		if err := g.archive.CheckVendor(); err != nil {
			g.done()
			return nil, err
		}
	}
	return g, nil
}

// neededSecrets says what the image cannot bring.
func neededSecrets(sys *system.System) (notes []string) {
	var names []string
	for _, use := range sys.Secrets() {
		if !use.Made {
			names = append(names, use.Secret)
		}
	}
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		notes = append(notes, fmt.Sprintf("no image holds secret %s: once on the machine, `bantam secret set %s`", name, name))
	}
	return notes
}

func (g *gathered) fetch(c *call, f *composeFlags, b board.Board, sys *system.System) error {
	digest, err := images.FileDigest(g.Device)
	if err != nil {
		return err
	}
	g.archive.Lock.SetDevice(digest)
	if g.Kernel, err = g.chooseKernel(c, f, b); err != nil {
		return err
	}
	if date, ok, err := images.SourceDate(); err != nil {
		return err
	} else if ok {
		g.Kernel.Date = date
	}
	if err := images.FetchLoaders(c.ctx, g.archive, b); err != nil {
		return err
	}
	g.request = payload.Request{
		File: g.File, Dir: filepath.Dir(g.File), Text: g.System, System: sys, Arch: b.Arch,
		Filter: images.SquashFilter(g.Kernel, b.Arch), Archive: g.archive, Cache: g.Cache, Progress: g.Progress,
	}
	layers, said, err := payload.Layers(c.ctx, g.request)
	g.Layers, g.notes = layers, append(g.notes, said...)
	return err
}

// said prints the faults of a system.toml, if that is what an error is.
func said(c *call, err error) error {
	var bad *images.BadSystem
	if !errors.As(err, &bad) {
		return err
	}
	for _, p := range bad.Problems {
		fmt.Fprintln(c.stderr, p) // one a line, as check prints them
	}
	return errSaid
}

// hasSource tells whether a file's bytes come into a layer.
func hasSource(f system.File) bool { return f.Source != "" }

func (g *gathered) chooseKernel(c *call, f *composeFlags, b board.Board) (images.Kernel, error) {
	name := g.archive.Lock.Kernel(f.kernel, b.UsualKernel()) // with --kernel-files it is kept all the same
	chosen := f.kernel != "" || name != b.UsualKernel()
	if f.kernelFiles == "" && b.Kernel.Build != "" && name == b.Kernel.Name {
		k, err := g.buildKernel(c, b)
		k.Chosen = chosen
		return k, err
	}
	if f.kernelFiles == "" {
		k, err := images.DebianKernel(c.ctx, g.archive, name)
		k.Chosen = chosen
		var none *images.NoPackage
		if f.kernel == "" && k.Chosen && errors.As(err, &none) {
			err = fmt.Errorf("%w; %s has it from an earlier --kernel, and --kernel %s goes back to the board's own", err, g.archive.Lock.Name(), b.UsualKernel())
		}
		return k, err
	}
	image, modules, _ := strings.Cut(f.kernelFiles, ",")
	modules, trees, _ := strings.Cut(modules, ",")
	if trees == "" && len(b.DeviceTrees) > 0 {
		return images.Kernel{}, fmt.Errorf("--kernel-files %s: board %s wants device trees; write VMLINUZ,MODULES,DTBS with the folder that make dtbs_install made", f.kernelFiles, b.Name)
	}
	k, err := images.KernelFiles(image, modules, trees, b.Arch)
	if err != nil {
		return k, err
	}
	digest, err := k.Digest(g.Cache)
	g.archive.Lock.AddSource("--kernel-files", digest)
	return k, err
}

// buildKernel makes the board's own kernel.
func (g *gathered) buildKernel(c *call, b board.Board) (k images.Kernel, err error) {
	if err := needTools(kernelTools(b.Arch)...); err != nil {
		return k, err
	}
	source, err := kernelbuild.Fetch(c.ctx, g.archive, b)
	if err != nil {
		return k, err
	}
	return kernelbuild.Build(c.ctx, kernelbuild.Request{Board: b, Source: source, Cache: g.Cache, Progress: g.Progress})
}
