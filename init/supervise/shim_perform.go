package supervise

import (
	"syscall"
	"unsafe"
)

// perform makes the calls from Go, on this thread. It returns unless the last one has become the program.
func perform(list []call) *stageFault {
	var kept uintptr
	missing := syscall.ENOENT
	for i := 0; i < len(list); {
		c := list[i]
		if c.then&giveUp != 0 {
			return &stageFault{c.stage, missing}
		}
		var arg [6]uintptr
		for i, a := range c.args {
			arg[i] = operand(a)
		}
		if c.then&useKept != 0 {
			arg[0] = kept
		}
		got, _, errno := syscall.RawSyscall6(c.number, arg[0], arg[1], arg[2], arg[3], arg[4], arg[5])
		switch {
		case errno == 0:
			if c.then&keep != 0 {
				kept = got
			}
			if c.then&repeat != 0 {
				continue
			}
		case c.excuse == anyError || errno == c.excuse:
		case c.then&try != 0 && (errno == syscall.ENOENT || errno == syscall.ENOTDIR):
		case c.then&try != 0 && errno == syscall.EACCES:
			missing = errno // reported only when no other is found, as by execvp
		default:
			return &stageFault{c.stage, errno}
		}
		i++
	}
	return &stageFault{"exec", syscall.ENOEXEC} // no list ends so
}

// operand is an argument of a call as the kernel takes it: a number, or the address of a string with a NUL, of
// bytes, or of a list of strings. What it points to stays for as long as the process.
func operand(a any) uintptr {
	switch a := a.(type) {
	case int:
		return uintptr(a)
	case string:
		return stays(append([]byte(a), 0))
	case []byte:
		return stays(a)
	case []string:
		list := make([]uintptr, len(a)+1)
		for i, s := range a {
			list[i] = operand(s)
		}
		pinned = append(pinned, list)
		return uintptr(unsafe.Pointer(&list[0]))
	}
	return 0 // nil: no argument
}

// pinned keeps the garbage collector from what only the kernel knows.
var pinned []any

func stays(b []byte) uintptr {
	if len(b) == 0 {
		return 0
	}
	pinned = append(pinned, b)
	return uintptr(unsafe.Pointer(&b[0]))
}
