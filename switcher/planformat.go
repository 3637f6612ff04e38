package switcher

import (
	"fmt"
	"strings"
)

// String returns the step in a few words, e.g. "start service web".
func (s Step) String() string { return s.Text }

// String returns the plan for people, a line for each step with its reason.
// What interrupts something that works is marked with "!".
func (p Plan) String() string {
	var b strings.Builder
	if len(p.Steps) == 0 {
		b.WriteString("nothing to do on the running machine\n")
	}
	width := 0
	for _, s := range p.Steps {
		width = max(width, len(s.String()))
	}
	width = min(width, 36) // else one long name pushes every reason off the screen
	for _, s := range p.Steps {
		mark := ' '
		if s.Disruptive {
			mark = '!'
		}
		fmt.Fprintf(&b, "%c %-*s  %s\n", mark, width, s, s.Reason)
	}
	for _, s := range p.Stale {
		fmt.Fprintf(&b, "  service %s keeps running its older definition until it is restarted: %s\n", s.Service, s.Reason)
	}
	for _, n := range p.Notes {
		fmt.Fprintf(&b, "  %s\n", n)
	}
	return b.String()
}
