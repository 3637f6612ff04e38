package supervise

import "debug/elf"

const pageMachine = elf.EM_X86_64
