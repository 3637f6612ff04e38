package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"bantam/printable"
	"bantam/serial"
	"bantam/tty"
)

var consoleVerb = verb{
	name:    "console",
	args:    "[TTY]",
	summary: "a serial terminal: be at a machine's console",
	text: `TTY is a serial line of this host, e.g. /dev/ttyUSB0 or only ttyUSB0. Without it they are listed. Eight bits, no parity, one
stop bit.

What is pasted, and files, go at half of the line's speed with a rest behind each line, so that a device without flow control
loses nothing. At the beginning of a line:

` + strings.TrimSuffix(serial.HelpText, "\n"),
	declare: func(c *call) func(args []string) error {
		baud := c.flags.Int("baud", 115200, "`SPEED` of the line in bits a second")
		rtscts := c.flags.Bool("rtscts", false, "flow control by RTS and CTS, if these wires are there")
		logFile := c.flags.String("log", "", "keep what comes in `FILE`, behind what is in it")
		rest := c.flags.Duration("rest", 50*time.Millisecond, "`TIME` after each line of a paste or a file")
		asJSON := c.flags.Bool("json", false, "print the list as JSON")
		return func(args []string) error {
			switch {
			case len(args) > 1:
				return usagef("want one TTY, got %d arguments", len(args))
			case *baud < 50 || *baud > 20_000_000:
				return usagef("--baud %d: want 50 to 20000000, mostly 115200", *baud)
			case *rest < 0:
				return usagef("--rest %v", *rest)
			case len(args) == 0:
				return c.listLines(*asJSON)
			case *asJSON:
				return usagef("--json is for the list, which there is without TTY")
			}
			path := args[0]
			if filepath.Base(path) == path {
				path = "/dev/" + path
			}
			return c.console(path, *baud, *rtscts, *logFile, *rest)
		}
	},
}

// listLines prints the serial lines of this host.
func (c *call) listLines(asJSON bool) error {
	list := serial.Ports()
	if asJSON {
		e := json.NewEncoder(c.stdout)
		e.SetIndent("", "\t")
		return e.Encode(list)
	}
	if len(list) == 0 {
		return errors.New("this host has no serial line; is the converter plugged in?")
	}
	t := tabwriter.NewWriter(c.stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "TTY\tDRIVER\tDEVICE")
	for _, p := range list {
		device := p.Device
		if p.Serial != "" {
			device += ", " + p.Serial
		}
		fmt.Fprintf(t, "%s\t%s\t%s\n", p.Path, p.Driver, printable.Line(device))
	}
	return t.Flush()
}

func (c *call) console(path string, baud int, rtscts bool, logFile string, rest time.Duration) error {
	in, ok := c.stdin.(*os.File)
	if !ok || !tty.Is(in) {
		return errors.New("it is for a person at a terminal, and standard input is none")
	}
	session := serial.Session{In: in, Out: c.stdout, Pace: serial.Pace{Baud: baud, Line: rest}}
	if logFile != "" {
		log, err := serial.OpenLog(logFile)
		if err != nil {
			return err
		}
		session.Log = log
	}
	line, err := serial.Open(path, baud, rtscts)
	if err != nil {
		return err
	}
	defer line.Close()
	session.Line = line
	fmt.Fprintf(c.stdout, "%s, %d baud. ~. at the beginning of a line leaves, ~? helps.\n", path, baud)
	err = raw(in, func() error { return session.Run(c.ctx) })
	if err != nil {
		_, _ = io.WriteString(c.stdout, "\n")
	}
	if errors.Is(err, serial.ErrGone) {
		err = fmt.Errorf("%s: %w", path, err)
	}
	return err
}

// raw does something while a terminal gives every key as it is, and puts its modes back however that ends.
func raw(terminal *os.File, do func() error) error {
	restore, err := tty.Set(terminal, tty.Raw)
	if err != nil {
		return err
	}
	defer restore()
	return do()
}
