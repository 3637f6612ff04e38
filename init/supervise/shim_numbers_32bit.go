//go:build arm || 386

package supervise

import "golang.org/x/sys/unix"

// The calls of the plain names take numbers of 16 bits here.
const (
	sysSetgroups = unix.SYS_SETGROUPS32
	sysSetresgid = unix.SYS_SETRESGID32
	sysSetresuid = unix.SYS_SETRESUID32
)
