package supervise

import (
	"fmt"
	"runtime"
)

// Become makes this process the program of a definition: with its user and groups, without rights that it does not name,
// in its folder and with its environment, as the supervisor's shim does for services. Descriptors 0 to 2 stay, and so does the
// control group. Only root can do so; def.TTY, which is open already, and limits of the group count for nothing.
//
// It returns only with an error, and then this thread may be the user already: the process is of no further use.
func Become(def Definition) error {
	runtime.LockOSThread()
	order := shimOrder{Definition: def, Own: true, Files: openFilesMost(), Score: oomScore()}
	fault := perform(order.calls(nil))
	return fmt.Errorf("%s: %w", fault.stage, fault.err)
}
