package shell

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sort"
	"strconv"
	"strings"
	"syscall"

	"mvdan.cc/sh/v3/interp"

	"bantam/init/applet"
)

// builtin is a command that must run inside the shell. The interpreter has
// those that need only its own state (cd, export, read, test, ...).
type builtin struct {
	run     func(sh *shell, ctx context.Context, hc interp.HandlerContext, args []string) int
	usage   string
	purpose string
}

var builtins map[string]builtin

func init() {
	builtins = map[string]builtin{
		"echo":    {printBuiltin("echo"), "[-neE] [TEXT...]", "print its arguments"},
		"bg":      {bgBuiltin, "[%JOB]", "continue a stopped job in the background"},
		"fg":      {fgBuiltin, "[%JOB]", "bring a job to the foreground"},
		"help":    {helpBuiltin, "", "list the commands and keys"},
		"history": {historyBuiltin, "[-c]", "list the typed lines, or forget them"},
		"jobs":    {jobsBuiltin, "[-l]", "list stopped and background jobs"},
		"kill":    {killBuiltin, "[-SIGNAL] %JOB|PID...", "send a signal"},
		"printf":  {printBuiltin("printf"), "FORMAT [ARGUMENT...]", "print with a format"},
		"read":    {readBuiltin, "[-rs] [NAME...]", "read a line into variables"},
		"trap":    {trapBuiltin, "[COMMAND] [SIGNAL...]", "run a command when the shell ends or gets a signal"},
		"ulimit":  {ulimitBuiltin, "[-HS] [-acdflmnstuv] [LIMIT]", "show or set limits of processes"},
		"umask":   {umaskBuiltin, "[MODE]", "show or set the mask of new files' permissions"},
		"wait":    {waitBuiltin, "[%JOB|PID...]", "wait for background jobs"},
	}
}

// printBuiltin runs echo or printf here. The interpreter's own know half of the
// formats and do not tell that the disk is full.
func printBuiltin(name string) func(*shell, context.Context, interp.HandlerContext, []string) int {
	return func(sh *shell, ctx context.Context, hc interp.HandlerContext, args []string) int {
		code, _ := applet.Run(name, args, applet.Stdio{In: strings.NewReader(""), Out: hc.Stdout, Err: hc.Stderr})
		return code
	}
}

func isBuiltin(name string) bool {
	_, ok := builtins[name]
	return ok
}

func jobsBuiltin(sh *shell, ctx context.Context, hc interp.HandlerContext, args []string) int {
	long := len(args) > 0 && args[0] == "-l"
	for _, j := range sh.jobs.all() {
		sh.jobs.Lock()
		state, said, pids := j.state(), j.state(), ""
		if state == "done" {
			said = j.end()
		}
		if long {
			for _, p := range j.processes {
				pids += strconv.Itoa(p.pid) + " "
			}
		}
		text := j.text
		sh.jobs.Unlock()
		fmt.Fprintf(hc.Stdout, "[%d] %s%-8s %s\n", j.id, pids, said, text)
		if state == "done" {
			sh.jobs.remove(j)
		}
	}
	return 0
}

func fgBuiltin(sh *shell, ctx context.Context, hc interp.HandlerContext, args []string) int {
	if sh.terminal == nil {
		return complain(hc, "fg", "no job control")
	}
	j, err := sh.jobs.find(strings.Join(args, " "))
	if err != nil {
		return complain(hc, "fg", "%v", err)
	}
	fmt.Fprintln(hc.Stdout, j.text)
	sh.jobs.Lock()
	j.foreground = true
	if j.saved != nil {
		sh.terminal.store(j.saved)
		j.saved = nil
	}
	if j.pgid != 0 {
		sh.terminal.give(j.pgid)
	}
	sh.jobs.Unlock()
	sh.jobs.signal(j, syscall.SIGCONT)
	sh.jobs.wait(ctx, j, func() bool { return j.state() != "running" })
	sh.afterForeground(j)
	sh.jobs.Lock()
	defer sh.jobs.Unlock()
	if j.state() == "stopped" {
		return 128 + int(syscall.SIGTSTP)
	}
	return j.result()
}

func bgBuiltin(sh *shell, ctx context.Context, hc interp.HandlerContext, args []string) int {
	j, err := sh.jobs.find(strings.Join(args, " "))
	if err != nil {
		return complain(hc, "bg", "%v", err)
	}
	fmt.Fprintf(hc.Stdout, "[%d] %s &\n", j.id, j.text)
	if err := sh.jobs.signal(j, syscall.SIGCONT); err != nil {
		return complain(hc, "bg", "%s: %v", j.text, err)
	}
	return 0
}

// waitBuiltin ends early on Ctrl-C, which the interpreter's own cannot.
func waitBuiltin(sh *shell, ctx context.Context, hc interp.HandlerContext, args []string) int {
	var jobs []*job
	if len(args) == 0 {
		jobs = sh.jobs.all()
	}
	status := 0
	for _, spec := range args {
		j, err := sh.jobs.find(spec)
		if err != nil {
			complain(hc, "wait", "%s is not a child of this shell", spec)
			status = 127
			continue
		}
		jobs = append(jobs, j)
	}
	for _, j := range jobs {
		if sh.jobs.wait(ctx, j, func() bool { return j.state() != "running" }) != nil {
			return 130
		}
		sh.jobs.Lock()
		state := j.state()
		if len(args) > 0 {
			status = j.result()
		}
		j.notified = state == "done"
		sh.jobs.Unlock()
		if state == "done" && sh.terminal != nil {
			sh.jobs.remove(j)
		}
	}
	return status
}

func killBuiltin(sh *shell, ctx context.Context, hc interp.HandlerContext, args []string) int {
	own := false
	for _, arg := range args {
		own = own || strings.HasPrefix(arg, "%")
	}
	if !own {
		// Without jobs it is the command, run here to save a process.
		code, _ := applet.Run("kill", args, applet.Stdio{In: strings.NewReader(""), Out: hc.Stdout, Err: hc.Stderr})
		return code
	}
	sig := syscall.SIGTERM
	if len(args) > 0 && strings.HasPrefix(args[0], "-") {
		name := args[0][1:]
		args = args[1:]
		if name == "s" && len(args) > 0 {
			name, args = args[0], args[1:]
		}
		var ok bool
		if sig, ok = applet.SignalNumber(name); !ok {
			return complain(hc, "kill", "%s: unknown signal", name)
		}
	}
	status := 0
	for _, spec := range args {
		if pid, err := strconv.ParseInt(spec, 10, 32); err == nil {
			if err := syscall.Kill(int(pid), sig); err != nil {
				status = complain(hc, "kill", "%d: %v", pid, err)
			}
			continue
		}
		j, err := sh.jobs.find(spec)
		if err == nil {
			err = sh.jobs.signal(j, sig)
		}
		if err != nil {
			status = complain(hc, "kill", "%s: %v", spec, err)
		}
	}
	return status
}

// umaskBuiltin knows octal masks only; symbolic ones are for other shells.
func umaskBuiltin(sh *shell, ctx context.Context, hc interp.HandlerContext, args []string) int {
	if len(args) == 0 {
		mask := syscall.Umask(0o22)
		syscall.Umask(mask)
		fmt.Fprintf(hc.Stdout, "%04o\n", mask)
		return 0
	}
	mask, err := strconv.ParseUint(args[0], 8, 9)
	if err != nil {
		return complain(hc, "umask", "%s: not an octal mask", args[0])
	}
	syscall.Umask(int(mask))
	return 0
}

func historyBuiltin(sh *shell, ctx context.Context, hc interp.HandlerContext, args []string) int {
	if sh.history == nil {
		return 0
	}
	if len(args) == 1 && args[0] == "-c" {
		sh.history.Clear()
		return 0
	}
	for i, line := range sh.history.Lines() {
		fmt.Fprintf(hc.Stdout, "%5d  %s\n", i+1, line)
	}
	return 0
}

func helpBuiltin(sh *shell, ctx context.Context, hc interp.HandlerContext, args []string) int {
	names := append(applet.Names(), interpreterBuiltins...)
	for name := range builtins {
		names = append(names, name)
	}
	sort.Strings(names)
	fmt.Fprintln(hc.Stdout, "Commands (COMMAND --help tells more):")
	applet.Columns(hc.Stdout, uniq(names), sh.width())
	fmt.Fprint(hc.Stdout, "\nThe machine: bantam status, bantam edit, bantam plan, bantam switch\n"+
		"Keys: Up/Down history, ^R search it, Tab complete, ^A/^E begin/end, ^K/^U/^W cut, ^Y paste,\n"+
		"      ^L redraw, ^C give up the line or the command, ^Z stop it (fg continues), ^D leave\n")
	return 0
}

// interpreterBuiltins are the interpreter's, for help and completion.
var interpreterBuiltins = []string{"alias", "break", "cd", "command", "continue", "eval", "exec", "exit", "export", "getopts",
	"local", "pwd", "read", "readonly", "return", "set", "shift", "source", "type", "unalias", "unset"}

// trapBuiltin keeps the signal traps; EXIT and ERR are the interpreter's.
func trapBuiltin(sh *shell, ctx context.Context, hc interp.HandlerContext, args []string) int {
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) == 0 {
		return status(hc.Builtin(ctx, []string{"trap"}))
	}
	command, names := "-", args
	if len(args) > 1 {
		command, names = args[0], args[1:]
	}
	if command != "-" && command != "" {
		command = strings.TrimSuffix(sh.rewriteText(command), "\n")
	}
	for _, name := range names {
		if name == "0" {
			name = "EXIT"
		}
		if name == "EXIT" || name == "ERR" {
			forward := []string{"trap", command, name}
			if command == "-" || command == "" {
				forward = []string{"trap", "-", name}
			}
			if code := status(hc.Builtin(ctx, forward)); code != 0 {
				return code
			}
			continue
		}
		sig, ok := applet.SignalNumber(name)
		if !ok {
			return complain(hc, "trap", "%s: unknown signal", name)
		}
		sh.trapLock.Lock()
		if command == "-" {
			delete(sh.traps, sig)
		} else {
			sh.traps[sig] = command
		}
		sh.trapLock.Unlock()
		if sh.onTrap != nil && command != "-" {
			sh.onTrap(sig)
		}
	}
	return 0
}

// trap is the command set for a signal, "" when it is to be ignored.
func (sh *shell) trap(sig syscall.Signal) (command string, ok bool) {
	sh.trapLock.Lock()
	defer sh.trapLock.Unlock()
	command, ok = sh.traps[sig]
	return command, ok
}

func status(err error) int {
	if err == nil {
		return 0
	}
	var code interp.ExitStatus
	if errors.As(err, &code) {
		return int(code)
	}
	return 1
}

func complain(hc interp.HandlerContext, name, format string, args ...any) int {
	fmt.Fprintf(hc.Stderr, name+": "+format+"\n", args...)
	return 1
}

func uniq(sorted []string) []string {
	var out []string
	for _, s := range sorted {
		if len(out) == 0 || out[len(out)-1] != s {
			out = append(out, s)
		}
	}
	return out
}

func (sh *shell) width() int { return applet.Width(os.Stdout, 80) }
