package supervise

import (
	"strings"
	"syscall"
	"time"

	"bantam/lifecycle"
)

// State is what can be seen of one service.
type State struct {
	Name     string          `json:"name"`
	Phase    lifecycle.Phase `json:"phase"`
	PID      int             `json:"pid"`                // of the main process, 0 without one
	Since    time.Duration   `json:"since"`              // CLOCK_BOOTTIME at which the phase began
	Restarts int             `json:"restarts"`           // by itself, since it was last asked to start
	Fell     time.Duration   `json:"fell"`               // CLOCK_BOOTTIME at which it last went down by itself since it was last asked to start; 0: never
	Reloaded time.Duration   `json:"reloaded"`           // CLOCK_BOOTTIME at which its process was last sent the reload signal; 0: never
	LastExit lifecycle.Exit  `json:"last_exit,omitzero"` // how its last process that has ended did
	Reason   string          `json:"reason"`             // why it is in this phase, e.g. "lost network", "waits for db: exit status 1", "stopped by hand"
	Wanted   bool            `json:"wanted"`             // it should run
	Done     bool            `json:"done"`               // wanted, has ended by itself, and is not to be started again
	ByHand   bool            `json:"by_hand"`            // a person stopped it; only a person starts it again
	Stuck    bool            `json:"stuck"`              // it is wanted and not ready, and nothing will change that by itself
	Held     bool            `json:"held"`               // a person stopped it, or something that it needs
	Looping  bool            `json:"looping"`            // it keeps going down by itself, whatever its phase is now
	Stale    bool            `json:"stale"`              // its process still runs an older definition
	MayFail  bool            `json:"may_fail"`           // as in its definition
	LogHeld  time.Duration   `json:"log_held"`           // that it was made to wait in all, because its log was too much
	Cgroup   bool            `json:"cgroup"`             // false: only the process group holds its processes together

	Fingerprint string `json:"-"` // of the definition that its process runs, or its one-shot work was done with; "" without either
	Told        string `json:"-"` // that of a newer definition for which it got the reload signal; "" if it got none
	Defined     string `json:"-"` // that of the definition for its next start
}

// Failing says whether the service should work and does not. One that is on its
// way, that a person stopped, or that may fail is none.
func (st State) Failing() bool {
	if !st.Wanted || st.Held || st.MayFail || st.endedWell() {
		return false
	}
	return st.Looping || st.Stuck || st.Phase == lifecycle.PhaseBackoff || st.Phase == lifecycle.PhaseFailed
}

// Show is the state for a person: one word, and why. What the process before
// the present one ended with is called so.
func (st State) Show() (word, why string) {
	word, why = string(st.Phase), st.Reason
	if st.Looping {
		word = "crash-looping"
	}
	if why == "" && (st.Restarts > 0 || st.Looping) {
		why = "before: " + st.LastExit.String()
	}
	if st.Stale {
		why = strings.TrimPrefix(why+"; runs an older definition", "; ")
	}
	return word, why
}

// By says who asks for something.
type By int

const (
	ByPlan   By = iota // the switcher: respects what was stopped by hand
	ByPerson           // somebody at a terminal
)

// ExitOf is how a process ended; oom: the kernel killed for lack of memory, it or one of its children.
func ExitOf(status syscall.WaitStatus, oom bool) lifecycle.Exit {
	switch {
	case oom && status.Signaled() && status.Signal() == syscall.SIGKILL:
		return lifecycle.Exit{Cause: lifecycle.OutOfMemory}
	case status.Signaled():
		return lifecycle.Exit{Cause: lifecycle.Signalled, Signal: status.Signal(), Starved: oom}
	}
	return lifecycle.Exit{Cause: lifecycle.Exited, Status: status.ExitStatus(), Starved: oom}
}
