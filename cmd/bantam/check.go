package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"

	"bantam/board"
	"bantam/images"
	"bantam/images/payload"
	"bantam/netcfg/firewall"
	"bantam/system"
)

var checkVerb = verb{
	name:    "check",
	args:    "SYSTEM.toml...",
	summary: "print all that is wrong with a system.toml",
	text: `Each problem is one line: file:line:column: what is wrong; what to do.
A remark is no problem, but worth a look: a service without user runs as root.
A file named - is read from standard input. With any problem the exit status is 1.
With --explain it also says in sentences what the zones, forwards and rules of the firewall mean: who may reach whom, and what
of the machine.
Whether the kernel has the modules is known only to bantam build. Of packages that this host has fetched before it says
which users and services they want; it fetches none.`,
	declare: func(c *call) func(args []string) error {
		asJSON := c.flags.Bool("json", false, "print the problems as a JSON array")
		explain := c.flags.Bool("explain", false, "say in words what the firewall lets through")
		var cacheDir string
		cacheFlag(c.flags, &cacheDir)
		return func(args []string) error {
			if len(args) == 0 {
				return usagef("which file?")
			}
			if *explain && *asJSON {
				return usagef("--explain is for people, --json for programs: one of them")
			}
			all := []system.Problem{} // an empty array in JSON, not null
			var unread []error        // told at the end, behind what is wrong with the others
			for _, file := range args {
				text, err := readInput(c, file)
				if err != nil {
					unread = append(unread, err)
					continue
				}
				sys, problems := system.Parse(file, text)
				var remarks []system.Problem
				var lines string
				if len(problems) == 0 {
					problems, remarks, lines = onThisHost(c.ctx, cacheDir, file, text, sys)
				}
				all = append(all, problems...)
				switch {
				case *asJSON:
				case len(problems) == 0:
					for _, p := range append(system.Remarks(file, text), remarks...) {
						fmt.Fprintln(c.stdout, p)
					}
					fmt.Fprintf(c.stdout, "%s: no faults\n", file)
					if *explain {
						writeExplanation(c.stdout, sys)
					}
					if lines != "" {
						fmt.Fprintf(c.stdout, "\n# for %s, to paste and to change\n%s\n", file, lines)
					}
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

// writeExplanation says what a system lets through.
func writeExplanation(w io.Writer, sys *system.System) {
	lines := firewall.Explain(sys)
	if len(lines) == 0 {
		lines = []string{"No port belongs to a zone: there is no firewall, and without a [sysctl] that says otherwise nothing is forwarded."}
		for _, name := range slices.Sorted(maps.Keys(sys.Net)) {
			if sys.Net[name].Bridge != nil {
				lines = append(lines, "What the bridge "+name+" carries from port to port passes all the same.")
			}
		}
	}
	for _, line := range lines {
		fmt.Fprintln(w, line)
	}
}

// onThisHost is what can be said of a system.toml without faults by what this host has read before, without asking anybody. Which
// board it is for is not known here, and does not matter: what a package has and wants is the same on all.
func onThisHost(ctx context.Context, cacheDir, file string, text []byte, sys *system.System) (faults, remarks []system.Problem, lines string) {
	cache, err := openCache(cacheDir)
	if err != nil {
		return nil, nil, ""
	}
	for _, name := range board.Names() {
		b, err := board.Load(name)
		if err != nil {
			continue
		}
		r := payload.Request{
			File: file, Text: text, System: sys, Arch: b.Arch, Cache: cache,
			Archive: images.Archive{CacheDir: cache.Dir, Default: b.Release, Arch: b.DebianArch},
		}
		var said []system.Problem
		if faults, said = payload.CommandFaults(ctx, r); len(faults) > 0 {
			return faults, nil, ""
		}
		if remarks, lines = payload.Wants(r); len(said)+len(remarks) > 0 {
			return nil, append(said, remarks...), lines
		}
	}
	return nil, nil, ""
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
