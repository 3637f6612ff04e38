package main

import (
	"flag"
	"fmt"
	"io"
	"strings"
)

var helpVerb = verb{
	name:    "help",
	args:    "[VERB]",
	summary: "explain a verb",
	declare: func(c *call) func(args []string) error {
		return func(args []string) error {
			switch len(args) {
			case 0:
				printVerbs(c.stdout)
				return nil
			case 1:
				v, ok := findVerb(args[0])
				if !ok {
					return noVerb(args[0])
				}
				v.print(c.stdout)
				return nil
			}
			return usagef("one verb at a time")
		}
	},
}

var versionVerb = verb{
	name:    "version",
	summary: "print the version of this program",
	declare: func(c *call) func(args []string) error {
		return func(args []string) error {
			if len(args) > 0 {
				return usagef("it takes no arguments")
			}
			fmt.Fprintln(c.stdout, "bantam", version)
			return nil
		}
	},
}

func printVerbs(w io.Writer) {
	fmt.Fprintf(w, "bantam (%s) makes a bootable machine from one file.\n\n", version)
	for _, v := range verbs {
		fmt.Fprintf(w, "  bantam %-24s %s\n", v.name+" "+v.args, v.summary)
	}
	fmt.Fprintf(w, "\nbantam help VERB shows a verb's flags.\n"+
		"Exit status: %d done, %d faults in the input or the work could not be done, %d wrong command line.\n", exitOK, exitFault, exitUsage)
}

func (v verb) usage() string {
	return strings.TrimSpace("bantam " + v.name + " [flags] " + v.args)
}

func (v verb) print(w io.Writer) {
	fmt.Fprintf(w, "%s: %s\n", v.usage(), v.summary)
	if v.text != "" {
		fmt.Fprintf(w, "\n%s\n", v.text)
	}
	flags := flag.NewFlagSet(v.name, flag.ContinueOnError)
	v.declare(&call{flags: flags, stdout: io.Discard, stderr: io.Discard})
	head := "\n"
	flags.VisitAll(func(f *flag.Flag) {
		argument, text := flag.UnquoteUsage(f)
		if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "0" {
			text += " (default: " + f.DefValue + ")"
		}
		dashes := "--"
		if len(f.Name) == 1 {
			dashes = "-"
		}
		fmt.Fprintf(w, "%s  %-20s %s\n", head, strings.TrimSpace(dashes+f.Name+" "+argument), text)
		head = ""
	})
}
