package lock

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"bantam/system/syntax"
)

const head = `# The inputs of the images that bantam build makes, written by it; keep this file with system.toml.
# The next build takes exactly these. bantam build --update renews them.
format = %d
`

// Encode writes f, sorted and one thing a line, so that two versions of it are easily compared. Equal files give equal bytes.
func (f File) Encode() []byte {
	var b strings.Builder
	fmt.Fprintf(&b, head, Format)
	line := func(key, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%s = %s\n", syntax.Join("", key), syntax.Quote(value))
		}
	}
	list := func(key string, values []string) {
		fmt.Fprintf(&b, "%s = [\n", key)
		for _, value := range values {
			fmt.Fprintf(&b, "  %s,\n", syntax.Quote(value))
		}
		b.WriteString("]\n")
	}
	table := func(keys ...string) {
		path := ""
		for _, key := range keys {
			path = syntax.Join(path, key)
		}
		fmt.Fprintf(&b, "\n[%s]\n", path)
	}
	for _, name := range slices.Sorted(maps.Keys(f)) {
		board := f[name]
		table("board", name)
		line("release", board.Release)
		line("kernel", board.Kernel)
		line("device", board.Device)
		for _, n := range board.Names() {
			p := board.Packages[n]
			table("board", name, "debian", n.Arch, n.Package)
			line("version", p.Version)
			line("sha256", p.SHA256)
			line("arch", p.Arch)
			line("source", p.Source)
			line("archive", p.Archive)
			line("means", p.Means)
			line("closure", p.Closure)
			if p.Closure != "" {
				list("carries", strings.Fields(p.Carries))
			}
		}
		for _, program := range slices.Sorted(maps.Keys(board.Programs)) {
			p := board.Programs[program]
			table("board", name, "program", program)
			line("go", p.Go)
			line("tags", p.Tags)
			line("toolchain", p.Toolchain)
			list("sums", p.Sums)
		}
		if len(board.Sources) > 0 {
			table("board", name, "source")
		}
		for _, path := range slices.Sorted(maps.Keys(board.Sources)) {
			line(path, board.Sources[path])
		}
	}
	return []byte(b.String())
}
