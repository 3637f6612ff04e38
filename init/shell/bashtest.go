package shell

import (
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"bantam/init/glob"
)

// bashTest evaluates [[ ... ]], whose words are not split and whose = compares with a pattern.
func (e *env) bashTest(expr syntax.TestExpr) (bool, error) {
	switch expr := expr.(type) {
	case *syntax.Word:
		text, err := e.literal(expr)
		return text != "", err
	case *syntax.ParenTest:
		return e.bashTest(expr.X)
	case *syntax.UnaryTest:
		if expr.Op == syntax.TsNot {
			result, err := e.bashTest(expr.X)
			return !result, err
		}
		word, ok := expr.X.(*syntax.Word)
		if !ok {
			return false, errorText("a word is missing")
		}
		text, err := e.literal(word)
		if err != nil {
			return false, err
		}
		op := expr.Op.String()
		switch expr.Op {
		case syntax.TsVarSet:
			if !syntax.ValidName(text) && strings.Trim(text, "0123456789") != "" {
				return false, nil
			}
			_, set := e.lookup(text)
			return set, nil
		case syntax.TsOptSet:
			for i, known := range optionNames {
				if known.name == text {
					return e.opts[i], nil
				}
			}
			return false, nil
		case syntax.TsGrpOwn, syntax.TsUsrOwn, syntax.TsModif, syntax.TsRefVar:
			return false, errorText(op + " is not supported")
		}
		return e.holds([]string{op, text})
	case *syntax.BinaryTest:
		return e.bashCompare(expr)
	}
	return false, errorText("this condition is not supported")
}

func (e *env) bashCompare(expr *syntax.BinaryTest) (bool, error) {
	if expr.Op == syntax.AndTest || expr.Op == syntax.OrTest {
		result, err := e.bashTest(expr.X)
		if err != nil || result == (expr.Op == syntax.OrTest) {
			return result, err
		}
		return e.bashTest(expr.Y)
	}
	left, ok := expr.X.(*syntax.Word)
	right, ok2 := expr.Y.(*syntax.Word)
	if !ok || !ok2 {
		return false, errorText("a word is missing")
	}
	text, err := e.literal(left)
	if err != nil {
		return false, err
	}
	switch expr.Op {
	case syntax.TsMatch, syntax.TsMatchShort, syntax.TsNoMatch:
		pattern, err := e.pattern(right)
		return glob.Match(pattern, text) == (expr.Op != syntax.TsNoMatch), err
	case syntax.TsReMatch:
		return false, errorText("=~ is not supported; use grep -E, expr or a pattern")
	}
	other, err := e.literal(right)
	if err != nil {
		return false, err
	}
	return e.holds([]string{text, expr.Op.String(), other})
}
