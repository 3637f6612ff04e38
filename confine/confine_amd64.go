package confine

import "golang.org/x/sys/unix"

const auditArch = unix.AUDIT_ARCH_X86_64

var neededHere = []uintptr{unix.SYS_POLL, unix.SYS_EPOLL_WAIT, unix.SYS_MMAP, unix.SYS_ARCH_PRCTL}

var filesHere = []uintptr{unix.SYS_NEWFSTATAT, unix.SYS_RENAMEAT}

var deadlyHere = []uintptr{unix.SYS_IOPL, unix.SYS_IOPERM, unix.SYS_MODIFY_LDT, unix.SYS_KEXEC_FILE_LOAD, unix.SYS_FORK, unix.SYS_VFORK}
