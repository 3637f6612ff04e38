package dnssockets

import "golang.org/x/sys/unix"

// Calls are the system calls that a confined process needs for this beside the usual ones: to take connections, and to see
// whether the clock is right.
var Calls = []uintptr{unix.SYS_LISTEN, unix.SYS_ACCEPT4, unix.SYS_ADJTIMEX}
