package shell

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"bantam/init/applet"
)

// cleanPath removes . and .. from an absolute path by its text alone.
func cleanPath(name string) string { return path.Clean(name) }

func cdBuiltin(e *env, out io.Writer, args []string) int {
	fail := func(format string, args ...any) int {
		e.complain("cd: "+format, args...)
		return 2
	}
	opts, operands, err := letterOptions(args, "LPe")
	if err != nil {
		return fail("%v", err)
	}
	if len(operands) > 1 {
		return fail("one folder at most")
	}
	physical := false
	for _, letter := range opts {
		physical = letter == 'P' || letter == 'e' && physical
	}
	target, show := "", false
	switch {
	case len(operands) == 0:
		if target = e.value("HOME"); target == "" {
			return fail("HOME is not set")
		}
	case operands[0] == "-":
		if target, show = e.value("OLDPWD"), true; target == "" {
			return fail("OLDPWD is not set")
		}
	default:
		if target = operands[0]; target == "" {
			return fail("the name of the folder is empty")
		}
	}
	dir, err := e.folder(target, physical)
	if first, _, _ := strings.Cut(target, "/"); first != "" && first != "." && first != ".." && len(operands) > 0 {
		for _, base := range strings.Split(e.value("CDPATH"), ":") {
			name := target
			if base != "" {
				name = base + "/" + target
			}
			if found, foundErr := e.folder(name, physical); foundErr == nil {
				dir, err, show = found, nil, base != ""
				break
			}
		}
	}
	if err != nil {
		return fail("%s: %v", applet.PrintableLine(target), errnoOf(err))
	}
	if err := errors.Join(e.assign("OLDPWD", e.dir), e.assign("PWD", dir)); err != nil {
		return fail("%v", err)
	}
	e.dir = dir
	if show {
		fmt.Fprintln(out, dir)
	}
	return 0
}

// folder is where cd TARGET leads.
func (e *env) folder(target string, physical bool) (string, error) {
	name := e.path(target)
	var err error
	if physical {
		if name, err = filepath.EvalSymlinks(name); err != nil {
			return "", err
		}
	} else {
		// x/.. is only where x is a folder.
		for i, c := range name {
			if c == '/' && strings.HasPrefix(name[i:]+"/", "/../") && i > 0 {
				if info, err := os.Stat(name[:i]); err != nil {
					return "", err
				} else if !info.IsDir() {
					return "", unix.ENOTDIR
				}
			}
		}
		name = cleanPath(name)
	}
	info, err := os.Stat(name)
	if err != nil {
		return "", err
	}
	if !info.IsDir() {
		return "", unix.ENOTDIR
	}
	return name, unix.Access(name, unix.X_OK)
}

func pwdBuiltin(e *env, out io.Writer, args []string) int {
	opts, _, err := letterOptions(args, "LP")
	if err != nil {
		e.complain("pwd: %v", err)
		return 2
	}
	dir := e.dir
	if strings.HasSuffix(opts, "P") {
		if dir, err = filepath.EvalSymlinks(dir); err != nil {
			e.complain("pwd: %v", errnoOf(err))
			return 1
		}
	}
	fmt.Fprintln(out, dir)
	return 0
}

func aliasBuiltin(e *env, out io.Writer, args []string) int {
	args = afterDashes(args)
	if len(args) == 0 {
		args = slices.Sorted(maps.Keys(e.aliases))
	}
	status := 0
	for _, arg := range args {
		name, value, sets := strings.Cut(arg, "=")
		if sets && name != "" {
			e.aliases[name] = value
		} else if value, ok := e.aliases[arg]; ok {
			fmt.Fprintf(out, "%s=%s\n", arg, singleQuoted(value))
		} else {
			e.complain("alias: %s: not found", applet.PrintableLine(arg))
			status = 1
		}
	}
	return status
}

func unaliasBuiltin(e *env, out io.Writer, args []string) int {
	opts, names, err := letterOptions(args, "a")
	if err != nil {
		e.complain("unalias: %v", err)
		return 2
	}
	if opts != "" {
		clear(e.aliases)
	}
	status := 0
	for _, name := range names {
		if _, ok := e.aliases[name]; !ok {
			e.complain("unalias: %s: not found", applet.PrintableLine(name))
			status = 1
		}
		delete(e.aliases, name)
	}
	return status
}

func commandBuiltin(e *env, out io.Writer, args []string) int {
	opts, args, err := letterOptions(args, "pvV")
	if err != nil {
		e.complain("command: %v", err)
		return 2
	}
	if len(args) == 0 {
		return 0
	}
	if strings.Contains(opts, "p") {
		old := e.vars["PATH"]
		e.vars["PATH"] = &variable{value: defaultPath, set: true, exported: true}
		defer func() {
			if e.vars["PATH"] = old; old == nil {
				delete(e.vars, "PATH")
			}
		}()
	}
	if strings.ContainsAny(opts, "vV") {
		status := 0
		for _, name := range args {
			if !e.describe(out, name, strings.Contains(opts, "V")) {
				status = 127
			}
		}
		return status
	}
	if args[0] == "exec" {
		e.keeps = e.execBuiltin(args[1:])
		return e.status
	}
	own, isBuiltin := builtins[args[0]]
	if !isBuiltin {
		e.dispatch(args, false)
		return e.status
	}
	e.died = false
	status := own.run(e, out, args[1:])
	if specialBuiltins[args[0]] && e.died && e.flow != onward {
		e.flow = onward // it is like any other then
	}
	return status
}

func typeBuiltin(e *env, out io.Writer, args []string) int {
	status := 0
	for _, name := range afterDashes(args) {
		if !e.describe(out, name, true) {
			status = 127
		}
	}
	return status
}

// describe says what a word is as a command.
func (e *env) describe(out io.Writer, name string, long bool) bool {
	short, sentence := name, ""
	_, isBuiltin := builtins[name]
	alias, isAlias := e.aliases[name]
	switch {
	case isAlias:
		short = "alias " + name + "=" + singleQuoted(alias)
		sentence = "is an alias for " + alias
	case isKeyword(name):
		sentence = "is a shell keyword"
	case specialBuiltins[name]:
		sentence = "is a special shell builtin"
	case e.funcs[name] != nil:
		sentence = "is a shell function"
	case isBuiltin:
		sentence = "is a shell builtin"
	default:
		path, err := e.lookPath(name)
		if err != nil {
			if long {
				fmt.Fprintf(e.stderr(), "%s: not found\n", applet.PrintableLine(name))
			}
			return false
		}
		short, sentence = path, "is "+path
	}
	if long {
		fmt.Fprintf(out, "%s %s\n", name, sentence)
	} else {
		fmt.Fprintln(out, short)
	}
	return true
}

// isKeyword knows the reserved words of POSIX.
func isKeyword(name string) bool {
	return slices.Contains([]string{"!", "{", "}", "case", "do", "done", "elif", "else", "esac", "fi", "for", "if", "in", "then", "until", "while", "[[", "function"}, name)
}

func hashBuiltin(e *env, out io.Writer, args []string) int {
	status := 0
	for _, name := range afterDashes(args) {
		if strings.HasPrefix(name, "-r") {
			continue
		}
		if _, isBuiltin := builtins[name]; isBuiltin || e.funcs[name] != nil {
			continue
		}
		if _, err := e.lookPath(name); err != nil {
			e.complain("hash: %s: not found", applet.PrintableLine(name))
			status = 1
		}
	}
	return status
}

// getoptsBuiltin takes the next option of the parameters (POSIX.1-2024, XCU getopts).
func getoptsBuiltin(e *env, out io.Writer, args []string) int {
	args = afterDashes(args)
	if len(args) < 2 {
		e.complain("getopts: needs the letters and the name of a variable")
		return 2
	}
	letters, name := args[0], args[1]
	words := e.params
	if len(args) > 2 {
		words = args[2:]
	}
	index, err := strconv.Atoi(e.value("OPTIND"))
	if err != nil || index < 1 {
		index = 1
	}
	offset := e.optOffset
	quiet := strings.HasPrefix(letters, ":")
	finish := func(option, argument string, hasArgument bool, status int) int {
		fault := e.assign(name, option)
		if hasArgument {
			fault = errors.Join(fault, e.assign("OPTARG", argument))
		} else {
			fault = errors.Join(fault, e.unset("OPTARG"))
		}
		fault = errors.Join(fault, e.assign("OPTIND", strconv.Itoa(index)))
		e.optOffset = offset
		if fault != nil {
			return e.fatal("getopts: %v", fault)
		}
		return status
	}
	if offset == 0 {
		if index > len(words) || len(words[index-1]) < 2 || words[index-1][0] != '-' {
			index = min(index, len(words)+1)
			return finish("?", "", false, 1)
		}
		if words[index-1] == "--" {
			index++
			return finish("?", "", false, 1)
		}
		offset = 1
	}
	if index > len(words) || offset >= len(words[index-1]) { // the parameters have changed meanwhile
		offset = 0
		return finish("?", "", false, 1)
	}
	word := words[index-1]
	_, size := utf8.DecodeRuneInString(word[offset:])
	letter := word[offset : offset+size]
	offset += size
	at := strings.Index(strings.TrimPrefix(letters, ":"), letter)
	takes := at >= 0 && strings.HasPrefix(strings.TrimPrefix(letters, ":")[at+size:], ":")
	rest := word[offset:]
	if rest == "" || takes {
		index, offset = index+1, 0
	}
	switch {
	case at < 0 || letter == ":":
		if quiet {
			return finish("?", letter, true, 0)
		}
		e.complain("%s: unknown option -%s", e.sh.name, applet.PrintableLine(letter))
		return finish("?", "", false, 0)
	case !takes:
		return finish(letter, "", false, 0)
	case rest != "":
		return finish(letter, rest, true, 0)
	case index > len(words):
		if quiet {
			return finish(":", letter, true, 0)
		}
		e.complain("%s: -%s needs an argument", e.sh.name, applet.PrintableLine(letter))
		return finish("?", "", false, 0)
	}
	argument := words[index-1]
	index++
	return finish(letter, argument, true, 0)
}

func testBuiltin(name string) func(*env, io.Writer, []string) int {
	return func(e *env, out io.Writer, args []string) int {
		if name == "[" {
			if len(args) == 0 || args[len(args)-1] != "]" {
				e.complain("[: ] is missing")
				return 2
			}
			args = args[:len(args)-1]
		}
		result, err := e.holds(args)
		switch {
		case err != nil:
			e.complain("%s: %s", name, applet.PrintableLine(err.Error()))
			return 2
		case result:
			return 0
		}
		return 1
	}
}

// holds is a condition of test in this environment.
func (e *env) holds(args []string) (bool, error) {
	return applet.Condition(args, e.path, func(n int) bool {
		f := e.fds[n]
		if f == nil {
			return false
		}
		_, err := unix.IoctlGetTermios(fdOf(f.File), unix.TCGETS)
		return err == nil
	})
}
