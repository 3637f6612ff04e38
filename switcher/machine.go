package switcher

import (
	"context"
	"time"

	"bantam/lifecycle"
	"bantam/system"
)

// Machine is the running device as a switch sees and changes it. PID 1
// implements it, and the tests have one that lives in memory. All methods may
// be called from any goroutine; only the switch under way calls those that
// change something. Methods that take a context return soon after it is done.
// Where an answer cannot fail by itself, its error is that of a machine that does
// not answer in time; see bounded.
type Machine interface {
	// Now is CLOCK_BOOTTIME: it runs on in suspend and never jumps.
	Now() time.Duration
	// Wait returns nil at until (a Now), or earlier when Services or Network may
	// have changed, and ctx's cause when ctx is done. Early returns are harmless.
	Wait(ctx context.Context, until time.Duration) error

	// Ending says whether the machine has begun to go down, and stops all services for good.
	Ending() bool

	hostnameMachine
	sysctlMachine
	moduleMachine
	secretMachine
	userMachine
	treeMachine
	stateMachine
	homeMachine
	consoleMachine
	fileMachine
	networkMachine
	sshMachine
	serviceMachine

	// Adopt makes sys, whose text is text, what services and the network are
	// started from next: /run/bantam/system.toml and the supervisor's
	// definitions, which carry these fingerprints by name. It starts, stops and signals
	// nothing, except that services which sys no longer has, stopped before, are forgotten.
	Adopt(text []byte, sys *system.System, fingerprints map[string]string) error
	// RunCheck runs a check's command once, as its user, one of users or always there.
	// The error holds its exit status and last output.
	RunCheck(ctx context.Context, name string, check system.Check, sys *system.System) error
}

// ServiceState is what can be seen of one service.
type ServiceState struct {
	Name     string
	Phase    lifecycle.Phase
	PID      int            // 0 without a process
	Since    time.Duration  // Machine.Now at which the phase began
	Fell     time.Duration  // Machine.Now at which it last went down by itself since it was last asked to start; 0: never
	Reloaded time.Duration  // Machine.Now at which its process was last told to reload; 0: never
	LastExit lifecycle.Exit // how its last process that has ended did
	Done     bool           // it has ended by itself, and is not to be started again
	Reason   string         // why it is in this phase, e.g. "waits for db: exit status 1"
	Wanted   bool           // it should run
	ByHand   bool           // a person stopped it; only a person starts it again
	Looping  bool           // it keeps going down by itself, also if it is ready just now
	Stuck    bool           // wanted, not ready, and nothing will change that by itself

	Fingerprint string // of the definition that its process, or its one-shot work, was started with; "" without either
	Told        string // of a newer definition that it has been told of without a restart; "" if it has not
	Defined     string // of the definition for its next start
}

// NetworkState is what the network configurator says of itself. The zero value
// is that of a network that is not running.
type NetworkState struct {
	Config string // hex SHA-256 of the system.toml that it has applied; "" before it has
	Online bool   // what system.toml asks of the network is there
	IPv4   Family // of all ports together
	IPv6   Family
	Ports  []PortState
	Links  []string // every network interface that the kernel has now; nil: not known
}

// Family is how the machine is connected by one version of IP.
type Family struct {
	Addressed bool `json:"addressed,omitempty"` // it has an address that means something beyond a link
	Routed    bool `json:"routed,omitempty"`    // it has a default route
}

// And returns f with what another port has.
func (f Family) And(addressed, routed bool) Family {
	return Family{f.Addressed || addressed, f.Routed || routed}
}

// PortState is one network port.
type PortState struct {
	Name     string // e.g. eth0
	Carrier  bool
	Explicit bool   // named in system.toml
	Optional bool   // as in system.toml
	Up       bool   // everything wished for it is there
	Waiting  string // what it waits for, e.g. "DHCP answer"
	IPv4     Family
	IPv6     Family
}
