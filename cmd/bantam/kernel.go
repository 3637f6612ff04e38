package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"bantam/board"
	"bantam/images"
	"bantam/images/kernelbuild"
)

var kernelVerb = verb{
	name:    "kernel",
	args:    "config BOARD",
	summary: "show what the kernel that is built for a board is made of",
	text: `Prints the options that the board's fragments ask for, with what the architecture's defaults would be and why it is asked for, and how
many further ones follow from these. Nothing is built, but the source is fetched and unpacked for it. An option that the source drops is
an error. BOARD may be the FILE.toml of one of your own; docs/kernels.md tells how to write its part.`,
	declare: func(c *call) func(args []string) error {
		var cacheDir string
		cacheFlag(c.flags, &cacheDir)
		release := c.flags.String("release", "", "`NAME` of the Debian release, e.g. bookworm (default: the board's, else this host's)")
		all := c.flags.Bool("all", false, "name those that follow, too")
		asJSON := c.flags.Bool("json", false, "print everything as JSON")
		return func(args []string) error {
			if len(args) != 2 || args[0] != "config" {
				return usagef("want config and a BOARD, got %q", strings.Join(args, " "))
			}
			b, err := loadBoard(args[1])
			if err != nil {
				return err
			}
			if b.Kernel.Build == "" {
				return fmt.Errorf("no kernel is built for board %s: it has %s", b.Name, b.KernelPackage)
			}
			if err := needTools(append(kernelTools(b.Arch), buildTools...)...); err != nil {
				return err
			}
			cache, err := openCache(cacheDir)
			if err != nil {
				return err
			}
			progress, done := images.TerminalProgress(c.stderr)
			defer done()
			archive := images.Archive{CacheDir: cache.Dir, Release: *release, Default: b.Release, Arch: b.DebianArch, Progress: progress}
			source, err := kernelbuild.Fetch(c.ctx, archive, b)
			if err != nil {
				return unwritable(cache.Dir, "--cache", err)
			}
			comparison, err := kernelbuild.Compare(c.ctx, kernelbuild.Request{Board: b, Source: source, Cache: cache, Progress: progress})
			if err != nil {
				return unwritable(cache.Dir, "--cache", err)
			}
			done()
			if *asJSON {
				return printJSON(c.stdout, kernelReport(comparison))
			}
			return printKernel(c.stdout, b, kernelReport(comparison), *all)
		}
	},
}

// kernelOptions are what kernel config tells.
type kernelOptions struct {
	Source  string         `json:"source"`  // package and version
	Options []kernelOption `json:"options"` // as the fragments have them
	Follow  []kernelOption `json:"follow"`  // what these make others than the defaults
}

type kernelOption struct {
	Name    string `json:"name"`    // e.g. CONFIG_NET
	Value   string `json:"value"`   // y, m, n, a number, or a text in quotes
	Default string `json:"default"` // likewise
	From    string `json:"from,omitempty"`
	Why     string `json:"why,omitempty"`
}

func kernelReport(c kernelbuild.Comparison) kernelOptions {
	r := kernelOptions{Source: c.Source}
	asked := make(map[string]bool)
	for _, o := range c.Options {
		asked[o.Name] = true
		r.Options = append(r.Options, kernelOption{o.Name, o.Value, c.Defaults.Says(o.Name), o.From, o.Why})
	}
	every := maps.Clone(c.Defaults)
	maps.Copy(every, c.Result)
	for _, name := range slices.Sorted(maps.Keys(every)) {
		if is, was := c.Result.Says(name), c.Defaults.Says(name); is != was && !asked[name] {
			r.Follow = append(r.Follow, kernelOption{Name: name, Value: is, Default: was})
		}
	}
	return r
}

func printKernel(w io.Writer, b board.Board, r kernelOptions, all bool) error {
	fmt.Fprintf(w, "%s: Linux of %s for %s\n", b.Name, r.Source, b.Arch)
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	from := ""
	for _, o := range r.Options {
		if o.From != from {
			from = o.From
			fmt.Fprintf(t, "%s\tis\tdefault\twhy\n", from)
		}
		fmt.Fprintf(t, "  %s\t%s\t%s\t%s\n", o.Name, o.Value, o.Default, o.Why)
	}
	fmt.Fprintf(t, "%d follow from these\n", len(r.Follow))
	if all {
		for _, o := range r.Follow {
			fmt.Fprintf(t, "  %s\t%s\t%s\n", o.Name, o.Value, o.Default)
		}
	}
	return t.Flush()
}
