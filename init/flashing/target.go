package flashing

import "context"

// A Target is a place of this machine that a firmware can be brought to: its boot slots, a partition of NOR flash, volumes of UBI.
type Target interface {
	// Name is what people call it, e.g. "boot slots of /dev/vda".
	Name() string
	// Takes says whether firmware of a kind is meant for it. It is asked before anything is read.
	Takes(Kind) bool
	// Plan says what it would do with a firmware that has been looked at, verified and checked, of a Router's once it has been examined (see
	// Examine); or, as a *Refusal, why it cannot: too large, too little room or memory, another flash under way. It changes nothing.
	Plan(ctx context.Context, f Firmware, o Order) (Plan, error)
	// Write does what Plan has said. Until the step that commits, the machine starts what it started before, where Plan.WayBack says
	// so; ctx ends it cleanly before that step, and no more behind it. It returns when the machine is about to reboot, or with why
	// it does not.
	Write(ctx context.Context, f Firmware, p Plan, told func(Progress)) error
}

// Progress is how far a write has come. Whoever is told must not block.
type Progress struct {
	Step        int    // of Plan.Steps, from 0
	Done, Total int64  // bytes of it
	Note        string // something to be told once, e.g. a bad block that was passed over; "": none
}

// Choose is the first of the targets that takes a kind, or why none does.
func Choose(all []Target, f Firmware) (Target, error) {
	for _, t := range all {
		if t.Takes(f.Kind) {
			return t, nil
		}
	}
	help := ""
	if f.Kind == Router {
		help = "it is for the flash of a router, which this machine has not"
	}
	return nil, &Refusal{Why: "this machine has no place for " + f.What, Help: help}
}
