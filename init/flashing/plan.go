package flashing

import (
	"cmp"
	"fmt"
	"strings"

	"bantam/printable"
)

// An Action is one kind of step.
type Action string

const (
	ActionLoad   Action = "load"   // into the store of the machine
	ActionStop   Action = "stop"   // services, mounts that are in the way
	ActionErase  Action = "erase"  // blocks of flash
	ActionWrite  Action = "write"  // to a place that nothing is started from yet
	ActionCheck  Action = "check"  // read back and compare
	ActionCommit Action = "commit" // from here on the next boot starts the new one
	ActionTry    Action = "try"    // have the boot loader start it a few times, until it has proven itself
	ActionWipe   Action = "wipe"
	ActionReboot Action = "reboot"
	ActionMake   Action = "make" // partitions that an image has not
	ActionCopy   Action = "copy" // what the machine keeps
)

// A Step is one thing that is done.
type Step struct {
	Action Action `json:"action"`
	What   string `json:"what"`            // e.g. "kernel and initrd into boot slot B"
	Bytes  int64  `json:"bytes,omitempty"` // 0: it is not worth saying
}

// A Plan is what flashing a firmware would do: pure data, which --test prints and the target executes.
type Plan struct {
	Verb     string   `json:"-"`                  // what it is called; "": flash
	Firmware string   `json:"firmware"`           // what it is
	Target   string   `json:"target"`             // where it goes
	Steps    []Step   `json:"steps"`              // in their order
	Kept     []string `json:"kept,omitempty"`     // what the machine keeps
	Lost     []string `json:"lost,omitempty"`     // what it does not
	Notes    []string `json:"notes,omitempty"`    // what a person should know, e.g. what was overridden
	WayBack  string   `json:"way_back,omitempty"` // what runs if the new one does not prove itself; "": nothing does
	Recovery string   `json:"recovery,omitempty"` // where there is no way back: how a machine that does not start is helped
}

// String is the plan with a line for each step. That there is no way back stands above the steps, and how it is recovered below it.
func (p Plan) String() string {
	var b strings.Builder
	line := func(word, text string) { fmt.Fprintf(&b, "%-8s%s\n", word, printable.Line(text)) }
	line(cmp.Or(p.Verb, "flash"), p.Firmware)
	line("to", p.Target)
	if p.WayBack == "" {
		line("!", "there is no way back: if the power goes while it is written, or it does not start, the machine does not start any more")
		line("!", p.Recovery)
	}
	for _, n := range p.Notes {
		line("note", n)
	}
	for _, s := range p.Steps {
		text := s.What
		if s.Bytes > 0 {
			text += ", " + kilobytes(s.Bytes)
		}
		line(string(s.Action), text)
	}
	if p.WayBack != "" {
		line("back", p.WayBack)
	}
	for _, one := range p.Kept {
		line("kept", one)
	}
	for _, one := range p.Lost {
		line("lost", one)
	}
	return b.String()
}

func kilobytes(bytes int64) string { return fmt.Sprintf("%d kB", (bytes+1023)>>10) }
