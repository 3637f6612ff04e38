package main

import (
	"fmt"
	"io"
	"strings"

	"bantam/images"
)

var sizeVerb = verb{
	name:    "size",
	summary: "explain what takes the bytes of the last build",
	text: `Reads the generation from the store. Parts are as large as they lie in the image; modules and Go packages
are shown before compression, which makes them three to five times smaller.`,
	declare: func(c *call) func(args []string) error {
		var name string
		boardFlag(c.flags, &name)
		store := c.flags.String("store", "out/store", "`DIR` of the OCI layout that bantam build wrote")
		top := c.flags.Int("top", 12, "`NUMBER` of lines of each list; 0 is all")
		asJSON := c.flags.Bool("json", false, "print everything as JSON")
		return func(args []string) error {
			if len(args) > 0 {
				return usagef("it takes no arguments")
			}
			b, err := loadBoard(name)
			if err != nil {
				return err
			}
			if err := needTools(tool{"xz", "xz-utils"}); err != nil {
				return err
			}
			x, err := images.Explain(c.ctx, *store, b)
			if err != nil {
				return err
			}
			if *asJSON {
				return printJSON(c.stdout, x)
			}
			for i, list := range []struct {
				title string
				parts []images.Part
				top   int
			}{
				{"generation " + x.Generation.Short(), x.Parts, 0},
				{"what system.toml asks for, packed: the bytes that would go with it", x.Asked, 0},
				{"kernel modules, uncompressed", x.Modules, *top},
				{"device binary, uncompressed", x.Sections, *top},
				{"its machine code by Go package", x.Packages, *top},
			} {
				if len(list.parts) == 0 {
					continue // nothing was asked for, or all is built in
				}
				if i > 0 {
					fmt.Fprintln(c.stdout)
				}
				printParts(c.stdout, list.title, list.parts, list.top)
			}
			return nil
		}
	},
}

// printParts prints the first parts, what the others have together, and the total.
func printParts(w io.Writer, title string, parts []images.Part, top int) {
	fmt.Fprintln(w, title)
	var total, rest int64
	width := 14
	for i, p := range parts {
		if total += p.Size; top == 0 || i < top {
			width = max(width, len(p.Name))
		}
	}
	row := func(size int64, share, name, detail string) {
		line := fmt.Sprintf("%12s  %6s  %-*s  %s", images.Commas(size), share, width, name, detail)
		fmt.Fprintln(w, strings.TrimRight(line, " "))
	}
	for i, p := range parts {
		if top > 0 && i >= top {
			rest += p.Size
			continue
		}
		row(p.Size, images.Share(p.Size, total), p.Name, p.Detail)
	}
	if rest > 0 {
		row(rest, images.Share(rest, total), fmt.Sprintf("%d more", len(parts)-top), "")
	}
	row(total, "", "total", "")
}
