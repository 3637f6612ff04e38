package supervise

import "syscall"

// Event is what happens to the engine: one of the types below.
type Event interface{}

// What is asked for. Names that are not defined are passed over.
type (
	// Define replaces all definitions. A process keeps the definition it was
	// started with; a service that is no longer defined is stopped.
	Define struct{ Definitions []Definition }
	// Start wants services, and all they need and want, to run.
	Start struct {
		Names []string
		By    By
	}
	// Stop wants services not to run. What needs them stops first, and returns with them.
	Stop struct {
		Names []string
		By    By
	}
	// Restart stops and starts services, with their new definitions. By plan
	// it touches none that is not wanted.
	Restart struct {
		Names []string
		By    By
	}
	// Reload sends the reload signal to those that run.
	Reload struct{ Names []string }
	// Halt stops everything, for good.
	Halt struct{}
)

// Stages of a SpawnFailed without a process; the shim has others.
const (
	stageFork   = "fork"
	stageFrozen = "fork into a frozen cgroup"
	stageLack   = "waits for " // and for what
)

// Lack is why a process cannot be started yet.
type Lack string // of what, e.g. "secret token, which is not set"

func (l Lack) Error() string { return stageLack + string(l) }

// What the world reports. Serial is that of the Spawn; a report about an older
// process than the current one is ignored.
type (
	// Spawned: the shim was forked.
	Spawned struct {
		Name   string
		Serial uint64
		PID    int
	}
	// SpawnFailed: there is no process, either none was forked (stage stageFork or stageFrozen, or one that begins with stageLack)
	// or the shim could not come to the end of stage.
	SpawnFailed struct {
		Name   string
		Serial uint64
		Stage  string
		Errno  syscall.Errno
	}
	// Executed: the shim has become the program.
	Executed struct {
		Name   string
		Serial uint64
	}
	// Ready: a notify or tcp service is.
	Ready struct {
		Name   string
		Serial uint64
	}
	// Exited: the main process ended. Empty: and nothing of the service is left.
	Exited struct {
		Name   string
		Serial uint64
		Status syscall.WaitStatus
		OOM    bool // the kernel killed for lack of memory
		Empty  bool
	}
	// Empty: the last process of the service is gone.
	Empty struct {
		Name   string
		Serial uint64
	}
	// Tick: time has passed; see Deadline.
	Tick struct{}
)

// Action is what the engine wants done: one of the types below.
type Action interface{}

type (
	// Spawn starts a process; Spawned or SpawnFailed answers.
	Spawn struct {
		Serial     uint64
		Definition Definition
	}
	// Signal goes to the main process. Continue: followed by SIGCONT.
	Signal struct {
		Name     string
		Serial   uint64
		Signal   syscall.Signal
		Continue bool
	}
	// Kill ends every process of the service; Empty answers, if ever.
	Kill struct {
		Name   string
		Serial uint64
	}
	// Note goes to the service's log.
	Note struct{ Name, Text string }
	// Forget: the service is no longer defined and has no process.
	Forget struct{ Name string }
)
