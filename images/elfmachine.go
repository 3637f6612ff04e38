package images

import "debug/elf"

// ELFMachine is the machine type in the ELF headers of a Go architecture.
func ELFMachine(arch string) elf.Machine { return elfMachines[arch] }
