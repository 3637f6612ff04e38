// Package applet holds the small commands of a serial line: ls, cp, ps, ip,
// ping, wget and their kin, all in the one device binary and chosen by argv[0].
//
// Each command knows the options that people type by hand or find in small
// scripts, with the meaning GNU or busybox give them. What it does not know it
// refuses with exit status 2; it never ignores an option silently. Output is
// always in the C locale, times in UTC unless TZ says otherwise.
package applet

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sort"
	"strings"
	"syscall"
)

// Stdio is what a command reads and writes.
type Stdio struct {
	In  io.Reader
	Out io.Writer
	Err io.Writer
}

// OS is the process's own standard input and output.
func OS() Stdio { return Stdio{os.Stdin, os.Stdout, os.Stderr} }

// Names returns the names of all commands, sorted.
func Names() []string {
	names := make([]string, 0, len(table))
	for name := range table {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// Has tells whether name is a command of this package.
func Has(name string) bool {
	_, ok := table[name]
	return ok
}

// Run runs the command called name with args (its own name not among them) and
// returns its exit status. ok is false when there is no such command.
func Run(name string, args []string, stdio Stdio) (code int, ok bool) {
	cmd, ok := table[name]
	if !ok {
		return 127, false
	}
	c := &call{name: name, usage: cmd.usage, in: stdio.In, out: bufio.NewWriterSize(stdio.Out, 32<<10), err: stdio.Err, rawOut: stdio.Out,
		seen: isTerminal(stdio.Out)}
	var err error
	help := cmd.asksForHelp(args)
	if cmd.plain && !help {
		_, args, err = parseOptions("", nil, args)
	}
	switch {
	case help:
		code = c.help()
	case err != nil:
		code = c.misuse("%v", err)
	default:
		code = cmd.run(c, args)
	}
	if err := c.out.Flush(); err != nil && !errors.Is(err, syscall.EPIPE) {
		fmt.Fprintf(c.err, "%s: write: %s\n", name, reason(err))
		code = max(code, 1)
	}
	return max(code, c.status), true
}

// command is one row of the table.
type command struct {
	run     func(c *call, args []string) int
	usage   string // what follows the name in the usage line
	purpose string // one line for --help
	literal bool   // --help is an ordinary argument, as for echo and test
	runs    bool   // another command follows the options, to which a later --help belongs
	plain   bool   // takes no options: those that come are refused, and -- ends them
}

func (cmd command) asksForHelp(args []string) bool {
	for _, arg := range args {
		switch {
		case cmd.literal || arg == "--" || cmd.runs && !strings.HasPrefix(arg, "-"):
			return false
		case arg == "--help":
			return true
		}
	}
	return false
}

// help prints what the command is for.
func (c *call) help() int {
	c.printf("usage: %s %s\n%s\n", c.name, c.usage, table[c.name].purpose)
	return 0
}

// call is one run of a command.
type call struct {
	name    string
	usage   string
	in      io.Reader
	out     *bufio.Writer // flushed when the command ends; who streams flushes earlier
	rawOut  io.Writer
	seen    bool // standard output is a terminal
	err     io.Writer
	status  int           // the worst status so far; see fail
	answers *bufio.Reader // of confirm
}

func (c *call) printf(format string, args ...any) { fmt.Fprintf(c.out, format, args...) }

// show lets a person see what was printed so far; a walk through many files
// calls it on its way, because who has found what he looked for presses Ctrl-C.
func (c *call) show() {
	if c.seen {
		c.out.Flush()
	}
}

// shown is a name as standard output may get it: it must not send commands to a
// terminal, and must be whole everywhere else.
func (c *call) shown(name string) string {
	if c.seen {
		return PrintableLine(name)
	}
	return name
}

// streamed is an input that may come slowly: what was printed is sent before
// more is waited for, so that `dmesg -w | grep usb` tells of a line at once.
type streamed struct {
	io.Reader
	out *bufio.Writer
}

func (s streamed) Read(p []byte) (int, error) {
	if s.out.Flush() != nil {
		return 0, io.EOF // nobody takes what comes of it
	}
	return s.Reader.Read(p)
}

// warn prints a message to standard error as NAME: message.
func (c *call) warn(format string, args ...any) {
	c.out.Flush()
	fmt.Fprintf(c.err, c.name+": "+format+"\n", args...)
}

// fail reports err about path, notes status 1 and returns it, so that a
// command can go on with its next operand.
func (c *call) fail(path string, err error) int {
	// Neither a file's name nor a server's words may send commands to the terminal.
	if path == "" {
		c.warn("%s", PrintableLine(reason(err)))
	} else {
		c.warn("%s: %s", PrintableLine(path), PrintableLine(reason(err)))
	}
	c.status = max(c.status, 1)
	return 1
}

// misuse reports a wrong command line and returns status 2.
func (c *call) misuse(format string, args ...any) int {
	c.warn(format, args...)
	fmt.Fprintf(c.err, "usage: %s %s\n", c.name, c.usage)
	return 2
}

// reason is the cause of err without the call and path that wrap it, since our
// messages name the path themselves.
func reason(err error) string {
	var path *fs.PathError
	var link *os.LinkError
	var sys *os.SyscallError
	switch {
	case errors.As(err, &sys): // also within the others: who copies with which call is nobody's concern
		return sys.Err.Error()
	case errors.As(err, &path):
		return path.Err.Error()
	case errors.As(err, &link):
		return link.Err.Error()
	}
	return strings.TrimPrefix(err.Error(), "strconv.ParseInt: ")
}
