// Command bantam is the host tool: it checks a system.toml, makes bootable images of it and
// starts them in QEMU. What the verbs do is in package images; here are flags and printing.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"bantam/board"
	"bantam/spelling"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// version is set by the Makefile.
var version = "unknown"

// Exit codes.
const (
	exitOK    = 0 // done
	exitFault = 1 // the input has faults, or the work could not be done
	exitUsage = 2 // the command line is wrong
)

// call is one invocation of a verb.
type call struct {
	ctx            context.Context
	flags          *flag.FlagSet
	stdin          io.Reader
	stdout, stderr io.Writer
}

// verb is one thing that bantam does.
type verb struct {
	name    string
	args    string // what follows the flags, e.g. SYSTEM.toml
	summary string
	text    string // the rest of its help
	// declare adds the verb's flags and returns what runs once they are parsed.
	declare func(c *call) func(args []string) error
}

var verbs []verb // filled by init, because help refers to it

func init() {
	verbs = []verb{boardsVerb, buildVerb, checkVerb, consoleVerb, deployVerb, flashVerb, kernelVerb, keygenVerb, packageVerb, passwordVerb, pushVerb, runVerb, sbomVerb, signVerb, sizeVerb, vendorVerb, versionVerb, whyVerb, helpVerb}
}

// usageError is a fault of the command line.
type usageError struct{ message string }

func (e usageError) Error() string { return e.message }

func usagef(format string, args ...any) error { return usageError{fmt.Sprintf(format, args...)} }

// exitStatus ends a verb with another exit status than exitFault when all has been printed already.
type exitStatus int

func (s exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(s)) }

// errSaid ends a verb with exitFault when all has been printed already.
var errSaid = errors.New("")

func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // as it is under nohup
		signals = append(signals, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), signals...)
	defer stop()
	if len(args) == 0 {
		printVerbs(stderr)
		return exitUsage
	}
	name, args := args[0], args[1:]
	switch name {
	case "-h", "--help", "-help":
		name = "help"
	case "--version", "-version":
		name = "version"
	}
	v, ok := findVerb(name)
	if !ok {
		fmt.Fprintf(stderr, "bantam: %v\n", noVerb(name))
		return exitUsage
	}
	c := &call{ctx: ctx, flags: flag.NewFlagSet(v.name, flag.ContinueOnError), stdin: stdin, stdout: stdout, stderr: stderr}
	c.flags.SetOutput(io.Discard) // its messages are printed below, once
	do := v.declare(c)
	rest, err := parseFlags(c.flags, args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		v.print(stdout)
		return exitOK
	case err == nil:
		err = do(rest)
	}
	var usage usageError
	var bad *board.BadFile
	var status exitStatus
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &status):
		return int(status)
	case errors.As(err, &bad):
		fmt.Fprintln(stderr, bad) // one a line, as check prints faults
	case errors.As(err, &usage):
		fmt.Fprintf(stderr, "bantam %s: %v\nusage: %s\n", v.name, err, v.usage())
		return exitUsage
	case ctx.Err() != nil:
		fmt.Fprintf(stderr, "bantam %s: interrupted\n", v.name)
	case err != errSaid:
		fmt.Fprintf(stderr, "bantam %s: %v\n", v.name, err)
	}
	return exitFault
}

// parseFlags parses flags before, between and behind the arguments, which package flag does not.
func parseFlags(flags *flag.FlagSet, args []string) (rest []string, err error) {
	for {
		if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
			return nil, err
		} else if err != nil {
			return nil, usageError{err.Error()}
		}
		left := flags.Args()
		if len(left) == 0 {
			return rest, nil
		}
		if n := len(args) - len(left); n > 0 && args[n-1] == "--" {
			return append(rest, left...), nil
		}
		rest, args = append(rest, left[0]), left[1:]
	}
}

func findVerb(name string) (verb, bool) {
	for _, v := range verbs {
		if v.name == name {
			return v, true
		}
	}
	return verb{}, false
}

// noVerb suggests the verb that was meant, or all.
func noVerb(name string) error {
	if best := spelling.Nearest(name, verbNames()); best != "" {
		return usagef("no verb %q; did you mean %q?", name, best)
	}
	return usagef("no verb %q; there are %s", name, strings.Join(verbNames(), ", "))
}

func verbNames() []string {
	var names []string
	for _, v := range verbs {
		names = append(names, v.name)
	}
	return names
}
