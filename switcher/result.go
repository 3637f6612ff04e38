package switcher

import (
	"fmt"
	"time"
)

// Exit codes of a switch, as the `bantam` verbs return them.
const (
	ExitGood     = 0  // done
	ExitRefused  = 1  // nothing was changed: bad input, preflight, another switch under way
	ExitDegraded = 2  // booted, and something that should run does not
	ExitFailed   = 4  // the machine is not as either generation wants it; a reboot takes the default
	ExitReverted = 10 // the new generation did not prove itself; the old one runs again
)

// RebootGrace is how long the machine waits before it reboots by itself, for whoever sits there.
const RebootGrace = 10 * time.Second

// The verbs of a switch.
const (
	VerbSwitch   = "switch"   // live, and the default once proven
	VerbTest     = "test"     // live; the next boot takes the old default
	VerbBoot     = "boot"     // nothing live; the next boots try it
	VerbRollback = "rollback" // switch to what ran before
	VerbStart    = "start"    // the machine's own start; see Boot
)

// EventKind tells a caller how to show an event.
type EventKind string

// The kinds of events.
const (
	EventNote   EventKind = "note"   // what a person should know
	EventStep   EventKind = "step"   // a step begins
	EventChoice EventKind = "choice" // which generation a boot starts
	EventWait   EventKind = "wait"   // what the proof waits for, or a person's word
	EventFail   EventKind = "fail"   // why it goes back, and what a failing service wrote
	EventDone   EventKind = "done"   // the outcome
)

// Event is one line of a switch's progress.
type Event struct {
	Time  time.Duration `json:"time"` // Machine.Now
	Kind  EventKind     `json:"kind"`
	Text  string        `json:"text"`
	Step  int           `json:"step,omitempty"` // from 1
	Total int           `json:"total,omitempty"`

	Confirm time.Duration `json:"confirm,omitempty"` // for so long a person's word is waited for, beginning now
}

// Result is the outcome of a switch. Last returns it after the terminal that asked has gone.
type Result struct {
	Verb    string        `json:"verb"`
	From    int           `json:"from"` // generation that ran before; 0: none
	To      int           `json:"to"`   // generation that was asked for; 0: refused before it had a number
	Running int           `json:"running"`
	Exit    int           `json:"exit"`
	State   State         `json:"state,omitempty"`   // that To was left in by a failure: bad or interrupted
	Reason  string        `json:"reason,omitempty"`  // why it is not good, e.g. "service web: exit status 1"
	Reboots bool          `json:"reboots,omitempty"` // the machine is as no generation wants it: PID 1 reboots it into the default
	Reboot  bool          `json:"reboot,omitempty"`  // PID 1 reboots the machine, as was asked
	Slot    string        `json:"slot,omitempty"`    // boot slot that the next boot starts, where it is not the booted one
	Started time.Duration `json:"started"`           // Machine.Now
	Ended   time.Duration `json:"ended"`
	Events  []Event       `json:"events,omitempty"`
}

// Text returns the outcome in one line.
func (r Result) Text() string {
	switch {
	case r.Verb == VerbStart && r.Reboots:
		return fmt.Sprintf("%s; the machine reboots for generation %d, whose kernel is in boot slot %s", r.Reason, r.To, r.Slot)
	case r.Exit == ExitRefused:
		return "refused, nothing was changed: " + r.Reason
	case r.Exit == ExitReverted && r.State == StateInterrupted:
		return fmt.Sprintf("generation %d is not kept (%s); generation %d runs again", r.To, r.Reason, r.Running)
	case r.Exit == ExitReverted:
		return fmt.Sprintf("generation %d did not prove itself (%s); generation %d runs again", r.To, r.Reason, r.Running)
	case r.Exit == ExitFailed && r.Reboots:
		return fmt.Sprintf("failed: %s; so the machine reboots into the default generation by itself, in %v", r.Reason, RebootGrace)
	case r.Exit == ExitFailed:
		return fmt.Sprintf("failed: %s; `reboot` starts the default generation afresh", r.Reason)
	case r.Exit == ExitDegraded:
		return fmt.Sprintf("generation %d runs, but: %s", r.Running, r.Reason)
	case r.Verb == VerbBoot, r.Reboot:
		text := fmt.Sprintf("the next boot tries generation %d", r.To)
		if r.Slot != "" {
			text += ", from boot slot " + r.Slot
		}
		if text += "; if it does not prove itself, the default runs again"; r.Reboot {
			text += ". The machine reboots now"
		}
		return text
	case r.Verb == VerbStart: // which may have passed over a damaged default
		return fmt.Sprintf("generation %d runs", r.Running)
	case r.Verb == VerbTest:
		return fmt.Sprintf("generation %d runs until the next boot; the default is unchanged", r.Running)
	}
	return fmt.Sprintf("generation %d runs and is the default", r.Running)
}
