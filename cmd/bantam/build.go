package main

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"bantam/board"
	"bantam/images"
	"bantam/images/payload"
	"bantam/switcher"
	"bantam/system"
)

// composeFlags are the flags of what a generation is made from and where it is kept.
type composeFlags struct {
	board, kernel, kernelFiles, device, store, cache, release string
	refresh, allowExpired, verbose                            bool
}

func (f *composeFlags) declare(flags *flag.FlagSet) {
	boardFlag(flags, &f.board)
	flags.StringVar(&f.store, "store", "", "`DIR` of the OCI layout that keeps the generation (default: OUT/store)")
	flags.StringVar(&f.kernel, "kernel", "", "Debian kernel `PACKAGE`, or PACKAGE=VERSION (default: what the board names, the newest of the release)")
	flags.StringVar(&f.kernelFiles, "kernel-files", "", "a kernel of your own, `FILES` being VMLINUZ,MODULES: its image, and the folder that make modules_install made; only VMLINUZ if all is built in")
	flags.StringVar(&f.release, "release", "", "`NAME` of the Debian release that kernel and loaders come from, e.g. bookworm (default: this host's)")
	flags.StringVar(&f.device, "device", "", "device binary `FILE` (default: device/ARCH/bantam beside this program)")
	cacheFlag(flags, &f.cache)
	flags.BoolVar(&f.refresh, "refresh", false, "ask Debian's archive for newer packages; otherwise once a week")
	flags.BoolVar(&f.allowExpired, "allow-expired", false, "take an archive whose Release file is past its Valid-Until, e.g. of snapshot.debian.org")
	flags.BoolVar(&f.verbose, "v", false, "print each step")
}

// boardFlag declares --board; every verb that has one has the same.
func boardFlag(flags *flag.FlagSet, name *string) {
	flags.StringVar(name, "board", "pc", "`NAME` of the hardware: "+strings.Join(board.Names(), ", "))
}

// cacheFlag declares --cache; every verb that has one has the same.
func cacheFlag(flags *flag.FlagSet, dir *string) {
	flags.StringVar(dir, "cache", "", "`DIR` for what was fetched and packed (default: ~/.cache/bantam)")
}

// openCache is the cache that --cache names, or this user's.
func openCache(dir string) (images.Cache, error) {
	if dir != "" {
		return images.Cache{Dir: dir}, nil
	}
	dir, err := images.DefaultCacheDir()
	return images.Cache{Dir: dir}, err
}

var buildVerb = verb{
	name:    "build",
	args:    "SYSTEM.toml",
	summary: "make bootable images",
	text: `Writes OUT/BOARD.img, a disk image, and for a PC OUT/BOARD.iso, which runs from memory; prints what takes
their bytes. The same inputs give the same bytes; SOURCE_DATE_EPOCH replaces the date of the kernel package.`,
	declare: func(c *call) func(args []string) error {
		var f composeFlags
		f.declare(c.flags)
		out := c.flags.String("out", "out", "`DIR` that gets the images")
		img := c.flags.Bool("img", false, "only the disk image")
		iso := c.flags.Bool("iso", false, "only the ISO image")
		asJSON := c.flags.Bool("json", false, "print the sizes as JSON")
		return func(args []string) error {
			if len(args) != 1 {
				return usagef("want one SYSTEM.toml, got %d arguments", len(args))
			}
			if f.kernel != "" && f.kernelFiles != "" {
				return usagef("--kernel and --kernel-files exclude each other")
			}
			b, err := board.Load(f.board)
			if err != nil {
				return usageError{err.Error()}
			}
			kinds := images.Media(b)
			if *img != *iso {
				kind := "img"
				if *iso {
					kind = "iso"
				}
				if !slices.Contains(kinds, kind) {
					return usagef("board %s has no --%s, only %s", b.Name, kind, strings.Join(kinds, ", "))
				}
				kinds = []string{kind}
			}
			if f.store == "" {
				f.store = filepath.Join(*out, "store")
			}
			generation, sizes, err := f.build(c, b, args[0], *out, kinds)
			var bad *images.BadSystem
			switch {
			case errors.As(err, &bad):
				for _, p := range bad.Problems {
					fmt.Fprintln(c.stderr, p) // one a line, as check prints them
				}
				return errSaid
			case sizes == nil:
				return err
			case *asJSON:
				return errors.Join(err, printJSON(c.stdout, struct {
					Generation switcher.Digest `json:"generation"`
					Images     []images.Sizes  `json:"images"`
				}{generation, sizes}))
			}
			fmt.Fprintf(c.stdout, "generation %s\n", generation.Short())
			return errors.Join(err, images.PrintSizes(c.stdout, sizes))
		}
	},
}

// build composes and packs; sizes come also with the error that an image is too large.
func (f *composeFlags) build(c *call, b board.Board, file, out string, kinds []string) (switcher.Digest, []images.Sizes, error) {
	if err := needTools(buildTools...); err != nil {
		return "", nil, err
	}
	text, err := readInput(c, file)
	if err != nil {
		return "", nil, err
	}
	progress, done := images.TerminalProgress(c.stderr)
	if f.verbose {
		progress, done = func(message string) { fmt.Fprintln(c.stderr, message) }, func() {}
	}
	defer done()
	cache, err := openCache(f.cache)
	if err != nil {
		return "", nil, err
	}
	if f.device == "" {
		self, err := os.Executable()
		if err != nil {
			return "", nil, err
		}
		f.device = images.DevicePath(self, b.Arch)
	}
	in := images.Inputs{Board: b, File: file, System: text, Device: f.device, Store: f.store, Cache: cache, Progress: progress}
	if err := in.Check(); err != nil {
		return "", nil, err
	}
	sys, _ := system.Parse(file, text) // without faults, as Check says
	if len(sys.Packages)+len(sys.Programs) > 0 || slices.ContainsFunc(slices.Collect(maps.Values(sys.Files)), hasSource) {
		if err := needTools(layerTools...); err != nil {
			return "", nil, err
		}
	}
	archive := images.Archive{CacheDir: cache.Dir, Release: f.release, Arch: b.DebianArch, Progress: progress}
	var notes []string
	archive.AllowExpired = f.allowExpired
	archive.Note = func(said string) {
		if !slices.Contains(notes, said) { // kernel and loaders ask one after the other
			notes = append(notes, said)
		}
	}
	if f.refresh {
		archive.NotBefore = time.Now()
	}
	if in.Kernel, err = f.chooseKernel(c, archive, b); err != nil {
		return "", nil, unwritable(cache.Dir, "--cache", err)
	}
	if date, ok, err := images.SourceDate(); err != nil {
		return "", nil, err
	} else if ok {
		in.Kernel.Date = date
	}
	layers, said, err := payload.Layers(c.ctx, payload.Request{
		File: file, Dir: filepath.Dir(file), Text: text, System: sys, Arch: b.Arch,
		Filter: images.SquashFilter(in.Kernel, b.Arch), Archive: archive, Cache: cache, Progress: progress,
	})
	if err != nil {
		return "", nil, unwritable(cache.Dir, "--cache", err)
	}
	in.Layers, notes = layers, append(notes, said...)
	composed, err := images.Compose(c.ctx, in)
	if err != nil {
		return "", nil, unwritable(cache.Dir, "--cache", unwritable(f.store, "--store", unwritable(out, "--out", err)))
	}
	sizes, err := composed.WriteMedia(c.ctx, archive, b, out, kinds)
	done()
	for _, note := range append(composed.Notes, notes...) {
		fmt.Fprintf(c.stderr, "bantam build: note: %s\n", note)
	}
	return composed.Digest, sizes, unwritable(cache.Dir, "--cache", unwritable(out, "--out", err))
}

// hasSource tells whether a file's bytes come into a layer.
func hasSource(f system.File) bool { return f.Source != "" }

// unwritable says which flag helps if err tells that we may not write into dir.
func unwritable(dir, flag string, err error) error {
	var p *fs.PathError
	if !errors.As(err, &p) || !errors.Is(err, fs.ErrPermission) && !errors.Is(err, syscall.EROFS) {
		return err
	}
	path := filepath.Clean(p.Path)
	if !within(dir, path) && !(p.Op == "mkdir" && within(path, dir)) {
		return err
	}
	if strings.HasPrefix(filepath.Base(path), ".") && p.Op != "mkdir" { // a temporary file, whose name tells nobody anything
		path = filepath.Dir(path)
	}
	return fmt.Errorf("cannot write %s: %v; %s DIR takes another folder", path, p.Err, flag)
}

// within tells whether a path is a folder or lies below it.
func within(dir, path string) bool {
	a, errA := filepath.Abs(dir)
	b, errB := filepath.Abs(path)
	inside, err := filepath.Rel(a, b)
	return errors.Join(errA, errB, err) == nil && inside != ".." && !strings.HasPrefix(inside, "../")
}

func (f *composeFlags) chooseKernel(c *call, archive images.Archive, b board.Board) (images.Kernel, error) {
	if f.kernelFiles == "" {
		name := f.kernel
		if name == "" {
			name = b.KernelPackage
		}
		k, err := images.DebianKernel(c.ctx, archive, name)
		k.Chosen = f.kernel != ""
		return k, err
	}
	image, modules, _ := strings.Cut(f.kernelFiles, ",")
	return images.KernelFiles(image, modules, b.Arch)
}
