package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"bantam/board"
	"bantam/images"
	"bantam/images/payload"
)

var vendorVerb = verb{
	name:    "vendor",
	args:    "SYSTEM.toml DIR",
	summary: "save all that a build needs, for one without network",
	text: `Fetches what the lock file names, writes that file where it does not say everything, and saves in DIR the Debian
packages, Go modules and the device binary. Then bantam build --vendor DIR SYSTEM.toml makes the same images without
network. Boards may share DIR; what is there already stays.`,
	declare: func(c *call) func(args []string) error {
		var f composeFlags
		f.declare(c.flags)
		return func(args []string) error {
			if len(args) != 2 {
				return usagef("want SYSTEM.toml and DIR, got %d arguments", len(args))
			}
			file, b, err := f.arguments(args[:1])
			if err != nil {
				return err
			}
			if f.file == "" {
				return usagef("standard input has no lock file beside it; name one with --lock FILE")
			}
			if err := mayVendor(args[1]); err != nil {
				return err
			}
			return f.save(c, b, file, args[1])
		}
	},
}

// mayVendor refuses a folder that is somebody else's: what was meant for another place would be strewn over it.
func mayVendor(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var own, others []string
	for _, e := range entries {
		switch name := e.Name(); {
		case e.IsDir() && slices.Contains([]string{"debian", "device", "go"}, name):
			own = append(own, name)
		case !strings.HasPrefix(name, "."): // .git, .gitattributes
			others = append(others, name)
		}
	}
	if len(others) == 0 || slices.Contains(own, "debian") && slices.Contains(own, "device") { // it has been one before
		return nil
	}
	shown := strings.Join(others[:min(len(others), 3)], ", ")
	if more := len(others) - 3; more > 0 {
		shown += fmt.Sprintf(" and %d more", more)
	}
	return fmt.Errorf("%s is no folder of bantam vendor's: it has %s; name a new or an empty one", dir, shown)
}

func (f *composeFlags) save(c *call, b board.Board, file, dir string) error {
	g, err := f.gather(c, b, file)
	if err != nil {
		return said(c, err)
	}
	defer g.done()
	if err := f.keepLock(c, g); err != nil {
		return err
	}
	saved, err := payload.Vendor(c.ctx, g.request, dir)
	if err == nil {
		var size int64
		size, err = images.SaveFile(images.DevicePath(filepath.Join(dir, "bantam"), b.Arch), g.Device)
		saved.Bytes += size
	}
	g.done()
	if err != nil {
		return err
	}
	fmt.Fprintf(c.stdout, "%s: %d Debian packages, %d Go modules and the device binary, %s bytes\n", dir, saved.Packages, saved.Modules, images.Commas(saved.Bytes))
	return nil
}
