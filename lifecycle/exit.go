package lifecycle

import (
	"encoding/json"
	"fmt"
	"syscall"
	"time"
)

// Cause is what made a process end.
type Cause string

// The causes.
const (
	CauseNone   Cause = ""              // no process has ended yet
	Exited      Cause = "exited"        // by itself, with a status
	Signalled   Cause = "signalled"     // killed by a signal
	OutOfMemory Cause = "out of memory" // killed by the kernel for lack of memory
	TimedOut    Cause = "timed out"     // stopped because it was not ready in time, however it ended then
	Unborn      Cause = "never born"    // it was not forked, or did not come to be its program
)

// Exit is how a process ended, or why there was none. The zero value is that of
// a service of which no process has ended.
//
// Its JSON has these keys, as far as they are not zero, and "text", which is String.
type Exit struct {
	Cause   Cause          `json:"cause"`
	Status  int            `json:"status,omitempty"`  // if it exited, e.g. 1
	Signal  syscall.Signal `json:"signal,omitempty"`  // if it was signalled, e.g. 11
	Limit   time.Duration  `json:"limit,omitempty"`   // if it timed out: how long it had, in nanoseconds
	Stage   string         `json:"stage,omitempty"`   // if it was never born: how far it came, e.g. "exec /bin/web"
	Errno   syscall.Errno  `json:"errno,omitempty"`   // and what stopped it there; 0 where the stage says it
	Starved bool           `json:"starved,omitempty"` // others of the service's processes were killed for lack of memory
}

// Clean says whether it ended as it should: with status 0, and nothing of it was killed.
func (e Exit) Clean() bool { return e == Exit{Cause: Exited} }

// String says it for people, e.g. "exit status 1"; "" if nothing has ended.
func (e Exit) String() string {
	text := ""
	switch e.Cause {
	case Exited:
		text = fmt.Sprintf("exit status %d", e.Status)
	case Signalled:
		text = fmt.Sprintf("signal %d (%v)", int(e.Signal), e.Signal)
	case OutOfMemory:
		text = "killed: out of memory"
	case TimedOut:
		text = fmt.Sprintf("not ready within %v", e.Limit)
	case Unborn:
		if text = e.Stage; e.Errno != 0 {
			text += ": " + e.Errno.Error()
		}
	}
	if e.Starved {
		text += ", some of it killed: out of memory"
	}
	return text
}

// MarshalJSON adds the words.
func (e Exit) MarshalJSON() ([]byte, error) {
	type keys Exit
	return json.Marshal(struct {
		keys
		Text string `json:"text"`
	}{keys(e), e.String()})
}
