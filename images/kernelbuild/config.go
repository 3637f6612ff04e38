package kernelbuild

import (
	"fmt"
	"strings"

	"bantam/board"
)

// A Config is a kernel's configuration: options with y, m, a number or a text in quotes. What is not set is not in it.
type Config map[string]string

// parseConfig reads a .config.
func parseConfig(text string) Config {
	c := make(Config)
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && strings.HasPrefix(name, "CONFIG_") {
			c[name] = value
		}
	}
	return c
}

// Says is an option's value, n where it is not set.
func (c Config) Says(name string) string {
	if value, ok := c[name]; ok {
		return value
	}
	return "n"
}

// hasModules tells whether anything is built as a module.
func (c Config) hasModules() bool {
	for _, value := range c {
		if value == "m" {
			return true
		}
	}
	return false
}

// wanted writes options as a .config has them.
func wanted(options []board.Option) string {
	var b strings.Builder
	for _, o := range options {
		if o.Value == "n" {
			fmt.Fprintf(&b, "# %s is not set\n", o.Name)
		} else {
			fmt.Fprintf(&b, "%s=%s\n", o.Name, o.Value)
		}
	}
	return b.String()
}

// A DroppedError names the options that the source's own rules have made others than was asked for.
type DroppedError struct{ Faults []string }

func (e *DroppedError) Error() string { return strings.Join(e.Faults, "\n") }

// checkConfig compares what became of a configuration with what was asked for.
func checkConfig(options []board.Option, got Config) error {
	var faults []string
	for _, o := range options {
		is := got.Says(o.Name)
		if is == o.Value {
			continue
		}
		why := "this Linux makes it " + is
		switch {
		case is == "n":
			why = "this Linux drops it: what it depends on is not set, or there is no such option"
		case o.Value == "n":
			why = "this Linux makes it " + is + ": another option that is set wants it"
		}
		faults = append(faults, fmt.Sprintf("%s asks for %s=%s, and %s", o.From, o.Name, o.Value, why))
	}
	if len(faults) == 0 {
		return nil
	}
	return &DroppedError{faults}
}
