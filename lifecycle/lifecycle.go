// Package lifecycle is how everybody speaks of the life of a service:
// system.toml, the supervisor that keeps it running, and the switcher that
// judges it. It decides nothing.
package lifecycle

// Phase is where a service is in its life.
type Phase string

// The phases of a service.
const (
	PhaseDown     Phase = "down"     // no process; its reason says why
	PhaseStarting Phase = "starting" // forked; its program does not run yet
	PhaseUp       Phase = "up"       // its program runs and is not ready yet
	PhaseReady    Phase = "ready"
	PhaseStopping Phase = "stopping" // it has to end, or has ended and left processes behind
	PhaseBackoff  Phase = "backoff"  // it failed and will be started again
	PhaseFailed   Phase = "failed"   // it failed and will not be started again, or cannot be killed
)

// When a service that ended by itself starts again.
const (
	RestartAlways    = "always"
	RestartOnFailure = "on-failure"
	RestartNever     = "never"
)
