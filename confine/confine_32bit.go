//go:build arm || mips || mipsle

package confine

import "golang.org/x/sys/unix"

// needed32 are what 64-bit architectures have no need of.
var needed32 = []uintptr{
	unix.SYS_POLL, unix.SYS_EPOLL_WAIT, unix.SYS_MMAP2, unix.SYS_FSTAT64, unix.SYS__LLSEEK, unix.SYS_FCNTL64,
	unix.SYS_RECV, unix.SYS_SEND, unix.SYS_SIGRETURN,
	unix.SYS_FUTEX_TIME64, unix.SYS_CLOCK_GETTIME64, unix.SYS_CLOCK_NANOSLEEP_TIME64, unix.SYS_PPOLL_TIME64, unix.SYS_TIMERFD_SETTIME64,
}

var filesHere = []uintptr{unix.SYS_FSTATAT64, unix.SYS_RENAMEAT}
