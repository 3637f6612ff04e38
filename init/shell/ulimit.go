package shell

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
	"mvdan.cc/sh/v3/interp"
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
func ulimitBuiltin(sh *shell, ctx context.Context, hc interp.HandlerContext, args []string) int {
	hard, soft, all, letter := false, false, false, byte('f')
	for len(args) > 0 && strings.HasPrefix(args[0], "-") && len(args[0]) > 1 {
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
	known := false
	for _, l := range limits {
		if !all && l.letter != letter {
			continue
		}
		known = true
		var limit syscall.Rlimit
		if err := syscall.Getrlimit(l.resource, &limit); err != nil {
			return complain(hc, "ulimit", "%s: %v", l.name, err)
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
				fmt.Fprintf(hc.Stdout, "-%c: %-26s %s\n", l.letter, l.name, text)
			} else {
				fmt.Fprintln(hc.Stdout, text)
			}
			continue
		}
		value := uint64(unix.RLIM_INFINITY)
		if args[0] != "unlimited" {
			n, err := strconv.ParseUint(args[0], 10, 54)
			if err != nil {
				return complain(hc, "ulimit", "%s: not a limit", args[0])
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
			return complain(hc, "ulimit", "%s: %v", l.name, err)
		}
	}
	if !known {
		return complain(hc, "ulimit", "-%c: unknown limit", letter)
	}
	return 0
}
