package main

import (
	"fmt"
	"io"
	"strings"

	"bantam/images"
)

var whyVerb = verb{
	name:    "why",
	args:    "PATH",
	summary: "tell what brought a file into the last build",
	text: `Names the package, program or source that has the file, the entry of system.toml that asked for that, and by which
libraries one led to the other. PATH is one on the machine, or a name without a slash: then all files of that name.`,
	declare: func(c *call) func(args []string) error {
		var name, cacheDir string
		boardFlag(c.flags, &name)
		store := c.flags.String("store", "out/store", "`DIR` of the OCI layout that bantam build wrote")
		cacheFlag(c.flags, &cacheDir)
		asJSON := c.flags.Bool("json", false, "print everything as JSON")
		return func(args []string) error {
			if len(args) != 1 {
				return usagef("want one PATH, got %d arguments", len(args))
			}
			b, err := loadBoard(name)
			if err != nil {
				return err
			}
			if err := needTools(tool{"unsquashfs", "squashfs-tools"}); err != nil {
				return err
			}
			cache, err := openCache(cacheDir)
			if err != nil {
				return err
			}
			reasons, err := images.Why(c.ctx, cache, *store, b, args[0])
			if err != nil {
				return said(c, err)
			}
			if *asJSON {
				return printJSON(c.stdout, reasons)
			}
			printReasons(c.stdout, reasons)
			return nil
		}
	},
}

func printReasons(w io.Writer, reasons []images.Reason) {
	for i, r := range reasons {
		if i > 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintln(w, r.Path)
		if r.Link != "" {
			fmt.Fprintf(w, "  leads to %s\n", r.Link)
		}
		if r.Text != "" {
			fmt.Fprintf(w, "  made of %s in system.toml\n", r.Text)
			continue
		}
		fmt.Fprintf(w, "  %s\n", strings.TrimSpace("in "+layerWords(r.Layer)+" "+r.Version))
		if len(r.Shared) > 0 {
			others := ""
			if n := len(r.Shared) - 1; n > 0 {
				others = fmt.Sprintf(" and %d more", n)
			}
			fmt.Fprintf(w, "  also in %s%s\n", layerWords(r.Shared[0]), others)
		}
		for _, a := range r.For {
			fmt.Fprintf(w, "  for %s\n", entryWords(a.Entry))
			for _, s := range a.Chain {
				of := ""
				if s.Layer != a.Entry {
					of = " (" + layerWords(s.Layer) + ")"
				}
				fmt.Fprintf(w, "    %s%s loads %s\n", s.File, of, s.Loads)
			}
			if len(a.Chain) == 0 && len(r.Shared) == 0 && !r.Program && r.Layer != a.Entry && !strings.HasPrefix(r.Layer, a.Entry+"/") {
				fmt.Fprintln(w, "    no program of it names this file: it is data, or opened at run time")
			}
		}
		if len(r.Starts) > 0 {
			fmt.Fprintf(w, "  started by service %s\n", strings.Join(r.Starts, ", "))
		}
	}
}

// layerWords is a layer as people call it: package libcap2 for package/libcap2.
func layerWords(name string) string {
	kind, rest, found := strings.Cut(name, "/")
	if !found {
		return "the layer of " + name
	}
	return kind + " " + rest
}

// entryWords is what asked, as it stands in system.toml.
func entryWords(entry string) string {
	switch kind, name, _ := strings.Cut(entry, "/"); kind {
	case "package":
		return fmt.Sprintf("packages = [%q]", name)
	case "program":
		return "[program." + name + "]"
	}
	return "a [file] with source"
}
