package confine

import "golang.org/x/sys/unix"

const auditArch = unix.AUDIT_ARCH_RISCV64

var neededHere = []uintptr{unix.SYS_MMAP}

var filesHere = []uintptr{unix.SYS_NEWFSTATAT}

var deadlyHere = []uintptr{unix.SYS_KEXEC_FILE_LOAD}
