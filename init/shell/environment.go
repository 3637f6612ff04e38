package shell

import (
	"context"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"mvdan.cc/sh/v3/syntax"
)

// env is a shell execution environment (POSIX.1-2024, XCU 2.13): what a subshell
// gets a copy of. Subshells run inside this process, in a goroutine of their own where
// something runs beside them, so nothing of it may be kept in the process itself.
type env struct {
	sh      *shell
	ctx     context.Context // of the statement that runs; its end is Ctrl-C
	job     *job            // the background list that this is part of, or nil
	outside bool            // a subshell; only the other one may end, replace and signal the shell

	vars    map[string]*variable
	scopes  []map[string]*variable // what local hides, by function call; nil was not set
	params  []string
	funcs   map[string]*syntax.Stmt
	aliases map[string]string
	opts    options
	dir     string // as cd has it, links included
	mask    int
	limits  []string // that ulimit has set in a subshell, for its commands
	fds     map[int]*file

	traps     map[string]string // by name without SIG; "" ignores
	shown     map[string]string // what trap prints in a subshell that has set none
	trapDepth int
	trapped   int // $? when the trap began
	trapCalls int // calls when it began

	status     int    // $?
	substatus  int    // of the last command substitution in this command, or -1
	background string // $!
	lastArg    string // $_
	optOffset  int    // of getopts within a word
	expanding  []string

	flow      flow
	levels    int  // of loops that break or continue still has to leave
	loops     int  // around the command that runs, in this function
	calls     int  // of functions and scripts around it
	condition int  // where above 0 a failure does not end set -e
	depth     int  // of statements within statements
	keeps     bool // the redirections of the command that runs, see execBuiltin
	died      bool // flow is an error's, not that of exit
}

// flow is why the rest of a list is not run.
type flow int

const (
	onward flow = iota
	breaking
	continuing
	returning
	exiting  // the environment ends
	aborting // the line ends: an error that a person survives, or Ctrl-C
)

// maxDepth bounds statements within statements, functions that call themselves above
// all: Go ends the process when a stack gets too large.
const maxDepth = 6000

type variable struct {
	value                   string
	set, exported, readonly bool
}

func newEnv(sh *shell, params []string) *env {
	e := &env{sh: sh, ctx: context.Background(), vars: map[string]*variable{}, params: params, funcs: map[string]*syntax.Stmt{}, aliases: map[string]string{},
		fds: map[int]*file{}, traps: map[string]string{}, substatus: -1}
	e.mask = syscall.Umask(0o22)
	syscall.Umask(e.mask)
	for _, entry := range environment() {
		if name, value, ok := strings.Cut(entry, "="); ok && syntax.ValidName(name) {
			e.vars[name] = &variable{value: value, set: true, exported: true}
		}
	}
	for name, value := range map[string]string{"IFS": " \t\n", "OPTIND": "1", "PS4": "+ ", "PPID": strconv.Itoa(os.Getppid()),
		"UID": strconv.Itoa(os.Getuid()), "EUID": strconv.Itoa(os.Geteuid())} {
		if name == "PS4" && e.vars[name] != nil {
			continue
		}
		e.vars[name] = &variable{value: value, set: true}
	}
	e.dir = startFolder(e.value("PWD"))
	if v := e.vars["PWD"]; v != nil {
		v.value = e.dir
	} else {
		e.vars["PWD"] = &variable{value: e.dir, set: true}
	}
	return e
}

// startFolder is $PWD where it is true, since it may lead over links.
func startFolder(pwd string) string {
	here, err := os.Stat(".")
	if err == nil && strings.HasPrefix(pwd, "/") && cleanPath(pwd) == pwd {
		if there, err := os.Stat(pwd); err == nil && os.SameFile(here, there) {
			return pwd
		}
	}
	dir, err := syscall.Getwd()
	if err != nil {
		return "/"
	}
	return dir
}

// clone is the environment of a subshell. close must be called at its end.
func (e *env) clone() *env {
	c := *e
	c.outside = true
	c.vars = make(map[string]*variable, len(e.vars))
	for name, v := range e.vars {
		copied := *v
		c.vars[name] = &copied
	}
	c.scopes = nil
	for _, scope := range e.scopes {
		c.scopes = append(c.scopes, maps.Clone(scope))
	}
	c.funcs, c.aliases = maps.Clone(e.funcs), maps.Clone(e.aliases)
	c.params, c.expanding = slices.Clone(e.params), slices.Clone(e.expanding)
	c.fds = cloneFiles(e.fds)
	c.shown = e.traps
	if len(e.traps) == 0 && e.shown != nil {
		c.shown = e.shown
	}
	c.traps = map[string]string{}
	for name, command := range e.traps {
		if command == "" || name == "ERR" && e.opts[errtrace] {
			c.traps[name] = command
		}
	}
	c.substatus = -1
	c.trapDepth = 0
	return &c
}

// finish ends a subshell: its EXIT trap runs, its descriptors close.
func (e *env) finish() {
	e.exitTrap()
	releaseFiles(e.fds)
	e.fds = nil
}

// within runs f in a subshell and takes over its status.
func (e *env) within(f func(*env)) {
	c := e.clone()
	defer func() {
		c.finish()
		e.status = c.status
	}()
	c.guard(func() { f(c) })
}

// guard makes a fault of the shell itself the end of an environment instead of the process.
func (e *env) guard(f func()) {
	defer func() {
		if fault := recover(); fault != nil {
			fmt.Fprintf(os.Stderr, "sh: internal error: %v; please report what was run\n", fault)
			e.die(2)
		}
	}()
	f()
}

// lookup is the value of a variable or special parameter that is no list.
func (e *env) lookup(name string) (value string, set bool) {
	switch name {
	case "?":
		return strconv.Itoa(e.status), true
	case "#":
		return strconv.Itoa(len(e.params)), true
	case "$":
		return strconv.Itoa(os.Getpid()), true
	case "!":
		return e.background, e.background != ""
	case "-":
		return e.opts.letters(e.sh.history != nil), true
	case "0":
		return e.sh.name, true
	case "_":
		return e.lastArg, true
	case "RANDOM":
		return strconv.Itoa(rand.IntN(1 << 15)), true
	}
	if name[0] >= '0' && name[0] <= '9' {
		n, err := strconv.Atoi(name)
		if err != nil || n < 1 || n > len(e.params) {
			return "", false
		}
		return e.params[n-1], true
	}
	if v := e.vars[name]; v != nil && v.set {
		return v.value, true
	}
	return "", false
}

func (e *env) value(name string) string {
	value, _ := e.lookup(name)
	return value
}

type readonlyError string

func (name readonlyError) Error() string { return string(name) + ": is read only" }

// assign sets a variable.
func (e *env) assign(name, value string) error {
	if !syntax.ValidName(name) {
		return fmt.Errorf("%s: bad variable name", name)
	}
	v := e.vars[name]
	if v == nil {
		v = &variable{}
		e.vars[name] = v
	}
	if v.readonly {
		return readonlyError(name)
	}
	v.value, v.set = value, true
	v.exported = v.exported || e.opts[allexport]
	if name == "OPTIND" {
		e.optOffset = 0
	}
	return nil
}

func (e *env) unset(name string) error {
	if v := e.vars[name]; v != nil {
		if v.readonly {
			return readonlyError(name)
		}
		delete(e.vars, name)
	}
	return nil
}

// variable is the named one, made where it is missing, for its flags.
func (e *env) variable(name string) *variable {
	if e.vars[name] == nil {
		e.vars[name] = &variable{}
	}
	return e.vars[name]
}

// exports is the environment for a command.
func (e *env) exports() []string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(e.vars)) {
		if v := e.vars[name]; v.set && v.exported {
			list = append(list, name+"="+v.value)
		}
	}
	return list
}

// path is a file's name as this process can use it. It is not cleaned: link/.. may
// lead elsewhere.
func (e *env) path(name string) string {
	if name == "" || strings.HasPrefix(name, "/") {
		return name
	}
	return strings.TrimSuffix(e.dir, "/") + "/" + name
}

// withMask runs what makes files under this environment's umask, which the process
// has only one of.
func (e *env) withMask(f func()) {
	e.sh.maskLock.Lock()
	defer e.sh.maskLock.Unlock()
	old := syscall.Umask(e.mask)
	f()
	syscall.Umask(old)
}

// complain writes a message of the shell or one of its builtins.
func (e *env) complain(format string, args ...any) {
	fmt.Fprintf(e.stderr(), "%s\n", fmt.Sprintf(format, args...))
}

// fatal is an error that a script does not survive. A person gets the prompt back.
func (e *env) fatal(format string, args ...any) int {
	e.complain(format, args...)
	e.die(2)
	return 2
}

func (e *env) die(status int) {
	e.status, e.flow, e.died = status, exiting, true
	if e.sh.history != nil && !e.outside {
		e.flow = aborting
	}
}

func (e *env) stdout() io.Writer { return e.writer(1) }
func (e *env) stderr() io.Writer { return e.writer(2) }

func (e *env) writer(n int) io.Writer {
	if f := e.fds[n]; f != nil {
		return f
	}
	return closedFile{}
}

// closedFile is what >&- leaves.
type closedFile struct{}

func (closedFile) Write([]byte) (int, error) { return 0, syscall.EBADF }
func (closedFile) Read([]byte) (int, error)  { return 0, syscall.EBADF }
