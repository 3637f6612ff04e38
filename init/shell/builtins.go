package shell

import (
	"fmt"
	"io"
	"os"
	"sort"
	"strconv"
	"strings"
	"syscall"

	"bantam/init/applet"
)

// builtin is a command that runs inside the shell. out is its standard output, as
// the shell keeps it; everything else it finds in its environment.
type builtin struct {
	run     func(e *env, out io.Writer, args []string) int
	usage   string
	purpose string
}

var builtins map[string]builtin

func init() {
	builtins = map[string]builtin{
		".":        {dotBuiltin, "FILE [ARGUMENT...]", "run a file in this shell"},
		":":        {succeed(0), "", "do nothing"},
		"[":        {testBuiltin("["), "EXPRESSION ]", "test a condition"},
		"alias":    {aliasBuiltin, "[NAME[=TEXT]...]", "give texts names, or list them"},
		"bg":       {bgBuiltin, "[%JOB]", "continue a stopped job in the background"},
		"break":    {leaveLoops("break", breaking), "[N]", "leave N loops"},
		"cd":       {cdBuiltin, "[-LP] [FOLDER|-]", "change the folder"},
		"command":  {commandBuiltin, "[-pvV] COMMAND...", "run a command that is no function, or say what it is"},
		"continue": {leaveLoops("continue", continuing), "[N]", "begin the loop anew"},
		"declare":  {localBuiltin("declare"), "[-rxg] NAME[=VALUE]...", "make variables, within a function its own"},
		"echo":     {printBuiltin("echo"), "[-neE] [TEXT...]", "print its arguments"},
		"eval":     {evalBuiltin, "TEXT...", "run a text"},
		"exec":     {nil, "[COMMAND...]", "become a command, or keep redirections"},
		"exit":     {exitBuiltin, "[STATUS]", "end the shell"},
		"export":   {marks("export"), "[-pn] [NAME[=VALUE]...]", "give variables to commands"},
		"false":    {succeed(1), "", "fail"},
		"fg":       {fgBuiltin, "[%JOB]", "bring a job to the foreground"},
		"getopts":  {getoptsBuiltin, "LETTERS NAME [ARGUMENT...]", "take the next option"},
		"hash":     {hashBuiltin, "[-r] [NAME...]", "look commands up"},
		"help":     {helpBuiltin, "", "list the commands and keys"},
		"history":  {historyBuiltin, "[-c]", "list the typed lines, or forget them"},
		"jobs":     {jobsBuiltin, "[-l]", "list stopped and background jobs"},
		"kill":     {killBuiltin, "[-SIGNAL] %JOB|PID...", "send a signal"},
		"local":    {localBuiltin("local"), "NAME[=VALUE]...", "make variables of a function"},
		"logout":   {exitBuiltin, "[STATUS]", "end the shell"},
		"printf":   {printBuiltin("printf"), "FORMAT [ARGUMENT...]", "print with a format"},
		"pwd":      {pwdBuiltin, "[-LP]", "print the folder"},
		"read":     {readBuiltin, "[-rs] [-p TEXT] [-d CHAR] [-t SECONDS] [NAME...]", "read a line into variables"},
		"readonly": {marks("readonly"), "[-p] [NAME[=VALUE]...]", "protect variables"},
		"return":   {returnBuiltin, "[STATUS]", "leave a function or script"},
		"set":      {setBuiltin, "[-aCeEfnuvx] [-o OPTION] [PARAMETER...]", "set options and parameters, or list variables"},
		"shift":    {shiftBuiltin, "[N]", "drop the first parameters"},
		"source":   {dotBuiltin, "FILE [ARGUMENT...]", "run a file in this shell"},
		"test":     {testBuiltin("test"), "EXPRESSION", "test a condition"},
		"times":    {timesBuiltin, "", "times of the shell and its commands"},
		"trap":     {trapBuiltin, "[COMMAND] [SIGNAL...]", "run a command when the shell ends or gets a signal"},
		"true":     {succeed(0), "", "succeed"},
		"type":     {typeBuiltin, "NAME...", "say what commands are"},
		"typeset":  {localBuiltin("typeset"), "[-rxg] NAME[=VALUE]...", "make variables, within a function its own"},
		"ulimit":   {ulimitBuiltin, "[-HS] [-acdflmnstuv] [LIMIT]", "show or set limits of processes"},
		"umask":    {umaskBuiltin, "[MODE]", "show or set the mask of new files' permissions"},
		"unalias":  {unaliasBuiltin, "[-a] NAME...", "forget aliases"},
		"unset":    {unsetBuiltin, "[-fv] NAME...", "forget variables or functions"},
		"wait":     {waitBuiltin, "[%JOB|PID...]", "wait for background jobs"},
	}
}

func succeed(status int) func(*env, io.Writer, []string) int {
	return func(*env, io.Writer, []string) int { return status }
}

// printBuiltin runs echo or printf here, to save a process.
func printBuiltin(name string) func(*env, io.Writer, []string) int {
	return func(e *env, out io.Writer, args []string) int {
		code, _ := applet.Run(name, args, applet.Stdio{In: strings.NewReader(""), Out: out, Err: e.stderr()})
		return code
	}
}

func jobsBuiltin(e *env, out io.Writer, args []string) int {
	sh, args := e.sh, afterDashes(args)
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
		fmt.Fprintf(out, "[%d] %s%-8s %s\n", j.id, pids, said, text)
		if state == "done" {
			sh.jobs.remove(j)
		}
	}
	return 0
}

func fgBuiltin(e *env, out io.Writer, args []string) int {
	sh, args := e.sh, afterDashes(args)
	if sh.terminal == nil {
		return e.fail("fg: no job control")
	}
	j, err := sh.jobs.find(strings.Join(args, " "))
	if err != nil {
		return e.fail("fg: %v", err)
	}
	fmt.Fprintln(out, j.text)
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
	sh.jobs.wait(e.ctx, j, func() bool { return j.state() != "running" })
	sh.afterForeground(j)
	sh.jobs.Lock()
	defer sh.jobs.Unlock()
	if j.state() == "stopped" {
		return 128 + int(syscall.SIGTSTP)
	}
	return j.result()
}

func bgBuiltin(e *env, out io.Writer, args []string) int {
	sh, args := e.sh, afterDashes(args)
	j, err := sh.jobs.find(strings.Join(args, " "))
	if err != nil {
		return e.fail("bg: %v", err)
	}
	fmt.Fprintf(out, "[%d] %s &\n", j.id, j.text)
	if err := sh.jobs.signal(j, syscall.SIGCONT); err != nil {
		return e.fail("bg: %s: %v", j.text, err)
	}
	return 0
}

// fail writes a message and is the status of a builtin that failed.
func (e *env) fail(format string, args ...any) int {
	e.complain(format, args...)
	return 1
}

// umaskBuiltin knows octal masks only; symbolic ones are for other shells.
func umaskBuiltin(e *env, out io.Writer, args []string) int {
	opts, args, err := letterOptions(args, "S")
	if err != nil {
		return e.fail("umask: %v", err)
	}
	if len(args) == 0 {
		if opts == "" {
			fmt.Fprintf(out, "%04o\n", e.mask)
			return 0
		}
		var text []string
		for i, who := range []string{"u", "g", "o"} {
			allowed := ""
			for j, letter := range []string{"r", "w", "x"} {
				if e.mask&(0o400>>(3*i+j)) == 0 {
					allowed += letter
				}
			}
			text = append(text, who+"="+allowed)
		}
		fmt.Fprintln(out, strings.Join(text, ","))
		return 0
	}
	mask, err := strconv.ParseUint(args[0], 8, 9)
	if err != nil {
		return e.fail("umask: %s: not an octal mask", applet.PrintableLine(args[0]))
	}
	e.mask = int(mask)
	return 0
}

func historyBuiltin(e *env, out io.Writer, args []string) int {
	sh, args := e.sh, afterDashes(args)
	if sh.history == nil {
		return 0
	}
	if len(args) == 1 && args[0] == "-c" {
		sh.history.Clear()
		return 0
	}
	for i, line := range sh.history.Lines() {
		fmt.Fprintf(out, "%5d  %s\n", i+1, line)
	}
	return 0
}

func helpBuiltin(e *env, out io.Writer, args []string) int {
	sh := e.sh
	names := applet.Names()
	for name := range builtins {
		names = append(names, name)
	}
	sort.Strings(names)
	fmt.Fprintln(out, "Commands (COMMAND --help tells more):")
	applet.Columns(out, uniq(names), sh.width())
	fmt.Fprint(out, "\nThe machine: bantam status, bantam edit, bantam plan, bantam switch\n"+
		"Keys: Up/Down history, ^R search it, Tab complete, ^A/^E begin/end, ^K/^U/^W cut, ^Y paste,\n"+
		"      ^L redraw, ^C give up the line or the command, ^Z stop it (fg continues), ^D leave\n")
	return 0
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
