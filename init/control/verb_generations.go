package control

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"bantam/switcher"
	"bantam/tty"
)

const generationsHelp = `State is untried, good (it has proven itself), bad or interrupted (by a power cut, or by a person).
A default that is passed over has not stayed up in three boots in a row, or its boot slot did not
start; "bantam rollback N", or "bantam boot N" over another kernel, goes back to it. "in slot B"
needs the kernel there, "other kernel" one that "bantam boot N" puts there. "image" came with the
medium; "started by slot B" is what lies in that slot as a whole, and was not there at first.

show [N]      generation N, or what runs: state, reason, what it changes, and what a service that
              failed said
pin, unpin N  let it stay, or go again
label N TEXT  a text for people, 40 characters at most; without TEXT it is taken away
delete N...   remove them. What runs, what the next boot runs, what the image carries and what is
              pinned stays

Old ones go by themselves: the newest twenty stay ("bantam gc --dry-run" tells which would go).`

const showHelp = `Without NUMBER: of what runs. "bantam show 3 > /state/draft/system.toml" makes it the draft.`

const gcHelp = `Kept are the running, the booted and the default generation, what ran before, the last good one,
what is pinned and the newest twenty. It is done after every switch and import. What an import that
was cut off has loaded goes as well, and only here.

  --dry-run  only tell what would go, and how many bytes`

// generation reads the number of a generation.
func (c *client) generation(arg string) (number, code int) {
	n, err := strconv.Atoi(arg)
	if err != nil || n < 1 {
		return 0, c.misuse("%q is no number of a generation", arg)
	}
	return n, 0
}

// one is the number of the one generation that args name, 0 without one.
func (c *client) one(args []string) (number, code int) {
	switch len(args) {
	case 0:
		return 0, 0
	case 1:
		return c.generation(args[0])
	}
	return 0, c.misuse("one generation at most")
}

func runGenerations(c *client, args []string) int {
	flags, rest, code := c.options(args, "", "--json")
	if code != 0 {
		return code
	}
	asJSON := flags["--json"] != ""
	if len(rest) == 0 {
		return c.listGenerations(asJSON)
	}
	action, rest := rest[0], rest[1:]
	switch {
	case action == "show":
		return c.showGeneration(rest, asJSON)
	case asJSON:
		return c.misuse("--json belongs to the list and to show")
	case action == "delete" && len(rest) > 0:
		return c.deleteGenerations(rest)
	case (action == "pin" || action == "unpin") && len(rest) == 1:
		return c.markGeneration(action, rest[0], "")
	case action == "label" && len(rest) > 0:
		return c.markGeneration(action, rest[0], strings.Join(rest[1:], " "))
	}
	if !slices.Contains([]string{"delete", "pin", "unpin", "label"}, action) {
		return c.misuse("%q is none of show, pin, unpin, label and delete", action)
	}
	return c.misuse("%s which generation?", action)
}

func (c *client) listGenerations(asJSON bool) int {
	var list []Generation
	last, ok := c.ask(Request{Verb: "generations"}, &list)
	if !ok {
		return last.Exit
	}
	if asJSON {
		return c.printJSON(list)
	}
	t := tabwriter.NewWriter(c.out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "NO\tSTATE\tMADE\tBY\tDIGEST\t")
	for _, g := range list {
		what := strings.Join(g.Marks, ", ")
		if g.Label != "" {
			what = strings.TrimSpace(strconv.Quote(g.Label) + " " + what)
		}
		if g.Reason != "" {
			what = strings.TrimPrefix(what+"; "+g.Reason, "; ")
		}
		fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%s\t%s\n", g.Number, g.State, g.Created.Local().Format("2006-01-02 15:04"), g.Verb, g.Digest.Short(), visible(what))
	}
	t.Flush()
	return ExitGood
}

func (c *client) showGeneration(args []string, asJSON bool) int {
	number, code := c.one(args)
	if code != 0 {
		return code
	}
	var d GenerationDescription
	if last, ok := c.ask(Request{Verb: "describe", Generation: number}, &d); !ok {
		return last.Exit
	}
	if asJSON {
		return c.printJSON(d)
	}
	d.write(c.out)
	return ExitGood
}

// write prints all about a generation for a person.
func (d GenerationDescription) write(w io.Writer) {
	row := func(name, format string, args ...any) {
		fmt.Fprintf(w, "%-12s%s\n", name, visible(fmt.Sprintf(format, args...)))
	}
	row("generation", "%s", strings.Join(append([]string{fmt.Sprint(d.Number), string(d.State)}, d.Marks...), ", "))
	if d.Label != "" {
		row("label", "%s", d.Label)
	}
	if d.Reason != "" {
		row("reason", "%s", d.Reason)
		if !d.Failed.IsZero() {
			row("failed", "%s", d.Failed.Local().Format("2006-01-02 15:04"))
		}
	}
	for _, line := range d.Log {
		row("", "%s", line)
	}
	row("made", "%s by %s", d.Created.Local().Format("2006-01-02 15:04"), d.Verb)
	row("digest", "%s", d.Digest)
	if d.Kernel != "" {
		row("kernel", "%s", d.Kernel)
	}
	for i, l := range d.Layers {
		row([]string{"layers", ""}[min(i, 1)], "%s", l)
	}
	if d.Fault != "" {
		row("cannot run", "%s", d.Fault)
		if d.Kernel == "" {
			return // nothing else is known of it
		}
	}
	changes := func(against int, which string, lines []string) {
		if against == 0 {
			return
		}
		fmt.Fprintf(w, "\nAgainst generation %d, %s:\n", against, which)
		if len(lines) == 0 {
			lines = []string{noDifference}
		}
		for _, line := range lines {
			fmt.Fprintf(w, "  %s\n", visible(line))
		}
	}
	changes(d.Before, "made before it", d.Changes)
	if d.Running != d.Number && d.Running != d.Before {
		changes(d.Running, "which runs", d.Against)
	}
}

func (c *client) deleteGenerations(numbers []string) int {
	req := Request{Verb: "delete"}
	for _, a := range numbers {
		n, code := c.generation(a)
		if code != 0 {
			return code
		}
		req.Generations = append(req.Generations, n)
	}
	var g switcher.Garbage
	if last, ok := c.ask(req, &g); !ok {
		return last.Exit
	}
	c.printGarbage("removed", g)
	return ExitGood
}

// printGarbage says what was or would be removed.
func (c *client) printGarbage(verb string, g switcher.Garbage) {
	which := ""
	if len(g.Generations) > 0 {
		which = " (" + strings.Trim(strings.Join(strings.Fields(fmt.Sprint(g.Generations)), ", "), "[]") + ")"
	}
	fmt.Fprintf(c.out, "%s %s%s: %d bytes in %s\n", verb, count(len(g.Generations), "generation"), which, g.Bytes, count(g.Blobs, "blob"))
}

// markGeneration pins, unpins or labels.
func (c *client) markGeneration(action, arg, label string) int {
	n, code := c.generation(arg)
	if code != 0 {
		return code
	}
	last, _ := c.ask(Request{Verb: action, Generation: n, Label: label}, nil)
	return last.Exit
}

func runShow(c *client, args []string) int {
	_, rest, code := c.options(args, "", "")
	if code != 0 {
		return code
	}
	number, code := c.one(rest)
	if code != 0 {
		return code
	}
	var text []byte
	if last, ok := c.ask(Request{Verb: "text", Generation: number}, &text); !ok {
		return last.Exit
	}
	if c.out == io.Writer(os.Stdout) && tty.Is(os.Stdout) {
		text = []byte(visible(string(text)))
	}
	if _, err := c.out.Write(text); err != nil {
		return c.fail(err)
	}
	return ExitGood
}

func runGC(c *client, args []string) int {
	flags, rest, code := c.options(args, "", "--dry-run --json")
	if code != 0 {
		return code
	}
	if len(rest) > 0 {
		return c.misuse("%q is too much", rest[0])
	}
	var g switcher.Garbage
	dry := flags["--dry-run"] != ""
	if last, ok := c.ask(Request{Verb: "gc", DryRun: dry}, &g); !ok {
		return last.Exit
	}
	if flags["--json"] != "" {
		return c.printJSON(g)
	}
	verb := "removed"
	if dry {
		verb = "would remove"
	}
	c.printGarbage(verb, g)
	if g.Loaded > 0 {
		fmt.Fprintf(c.out, "%s %d bytes of an import that was cut off\n", verb, g.Loaded)
	}
	return ExitGood
}

// isNumber says whether a word names a generation where a file could stand too; a file of that name is ./3.
func isNumber(word string) bool {
	return word != "" && !slices.ContainsFunc([]byte(word), func(b byte) bool { return b < '0' || b > '9' })
}
