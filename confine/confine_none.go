//go:build !(amd64 || arm64 || arm || mips || mipsle || riscv64)

package confine

import "errors"

// Rules say what one process needs beside what every Go program does.
type Rules struct {
	Families []uint32
	Netlink  []uint32
	Calls    []uintptr
}

// Process knows the system calls of the architectures that boards have.
func Process(Rules) error { return errors.ErrUnsupported }
