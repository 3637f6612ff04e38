package shell

import (
	"errors"
	"fmt"
	"os"
	"sync"

	"mvdan.cc/sh/v3/syntax"

	"bantam/init/glob"
)

// run runs a list of statements until one of them ends it.
func (e *env) run(stmts []*syntax.Stmt) {
	for _, stmt := range stmts {
		if e.stmt(stmt); e.flow != onward {
			return
		}
	}
}

// halted tells whether the next command must not begin, and why, in flow.
func (e *env) halted() bool {
	if e.flow != onward {
		return true
	}
	if e.ctx.Err() != nil {
		e.status, e.flow = 130, aborting
		return true
	}
	if sig, killed := e.sh.killerOf(e.job); killed {
		command, trapped := e.traps[trapName(sig)]
		if !trapped || e.trapDepth > 0 {
			e.status, e.flow = 128+int(sig), exiting
			return true
		}
		e.sh.revive(e.job)
		if command != "" {
			e.runTrap(command)
		}
	}
	e.signalTraps()
	return e.flow != onward
}

func (e *env) stmt(stmt *syntax.Stmt) {
	if e.halted() || e.opts[noexec] && !(e.sh.history != nil && !e.outside) {
		return
	}
	if e.depth++; e.depth > maxDepth {
		e.fatal("sh: commands are nested too deeply")
		e.depth--
		return
	}
	defer func() { e.depth-- }()
	if stmt.Coprocess || stmt.Disown {
		e.fatal("sh: |& and &| are not supported")
		return
	}
	if stmt.Background {
		e.runBackground(stmt)
		return
	}
	if stmt.Negated {
		e.condition++
	}
	e.substatus = -1
	if call, ok := stmt.Cmd.(*syntax.CallExpr); ok {
		e.simple(call, stmt.Redirs)
	} else if restore, _, err := e.redirect(stmt.Redirs); err != nil {
		e.redirectFailed(err)
	} else {
		if stmt.Cmd == nil {
			e.status = max(e.substatus, 0)
		} else {
			e.command(stmt.Cmd)
		}
		restore()
	}
	if stmt.Negated {
		e.condition--
		if e.flow == onward {
			e.status = 1 - min(e.status, 1)
		}
		return
	}
	switch cmd := stmt.Cmd.(type) {
	case *syntax.BinaryCmd:
		if cmd.Op == syntax.AndStmt || cmd.Op == syntax.OrStmt {
			return // its parts have decided
		}
	case *syntax.Block, *syntax.IfClause, *syntax.WhileClause, *syntax.ForClause, *syntax.CaseClause, *syntax.TimeClause:
		if len(stmt.Redirs) == 0 {
			return
		}
	}
	e.failed()
	e.signalTraps()
}

// failed ends the environment after a failure that set -e does not forgive.
func (e *env) failed() {
	if e.status == 0 || e.condition > 0 || e.flow != onward {
		return
	}
	if command := e.traps["ERR"]; command != "" && (e.calls == 0 || e.opts[errtrace]) {
		e.runTrap(command)
	}
	if e.opts[errexit] && e.flow == onward {
		e.flow = exiting
	}
}

// redirectFailed is not the end of a script, unless a special builtin was redirected.
func (e *env) redirectFailed(err error) {
	if expansionError(err) {
		e.fatal("sh: %v", err)
		return
	}
	e.complain("sh: %v", err)
	e.status = 2
}

// expansionError tells errors of words, which end a script, from those of files.
func expansionError(err error) bool {
	var text errorText
	var unset unsetError
	var readonly readonlyError
	return errors.As(err, &text) || errors.As(err, &unset) || errors.As(err, &readonly)
}

func (e *env) command(cmd syntax.Command) {
	switch cmd := cmd.(type) {
	case *syntax.Block:
		e.run(cmd.Stmts)
	case *syntax.Subshell:
		e.within(func(c *env) { c.run(cmd.Stmts) })
	case *syntax.BinaryCmd:
		e.binary(cmd)
	case *syntax.IfClause:
		e.ifClause(cmd)
	case *syntax.WhileClause:
		e.loop(func() bool {
			e.test(cmd.Cond)
			return (e.status == 0) != cmd.Until
		}, cmd.Do, nil)
	case *syntax.ForClause:
		e.forClause(cmd)
	case *syntax.CaseClause:
		e.caseClause(cmd)
	case *syntax.FuncDecl:
		if cmd.Name == nil {
			e.fatal("sh: a function needs one name")
			return
		}
		e.funcs[cmd.Name.Value] = cmd.Body
		e.status = 0
	case *syntax.ArithmCmd:
		e.arithmeticStatus(cmd.X)
	case *syntax.LetClause:
		for _, expr := range cmd.Exprs {
			e.arithmeticStatus(expr)
		}
	case *syntax.TestClause:
		result, err := e.bashTest(cmd.X)
		if err != nil {
			e.fatal("[[: %v", err)
			return
		}
		e.status = 1
		if result {
			e.status = 0
		}
	case *syntax.DeclClause:
		e.declare(cmd)
	case *syntax.TimeClause:
		begin := now()
		e.status = 0
		if cmd.Stmt != nil {
			e.stmt(cmd.Stmt)
		}
		end := now()
		fmt.Fprint(e.stderr(), timeText(moment{end.real - begin.real, end.user - begin.user, end.sys - begin.sys}, cmd.PosixFormat))
	default:
		e.fatal("sh: this kind of command is not supported")
	}
}

func (e *env) arithmeticStatus(expr syntax.ArithmExpr) {
	value, err := e.arithmetic(expr)
	if err != nil {
		e.complain("sh: %v", err)
		e.status = 1
		return
	}
	e.status = 0
	if value == 0 {
		e.status = 1
	}
}

// test runs a condition: set -e does not watch it.
func (e *env) test(stmts []*syntax.Stmt) {
	e.condition++
	e.run(stmts)
	e.condition--
}

func (e *env) binary(cmd *syntax.BinaryCmd) {
	if cmd.Op == syntax.Pipe || cmd.Op == syntax.PipeAll {
		e.pipeline(cmd)
		return
	}
	e.test([]*syntax.Stmt{cmd.X})
	if e.flow == onward && (e.status == 0) == (cmd.Op == syntax.AndStmt) {
		e.stmt(cmd.Y)
	}
}

func (e *env) ifClause(cmd *syntax.IfClause) {
	for clause := cmd; clause != nil; clause = clause.Else {
		if clause.ThenPos.IsValid() {
			if e.test(clause.Cond); e.flow != onward {
				return
			}
			if e.status != 0 {
				continue
			}
		}
		e.run(clause.Then)
		return
	}
	e.status = 0
}

// loop runs body while more says so. Its status is that of the last body.
func (e *env) loop(more func() bool, body []*syntax.Stmt, after func()) {
	e.loops++
	defer func() { e.loops-- }()
	status := 0
	for {
		again := more()
		if e.leaves() {
			status = e.status
			break
		}
		if e.flow == onward && !again {
			break
		}
		if e.flow == onward {
			e.run(body)
		}
		status = e.status
		if e.leaves() {
			break
		}
		e.flow = onward
		if after != nil {
			if after(); e.leaves() {
				status = e.status
				break
			}
		}
	}
	e.status = status
}

// leaves tells whether the innermost loop ends here, and counts it.
func (e *env) leaves() bool {
	switch e.flow {
	case onward:
		return e.halted()
	case breaking, continuing:
		if e.levels--; e.levels > 0 {
			return true
		}
		if e.flow == breaking {
			e.flow = onward
			return true
		}
		return false
	}
	return true
}

func (e *env) forClause(cmd *syntax.ForClause) {
	if cmd.Select {
		e.fatal("sh: select is not supported")
		return
	}
	switch loop := cmd.Loop.(type) {
	case *syntax.WordIter:
		items := e.params
		if loop.InPos.IsValid() {
			var err error
			if items, err = e.fields(loop.Items); err != nil {
				e.fatal("sh: %v", err)
				return
			}
		}
		i := 0
		e.status = 0
		e.loop(func() bool {
			if i == len(items) {
				return false
			}
			if err := e.assign(loop.Name.Value, items[i]); err != nil {
				e.fatal("sh: %v", err)
			}
			i++
			return true
		}, cmd.Do, nil)
	case *syntax.CStyleLoop:
		compute := func(expr syntax.ArithmExpr, empty int64) int64 {
			if expr == nil {
				return empty
			}
			value, err := e.arithmetic(expr)
			if err != nil {
				e.fatal("sh: %v", err)
			}
			return value
		}
		if compute(loop.Init, 0); e.flow != onward {
			return
		}
		e.loop(func() bool { return compute(loop.Cond, 1) != 0 }, cmd.Do, func() { compute(loop.Post, 0) })
	}
}

func (e *env) caseClause(cmd *syntax.CaseClause) {
	text, err := e.literal(cmd.Word)
	if err != nil {
		e.fatal("sh: %v", err)
		return
	}
	ran, next := false, false
	for _, item := range cmd.Items {
		match := next
		for _, word := range item.Patterns {
			if match {
				break
			}
			pattern, err := e.pattern(word)
			if err != nil {
				e.fatal("sh: %v", err)
				return
			}
			match = glob.Match(pattern, text)
		}
		if !match {
			continue
		}
		ran = true
		if len(item.Stmts) == 0 {
			e.status = 0
		}
		if e.run(item.Stmts); e.flow != onward {
			return
		}
		if item.Op == syntax.Break {
			return
		}
		next = item.Op == syntax.Fallthrough
	}
	if !ran {
		e.status = 0
	}
}

// pipeline runs its commands beside each other, each in a subshell.
func (e *env) pipeline(cmd *syntax.BinaryCmd) {
	stmts := []*syntax.Stmt{cmd.Y}
	joins := []bool{cmd.Op == syntax.PipeAll}
	left := cmd.X
	for {
		inner, ok := left.Cmd.(*syntax.BinaryCmd)
		if !ok || inner.Op != syntax.Pipe && inner.Op != syntax.PipeAll || len(left.Redirs) > 0 || left.Negated {
			break
		}
		stmts = append([]*syntax.Stmt{inner.Y}, stmts...)
		joins = append([]bool{inner.Op == syntax.PipeAll}, joins...)
		left = inner.X
	}
	stmts = append([]*syntax.Stmt{left}, stmts...)
	statuses := make([]int, len(stmts))
	var all sync.WaitGroup
	var input *file
	for i, stmt := range stmts {
		c := e.clone()
		c.condition = e.condition
		if input != nil {
			c.replace(0, input)
			input = nil
		}
		if i < len(stmts)-1 {
			r, w, err := os.Pipe()
			if err != nil {
				c.finish()
				e.fatal("sh: pipe: %v", err)
				break
			}
			input = newFile(r)
			output := newFile(w)
			c.replace(1, output)
			if joins[i] {
				c.replace(2, output.retain())
			}
		}
		all.Go(func() {
			c.guard(func() { c.stmt(stmt) })
			c.finish()
			statuses[i] = c.status
		})
	}
	if input != nil {
		input.release()
	}
	all.Wait()
	if e.flow != onward {
		return
	}
	e.status = statuses[len(statuses)-1]
	if e.opts[pipefail] {
		for _, status := range statuses {
			if status != 0 {
				e.status = status
			}
		}
	}
}
