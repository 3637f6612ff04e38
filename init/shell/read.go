package shell

import (
	"context"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
	"mvdan.cc/sh/v3/syntax"

	"bantam/init/applet"
)

// readBuiltin reads a line into variables, byte by byte, so that commands get what follows.
func readBuiltin(e *env, out io.Writer, args []string) int {
	raw, silent, prompt, delimiter := false, false, "", byte('\n')
	var timeout time.Duration
	for len(args) > 0 && len(args[0]) > 1 && args[0][0] == '-' {
		arg := args[0]
		args = args[1:]
		if arg == "--" {
			break
		}
		for i := 1; i < len(arg); i++ {
			letter := arg[i]
			if letter == 'r' || letter == 's' {
				raw, silent = raw || letter == 'r', silent || letter == 's'
				continue
			}
			if strings.IndexByte("pdt", letter) < 0 {
				e.complain("read: unknown option -%s", applet.PrintableLine(arg[i:i+1]))
				return 2
			}
			value := arg[i+1:]
			if value == "" {
				if len(args) == 0 {
					e.complain("read: -%c needs an argument", letter)
					return 2
				}
				value, args = args[0], args[1:]
			}
			switch letter {
			case 'p':
				prompt = value
			case 'd':
				if delimiter = 0; value != "" {
					delimiter = value[0]
				}
			case 't':
				seconds, err := strconv.ParseFloat(value, 64)
				if err != nil || seconds < 0 || seconds > 1e9 {
					e.complain("read: %s: not a time in seconds", applet.PrintableLine(value))
					return 2
				}
				timeout = max(time.Duration(seconds*float64(time.Second)), 1)
			}
			break
		}
	}
	if len(args) == 0 {
		args = []string{"REPLY"}
	}
	for _, name := range args {
		if !syntax.ValidName(name) {
			e.complain("read: %s: bad variable name", applet.PrintableLine(name))
			return 2
		}
	}
	in := e.fds[0]
	if in == nil {
		e.complain("read: standard input is closed")
		return 1
	}
	terminal := term.IsTerminal(fdOf(in.File))
	if prompt != "" && terminal {
		io.WriteString(e.stderr(), prompt)
	}
	if silent && terminal {
		if restore := withoutEcho(in.File); restore != nil {
			defer restore()
		}
	}
	line, escaped, whole := e.readChars(in.File, raw, delimiter, timeout)
	ifs, set := e.lookup("IFS")
	if !set {
		ifs = " \t\n"
	}
	values := readFields(line, escaped, ifs, len(args))
	for i, name := range args {
		if err := e.assign(name, values[i]); err != nil {
			e.complain("read: %v", err)
			return 2
		}
	}
	if !whole {
		return 1
	}
	return 0
}

// readChars reads up to the delimiter. escaped tells which bytes a backslash quoted, whole
// whether the delimiter came.
func (e *env) readChars(in *os.File, raw bool, delimiter byte, timeout time.Duration) (line []byte, escaped []bool, whole bool) {
	// Ctrl-C and the timeout end a read where the file can be polled.
	stop := context.AfterFunc(e.ctx, func() { in.SetReadDeadline(time.Now()) })
	if timeout > 0 {
		in.SetReadDeadline(time.Now().Add(timeout))
	}
	defer func() {
		stop()
		in.SetReadDeadline(time.Time{})
	}()
	quoted := false
	for {
		var b [1]byte
		if n, err := in.Read(b[:]); n == 0 || err != nil {
			return line, escaped, false
		}
		switch {
		case quoted:
			quoted = false
			if b[0] != '\n' {
				line, escaped = append(line, b[0]), append(escaped, true)
			}
		case b[0] == '\\' && !raw:
			quoted = true
		case b[0] == delimiter:
			return line, escaped, true
		case b[0] == 0:
		default:
			line, escaped = append(line, b[0]), append(escaped, false)
		}
	}
}

func withoutEcho(f *os.File) (restore func()) {
	t := terminal{fd: fdOf(f)}
	var old termios
	if t.load(&old) != nil {
		return nil
	}
	silent := old
	silent.Lflag &^= unix.ECHO
	t.store(&silent)
	return func() { t.store(&old) }
}

// readFields splits a line as POSIX's read does: blanks of ifs around a field go,
// every other character of it ends a field, and the last of count fields is the rest.
// What is escaped separates nothing.
func readFields(line []byte, escaped []bool, ifs string, count int) []string {
	separates := func(i int) bool { return !escaped[i] && strings.IndexByte(ifs, line[i]) >= 0 }
	blank := func(i int) bool { return separates(i) && strings.IndexByte(" \t\n", line[i]) >= 0 }
	fields := make([]string, count)
	begin, end := 0, len(line)
	for begin < end && blank(begin) {
		begin++
	}
	for end > begin && blank(end-1) {
		end--
	}
	for n := range count {
		stop := begin
		for stop < end && !separates(stop) {
			stop++
		}
		if stop == end {
			fields[n] = string(line[begin:end])
			break
		}
		after := stop
		for after < end && blank(after) {
			after++
		}
		if after < end && separates(after) {
			for after++; after < end && blank(after); {
				after++
			}
		}
		if n == count-1 && after < end {
			fields[n] = string(line[begin:end])
			break
		}
		fields[n], begin = string(line[begin:stop]), after
	}
	return fields
}
