package shell

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"os/signal"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/term"
	"mvdan.cc/sh/v3/syntax"
)

const usage = "usage: sh [-aCeEfilnsuvx] [-o OPTION] [-c TEXT | FILE] [ARGUMENT...]"

// arguments is a parsed command line of sh.
type arguments struct {
	command     *string // -c
	interactive bool    // -i
	login       bool    // -l, or argv[0] begins with '-'
	stdin       bool    // -s
	options     options
	operands    []string
}

// Main is the entry of sh: args is argv, the name included. It returns the
// exit status.
func Main(args []string) int {
	parsed, err := parseArguments(args)
	if err != nil {
		fmt.Fprintf(os.Stderr, "sh: %v\n%s\n", err, usage)
		return 2
	}
	if len(parsed.operands) == 1 && parsed.operands[0] == "--help" {
		fmt.Println(usage)
		return 0
	}
	switch {
	case parsed.command != nil:
		name, params := "sh", parsed.operands
		if len(params) > 0 {
			name, params = params[0], params[1:]
		}
		return runScript(name, params, parsed, statements(*parsed.command), name)
	case len(parsed.operands) > 0 && !parsed.stdin:
		file := parsed.operands[0]
		text, err := os.ReadFile(file)
		if err != nil {
			fmt.Fprintf(os.Stderr, "sh: %s: %v\n", file, errors.Unwrap(err))
			if errors.Is(err, os.ErrNotExist) {
				return 127
			}
			return 126
		}
		return runScript(file, parsed.operands[1:], parsed, statements(string(text)), file)
	case parsed.interactive || term.IsTerminal(0):
		return runInteractive(parsed)
	}
	return runScript("sh", parsed.operands, parsed, stdinProgram(os.Stdin), "stdin")
}

func parseArguments(args []string) (arguments, error) {
	parsed := arguments{}
	parsed.login = len(args) > 0 && strings.HasPrefix(args[0], "-")
	rest := args[min(1, len(args)):]
	command := false
	for len(rest) > 0 {
		arg := rest[0]
		if arg == "--help" {
			break
		}
		if len(arg) < 2 || (arg[0] != '-' && arg[0] != '+') {
			break
		}
		rest = rest[1:]
		if arg == "--" {
			break
		}
		for _, letter := range arg[1:] {
			switch letter {
			case 'c':
				command = true
			case 'i':
				parsed.interactive = true
			case 'l':
				parsed.login = true
			case 's':
				parsed.stdin = true
			case 'o':
				if len(rest) == 0 {
					return parsed, errors.New("-o needs the name of an option")
				}
				if !parsed.options.setName(rest[0], arg[0] == '-') {
					return parsed, fmt.Errorf("unknown option %co %s", arg[0], rest[0])
				}
				rest = rest[1:]
			default:
				if !parsed.options.set(byte(letter), arg[0] == '-') || letter > 0x7f {
					return parsed, fmt.Errorf("unknown option %c%c", arg[0], letter)
				}
			}
		}
	}
	if command {
		if len(rest) == 0 {
			return parsed, errors.New("-c needs a text")
		}
		parsed.command, rest = &rest[0], rest[1:]
	}
	parsed.operands = rest
	return parsed, nil
}

// runScript runs a program that is not typed by a person.
func runScript(name string, params []string, parsed arguments, program iter.Seq2[*syntax.Stmt, error], sourceName string) int {
	sh := newShell(name, params, os.Stdin)
	sh.main.opts = parsed.options
	if parsed.login {
		sh.source(profile)
	}
	received := sh.catchSignals()
	for stmt, err := range program {
		if err != nil {
			fmt.Fprintf(os.Stderr, "sh: %s: %v\n", sourceName, err)
			sh.main.status = 2
			break
		}
		_, runErr := sh.runStmt(stmt)
		if errors.Is(runErr, errInterrupted) || received.Load() != 0 {
			return sh.dieOf(syscall.Signal(received.Load()))
		}
		if sh.exited {
			break
		}
	}
	return sh.leave()
}

// leave runs the EXIT trap and is the status that the shell ends with.
func (sh *shell) leave() int {
	sh.main.signalTraps()
	sh.main.exitTrap()
	if sh.history == nil {
		// Lists in the background live in this process: what they do must not be lost.
		signal.Reset(syscall.SIGINT)
		for _, j := range sh.jobs.all() {
			if j.list {
				sh.jobs.wait(context.Background(), j, func() bool { return j.listDone })
			}
		}
	}
	return sh.main.status
}

// catchSignals makes SIGINT end the running statement unless a command that
// was running meanwhile chose to live on, and the other deadly signals always.
// The result holds the signal that arrived.
//
// A terminal sends SIGINT to a script and its command alike. A command that
// handles it (ping, an editor) has not ended the script by that.
func (sh *shell) catchSignals() *atomic.Int32 {
	received := new(atomic.Int32)
	for _, sig := range swallowed {
		if !signal.Ignored(sig) {
			leaveAlone(sig)
		}
	}
	if !signal.Ignored(syscall.SIGINT) {
		signal.Notify(sh.signals, syscall.SIGINT)
	}
	go func() {
		for s := range sh.signals {
			sig := s.(syscall.Signal)
			if ignored, trapped := sh.trap(sig); trapped {
				if !ignored {
					sh.arrived.add(sig)
				}
				continue
			}
			if begun, runs := sh.commandRuns(); sig == syscall.SIGINT && runs {
				select {
				case sh.alsoSent <- struct{}{}:
				default:
				}
				if time.Since(begun) < justBegun {
					sh.signalForeground(sig)
				}
				continue // its fate decides, see runForeground
			}
			received.Store(int32(sig))
			sh.interrupt(errInterrupted)
			sh.signalForeground(sig) // a command that has only just begun has not got a SIGINT
		}
	}()
	return received
}

// dieOf ends the script as the signal demands: the shell dies of it too, so that who
// waits for it sees that.
func (sh *shell) dieOf(sig syscall.Signal) int {
	if sig == 0 {
		sig = syscall.SIGINT
	}
	sh.main.status = 128 + int(sig)
	sh.leave()
	signal.Reset(sig)
	syscall.Kill(os.Getpid(), sig)
	time.Sleep(time.Second) // it may reach another thread than this first
	return 128 + int(sig)
}

// justBegun is how long a command may run when the shell hears of a SIGINT that came before it, which it has not got.
const justBegun = 200 * time.Millisecond

// commandRuns tells whether a foreground command is alive, and when the last began.
func (sh *shell) commandRuns() (begun time.Time, runs bool) {
	j := sh.foreground.Load()
	if j == nil {
		return begun, false
	}
	sh.jobs.Lock()
	defer sh.jobs.Unlock()
	for _, p := range j.processes {
		if !p.done {
			begun, runs = p.begun, true
		}
	}
	return begun, runs
}

func (sh *shell) signalForeground(sig syscall.Signal) {
	if j := sh.foreground.Load(); j != nil {
		sh.jobs.signal(j, sig)
	}
}

// source runs a file in this shell if it is there.
func (sh *shell) source(path string) {
	text, err := os.ReadFile(path)
	if err != nil {
		return // an optional file
	}
	for stmt, err := range statements(string(text)) {
		if err != nil {
			fmt.Fprintf(os.Stderr, "sh: %s: %v\n", path, err)
			return
		}
		if sh.runStmt(stmt); sh.exited {
			return
		}
	}
}

// stdinProgram reads a program line by line and no further, so that its
// commands can read what follows them.
func stdinProgram(in io.Reader) iter.Seq2[*syntax.Stmt, error] {
	return func(yield func(*syntax.Stmt, error) bool) {
		var text []byte
		before := 0 // lines, for $LINENO and messages
		for {
			line, readErr := readLine(in)
			text = append(text, line...)
			stmts, more, err := parse(strings.Repeat("\n", before) + string(text))
			if more && readErr == nil {
				continue
			}
			before += bytes.Count(text, []byte("\n"))
			text = nil
			if err != nil {
				yield(nil, err)
				return
			}
			for _, stmt := range stmts {
				if !yield(stmt, nil) {
					return
				}
			}
			if readErr != nil {
				return
			}
		}
	}
}

// readLine reads byte by byte up to a newline.
func readLine(in io.Reader) (line []byte, err error) {
	var b [1]byte
	for {
		n, err := in.Read(b[:])
		if n > 0 {
			if line = append(line, b[0]); b[0] == '\n' {
				return line, nil
			}
		}
		if err != nil {
			return line, err
		}
	}
}
