package shell

import (
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
	"mvdan.cc/sh/v3/syntax"

	"bantam/init/applet"
)

// specialBuiltins are those of POSIX.1-2024, XCU 2.15: assignments before them last, and
// their errors end a script.
var specialBuiltins = map[string]bool{}

func init() {
	for _, name := range []string{":", ".", "source", "break", "continue", "eval", "exec", "exit", "export", "readonly", "return", "set", "shift", "times", "trap", "unset"} {
		specialBuiltins[name] = true
	}
}

// afterDashes is what follows a first --, for builtins without options.
func afterDashes(args []string) []string {
	if len(args) > 0 && args[0] == "--" {
		return args[1:]
	}
	return args
}

// status reads the operand of exit and return.
func (e *env) statusOperand(name string, args []string) (int, bool) {
	args = afterDashes(args)
	if len(args) == 0 {
		if e.trapDepth > 0 && e.calls <= e.trapCalls {
			return e.trapped, true // what the trap did itself does not count
		}
		return e.status, true
	}
	n, err := strconv.ParseUint(args[0], 10, 31)
	if err != nil {
		e.fatal("%s: %s: not a status", name, applet.PrintableLine(args[0]))
		return 2, false
	}
	return int(n) & 0xff, true
}

func exitBuiltin(e *env, out io.Writer, args []string) int {
	status, ok := e.statusOperand("exit", args)
	if ok {
		e.status, e.flow = status, exiting
	}
	return status
}

func returnBuiltin(e *env, out io.Writer, args []string) int {
	status, ok := e.statusOperand("return", args)
	if !ok {
		return status
	}
	e.status, e.flow = status, returning
	if e.calls == 0 {
		e.flow = exiting // as at the end of the script
		if e.sh.history != nil && !e.outside {
			e.flow = aborting
		}
	}
	return status
}

// leaveLoops is break and continue.
func leaveLoops(name string, flow flow) func(*env, io.Writer, []string) int {
	return func(e *env, out io.Writer, args []string) int {
		n := uint64(1)
		if args = afterDashes(args); len(args) > 0 {
			var err error
			if n, err = strconv.ParseUint(args[0], 10, 31); err != nil || n == 0 {
				return e.fatal("%s: %s: not a number of loops", name, applet.PrintableLine(args[0]))
			}
		}
		if e.loops > 0 {
			e.status, e.flow, e.levels = 0, flow, min(int(n), e.loops)
		}
		return 0
	}
}

func shiftBuiltin(e *env, out io.Writer, args []string) int {
	n := uint64(1)
	if args = afterDashes(args); len(args) > 0 {
		var err error
		if n, err = strconv.ParseUint(args[0], 10, 31); err != nil {
			return e.fatal("shift: %s: not a number of parameters", applet.PrintableLine(args[0]))
		}
	}
	if int(n) > len(e.params) {
		return e.fatal("shift: there are only %d parameters", len(e.params))
	}
	e.params = e.params[n:]
	return 0
}

func evalBuiltin(e *env, out io.Writer, args []string) int {
	e.substatus = -1
	e.eval(strings.Join(afterDashes(args), " "))
	return e.status
}

// dotBuiltin is . and source.
func dotBuiltin(e *env, out io.Writer, args []string) int {
	args = afterDashes(args)
	if len(args) == 0 {
		return e.fatal(".: needs a file")
	}
	path := e.findScript(args[0])
	text, err := os.ReadFile(path)
	if err != nil {
		return e.fatal(".: %s: %v", applet.PrintableLine(args[0]), errnoOf(err))
	}
	if len(args) > 1 {
		params := e.params
		e.params = args[1:]
		defer func() { e.params = params }()
	}
	loops := e.loops
	e.loops = 0
	e.eval(string(text))
	e.loops = loops
	if e.flow == returning {
		e.flow = onward
	}
	return e.status
}

// findScript is the file that . means: without a slash it is looked for in PATH, and then here.
func (e *env) findScript(name string) string {
	if strings.Contains(name, "/") {
		return e.path(name)
	}
	for _, folder := range append(strings.Split(e.value("PATH"), ":"), ".") {
		path := e.path(folder + "/" + name)
		if info, err := os.Stat(path); err == nil && !info.IsDir() {
			return path
		}
	}
	return e.path(name)
}

// setBuiltin changes options and parameters, or lists variables.
func setBuiltin(e *env, out io.Writer, args []string) int {
	if len(args) == 0 {
		for _, name := range slices.Sorted(maps.Keys(e.vars)) {
			if v := e.vars[name]; v.set {
				fmt.Fprintf(out, "%s=%s\n", name, singleQuoted(v.value))
			}
		}
		return 0
	}
	operands, given, list, err := e.opts.parse(args)
	if err != nil {
		return e.fatal("set: %s", applet.PrintableLine(err.Error()))
	}
	if list != "" {
		io.WriteString(out, e.opts.listing(list == "+"))
	}
	if given {
		e.params = operands
	}
	return 0
}

func unsetBuiltin(e *env, out io.Writer, args []string) int {
	opts, names, err := letterOptions(args, "fv")
	if err != nil {
		return e.fatal("unset: %v", err)
	}
	for _, name := range names {
		if strings.HasSuffix(opts, "f") {
			delete(e.funcs, name)
			continue
		}
		if !syntax.ValidName(name) {
			return e.fatal("unset: %s: bad variable name", applet.PrintableLine(name))
		}
		if err := e.unset(name); err != nil {
			return e.fatal("unset: %v", err)
		}
	}
	return 0
}

// declare runs export, readonly, local and declare: after these words, what looks like an
// assignment is expanded as one.
func (e *env) declare(cmd *syntax.DeclClause) {
	args := []string{cmd.Variant.Value}
	for _, a := range cmd.Args {
		if a.Index != nil || a.Array != nil {
			e.fatal("%s: arrays are not supported", cmd.Variant.Value)
			return
		}
		var fields []string
		var err error
		switch {
		case a.Name == nil:
			fields, err = e.fields([]*syntax.Word{a.Value})
		case a.Naked:
			fields = []string{a.Name.Value}
		default:
			var value string
			value, err = e.oneText(a.Value, true)
			if a.Append {
				value = e.value(a.Name.Value) + value
			}
			fields = []string{a.Name.Value + "=" + value}
		}
		if err != nil {
			e.fatal("sh: %v", err)
			return
		}
		args = append(args, fields...)
	}
	if e.opts[xtrace] {
		e.trace(nil, args)
	}
	e.dispatch(args, true)
}

// marks is export and readonly.
func marks(name string) func(*env, io.Writer, []string) int {
	return func(e *env, out io.Writer, args []string) int {
		opts, operands, err := letterOptions(args, "pn")
		if err != nil {
			return e.fatal("%s: %v", name, err)
		}
		if len(operands) == 0 {
			for _, variable := range slices.Sorted(maps.Keys(e.vars)) {
				v := e.vars[variable]
				switch {
				case name == "export" && !v.exported || name == "readonly" && !v.readonly:
				case v.set:
					fmt.Fprintf(out, "%s %s=%s\n", name, variable, singleQuoted(v.value))
				default:
					fmt.Fprintf(out, "%s %s\n", name, variable)
				}
			}
			return 0
		}
		for _, operand := range operands {
			variable, value, assigns := strings.Cut(operand, "=")
			if !syntax.ValidName(variable) {
				return e.fatal("%s: %s: bad variable name", name, applet.PrintableLine(operand))
			}
			if assigns {
				if err := e.assign(variable, value); err != nil {
					return e.fatal("%s: %v", name, err)
				}
			}
			v := e.variable(variable)
			switch {
			case name == "readonly":
				v.readonly = true
			default:
				v.exported = !strings.Contains(opts, "n")
			}
		}
		return 0
	}
}

// localBuiltin is local, and declare and typeset within functions.
func localBuiltin(name string) func(*env, io.Writer, []string) int {
	return func(e *env, out io.Writer, args []string) int {
		opts, operands, err := letterOptions(args, "rxgip")
		if err != nil {
			return e.fatal("%s: %s", name, applet.PrintableLine(err.Error()))
		}
		if len(e.scopes) == 0 && name == "local" {
			return e.fatal("local: only within a function")
		}
		if strings.Contains(opts, "p") || len(operands) == 0 {
			return setBuiltin(e, out, nil)
		}
		for _, operand := range operands {
			variable, value, assigns := strings.Cut(operand, "=")
			if !syntax.ValidName(variable) {
				return e.fatal("%s: %s: bad variable name", name, applet.PrintableLine(operand))
			}
			if len(e.scopes) > 0 && !strings.Contains(opts, "g") {
				scope := e.scopes[len(e.scopes)-1]
				if _, done := scope[variable]; !done {
					old := e.vars[variable]
					scope[variable] = old
					if old != nil { // it keeps its value until it gets another
						copied := *old
						e.vars[variable] = &copied
					}
				}
			}
			if assigns {
				if err := e.assign(variable, value); err != nil {
					return e.fatal("%s: %v", name, err)
				}
			}
			v := e.variable(variable)
			v.readonly = v.readonly || strings.Contains(opts, "r")
			v.exported = v.exported || strings.Contains(opts, "x")
		}
		return 0
	}
}

func timesBuiltin(e *env, out io.Writer, args []string) int {
	for _, who := range []int{unix.RUSAGE_SELF, unix.RUSAGE_CHILDREN} {
		var r unix.Rusage
		if err := unix.Getrusage(who, &r); err != nil {
			e.complain("times: %v", err)
			return 1
		}
		text := func(ns int64) string { return fmt.Sprintf("%dm%d.%06ds", ns/6e10, ns/1e9%60, ns/1e3%1e6) }
		fmt.Fprintf(out, "%s %s\n", text(r.Utime.Nano()), text(r.Stime.Nano()))
	}
	return 0
}
