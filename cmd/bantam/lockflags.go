package main

import (
	"flag"
	"fmt"
	"io"
	"strings"

	"bantam/board"
	"bantam/images"
	"bantam/images/lock"
)

// lockFlags say what becomes of the lock file.
type lockFlags struct {
	file, vendor   string
	update, locked bool
	names          []string // with update: only these
}

func (f *lockFlags) declare(flags *flag.FlagSet) {
	flags.StringVar(&f.file, "lock", "", "lock `FILE` (default: SYSTEM.lock beside SYSTEM.toml)")
	flags.BoolVar(&f.update, "update", false, "take the newest of everything, not what the lock file says; with NAME... before SYSTEM.toml, of these packages and programs alone")
	flags.BoolVar(&f.locked, "locked", false, "fail when the lock file would have to be written, and say why")
	flags.StringVar(&f.vendor, "vendor", "", "`DIR` that bantam vendor filled; nothing is fetched from elsewhere")
}

// arguments finds SYSTEM.toml and the board, and with --update the names of what to renew.
func (f *composeFlags) arguments(args []string) (file string, b board.Board, err error) {
	if file, err = f.systemFile(args); err == nil {
		b, err = loadBoard(f.board)
	}
	return file, b, err
}

// systemFile finds SYSTEM.toml, and with --update the names of what to renew.
func (f *composeFlags) systemFile(args []string) (string, error) {
	var files []string
	for _, arg := range args {
		if f.update && len(args) > 1 && arg != "-" && !strings.HasSuffix(arg, ".toml") {
			f.names = append(f.names, arg)
		} else {
			files = append(files, arg)
		}
	}
	if len(files) != 1 {
		return "", usagef("want one SYSTEM.toml, got %d arguments", len(files))
	}
	if f.file == "" {
		f.file = lock.Path(files[0])
	}
	switch {
	case f.kernel != "" && f.kernelFiles != "":
		return "", usagef("--kernel and --kernel-files exclude each other")
	case f.update && f.locked:
		return "", usagef("--update and --locked exclude each other")
	case f.update && f.vendor != "":
		return "", usagef("--update and --vendor exclude each other")
	case f.file == "" && (f.update || f.locked || f.vendor != ""):
		return "", usagef("standard input has no lock file beside it; name one with --lock FILE")
	}
	return files[0], nil
}

// openLock reads the lock file for a board. Without one, what the build finds is kept until its end.
func (f *lockFlags) openLock(board string) (*lock.Inputs, error) {
	var all lock.File
	var err error
	if f.file != "" {
		if all, err = lock.ReadFile(f.file); err != nil {
			return nil, err
		}
	}
	return lock.Use(f.file, all, board, lock.Update{All: f.update && len(f.names) == 0, Names: f.names}, f.locked)
}

// keepLock writes the lock file when the inputs are others than it says, and tells what changed.
func (f *lockFlags) keepLock(c *call, g *gathered) error {
	text, changes, err := g.archive.Lock.Finish()
	if err != nil || f.file == "" {
		return err
	}
	if text != nil {
		err := images.WriteFileAtomic(f.file, func(w io.Writer) error {
			_, err := w.Write(text)
			return err
		})
		if err != nil {
			return fmt.Errorf("%w; --lock FILE takes another place for it", err)
		}
	}
	switch {
	case g.archive.Lock.New():
		changes = []string{"new for board " + g.Board.Name + "; keep it with system.toml"}
	case f.update && len(changes) == 0:
		changes = []string{"there is nothing newer"}
	}
	g.clear()
	for _, change := range changes {
		fmt.Fprintf(c.stderr, "%s: %s\n", f.file, change)
	}
	return nil
}
