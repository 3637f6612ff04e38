//go:build mips || mipsle

package confine

import "golang.org/x/sys/unix"

var neededHere = append([]uintptr{unix.SYS_MMAP, unix.SYS_SET_THREAD_AREA}, needed32...)

var deadlyHere = []uintptr{unix.SYS_CLOCK_SETTIME64, unix.SYS_FORK}
