package supervise

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// Fact is what a file system says of one path, without following a link at its end.
type Fact struct {
	Mode     uint32 // st_mode, e.g. 0o100755
	UID, GID uint32
	Target   string // of a symbolic link
	NoExec   bool   // a file on a file system whose programs may not run
	List     bool   // it has an access control list, by which its mode does not decide alone
	Head     string // the first bytes of a file that begins with #!
}

func (f Fact) is(kind uint32) bool { return f.Mode&unix.S_IFMT == kind }

// What may be wanted of a path: the bits of st_mode.
const (
	toRead  = 4
	toWrite = 2
	toEnter = 1 // of a folder: to reach what is below it
	toRun   = 1
)

// may tells whether the service's process may use f so. It is the kernel's
// generic_permission (fs/namei.c).
func (def Definition) may(f Fact, want uint32) bool {
	if def.can(unix.CAP_DAC_OVERRIDE) && (want != toRun || f.is(unix.S_IFDIR) || f.Mode&0o111 != 0) {
		return true
	}
	if def.can(unix.CAP_DAC_READ_SEARCH) && (want == toRead || want == toEnter && f.is(unix.S_IFDIR)) {
		return true
	}
	switch {
	case f.UID == def.UID:
		return f.Mode>>6&want == want
	case f.List:
		return true // not known; the service will find out
	case f.GID == def.GID || slices.Contains(def.Groups, f.GID):
		return f.Mode>>3&want == want
	}
	return f.Mode&want == want
}

func (def Definition) can(capability int) bool {
	caps, restricted := capsOf(def)
	return !restricted || slices.Contains(caps, capability)
}

// denied is what the service's user may not do.
type denied struct {
	who, what, path string
	fact            Fact
}

func (d denied) Error() string {
	return fmt.Sprintf("%s may not %s %s: its mode is %04o, its owner %d:%d", d.who, d.what, d.path, d.fact.Mode&0o7777, d.fact.UID, d.fact.GID)
}

func (d denied) Unwrap() error { return fs.ErrPermission }

// mostLinks is how many symbolic links the kernel follows on the way to one file.
const mostLinks = 40

// reach goes to a file or folder as the service's process does, link by link,
// and returns what is there and under which name without links. lookup gives
// the facts; its error ends the way.
func (def Definition) reach(start string, lookup func(string) (Fact, error)) (string, Fact, error) {
	at, links := "/", 0
	here, err := lookup(at)
	for rest := start; err == nil && rest != ""; {
		var name string
		if name, rest, _ = strings.Cut(rest, "/"); name == "" || name == "." {
			continue
		}
		if !here.is(unix.S_IFDIR) {
			return at, here, fmt.Errorf("%s: %w", at, unix.ENOTDIR)
		}
		if !def.may(here, toEnter) {
			return at, here, denied{def.who(), "enter", at, here}
		}
		next := path.Join(at, name) // without links above it, .. is what the name says
		if here, err = lookup(next); err != nil || !here.is(unix.S_IFLNK) {
			at = next
			continue
		}
		if links++; links > mostLinks {
			return next, here, fmt.Errorf("%s: %w", start, unix.ELOOP)
		}
		rest = here.Target + "/" + rest
		if strings.HasPrefix(here.Target, "/") {
			at = "/"
		}
		here, err = lookup(at)
	}
	return at, here, err
}

func (def Definition) who() string {
	if def.UID == 0 {
		return "root with these capabilities"
	}
	for _, v := range def.Env {
		if name, ok := strings.CutPrefix(v, "USER="); ok {
			return "user " + name
		}
	}
	return fmt.Sprintf("user %d", def.UID)
}

// CanStart returns nil if the service's user can enter the service's folder
// and run its program, as far as lookup's facts tell. Notes are files that its
// command names, are there and that its user can neither read nor write.
//
// It does not know what a security module, a network file system's server or
// the program itself refuses.
func CanStart(def Definition, lookup func(path string) (Fact, error)) (notes []string, err error) {
	if len(def.Argv) == 0 {
		return nil, errors.New("no command")
	}
	if err := errors.Join(def.enterDir(lookup), def.findProgram(lookup)); err != nil {
		if errors.Is(err, unix.EACCES) { // a file system that says nothing even to root, only to whoever mounted it
			return nil, nil
		}
		return nil, err
	}
	for _, arg := range def.Argv[1:] {
		if !strings.HasPrefix(arg, "/") {
			continue
		}
		at, fact, err := def.reach(arg, lookup)
		if err == nil && (fact.is(unix.S_IFREG) || fact.is(unix.S_IFDIR)) && !def.may(fact, toRead) && !def.may(fact, toWrite) {
			err = denied{def.who(), "read", at, fact}
		}
		if errors.As(err, new(denied)) {
			notes = append(notes, err.Error())
		}
	}
	return notes, nil
}

func (def Definition) enterDir(lookup func(string) (Fact, error)) error {
	at, fact, err := def.reach(dirOf(def), lookup)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("dir %s: %w; make it, and `chown` it to the service's user if that has to write there", dirOf(def), fs.ErrNotExist)
	case err != nil:
		return fmt.Errorf("dir %s: %w", dirOf(def), err)
	case !fact.is(unix.S_IFDIR):
		return fmt.Errorf("dir %s: %w", dirOf(def), unix.ENOTDIR)
	case !def.may(fact, toEnter):
		return fmt.Errorf("dir %s: %w", dirOf(def), denied{def.who(), "enter", at, fact})
	}
	return nil
}

// findProgram looks for the program as execvp does in the shim: one that may
// not be run is told of only if there is no other.
func (def Definition) findProgram(lookup func(string) (Fact, error)) error {
	fault := fmt.Errorf("%s: %w", def.Argv[0], fs.ErrNotExist)
	for _, file := range candidates(def.Argv[0], def.Env) {
		err := def.canRun(file, 0, lookup)
		if err == nil {
			return nil
		}
		if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, unix.ENOTDIR) {
			fault = err
		}
	}
	return fault
}

// mostInterpreters is how many scripts may be the interpreter of the next.
const mostInterpreters = 4

// canRun returns nil if file is a program that the service's user may run, or a
// script whose interpreter is.
func (def Definition) canRun(file string, depth int, lookup func(string) (Fact, error)) error {
	if !path.IsAbs(file) {
		file = path.Join(dirOf(def), file)
	}
	at, fact, err := def.reach(file, lookup)
	switch {
	case err != nil:
		return err
	case !fact.is(unix.S_IFREG) || fact.Mode&0o111 == 0:
		return fmt.Errorf("%s: not an executable file", file)
	case !def.may(fact, toRun):
		return denied{def.who(), "run", at, fact}
	case fact.NoExec:
		return fmt.Errorf("%s: no program runs from there: its file system is mounted noexec", at)
	}
	line, script := strings.CutPrefix(fact.Head, "#!")
	if !script {
		return nil
	}
	if !def.may(fact, toRead) {
		return denied{def.who(), "read the script", at, fact}
	}
	line, _, _ = strings.Cut(line, "\n")
	interpreter := strings.Fields(line)
	if len(interpreter) == 0 || depth == mostInterpreters {
		return nil // the kernel will say
	}
	if err := def.canRun(interpreter[0], depth+1, lookup); err != nil {
		return fmt.Errorf("%s, whose first line is #!%s: %w", file, line, noLongerMissing(err))
	}
	return nil
}

// noLongerMissing keeps a missing interpreter from being taken for a missing
// program, which another folder of PATH may have.
func noLongerMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return errors.New("there is no such interpreter")
	}
	return err
}
