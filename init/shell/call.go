package shell

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"syscall"

	"mvdan.cc/sh/v3/syntax"
)

// simple runs a simple command: words, then redirections, then assignments are expanded.
func (e *env) simple(call *syntax.CallExpr, redirs []*syntax.Redirect) {
	if len(call.Args) > 0 {
		if name := call.Args[0].Lit(); name != "" && e.aliased(name, call, redirs) {
			return
		}
	}
	args, err := e.fields(call.Args)
	if err != nil {
		e.fatal("sh: %v", err)
		return
	}
	name := ""
	if len(args) > 0 {
		name = args[0]
	}
	e.invoke(name, args, call.Assigns, redirs)
	if len(args) > 0 {
		e.lastArg = args[len(args)-1]
	}
}

// invoke runs a command whose words are expanded.
func (e *env) invoke(name string, args []string, assigns []*syntax.Assign, redirs []*syntax.Redirect) {
	special := specialBuiltins[name]
	restore, keep, err := e.redirect(redirs)
	if err != nil {
		if special {
			e.fatal("sh: %v", err)
			return
		}
		e.redirectFailed(err)
		return
	}
	kept := false
	defer func() {
		if !kept {
			restore()
		}
	}()
	if e.opts[xtrace] {
		e.trace(assigns, args)
	}
	hidden := map[string]*variable{}
	if len(assigns) > 0 {
		temporary := name != "" && !special
		if err := e.assignAll(assigns, temporary || name == "exec" && len(args) > 1, hidden, temporary); err != nil {
			e.unhide(hidden)
			e.fatal("sh: %v", err)
			return
		}
	}
	if name == "" && len(args) == 0 {
		e.status = max(e.substatus, 0)
		return
	}
	defer e.unhide(hidden)
	e.keeps = false
	if name == "exec" {
		e.keeps = e.execBuiltin(args[1:])
	} else {
		e.dispatch(args, true)
	}
	if e.keeps && (name == "exec" || name == "command") {
		kept = true
		keep()
	}
	e.keeps = false
}

// assignAll does the assignments before a command. hidden gets what they replace.
func (e *env) assignAll(assigns []*syntax.Assign, exported bool, hidden map[string]*variable, temporary bool) error {
	for _, a := range assigns {
		if a.Index != nil || a.Array != nil {
			return errorText(a.Name.Value + ": arrays are not supported")
		}
		value, err := e.oneText(a.Value, true)
		if err != nil {
			return err
		}
		name := a.Name.Value
		if a.Append {
			value = e.value(name) + value
		}
		if _, done := hidden[name]; temporary && !done {
			hidden[name] = nil
			if v := e.vars[name]; v != nil {
				copied := *v
				hidden[name] = &copied
			}
		}
		if err := e.assign(name, value); err != nil {
			return err
		}
		if exported {
			e.vars[name].exported = true
		}
	}
	return nil
}

func (e *env) unhide(hidden map[string]*variable) {
	for name, v := range hidden {
		if v == nil {
			delete(e.vars, name)
		} else {
			e.vars[name] = v
		}
	}
}

// dispatch runs a builtin, a function or a program.
func (e *env) dispatch(args []string, functions bool) {
	name := args[0]
	own, isBuiltin := builtins[name]
	if isBuiltin && specialBuiltins[name] {
		e.builtin(name, own, args[1:])
		return
	}
	if body := e.funcs[name]; body != nil && functions {
		e.function(body, args[1:])
		return
	}
	if isBuiltin {
		e.builtin(name, own, args[1:])
		return
	}
	e.runForeground(args)
}

func (e *env) builtin(name string, own builtin, args []string) {
	out := &noted{Writer: e.stdout()}
	status := own.run(e, out, args)
	if e.flow == onward {
		e.status = status
	}
	if !out.broken {
		return
	}
	if e.isPipe(out.Writer) {
		// A process would have died of SIGPIPE; else while true; do echo y; done | head -n 1
		// would never end.
		e.status, e.flow = 128+int(syscall.SIGPIPE), exiting
		return
	}
	e.complain("%s: write: %v", name, syscall.EPIPE) // some files of /sys answer so
	e.status = 1
}

// noted is a writer that remembers whether its reader has gone.
type noted struct {
	io.Writer
	broken bool
}

func (n *noted) Write(p []byte) (int, error) {
	written, err := n.Writer.Write(p)
	n.broken = n.broken || errnoOf(err) == error(syscall.EPIPE)
	return written, err
}

// isPipe tells whether a writer that broke is a pipe out of a subshell or a script.
func (e *env) isPipe(w io.Writer) bool {
	f, ok := w.(*file)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeNamedPipe != 0 && (e.outside || e.sh.history == nil)
}

// function runs a function with parameters and local variables of its own.
func (e *env) function(body *syntax.Stmt, args []string) {
	params, loops, offset := e.params, e.loops, e.optOffset
	e.params, e.loops = args, 0
	e.calls++
	e.scopes = append(e.scopes, map[string]*variable{})
	defer func() {
		scope := e.scopes[len(e.scopes)-1]
		e.scopes = e.scopes[:len(e.scopes)-1]
		_, own := scope["OPTIND"]
		e.unhide(scope)
		if own {
			e.optOffset = offset
		}
		e.calls--
		e.params, e.loops = params, loops
		if e.flow == returning {
			e.flow = onward
		}
	}()
	e.stmt(body)
}

// trace is what set -x shows.
func (e *env) trace(assigns []*syntax.Assign, args []string) {
	prompt := e.value("PS4")
	if parsed, err := syntax.NewParser().Document(strings.NewReader(prompt)); err == nil && parsed != nil {
		on := e.opts[xtrace]
		e.opts[xtrace] = false
		x := expansion{env: e}
		if x.parts(parsed.Parts, inDocument); x.err == nil {
			prompt = joined(x.out)
		}
		e.opts[xtrace] = on
	}
	var words []string
	for _, a := range assigns {
		if value, err := e.oneText(a.Value, true); err == nil && !hasCommands(a.Value) {
			words = append(words, a.Name.Value+"="+traced(value))
		} else {
			words = append(words, a.Name.Value+"=...")
		}
	}
	for _, arg := range args {
		words = append(words, traced(arg))
	}
	fmt.Fprintf(e.stderr(), "%s%s\n", prompt, strings.Join(words, " "))
}

// hasCommands tells whether expanding a word a second time would do something.
func hasCommands(word *syntax.Word) bool {
	found := false
	if word != nil {
		syntax.Walk(word, func(node syntax.Node) bool {
			switch node.(type) {
			case *syntax.CmdSubst, *syntax.ArithmExp:
				found = true
			}
			return !found
		})
	}
	return found
}

// aliased runs a command whose name is an alias: the alias' text takes the name's place.
func (e *env) aliased(name string, call *syntax.CallExpr, redirs []*syntax.Redirect) bool {
	value, ok := e.aliases[name]
	if !ok || slices.Contains(e.expanding, name) {
		return false
	}
	var text strings.Builder
	printer := syntax.NewPrinter()
	for _, a := range call.Assigns {
		printer.Print(&text, &syntax.Stmt{Cmd: &syntax.CallExpr{Assigns: []*syntax.Assign{a}}})
		text.WriteByte(' ')
	}
	text.WriteString(value)
	rest := call.Args[1:]
	if strings.HasSuffix(value, " ") && len(rest) > 0 {
		if next, ok := e.aliases[rest[0].Lit()]; ok {
			text.WriteString(" " + next)
			rest = rest[1:]
		}
	}
	for _, word := range rest {
		text.WriteByte(' ')
		printer.Print(&text, word)
	}
	stmts, err := parseText(text.String())
	if err != nil {
		e.fatal("sh: alias %s: %v", name, err)
		return true
	}
	e.expanding = append(e.expanding, name)
	defer func() { e.expanding = e.expanding[:len(e.expanding)-1] }()
	if len(stmts) > 0 {
		stmts[len(stmts)-1].Redirs = append(stmts[len(stmts)-1].Redirs, redirs...)
	}
	e.run(stmts)
	return true
}

// eval runs a text in this environment.
func (e *env) eval(text string) {
	if e.calls++; e.calls > maxDepth/4 {
		e.fatal("sh: commands are nested too deeply")
	}
	defer func() { e.calls-- }()
	empty := true
	for stmt, err := range statements(text) {
		empty = false
		if err != nil {
			e.fatal("sh: %v", err)
			return
		}
		if e.stmt(stmt); e.flow != onward {
			return
		}
	}
	if empty {
		e.status = 0
	}
}

// runText runs the shell's own text and returns its status.
func (sh *shell) runText(text string) int {
	e := sh.main
	e.ctx = context.Background()
	e.guard(func() { e.eval(text) })
	sh.settle()
	return e.status
}
