package shell

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"
)

// The interpreter's own time knows no children and says 0.000 of them. rewrite
// puts a pair of words around what is measured:
//
//	{ time; STATEMENT; timed FORMAT; }
const (
	timeWord  = "\x01time"
	timedWord = "\x01timed"

	timeVariable = "__sh_time" // when the statements began that are measured now, the innermost first
)

// moment is what passed until a moment, in nanoseconds: by the clock, and of
// processors for the shell and the children that it has waited for.
type moment struct{ real, user, sys int64 }

var began = time.Now()

func now() moment {
	m := moment{real: int64(time.Since(began))}
	for _, who := range []int{unix.RUSAGE_SELF, unix.RUSAGE_CHILDREN} {
		var r unix.Rusage
		if unix.Getrusage(who, &r) == nil {
			m.user += r.Utime.Nano()
			m.sys += r.Stime.Nano()
		}
	}
	return m
}

// rewriteTime replaces the interpreter's time.
func rewriteTime(clause *syntax.TimeClause) syntax.Command {
	format := "-"
	if clause.PosixFormat {
		format = "-p"
	}
	call := func(words ...string) *syntax.Stmt {
		c := &syntax.CallExpr{}
		for _, w := range words {
			c.Args = append(c.Args, &syntax.Word{Parts: quoted(w)})
		}
		return &syntax.Stmt{Cmd: c}
	}
	stmts := []*syntax.Stmt{call(timeWord)}
	if clause.Stmt != nil {
		stmts = append(stmts, clause.Stmt)
	}
	return &syntax.Block{Stmts: append(stmts, call(timedWord, format))}
}

func (sh *shell) startTime(ctx context.Context, hc interp.HandlerContext) error {
	m := now()
	return hc.Builtin(ctx, []string{"eval", fmt.Sprintf("%s='%d %d %d '$%s", timeVariable, m.real, m.user, m.sys, timeVariable)})
}

// endTime tells what the statement took and keeps its status.
func (sh *shell) endTime(ctx context.Context, hc interp.HandlerContext, posix bool) error {
	end := now()
	numbers := strings.Fields(hc.Env.Get(timeVariable).String())
	if len(numbers) >= 3 {
		var m [3]int64
		for i := range m {
			m[i], _ = strconv.ParseInt(numbers[i], 10, 64)
		}
		fmt.Fprint(hc.Stderr, timeText(moment{end.real - m[0], end.user - m[1], end.sys - m[2]}, posix))
		status := hc.LastExitStatus
		if err := hc.Builtin(ctx, []string{"eval", timeVariable + "='" + strings.Join(numbers[3:], " ") + "'"}); err != nil {
			return err
		}
		return exitError(status)
	}
	return exitError(hc.LastExitStatus)
}

// timeText is as bash writes it.
func timeText(m moment, posix bool) string {
	if posix {
		return fmt.Sprintf("real %.2f\nuser %.2f\nsys %.2f\n", float64(m.real)/1e9, float64(m.user)/1e9, float64(m.sys)/1e9)
	}
	text := "\n"
	for i, ns := range []int64{m.real, m.user, m.sys} {
		ms := ns / 1e6
		text += fmt.Sprintf("%s\t%dm%d.%03ds\n", []string{"real", "user", "sys"}[i], ms/60000, ms/1000%60, ms%1000)
	}
	return text
}
