// Package control is the line between the `bantam` verbs and PID 1: one Unix
// stream socket, one request and a stream of frames for each connection, both
// as JSON lines.
//
// Everybody may ask how the machine is, root and the group operator for all: the peer's credentials are checked. Requests are bounded
// in size and time, and a client that does not read loses frames, never time of
// PID 1: what it asked for goes on without it, its outcome is kept.
package control

import (
	"encoding/json"
	"time"

	"bantam/signature"
	"bantam/system"
)

// Socket is where PID 1 listens.
const Socket = "/run/bantam/control"

// maxRequest bounds one request, which may carry the largest system.toml: four
// characters of base64 for three bytes.
const maxRequest = (system.MaxSize+2)/3*4 + 64<<10

// Request is what a client asks of PID 1. Each verb uses the fields it needs.
type Request struct {
	Verb        string        `json:"verb"`                  // e.g. "switch", "service start"
	Names       []string      `json:"names,omitempty"`       // services, e.g. ["web"]
	File        string        `json:"file,omitempty"`        // the name that problems in Text are reported under
	Text        []byte        `json:"text,omitempty"`        // a system.toml; empty: the draft
	Generation  int           `json:"generation,omitempty"`  // number of a generation, 0: the verb's own default
	Generations []int         `json:"generations,omitempty"` // to be deleted
	Other       int           `json:"other,omitempty"`       // second generation of a comparison, 0: the running one
	Confirm     time.Duration `json:"confirm,omitempty"`     // wait so long for `bantam confirm`
	NoRollback  bool          `json:"no_rollback,omitempty"`
	ToGood      bool          `json:"to_good,omitempty"`  // of a rollback
	Reboot      bool          `json:"reboot,omitempty"`   // of a switch or rollback: by the next boot, and that now
	Settings    bool          `json:"settings,omitempty"` // of a switch to Generation: with the system.toml that runs
	Wipe        bool          `json:"wipe,omitempty"`     // of a switch that begins with a reboot: that throws away what the machine keeps, but Names
	Events      bool          `json:"events,omitempty"`   // of a switch: events and the result as replies
	Label       string        `json:"label,omitempty"`
	DryRun      bool          `json:"dry_run,omitempty"`
	Lines       int           `json:"lines,omitempty"`  // of a log, 0: all that is kept
	Follow      bool          `json:"follow,omitempty"` // stay and send what comes

	Manifest  []byte             `json:"manifest,omitempty"` // of a generation that comes from elsewhere
	Signed    []signature.Signed `json:"signed,omitempty"`   // with it
	Downgrade bool               `json:"downgrade,omitempty"`
}

// Frame is one line of the answer.
type Frame struct {
	Line  string          `json:"line,omitempty"`  // progress for a person
	Reply json.RawMessage `json:"reply,omitempty"` // the verb's answer
	Error string          `json:"error,omitempty"` // why it was not done
	Exit  int             `json:"exit,omitempty"`  // exit code for the client; see Exit codes
	Last  bool            `json:"last,omitempty"`  // nothing follows

	Confirm time.Duration `json:"confirm,omitempty"` // for so long a person's word is waited for, beginning now
}

// Exit codes of the verbs. Those of a switch are switcher's.
const (
	ExitGood  = 0
	ExitError = 1 // not done: bad input, not root, refused
	ExitUsage = 2
)
