package shell

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

var limits = []struct {
	letter   byte
	resource int
	unit     uint64
	name     string
}{
	{'c', unix.RLIMIT_CORE, 512, "core file size (blocks)"},
	{'d', unix.RLIMIT_DATA, 1024, "data segment (kB)"},
	{'f', unix.RLIMIT_FSIZE, 512, "file size (blocks)"},
	{'l', unix.RLIMIT_MEMLOCK, 1024, "locked memory (kB)"},
	{'m', unix.RLIMIT_RSS, 1024, "resident memory (kB)"},
	{'n', unix.RLIMIT_NOFILE, 1, "open files"},
	{'s', unix.RLIMIT_STACK, 1024, "stack (kB)"},
	{'t', unix.RLIMIT_CPU, 1, "cpu time (s)"},
	{'u', unix.RLIMIT_NPROC, 1, "processes"},
	{'v', unix.RLIMIT_AS, 1024, "address space (kB)"},
}

// ulimitBuiltin shows or sets a limit of this process and its children.
func ulimitBuiltin(e *env, out io.Writer, args []string) int {
	given := args
	hard, soft, all, letter := false, false, false, byte('f')
	for len(args) > 0 && strings.HasPrefix(args[0], "-") && len(args[0]) > 1 {
		if args[0] == "--" {
			args = args[1:]
			break
		}
		for _, c := range []byte(args[0][1:]) {
			switch c {
			case 'H':
				hard = true
			case 'S':
				soft = true
			case 'a':
				all = true
			default:
				letter = c
			}
		}
		args = args[1:]
	}
	if !hard && !soft {
		soft = true
		hard = len(args) > 0 // setting sets both
	}
	if e.outside && (len(args) > 0 || len(e.limits) > 0) {
		return e.limitCommands(given, len(args) > 0)
	}
	known := false
	for _, l := range limits {
		if !all && l.letter != letter {
			continue
		}
		known = true
		var limit syscall.Rlimit
		if err := syscall.Getrlimit(l.resource, &limit); err != nil {
			return e.fail("ulimit: %s: %v", l.name, err)
		}
		if len(args) == 0 || all {
			value := limit.Cur
			if !soft {
				value = limit.Max
			}
			text := "unlimited"
			if uint64(value) != unix.RLIM_INFINITY {
				text = strconv.FormatUint(uint64(value)/l.unit, 10)
			}
			if all {
				fmt.Fprintf(out, "-%c: %-26s %s\n", l.letter, l.name, text)
			} else {
				fmt.Fprintln(out, text)
			}
			continue
		}
		value := uint64(unix.RLIM_INFINITY)
		if args[0] != "unlimited" {
			n, err := strconv.ParseUint(args[0], 10, 54)
			if err != nil {
				return e.fail("ulimit: %s: not a limit", args[0])
			}
			value = n * l.unit
		}
		if soft {
			limit.Cur = value
		}
		if hard {
			limit.Max = value
		}
		// syscall's own, because it then stops restoring the limit of open
		// files that the Go runtime raised.
		if err := syscall.Setrlimit(l.resource, &limit); err != nil {
			return e.fail("ulimit: %s: %v", l.name, err)
		}
	}
	if !known {
		return e.fail("ulimit: -%c: unknown limit", letter)
	}
	return 0
}

// limitCommands is ulimit in a subshell, which must not limit the process that it is in:
// the commands that it starts set the limits themselves, before they begin.
func (e *env) limitCommands(args []string, sets bool) int {
	before := e.limits
	e.limits = append(slices.Clip(before), "ulimit")
	for _, arg := range args {
		e.limits[len(e.limits)-1] += " " + singleQuoted(arg)
	}
	e.runForeground([]string{"true"})
	if e.status != 0 || !sets {
		e.limits = before
	}
	return e.status
}
