//go:build !(amd64 || arm64 || arm || mips || mipsle || riscv64)

package confine

import "errors"

// Process knows the system calls of the architectures that boards have.
func Process(Rules) error { return errors.ErrUnsupported }
