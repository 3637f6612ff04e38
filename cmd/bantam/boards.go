package main

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"bantam/board"
	"bantam/flashmap"
	"bantam/images"
)

var boardsVerb = verb{
	name:    "boards",
	args:    "[BOARD...]",
	summary: "list the kinds of hardware, and what each can do",
	text: `One a line: architecture, what the image is written to, in which boot slots a machine keeps kernels, how often a new kernel is
tried before the old one is back without a person, and where the board was seen at work: "-" where that is nowhere.

With a BOARD, or the FILE.toml of one of your own, all that is known of it: which boot loader starts each image, network, LEDs and
buttons, the release that its packages come from, and notes for a person who has it in hand. An image without slots runs the kernel
that it was built with; a machine that was started from it says so when it is to switch to another.`,
	declare: func(c *call) func(args []string) error {
		asJSON := c.flags.Bool("json", false, "print everything as JSON")
		return func(names []string) error {
			all := len(names) == 0
			if all {
				names = board.Names()
			}
			var list []listedBoard
			for _, name := range names {
				b, err := loadBoard(name)
				if err != nil {
					return err
				}
				list = append(list, listedBoard{
					b.Name, b.Description, b.Arch, b.KernelPackage, ownKernel(b), images.Starts(b), b.Flash, b.Release, b.Medium, b.Memory, b.Network, b.LEDs, b.Buttons, b.SeenAt, b.Seen, rescues(b.Rescue), b.Recovery,
				})
			}
			if *asJSON {
				return printJSON(c.stdout, list)
			}
			if all {
				return tableOfBoards(c.stdout, list)
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
	Arch        string         `json:"arch"`                 // Go's name
	Kernel      string         `json:"kernel"`               // Debian package; "": its own is the only one
	OwnKernel   string         `json:"own_kernel,omitempty"` // e.g. tiny, built from linux-source-6.1
	Starts      []images.Start `json:"starts"`
	Flash       flashmap.Map   `json:"flash,omitzero"`
	Release     string         `json:"release,omitempty"` // of Debian
	Medium      string         `json:"medium"`            // e.g. SD card
	Memory      int            `json:"memory,omitempty"`  // MiB
	Network     string         `json:"network,omitempty"`
	LEDs        board.LEDs     `json:"leds,omitzero"`
	Buttons     board.Buttons  `json:"buttons,omitzero"`
	SeenAt      string         `json:"seen_at,omitempty"` // e.g. QEMU; "": nowhere
	Seen        string         `json:"seen,omitempty"`
	Rescue      []string       `json:"rescue,omitempty"` // flags of bantam flash by which an image gets there, e.g. --serial
	Recovery    string         `json:"recovery,omitempty"`
}

// ownKernel says what kernel is built for a board, "" if none is.
func ownKernel(b board.Board) string {
	if b.Kernel.Build == "" {
		return ""
	}
	return b.Kernel.Name + ", built from " + b.Kernel.Build
}

// rescues are the flags of bantam flash by which an image gets onto a board.
func rescues(r board.Rescue) (ways []string) {
	if !r.IsZero() && r.Line != "" {
		ways = append(ways, "--serial")
	}
	if !r.IsZero() && len(r.TFTP) > 0 && r.Host != "" && r.Board != "" {
		ways = append(ways, "--serial --tftp")
	}
	if r.IsZero() && r.Host != "" {
		ways = append(ways, "--tftp")
	}
	if len(r.OpenWrt) > 0 {
		ways = append(ways, "--ssh")
	}
	return ways
}

// tableOfBoards has a line for each.
func tableOfBoards(w io.Writer, list []listedBoard) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "BOARD\tARCH\tMEDIUM\tSLOTS\tTRIES\tSEEN\tHARDWARE")
	for _, b := range list {
		slots, tries := "-", "-"
		for _, s := range b.Starts {
			if len(s.Slots) > 0 {
				slots, tries = strings.Join(s.Slots, " "), fmt.Sprint(s.Tries)
			}
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", b.Name, b.Arch, b.Medium, slots, tries, cmp.Or(b.SeenAt, "-"), b.Description)
	}
	return t.Flush()
}

func printBoards(w io.Writer, list []listedBoard) {
	for i, b := range list {
		if i > 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintf(w, "%s: %s\n", b.Name, b.Description)
		for _, kernel := range []string{b.Kernel, b.OwnKernel} {
			if kernel != "" {
				fmt.Fprintf(w, "  %-9s %s, %s\n", "kernel", kernel, b.Arch)
			}
		}
		for _, s := range b.Starts {
			fmt.Fprintf(w, "  %-9s %s: %s\n", s.Medium, s.Loader, kernelsOf(s))
		}
		fmt.Fprintf(w, "  %-9s %s\n", "goes on", b.Medium)
		memory := ""
		if b.Memory > 0 {
			memory = fmt.Sprintf("%d MiB or more", b.Memory)
		}
		for _, fact := range [][2]string{
			{"memory", memory}, {"Debian", b.Release}, {"network", b.Network}, {"LEDs", ledsOf(b.LEDs)}, {"buttons", buttonsOf(b.Buttons)}, {"rescue", rescuedBy(b.Rescue)},
			{"seen", strings.TrimSpace(b.SeenAt + ": " + b.Seen)},
		} {
			if fact[1] != "" && fact[1] != ":" {
				fmt.Fprintf(w, "  %-9s %s\n", fact[0], strings.TrimPrefix(fact[1], ": "))
			}
		}
		printFlash(w, b.Flash)
		if b.Recovery != "" {
			fmt.Fprintf(w, "\n%s\n", strings.TrimSpace(b.Recovery))
		}
	}
}

// ledsOf says which LED shows what.
func ledsOf(l board.LEDs) string {
	var list []string
	for _, one := range [][2]string{{l.Status, "shows how the machine is"}, {l.Fault, "lit while something is wrong"}} {
		if one[0] != "" {
			list = append(list, one[0]+" "+one[1])
		}
	}
	if len(l.Others) > 0 {
		list = append(list, "left alone: "+strings.Join(l.Others, ", "))
	}
	return strings.Join(list, "; ")
}

// buttonsOf says what buttons do.
func buttonsOf(b board.Buttons) string {
	var list []string
	if b.Reset != "" {
		list = append(list, b.Reset+" is the reset button: held at the start, failsafe; for ten seconds, factory reset")
	}
	return strings.Join(append(list, b.Others...), "; ")
}

// printFlash has a line for the chip and each of its areas.
func printFlash(w io.Writer, m flashmap.Map) {
	if m.IsZero() {
		return
	}
	fmt.Fprintf(w, "  %-9s %s, %s bytes, erase blocks of %s\n", "flash", m.Kind, images.Commas(m.Size), images.Commas(m.EraseBlock))
	for _, a := range m.Areas {
		use := a.Use
		if a.Volume != "" {
			use += ", starts volume " + a.Volume
		}
		fmt.Fprintf(w, "  %-9s %#010x-%#010x %s: %s\n", "", a.Offset, a.End()-1, a.Name, use)
	}
}

// rescuedBy says how an image gets onto a board whose medium starts nothing.
func rescuedBy(ways []string) string {
	if len(ways) == 0 {
		return ""
	}
	return "bantam flash " + strings.Join(ways, ", or ")
}

// kernelsOf says what becomes of another kernel.
func kernelsOf(s images.Start) string {
	if len(s.Slots) == 0 {
		return "one kernel, the image's"
	}
	return fmt.Sprintf("boot slots %s, %d tries of a new kernel, then the old one", strings.Join(s.Slots, " and "), s.Tries)
}
