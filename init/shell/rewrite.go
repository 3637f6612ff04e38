package shell

import (
	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"
)

// The interpreter runs background commands as goroutines, exec as a child and
// knows no process ids. Before a statement runs, rewrite turns these places
// into calls of words that no script can contain; the exec handler does the rest.
const (
	spawnWord = "\x00spawn" // spawn COMMAND...: start it in the background
	jobWord   = "\x00job"   // job TEXT: make a job for the list that follows
	doneWord  = "\x00done"  // done JOB: the list of that job has ended
	execWord  = "\x00exec"  // exec COMMAND...: become it

	nameVariable = "__sh_name" // stands for $0
	lastVariable = "__sh_last" // stands for $!
	jobVariable  = "__sh_job"  // set inside a background list: its job, e.g. %2
)

// rewrite changes stmt in place. isFunction tells the functions known so far.
func rewrite(stmt *syntax.Stmt, isFunction func(string) bool) {
	var background []*syntax.Stmt
	declared := map[string]bool{}
	syntax.Walk(stmt, func(node syntax.Node) bool {
		switch node := node.(type) {
		case *syntax.FuncDecl:
			if node.Name != nil {
				declared[node.Name.Value] = true
			}
		case *syntax.Stmt:
			if node.Background {
				background = append(background, node)
			}
		case *syntax.Redirect:
			rewriteRedirect(node)
		case *syntax.ParamExp:
			if node.Param == nil {
				break
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
	markExec(stmt)
	// Inner ones come later in the walk and must be done first.
	for i := len(background) - 1; i >= 0; i-- {
		rewriteBackground(background[i], func(name string) bool { return declared[name] || isFunction(name) })
	}
}

// rewriteBackground turns "command args &" into a spawn, any other list into a
// job that runs inside the shell:
//
//	{ job TEXT; { ( __sh_job=$__sh_last; LIST ); done $__sh_last; } & }
func rewriteBackground(stmt *syntax.Stmt, isFunction func(string) bool) {
	text := oneLine(stmt)
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
	newJob := &syntax.CallExpr{Args: []*syntax.Word{word(jobWord), {Parts: []syntax.WordPart{&syntax.SglQuoted{Value: text}}}}}
	*stmt = syntax.Stmt{Position: stmt.Position, Cmd: &syntax.Block{Stmts: []*syntax.Stmt{
		{Cmd: newJob},
		{Cmd: inner, Background: true},
	}}}
}

// rewriteRedirect makes >&N for N above 2 an append to /proc/self/fd/N: the
// interpreter has no descriptors of its own, but inherited ones such as
// $NOTIFY_FD are open in this process.
func rewriteRedirect(redirect *syntax.Redirect) {
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

func word(text string) *syntax.Word {
	return &syntax.Word{Parts: []syntax.WordPart{&syntax.Lit{Value: text}}}
}

func variableWord(name string) *syntax.Word {
	return &syntax.Word{Parts: []syntax.WordPart{&syntax.ParamExp{Param: &syntax.Lit{Value: name}}}}
}
