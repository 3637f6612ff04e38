package confine

import "golang.org/x/sys/unix"

const auditArch = unix.AUDIT_ARCH_ARM

// The last two are ARM's own (asm/unistd.h): cacheflush and set_tls.
var neededHere = append([]uintptr{unix.SYS_GETUID32, unix.SYS_GETEUID32, unix.SYS_GETGID32, unix.SYS_GETEGID32, unix.SYS_UGETRLIMIT, 0xf0002, 0xf0005}, needed32...)

var deadlyHere = []uintptr{unix.SYS_KEXEC_FILE_LOAD, unix.SYS_CLOCK_SETTIME64, unix.SYS_FORK, unix.SYS_VFORK}
