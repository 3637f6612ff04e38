package supervise

import "golang.org/x/sys/unix"

const pageMachine = unix.EM_X86_64
