package switcher

import (
	"fmt"
	"slices"
	"strings"
)

// String returns the step in a few words, e.g. "start service web".
func (s Step) String() string { return s.Text }

// String returns the plan for people, a line for each step with its reason; many packages that come or go for one reason
// are one step there. What interrupts something that works is marked with "!".
func (p Plan) String() string {
	var b strings.Builder
	if len(p.Steps) == 0 {
		b.WriteString("nothing to do on the running machine\n")
	}
	width, groups := 0, grouped(p.Steps)
	for _, s := range groups {
		width = max(width, len(s.String()))
	}
	width = min(width, 36) // else one long name pushes every reason off the screen
	for _, s := range groups {
		mark := ' '
		if s.Disruptive {
			mark = '!'
		}
		fmt.Fprintf(&b, "%c %-*s  %s\n", mark, width, s, s.Reason)
		for _, line := range wrapped(s.packages, 72) {
			fmt.Fprintf(&b, "      %s\n", line)
		}
	}
	for _, s := range p.Stale {
		fmt.Fprintf(&b, "  service %s keeps running its older definition until it is restarted: %s\n", s.Service, s.Reason)
	}
	for _, n := range p.Notes {
		fmt.Fprintf(&b, "  %s\n", n)
	}
	return b.String()
}

// fewPackages is how many stand on lines of their own: a package brings some two dozen libraries.
const fewPackages = 4

// group is a step, or several of packages that are shown as one.
type group struct {
	Step
	packages []string // with their versions, where there are several
}

// grouped joins successive steps that add packages, or remove them, for one reason.
func grouped(steps []Step) (groups []group) {
	for len(steps) > 0 {
		first, n := steps[0], 1
		verb, isPackage := packageVerb(first)
		for isPackage && n < len(steps) && steps[n].Reason == first.Reason && strings.HasPrefix(steps[n].Text, verb) {
			n++
		}
		if n <= fewPackages {
			groups, steps = append(groups, group{Step: first}), steps[1:]
			continue
		}
		g := group{Step: first}
		for _, s := range steps[:n] {
			g.packages = append(g.packages, strings.TrimPrefix(s.Text, verb))
		}
		g.Text = fmt.Sprintf("%s%d packages", strings.TrimSuffix(verb, "package "), n)
		groups, steps = append(groups, g), steps[n:]
	}
	return groups
}

// packageVerb is how the text of a step begins that adds a package or removes one.
func packageVerb(s Step) (verb string, ok bool) {
	verbs := []string{"add package ", "remove package "}
	i := slices.IndexFunc(verbs, func(verb string) bool { return s.Kind == KindTree && strings.HasPrefix(s.Text, verb) })
	if i < 0 {
		return "", false
	}
	return verbs[i], true
}

// wrapped joins words with commas, in lines of that length where they have room.
func wrapped(words []string, width int) (lines []string) {
	line := ""
	for i, word := range words {
		if i < len(words)-1 {
			word += ","
		}
		if line != "" && len(line)+1+len(word) > width {
			lines, line = append(lines, line), ""
		}
		line += strings.Repeat(" ", min(len(line), 1)) + word
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}
