package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"bantam/images"
	"bantam/images/payload"
	"bantam/printable"
	"bantam/system"
)

var packageVerb = verb{
	name:    "package",
	args:    "NAME",
	summary: "show what a package of Debian would bring",
	text: `Prints its layers and what they take in an image, its files, what does not come with it as Debian has it, and the
lines that system.toml wants for it. Nothing is built. docs/packages.md tells what is left out of packages, and why.`,
	declare: func(c *call) func(args []string) error {
		var name, cacheDir string
		boardFlag(c.flags, &name)
		cacheFlag(c.flags, &cacheDir)
		release := c.flags.String("release", "", "`NAME` of the Debian release, e.g. bookworm (default: this host's)")
		refresh := c.flags.Bool("refresh", false, "ask Debian's archive for newer packages; otherwise once a week")
		closure := c.flags.String("closure", system.ClosureLibraries, "`HOW` much comes with it: libraries, or depends")
		top := c.flags.Int("top", 20, "`NUMBER` of lines of each list; 0 is all")
		asJSON := c.flags.Bool("json", false, "print everything as JSON")
		return func(args []string) error {
			if len(args) != 1 {
				return usagef("want the name of one package, got %d arguments", len(args))
			}
			b, err := loadBoard(name)
			if err != nil {
				return err
			}
			if !slices.Contains([]string{system.ClosureLibraries, system.ClosureDepends}, *closure) {
				return usagef("--closure %s: want libraries or depends", *closure)
			}
			if err := needTools(slices.Concat(buildTools, layerTools)...); err != nil {
				return err
			}
			cache, err := openCache(cacheDir)
			if err != nil {
				return err
			}
			progress, done := images.TerminalProgress(c.stderr)
			defer done()
			var notes []string
			r := payload.Request{
				System: &system.System{Packages: args, Package: map[string]system.Package{args[0]: {Closure: *closure}}},
				Arch:   b.Arch, Filter: images.DebianSquashFilter(b.Arch), Cache: cache, Progress: progress,
				Archive: images.Archive{CacheDir: cache.Dir, Release: *release, Default: b.Release, Arch: b.DebianArch, Progress: progress, Note: func(said string) {
					if !slices.Contains(notes, said) {
						notes = append(notes, said)
					}
				}},
			}
			if *refresh {
				r.Archive.NotBefore = time.Now()
			}
			report, err := payload.Describe(c.ctx, r)
			done()
			if err != nil {
				return unwritable(cache.Dir, "--cache", err)
			}
			for _, note := range notes {
				fmt.Fprintf(c.stderr, "bantam package: note: %s\n", note)
			}
			if *asJSON {
				return printJSON(c.stdout, report)
			}
			return printReport(c.stdout, report, *top)
		}
	},
}

func printReport(w io.Writer, r *payload.Report, top int) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s for %s, built from %s\n", r.Name, r.Version, r.Arch, r.Source)
	if len(r.Licences) > 0 {
		fmt.Fprintf(&b, "licences: %s\n", printable.Escape(strings.Join(r.Licences, ", ")))
	}
	b.WriteByte('\n')
	var layers, files []images.Part
	for _, l := range r.Layers {
		layers = append(layers, images.Part{Name: l.Package, Size: l.Size, Detail: l.Version + ", " + images.Commas(l.Files) + " unpacked"})
	}
	for _, f := range r.Files {
		name := f.Path
		if f.Link != "" {
			name += " -> " + f.Link
		}
		files = append(files, images.Part{Name: printable.Escape(name), Size: f.Size})
	}
	slices.SortStableFunc(files, func(a, b images.Part) int { return cmp.Compare(b.Size, a.Size) })
	printParts(&b, "layers, as they lie in an image", layers, top)
	b.WriteByte('\n')
	printParts(&b, "its own files, "+images.Commas(r.Trimmed)+" of others left out", files, top)
	if len(r.Notes) > 0 {
		b.WriteString("\nnotes\n")
	}
	for _, note := range r.Notes {
		fmt.Fprintf(&b, "  %s\n", note)
	}
	if r.Wants != "" {
		fmt.Fprintf(&b, "\nfor system.toml, to paste and to change\n\n%s", r.Wants)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
