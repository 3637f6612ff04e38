//go:build !amd64 && !arm64

package supervise

import "golang.org/x/sys/unix"

const pageMachine = unix.EM_NONE

func pageText() []byte { return nil }
