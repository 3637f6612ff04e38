package confine

import "golang.org/x/sys/unix"

const auditArch = unix.AUDIT_ARCH_AARCH64

var neededHere = []uintptr{unix.SYS_MMAP}

var filesHere = []uintptr{unix.SYS_NEWFSTATAT, unix.SYS_RENAMEAT}

var deadlyHere = []uintptr{unix.SYS_KEXEC_FILE_LOAD}
