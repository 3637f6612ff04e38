package control

import (
	"fmt"
	"syscall"
)

// endSignals ask PID 1 to end the machine when it has no control socket, as at
// the rescue prompt. They are busybox's.
var endSignals = map[string]syscall.Signal{
	"reboot": syscall.SIGTERM, "poweroff": syscall.SIGUSR2, "halt": syscall.SIGUSR1,
}

func signalInit(verb string) error {
	if err := syscall.Kill(1, endSignals[verb]); err != nil {
		return fmt.Errorf("signal PID 1: %w", err)
	}
	return nil
}
