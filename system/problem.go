package system

import (
	"cmp"
	"fmt"
	"strings"

	"bantam/order"
	"bantam/printable"
	"bantam/system/syntax"
)

// maxProblems bounds a report: a megabyte of noise needs no million messages.
const maxProblems = 500

// Problem is one fault of a system.toml.
type Problem struct {
	File       string `json:"file"`       // as given to Parse
	Line       int    `json:"line"`       // from 1
	Col        int    `json:"col"`        // from 1, in bytes, as Go and C compilers count
	Message    string `json:"message"`    // e.g. net.eth0.mtu: expected an integer, found a string
	Suggestion string `json:"suggestion"` // what to do, e.g. write 1500; may be empty
}

// String is the problem on one line: file:line:col: message; suggestion.
func (p Problem) String() string {
	text := fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Col, p.Message)
	if p.Suggestion != "" {
		text += "; " + p.Suggestion
	}
	return text
}

// report turns faults into problems, sorted by position. Bytes that are no
// text spoil whatever else is said about their line, and wrong syntax what is
// said about the same place, so only the cause is mentioned.
func report(file string, src syntax.Text, bytes, grammar, meaning []syntax.Fault) []Problem {
	spoilt, wrong := make(map[int]bool), make(map[int]bool)
	for _, f := range bytes {
		spoilt[src.Position(f.At).Line] = true
	}
	for _, f := range grammar {
		wrong[f.At] = true
	}
	all := bytes
	for _, f := range grammar {
		if !spoilt[src.Position(f.At).Line] {
			all = append(all, f)
		}
	}
	for _, f := range meaning {
		if !spoilt[src.Position(f.At).Line] && !wrong[f.At] {
			all = append(all, f)
		}
	}
	order.Stably(all, func(a, b syntax.Fault) int { return cmp.Compare(a.At, b.At) })
	left := len(all) - maxProblems
	if left > 0 {
		all = all[:maxProblems]
	}
	var problems []Problem
	for _, f := range all {
		pos := src.Position(f.At)
		problems = append(problems, Problem{file, pos.Line, pos.Col, oneLine(f.Message), oneLine(f.Suggestion)})
	}
	if left > 0 {
		last := problems[len(problems)-1]
		last.Message, last.Suggestion = fmt.Sprintf("%d more problems are not shown", left), ""
		problems = append(problems, last)
	}
	return problems
}

// oneLine is a text that does nothing to a terminal, whatever the file names,
// and has no tab either.
func oneLine(text string) string { return strings.ReplaceAll(printable.Escape(text), "\t", `\t`) }
