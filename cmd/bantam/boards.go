package main

import (
	"fmt"
	"io"
	"strings"

	"bantam/board"
	"bantam/images"
)

var boardsVerb = verb{
	name:    "boards",
	args:    "[BOARD...]",
	summary: "list the kinds of hardware, and how each starts a kernel",
	text: `For each image: which boot loader starts it, in which boot slots a machine keeps kernels, and how often a new kernel is
tried before the old one is back without a person. An image without slots runs the kernel that it was built with; a machine
that was started from it says so when it is to switch to another.`,
	declare: func(c *call) func(args []string) error {
		asJSON := c.flags.Bool("json", false, "print everything as JSON")
		return func(names []string) error {
			if len(names) == 0 {
				names = board.Names()
			}
			var list []listedBoard
			for _, name := range names {
				b, err := loadBoard(name)
				if err != nil {
					return err
				}
				list = append(list, listedBoard{b.Name, b.Description, b.Arch, b.KernelPackage, images.Starts(b)})
			}
			if *asJSON {
				return printJSON(c.stdout, list)
			}
			printBoards(c.stdout, list)
			return nil
		}
	},
}

// listedBoard is a board as people and programs are told of it.
type listedBoard struct {
	Name        string         `json:"name"`
	Description string         `json:"description"`
	Arch        string         `json:"arch"`   // Go's name
	Kernel      string         `json:"kernel"` // Debian package
	Starts      []images.Start `json:"starts"`
}

func printBoards(w io.Writer, list []listedBoard) {
	for i, b := range list {
		if i > 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintf(w, "%s: %s\n  %-9s %s, %s\n", b.Name, b.Description, "kernel", b.Kernel, b.Arch)
		for _, s := range b.Starts {
			fmt.Fprintf(w, "  %-9s %s: %s\n", s.Medium, s.Loader, kernelsOf(s))
		}
	}
}

// kernelsOf says what becomes of another kernel.
func kernelsOf(s images.Start) string {
	if len(s.Slots) == 0 {
		return "one kernel, the image's"
	}
	return fmt.Sprintf("boot slots %s, %d tries of a new kernel, then the old one", strings.Join(s.Slots, " and "), s.Tries)
}
