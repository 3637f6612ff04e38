package shell

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"
)

// The interpreter runs background commands as goroutines, exec as a child and
// knows no process ids. Before a statement runs, rewrite turns these places
// into calls of words that no script contains; the exec handler does the rest.
const (
	spawnWord = "\x01spawn" // spawn COMMAND...: start it in the background
	jobWord   = "\x01job"   // job TEXT: make a job for the list that follows
	doneWord  = "\x01done"  // done JOB: the list of that job has ended
	execWord  = "\x01exec"  // exec COMMAND...: become it

	nameVariable = "__sh_name" // stands for $0
	lastVariable = "__sh_last" // stands for $!
	jobVariable  = "__sh_job"  // set inside a background list: its job, e.g. %2
)

// rewrite changes stmt in place. isFunction tells the functions known so far;
// the result are those that stmt declares.
func rewrite(stmt *syntax.Stmt, isFunction func(string) bool) (declared map[string]bool) {
	var background []*syntax.Stmt
	texts := map[*syntax.Stmt]string{} // as they were written
	declared = map[string]bool{}
	syntax.Walk(stmt, func(node syntax.Node) bool {
		switch node := node.(type) {
		case *syntax.FuncDecl:
			if node.Name != nil {
				declared[node.Name.Value] = true
			}
		case *syntax.Stmt:
			if node.Background {
				background = append(background, node)
				texts[node] = oneLine(node)
			}
			if clause, ok := node.Cmd.(*syntax.TimeClause); ok {
				node.Cmd = rewriteTime(clause)
			}
		case *syntax.Assign:
			quoteEscapes(node.Value)
		case *syntax.CaseClause:
			quoteEscapes(node.Word)
		case *syntax.Redirect:
			if node.Op != syntax.Hdoc && node.Op != syntax.DashHdoc {
				quoteEscapes(node.Word)
			}
			rewriteRedirect(node)
		case *syntax.ParamExp:
			if node.Param == nil {
				break
			}
			if n, err := strconv.Atoi(node.Param.Value); err == nil && n > 9 && node.Exp == nil && node.Slice == nil && node.Repl == nil && !node.Length {
				// The interpreter knows $1 to $9.
				node.Param.Value, node.Short = "*", false
				node.Slice = &syntax.Slice{Offset: number(n), Length: number(1)}
			}
			switch node.Param.Value {
			case "0":
				node.Param.Value, node.Short = nameVariable, false
			case "!":
				node.Param.Value, node.Short = lastVariable, false
			}
		}
		return true
	})
	// Inner ones come later in the walk and must be done first.
	for i := len(background) - 1; i >= 0; i-- {
		rewriteBackground(background[i], texts[background[i]], func(name string) bool { return declared[name] || isFunction(name) })
	}
	return declared
}

// quoteEscapes writes a\ b as a' 'b. The interpreter leaves the backslashes of a
// word in place where that is not split into fields: > my\ file, name=my\ file.
func quoteEscapes(word *syntax.Word) {
	if word == nil {
		return
	}
	var parts []syntax.WordPart
	for _, part := range word.Parts {
		lit, ok := part.(*syntax.Lit)
		if !ok || !strings.Contains(lit.Value, `\`) {
			parts = append(parts, part)
			continue
		}
		for text := lit.Value; text != ""; {
			plain, rest, escaped := strings.Cut(text, `\`)
			if plain != "" {
				parts = append(parts, &syntax.Lit{Value: plain})
			}
			if !escaped {
				break
			}
			_, size := utf8.DecodeRuneInString(rest)
			parts = append(parts, quoted(rest[:size])...)
			text = rest[size:]
		}
	}
	word.Parts = parts
}

// rewriteBackground turns "command args &" into a spawn, any other list into a
// job that runs inside the shell:
//
//	{ job TEXT; { ( __sh_job=$__sh_last; LIST ); done $__sh_last; } & }
func rewriteBackground(stmt *syntax.Stmt, text string, isFunction func(string) bool) {
	if call, ok := stmt.Cmd.(*syntax.CallExpr); ok && len(call.Args) > 0 && !stmt.Negated {
		name := call.Args[0].Lit()
		if name != "" && !interp.IsBuiltin(name) && !isBuiltin(name) && !isFunction(name) {
			call.Args = append([]*syntax.Word{word(spawnWord)}, call.Args...)
			stmt.Background = false
			return
		}
	}
	list := *stmt
	list.Background, list.Comments = false, nil
	assign := &syntax.CallExpr{Assigns: []*syntax.Assign{{
		Name:  &syntax.Lit{Value: jobVariable},
		Value: variableWord(lastVariable),
	}}}
	inner := &syntax.Block{Stmts: []*syntax.Stmt{
		{Cmd: &syntax.Subshell{Stmts: []*syntax.Stmt{{Cmd: assign}, &list}}},
		{Cmd: &syntax.CallExpr{Args: []*syntax.Word{word(doneWord), variableWord(lastVariable)}}},
	}}
	newJob := &syntax.CallExpr{Args: []*syntax.Word{word(jobWord), {Parts: quoted(text)}}}
	*stmt = syntax.Stmt{Position: stmt.Position, Cmd: &syntax.Block{Stmts: []*syntax.Stmt{
		{Cmd: newJob},
		{Cmd: inner, Background: true},
	}}}
}

// rewriteRedirect makes >&N for N above 2 an append to /proc/self/fd/N: the
// interpreter has no descriptors of its own, but inherited ones such as
// $NOTIFY_FD are open in this process.
func rewriteRedirect(redirect *syntax.Redirect) {
	if redirect.Op == syntax.RdrClob {
		redirect.Op = syntax.RdrOut // there is no noclobber that it could overrule
	}
	if redirect.Op != syntax.DplOut || redirect.Word == nil {
		return
	}
	switch lit := redirect.Word.Lit(); {
	case lit == "1" || lit == "2" || lit == "-":
		return
	case lit == "" && len(redirect.Word.Parts) == 0:
		return
	}
	redirect.Op = syntax.AppOut
	redirect.Word = &syntax.Word{Parts: append([]syntax.WordPart{&syntax.Lit{Value: descriptorFolder}}, redirect.Word.Parts...)}
}

const descriptorFolder = "/proc/self/fd/"

// markExec finds "exec command" where the shell itself runs it, not a subshell,
// pipeline, function or background list, all of which share this process.
func markExec(stmt *syntax.Stmt) {
	if stmt.Background || stmt.Negated {
		return
	}
	each := func(lists ...[]*syntax.Stmt) {
		for _, list := range lists {
			for _, stmt := range list {
				markExec(stmt)
			}
		}
	}
	switch cmd := stmt.Cmd.(type) {
	case *syntax.CallExpr:
		if len(cmd.Args) > 1 && cmd.Args[0].Lit() == "exec" {
			cmd.Args[0] = word(execWord)
		}
	case *syntax.Block:
		each(cmd.Stmts)
	case *syntax.IfClause:
		for clause := cmd; clause != nil; clause = clause.Else {
			each(clause.Cond, clause.Then)
		}
	case *syntax.WhileClause:
		each(cmd.Cond, cmd.Do)
	case *syntax.ForClause:
		each(cmd.Do)
	case *syntax.CaseClause:
		for _, item := range cmd.Items {
			each(item.Stmts)
		}
	case *syntax.BinaryCmd:
		if cmd.Op == syntax.AndStmt || cmd.Op == syntax.OrStmt {
			markExec(cmd.X)
			markExec(cmd.Y)
		}
	}
}

// quoted is text as the parts of a word that mean just that, printed or not.
func quoted(text string) []syntax.WordPart {
	var parts []syntax.WordPart
	for i, piece := range strings.Split(text, "'") {
		if i > 0 {
			parts = append(parts, &syntax.DblQuoted{Parts: []syntax.WordPart{&syntax.Lit{Value: "'"}}})
		}
		if piece != "" {
			parts = append(parts, &syntax.SglQuoted{Value: piece})
		}
	}
	return parts
}

// rewriteText does the same for a text that the interpreter will parse itself:
// that of eval, or a file read by the . command. exec stays as it is there, since
// nobody knows whether a subshell runs it.
func (sh *shell) rewriteText(text string) string {
	file, err := syntax.NewParser().Parse(strings.NewReader(text), "")
	if err != nil {
		return text // the interpreter will say what is wrong
	}
	known := func(name string) bool { _, ok := sh.declared.Load(name); return ok }
	for _, stmt := range file.Stmts {
		for name := range rewrite(stmt, known) {
			sh.declared.Store(name, true)
		}
	}
	var out strings.Builder
	if syntax.NewPrinter().Print(&out, file) != nil {
		return text
	}
	return out.String()
}

func number(n int) syntax.ArithmExpr { return word(strconv.Itoa(n)) }

func word(text string) *syntax.Word {
	return &syntax.Word{Parts: []syntax.WordPart{&syntax.Lit{Value: text}}}
}

func variableWord(name string) *syntax.Word {
	return &syntax.Word{Parts: []syntax.WordPart{&syntax.ParamExp{Param: &syntax.Lit{Value: name}}}}
}
