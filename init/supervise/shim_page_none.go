//go:build !amd64 && !arm64

package supervise

import "debug/elf"

const pageMachine = elf.EM_NONE

func pageText() []byte { return nil }
