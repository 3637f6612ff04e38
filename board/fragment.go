package board

import (
	"embed"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"bantam/spelling"
)

// An OwnKernel is one that is built for a board from Debian's source.
type OwnKernel struct {
	Build     string   `toml:"build"`     // Debian package of the source, e.g. linux-source-6.1; "": none is built
	Name      string   `toml:"name"`      // how --kernel calls it, e.g. tiny; "own" unless it is said
	Fragments []string `toml:"fragments"` // of its configuration, e.g. base, net: board/kernel/*.config
	Options   string   `toml:"options"`   // further lines as fragments have them, for this board alone
	Trees     string   `toml:"trees"`     // what is added to the source of its device trees, e.g. "&eth0 { status = \"okay\"; };"
}

// An Option is a line of a kernel's configuration, and why it is there.
type Option struct {
	Name  string // e.g. CONFIG_NET
	Value string // y, m, n, a number, or a text in quotes
	Why   string
	From  string // the fragment, or the board whose own it is
}

//go:embed kernel/*.config
var fragmentFiles embed.FS

const fragmentEnding = ".config"

// Fragments lists those there are.
func Fragments() []string {
	entries, err := fs.ReadDir(fragmentFiles, "kernel")
	if err != nil {
		panic(err) // compiled in
	}
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), fragmentEnding))
	}
	slices.Sort(names)
	return names
}

// Configuration is what the board's fragments ask of its kernel, in their order, its own options last. Of an option that is named more
// than once the last line counts, and stands alone.
func (b Board) Configuration() ([]Option, error) {
	var all []Option
	add := func(from, text string) error {
		options, err := parseFragment(from, text)
		for _, o := range options {
			all = slices.DeleteFunc(all, func(earlier Option) bool { return earlier.Name == o.Name })
			all = append(all, o)
		}
		return err
	}
	for _, name := range b.Kernel.Fragments {
		text, err := fragmentFiles.ReadFile("kernel/" + name + fragmentEnding)
		if err != nil {
			if near := spelling.Nearest(name, Fragments()); near != "" {
				return nil, fmt.Errorf("no fragment %q; did you mean %q?", name, near)
			}
			return nil, fmt.Errorf("no fragment %q; there are %s", name, strings.Join(Fragments(), ", "))
		}
		if err := add(name, string(text)); err != nil {
			return nil, err
		}
	}
	return all, add(b.Name, b.Kernel.Options)
}

// parseFragment reads lines such as CONFIG_NET=y # why. Empty lines, and those that begin with #, are for people.
func parseFragment(from, text string) (options []Option, err error) {
	number := 0
	for line := range strings.Lines(text) {
		number++
		setting, why, _ := strings.Cut(line, "#")
		setting = strings.TrimSpace(setting)
		if setting == "" {
			continue
		}
		name, value, _ := strings.Cut(setting, "=")
		switch {
		case !isOptionName(name):
			return nil, fmt.Errorf("%s, line %d: %q is no option; write e.g. CONFIG_NET=y", from, number, setting)
		case !isOptionValue(value):
			return nil, fmt.Errorf("%s, line %d: %s: %q is no value; it may be y, m, n, a number, or a text in quotes", from, number, name, value)
		case slices.ContainsFunc(options, func(o Option) bool { return o.Name == name }):
			return nil, fmt.Errorf("%s, line %d: %s is there twice", from, number, name)
		}
		options = append(options, Option{Name: name, Value: value, Why: strings.TrimSpace(why), From: from})
	}
	return options, nil
}

func isOptionName(name string) bool {
	rest, ok := strings.CutPrefix(name, "CONFIG_")
	return ok && rest != "" && strings.Trim(rest, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") == ""
}

func isOptionValue(value string) bool {
	if value == "y" || value == "m" || value == "n" {
		return true
	}
	if _, err := strconv.ParseInt(value, 0, 64); err == nil {
		return true
	}
	if _, err := strconv.ParseUint(value, 0, 64); err == nil { // an address in the upper half of them
		return true
	}
	return len(value) >= 2 && value[0] == '"' && value[len(value)-1] == '"' && !strings.ContainsAny(value[1:len(value)-1], "\"\\\n")
}
