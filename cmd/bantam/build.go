package main

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"bantam/board"
	"bantam/images"
	"bantam/images/signing"
	"bantam/switcher"
)

// composeFlags are the flags of what a generation is made from and where it is kept.
type composeFlags struct {
	board, kernel, kernelFiles, device, store, cache, release string
	refresh, allowExpired, noUpdates, verbose                 bool

	lockFlags
}

func (f *composeFlags) declare(flags *flag.FlagSet) {
	boardFlag(flags, &f.board)
	flags.StringVar(&f.store, "store", "", "`DIR` of the OCI layout that keeps the generation (default: OUT/store)")
	flags.StringVar(&f.kernel, "kernel", "", "Debian kernel `PACKAGE`, or PACKAGE=VERSION, or the name of the kernel that is built for the board, as bantam boards BOARD says it (default: the lock file's, else what the board names, the newest of the release)")
	flags.StringVar(&f.kernelFiles, "kernel-files", "", "a kernel of your own, `FILES` being VMLINUZ,MODULES,DTBS: its image, and the folders that make modules_install and, for a board with device trees, make dtbs_install made; only VMLINUZ if all is built in")
	flags.StringVar(&f.release, "release", "", "`NAME` of the Debian release that packages come from, e.g. bookworm (default: the lock file's, else the board's, else this host's)")
	flags.StringVar(&f.device, "device", "", "device binary `FILE` (default: device/ARCH/bantam beside this program)")
	cacheFlag(flags, &f.cache)
	flags.BoolVar(&f.refresh, "refresh", false, "ask Debian's archive for newer package lists; otherwise once a week. What the lock file names stays: see --update")
	flags.BoolVar(&f.allowExpired, "allow-expired", false, "take an archive whose Release file is past its Valid-Until, e.g. of snapshot.debian.org")
	flags.BoolVar(&f.noUpdates, "no-updates", false, "take what the lock file does not name from the Debian release as it was made, without security and other updates: for a mirror whose lists of these are broken")
	flags.BoolVar(&f.verbose, "v", false, "print each step")
	f.lockFlags.declare(flags)
}

// boardFlag declares --board; every verb that has one has the same.
func boardFlag(flags *flag.FlagSet, name *string) {
	flags.StringVar(name, "board", "pc", "`NAME` of the hardware, of those that bantam boards lists, or the FILE.toml of a board of your own")
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
	text: `Writes OUT/BOARD.img, a disk image, and for a PC OUT/BOARD.iso, which runs from memory; for a router that the U-Boot of its
maker starts instead OUT/BOARD.uimage or OUT/BOARD.factory.bin and, where its flash is known, OUT/BOARD.sysupgrade.bin; prints what takes their bytes. The same inputs give the same bytes; SOURCE_DATE_EPOCH replaces the date of the kernel package.

What it was made from is written to SYSTEM.lock beside SYSTEM.toml, and taken again by the next build. To take
newer packages: bantam build --update [NAME...] SYSTEM.toml`,
	declare: func(c *call) func(args []string) error {
		var f composeFlags
		f.declare(c.flags)
		out := c.flags.String("out", "out", "`DIR` that gets the images")
		img := c.flags.Bool("img", false, "only the disk image")
		iso := c.flags.Bool("iso", false, "only the ISO image")
		netboot := c.flags.Bool("netboot", false, "instead OUT/BOARD.netboot: kernel, initrd and a script for iPXE, for machines that start over the network; layers are in the initrd")
		asJSON := c.flags.Bool("json", false, "print the sizes as JSON")
		archive := c.flags.String("archive", "", "write the generation, with its signatures, to `FILE` as well: an OCI layout as tar, for bantam import or a USB stick")
		keyFile := c.flags.String("sign", "", "sign the generation in the store with the private key `FILE`, as bantam sign does")
		return func(args []string) error {
			file, b, err := f.arguments(args)
			if err != nil {
				return err
			}
			kinds := images.Media(b)
			switch {
			case *netboot && (*img || *iso):
				return usagef("--netboot stands alone: it makes no image")
			case *netboot && !images.Netboots(b):
				return usagef("board %s has no --netboot: its loader starts what is on the %s alone", b.Name, b.Medium)
			case *netboot:
				kinds = []string{images.KindNetboot}
			case *img != *iso:
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
			var key signing.PrivateKey
			if *keyFile != "" { // asked for its passphrase now, not when the work is done
				if key, err = c.readKey(*keyFile); err != nil {
					return err
				}
			}
			generation, sizes, err := f.build(c, b, file, *out, kinds)
			if *keyFile != "" && err == nil {
				err = c.signBuilt(f.store, generation, key)
			}
			var archived int64
			if *archive != "" && err == nil {
				archived, err = c.archive(f.store, generation, b.Name, *archive)
			}
			switch {
			case sizes == nil:
				return said(c, err)
			case *asJSON:
				return errors.Join(err, printJSON(c.stdout, struct {
					Generation switcher.Digest `json:"generation"`
					Images     []images.Sizes  `json:"images"`
					Archive    int64           `json:"archive,omitempty"` // bytes
				}{generation, sizes, archived}))
			}
			fmt.Fprintf(c.stdout, "generation %s\n", generation.Short())
			if archived > 0 {
				fmt.Fprintf(c.stdout, "archive    %s, %s bytes\n", *archive, images.Commas(archived))
			}
			return errors.Join(err, images.PrintSizes(c.stdout, sizes))
		}
	},
}

// archive writes what a build has just put into its store.
func (c *call) archive(store string, d switcher.Digest, board, file string) (int64, error) {
	progress, clear := images.TerminalProgress(c.stderr)
	defer clear()
	return images.WriteArchive(c.ctx, store, d, board, file, progress)
}

// build composes and packs; sizes come also with the error that an image is too large.
func (f *composeFlags) build(c *call, b board.Board, file, out string, kinds []string) (switcher.Digest, []images.Sizes, error) {
	composed, g, err := f.compose(c, b, file)
	if err != nil {
		return "", nil, unwritable(out, "--out", err)
	}
	sizes, err := composed.WriteMedia(c.ctx, g.archive, b, out, kinds)
	g.done()
	f.tellNotes(c, composed, g)
	return composed.Digest, sizes, unwritable(g.Cache.Dir, "--cache", unwritable(out, "--out", err))
}

// compose puts the generation into the store and writes the lock file. Whoever calls it ends its progress, and tells its notes.
func (f *composeFlags) compose(c *call, b board.Board, file string) (*images.Composed, *gathered, error) {
	g, err := f.gather(c, b, file)
	if err != nil {
		return nil, nil, err
	}
	var composed *images.Composed
	if err = f.keepLock(c, g); err == nil {
		composed, err = images.Compose(c.ctx, g.Inputs)
	}
	if err != nil {
		g.done()
		return nil, nil, unwritable(g.Cache.Dir, "--cache", unwritable(f.store, "--store", err))
	}
	return composed, g, nil
}

// tellNotes tells what people should know of a generation.
func (f *composeFlags) tellNotes(c *call, composed *images.Composed, g *gathered) {
	for _, note := range append(composed.Notes, g.notes...) {
		fmt.Fprintf(c.stderr, "bantam %s: note: %s\n", c.flags.Name(), note)
	}
}

// unwritable says which flag helps if err tells that we may not write into dir.
func unwritable(dir, flag string, err error) error {
	if err != nil && isFull(err) {
		return full(dir, flag, err)
	}
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

// isFull tells whether err, also one of a program that was called, says that a disk has no room.
func isFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || strings.Contains(err.Error(), "No space left on device")
}

// full says which flag helps if it is the disk of dir that has no room. Programs that are called work in the cache.
func full(dir, flag string, err error) error {
	var p *fs.PathError
	if named := errors.As(err, &p); named && !within(dir, p.Path) || !named && flag != "--cache" || strings.Contains(err.Error(), "takes another folder") {
		return err
	}
	return fmt.Errorf("the disk of %s is full: %w; make room, or %s DIR takes another folder", dir, err, flag)
}

// within tells whether a path is a folder or lies below it.
func within(dir, path string) bool {
	a, errA := filepath.Abs(dir)
	b, errB := filepath.Abs(path)
	inside, err := filepath.Rel(a, b)
	return errors.Join(errA, errB, err) == nil && inside != ".." && !strings.HasPrefix(inside, "../")
}
