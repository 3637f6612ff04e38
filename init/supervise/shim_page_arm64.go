package supervise

import "debug/elf"

const pageMachine = elf.EM_AARCH64
