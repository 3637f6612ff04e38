package supervise

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"bantam/init/sigaction"
)

// Doze makes this process a page that does nothing until standard input has something to read, or has hung up, and
// then is the program again that it was, called with argv. It reads nothing itself, and takes 2 MB less than a Go
// program that waits. It returns only with an error: also on architectures without pages.
func Doze(argv []string) error {
	if !hasPages {
		return errors.ErrUnsupported
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	f, err := inMemory(new(pageWriter).page(dozing(self, argv, os.Environ())))
	if err != nil {
		return err
	}
	defer f.Close()
	return syscall.Exec(fmt.Sprintf("/proc/self/fd/%d", f.Fd()), argv, os.Environ())
}

func dozing(program string, argv, env []string) []call {
	list := []call{{stage: "name", number: unix.SYS_PRCTL, args: [6]any{unix.PR_SET_NAME, argv[0]}}}
	for n := syscall.Signal(1); n <= 64; n++ {
		if sigaction.Ignored(n) {
			list = append(list, call{stage: "signals", number: unix.SYS_RT_SIGACTION, args: [6]any{int(n), noAction, 0, signalSetSize}})
		}
	}
	var input written = make([]byte, 8) // struct pollfd: descriptor 0
	binary.NativeEndian.PutUint16(input[4:], unix.POLLIN)
	return append(list,
		call{stage: "wait", number: unix.SYS_PPOLL, args: [6]any{input, 1, 0, 0, signalSetSize}, excuse: anyError},
		call{stage: "exec " + program, number: unix.SYS_EXECVE, args: [6]any{program, argv, env}})
}
