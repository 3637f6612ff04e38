package control

import (
	"fmt"
	"io"
	"os"
	"strings"

	"bantam/docs"
	"bantam/editor"
	"bantam/tty"
)

func runHelp(c *client, args []string) int {
	switch len(args) {
	case 0:
		c.listHelp()
		return ExitGood
	case 1:
	default:
		return c.misuse("one verb or topic at a time")
	}
	for _, v := range verbs {
		if v.name == args[0] {
			fmt.Fprintf(c.out, "usage: bantam %s\n\n%s.\n", v.call(), strings.ToUpper(v.purpose[:1])+v.purpose[1:])
			if v.help != "" {
				fmt.Fprintf(c.out, "\n%s\n", strings.TrimSpace(v.help))
			}
			return ExitGood
		}
	}
	for _, t := range docs.Topics {
		if t.Name == strings.TrimSuffix(strings.TrimPrefix(args[0], "docs/"), ".md") {
			return c.read(t)
		}
	}
	fmt.Fprintf(c.errOut, "bantam help: no verb or topic %q%s\n", args[0], meant(args[0], append(Names(), topics()...)))
	return ExitUsage
}

func (c *client) listHelp() {
	fmt.Fprintln(c.out, "Change this machine:  bantam edit, bantam plan, bantam switch; back:  bantam rollback")
	fmt.Fprintln(c.out)
	for _, v := range verbs {
		fmt.Fprintf(c.out, "  %-12s %s\n", v.name, v.purpose)
	}
	fmt.Fprintln(c.out, "\n`bantam help VERB` tells more. The shell's own commands: `help`. Pages to read, `bantam help TOPIC`:")
	fmt.Fprintln(c.out)
	for _, t := range docs.Topics {
		fmt.Fprintf(c.out, "  %-12s %s\n", t.Name, t.Purpose)
	}
}

// topics are the names of the pages.
func topics() (names []string) {
	for _, t := range docs.Topics {
		names = append(names, t.Name)
	}
	return names
}

// read shows a page in the viewer, or prints it where nobody looks.
func (c *client) read(t docs.Topic) int {
	if c.out != io.Writer(os.Stdout) || !tty.Is(os.Stdin) || !tty.Is(os.Stdout) {
		fmt.Fprint(c.out, t.Text)
		return ExitGood
	}
	in, out, err := os.Pipe()
	if err != nil {
		return c.fail(err)
	}
	defer in.Close()
	go func() {
		io.WriteString(out, t.Text) // a viewer that is left before the end closes the pipe
		out.Close()
	}()
	if _, err := edit([]editor.Target{{Path: t.Name, Pipe: in}}, os.Stdin, editor.Options{ReadOnly: true, Wrap: true}); err != nil {
		return c.fail(err)
	}
	return ExitGood
}
