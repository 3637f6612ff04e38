package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"bantam/system"
)

var checkVerb = verb{
	name:    "check",
	args:    "SYSTEM.toml...",
	summary: "print all that is wrong with a system.toml",
	text: `Each problem is one line: file:line:column: what is wrong; what to do.
A remark is no problem, but worth a look: a service without user runs as root.
A file named - is read from standard input. With any problem the exit status is 1.
Whether the kernel has the modules is known only to bantam build.`,
	declare: func(c *call) func(args []string) error {
		asJSON := c.flags.Bool("json", false, "print the problems as a JSON array")
		return func(args []string) error {
			if len(args) == 0 {
				return usagef("which file?")
			}
			all := []system.Problem{} // an empty array in JSON, not null
			var unread []error        // told at the end, behind what is wrong with the others
			for _, file := range args {
				text, err := readInput(c, file)
				if err != nil {
					unread = append(unread, err)
					continue
				}
				_, problems := system.Parse(file, text)
				all = append(all, problems...)
				switch {
				case *asJSON:
				case len(problems) == 0:
					for _, p := range system.Remarks(file, text) {
						fmt.Fprintln(c.stdout, p)
					}
					fmt.Fprintf(c.stdout, "%s: no faults\n", file)
				default:
					for _, p := range problems {
						fmt.Fprintln(c.stdout, p)
					}
				}
			}
			if *asJSON {
				if err := printJSON(c.stdout, all); err != nil {
					return err
				}
			}
			if len(unread) == 0 && len(all) > 0 {
				return errSaid
			}
			return errors.Join(unread...)
		}
	},
}

// readInput reads a file, or standard input if it is called "-".
func readInput(c *call, file string) ([]byte, error) {
	if file == "-" {
		return system.Read("standard input", c.stdin)
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return system.Read(file, f)
}

func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "\t")
	return e.Encode(v)
}
