package shell

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"mvdan.cc/sh/v3/syntax"

	"bantam/init/glob"
)

// unsetError ends a script under set -u.
type unsetError string

func (name unsetError) Error() string { return string(name) + ": is not set" }

// parameter expands $x, ${x} and ${x OPERATOR WORD}.
func (x *expansion) parameter(p *syntax.ParamExp, at place) {
	if p.Param == nil || p.Flags != nil || p.Width || p.IsSet || len(p.Modifiers) > 0 {
		x.err = errorText("${...} with what is in it here is not supported")
		return
	}
	name := p.Param.Value
	if p.Index != nil {
		x.err = errorText(name + "[...]: arrays are not supported")
		return
	}
	if name == "LINENO" && x.vars[name] == nil {
		x.add(strconv.Itoa(int(p.Pos().Line())), at)
		return
	}
	if p.Excl {
		if p.Names != 0 {
			x.err = errorText("${!" + name + "*} is not supported")
			return
		}
		if name = x.value(name); name == "" || !syntax.ValidName(name) && strings.Trim(name, "0123456789") != "" {
			x.err = errorText("${!" + p.Param.Value + "}: does not hold the name of a variable")
			return
		}
	}
	list := name == "@" || name == "*"
	value, set := "", len(x.params) > 0
	if !list {
		value, set = x.lookup(name)
	} else if set {
		value = x.joinedParameters()
	}
	if p.Exp != nil && x.choose(p, name, value, set, at) {
		return
	}
	if !set && !list && x.opts[nounset] && (p.Exp == nil || p.Exp.Op >= syntax.RemSmallSuffix) {
		x.err = unsetError(name)
		return
	}
	if p.Length {
		if list {
			x.add(strconv.Itoa(len(x.params)), at)
		} else {
			x.add(strconv.Itoa(utf8.RuneCountInString(value)), at)
		}
		return
	}
	change, err := x.change(p)
	if err != nil {
		x.err = err
		return
	}
	if !list {
		x.add(change(value), at)
		return
	}
	params := x.params
	if p.Slice != nil {
		if params, x.err = x.sliceParameters(p.Slice); x.err != nil {
			return
		}
		change = func(s string) string { return s }
	}
	if at.quoted() && name == "*" || at == inDocument {
		separator := x.separator()
		if at == inDocument && name == "@" {
			separator = " "
		}
		var changed []string
		for _, param := range params {
			changed = append(changed, change(param))
		}
		x.add(strings.Join(changed, separator), at)
		return
	}
	for i, param := range params {
		if i > 0 {
			x.out = append(x.out, piece{apart: true})
		}
		x.add(change(param), at)
	}
}

func (e *env) joinedParameters() string { return strings.Join(e.params, e.separator()) }

// separator is what "$*" puts between parameters.
func (e *env) separator() string {
	ifs, set := e.lookup("IFS")
	switch {
	case !set:
		return " "
	case ifs == "":
		return ""
	}
	_, size := utf8.DecodeRuneInString(ifs)
	return ifs[:size]
}

// choose does - + = ? with and without a colon. It tells whether that was all.
func (x *expansion) choose(p *syntax.ParamExp, name, value string, set bool, at place) bool {
	op := p.Exp.Op
	missing := !set
	switch op {
	case syntax.AlternateUnsetOrNull, syntax.DefaultUnsetOrNull, syntax.ErrorUnsetOrNull, syntax.AssignUnsetOrNull:
		missing = missing || value == ""
	}
	operand := inOperand
	if at.quoted() {
		operand = inQuotedOperand
	}
	switch op {
	case syntax.AlternateUnset, syntax.AlternateUnsetOrNull:
		if !missing {
			x.operand(p.Exp.Word, operand)
		}
		return true
	case syntax.DefaultUnset, syntax.DefaultUnsetOrNull:
		if missing {
			x.operand(p.Exp.Word, operand)
		}
		return missing
	case syntax.AssignUnset, syntax.AssignUnsetOrNull:
		if !missing {
			return false
		}
		inner := expansion{env: x.env}
		inner.operand(p.Exp.Word, operand)
		text := joined(inner.out)
		if x.err = inner.err; x.err == nil {
			x.err = x.assign(name, text)
		}
		x.add(text, at)
		return true
	case syntax.ErrorUnset, syntax.ErrorUnsetOrNull:
		if !missing {
			return false
		}
		inner := expansion{env: x.env}
		inner.operand(p.Exp.Word, operand)
		text := joined(inner.out)
		if text == "" {
			text = "is not set"
		}
		if x.err = inner.err; x.err == nil {
			x.err = errorText(name + ": " + text)
		}
		return true
	}
	return false
}

func (x *expansion) operand(word *syntax.Word, at place) {
	if word == nil {
		return
	}
	parts := word.Parts
	if lit, ok := parts[0].(*syntax.Lit); ok && !at.quoted() && strings.HasPrefix(lit.Value, "~") {
		x.tildes(lit.Value, len(parts) == 1, false)
		parts = parts[1:]
	}
	x.parts(parts, at)
}

// change is what an operator makes of a value.
func (x *expansion) change(p *syntax.ParamExp) (func(string) string, error) {
	same := func(s string) string { return s }
	switch {
	case p.Slice != nil:
		from, length, err := x.sliceBounds(p.Slice)
		return func(s string) string {
			runes := []rune(s)
			begin, end := clip(from, length, p.Slice.Length != nil, len(runes))
			return string(runes[begin:end])
		}, err
	case p.Repl != nil:
		pattern, err := x.pattern(p.Repl.Orig)
		if err != nil {
			return nil, err
		}
		with := ""
		if p.Repl.With != nil {
			if with, err = x.literal(p.Repl.With); err != nil {
				return nil, err
			}
		}
		return func(s string) string { return replace(s, pattern, with, p.Repl.All) }, nil
	case p.Exp == nil || p.Exp.Op < syntax.RemSmallSuffix:
		return same, nil
	}
	pattern := ""
	if p.Exp.Word != nil {
		inner := expansion{env: x.env}
		inner.operand(p.Exp.Word, inWord)
		if inner.err != nil {
			return nil, inner.err
		}
		pattern = patternOf(inner.out)
	}
	switch p.Exp.Op {
	case syntax.RemSmallPrefix, syntax.RemLargePrefix:
		return func(s string) string { return trimPrefix(s, pattern, p.Exp.Op == syntax.RemLargePrefix) }, nil
	case syntax.RemSmallSuffix, syntax.RemLargeSuffix:
		return func(s string) string { return trimSuffix(s, pattern, p.Exp.Op == syntax.RemLargeSuffix) }, nil
	case syntax.UpperFirst, syntax.UpperAll, syntax.LowerFirst, syntax.LowerAll:
		return func(s string) string { return changeCase(s, p.Exp.Op) }, nil
	case syntax.OtherParamOps:
		return nil, errorText("${" + p.Param.Value + "@...} is not supported")
	}
	return same, nil
}

func trimPrefix(s, pattern string, longest bool) string {
	best := -1
	for i := 0; ; {
		if glob.Match(pattern, s[:i]) {
			if best = i; !longest {
				break
			}
		}
		if i == len(s) {
			break
		}
		_, size := utf8.DecodeRuneInString(s[i:])
		i += size
	}
	return s[max(best, 0):]
}

func trimSuffix(s, pattern string, longest bool) string {
	best := len(s)
	for i := len(s); ; {
		if glob.Match(pattern, s[i:]) {
			if best = i; !longest {
				break
			}
		}
		if i == 0 {
			break
		}
		_, size := utf8.DecodeLastRuneInString(s[:i])
		i -= size
	}
	return s[:best]
}

// replace is ${x/pattern/with}: the longest match, the first of them or all. A pattern
// that begins with # or % must match at the begin or the end.
func replace(s, pattern, with string, all bool) string {
	atBegin, atEnd := false, false
	if !all {
		if rest, ok := strings.CutPrefix(pattern, "#"); ok {
			pattern, atBegin = rest, true
		} else if rest, ok := strings.CutPrefix(pattern, "%"); ok {
			pattern, atEnd = rest, true
		}
	}
	if pattern == "" && !atBegin && !atEnd {
		return s
	}
	var out strings.Builder
	for i := 0; i <= len(s); {
		end := -1
		for j := len(s); j >= i; {
			if (!atEnd || j == len(s)) && glob.Match(pattern, s[i:j]) {
				end = j
				break
			}
			if j == i {
				break
			}
			_, size := utf8.DecodeLastRuneInString(s[i:j])
			j -= size
		}
		if end > i || end == i && (atBegin || atEnd) {
			out.WriteString(with)
			i = end
			if !all {
				return out.String() + s[i:]
			}
			continue
		}
		if atBegin {
			return s
		}
		if i == len(s) {
			break
		}
		_, size := utf8.DecodeRuneInString(s[i:])
		out.WriteString(s[i : i+size])
		i += size
	}
	return out.String()
}

func changeCase(s string, op syntax.ParExpOperator) string {
	mapping := unicode.ToUpper
	if op == syntax.LowerFirst || op == syntax.LowerAll {
		mapping = unicode.ToLower
	}
	if op == syntax.UpperAll || op == syntax.LowerAll {
		return strings.Map(mapping, s)
	}
	r, size := utf8.DecodeRuneInString(s)
	if size == 0 || r == utf8.RuneError {
		return s
	}
	return string(mapping(r)) + s[size:]
}

func (x *expansion) sliceBounds(slice *syntax.Slice) (from, length int64, err error) {
	if slice.Offset != nil {
		if from, err = x.arithmetic(slice.Offset); err != nil {
			return 0, 0, err
		}
	}
	if slice.Length != nil {
		length, err = x.arithmetic(slice.Length)
	}
	return from, length, err
}

// clip is the part of n things that ${x:from:length} means.
func clip(from, length int64, limited bool, n int) (begin, end int) {
	size := int64(n)
	if from < 0 {
		if from += size; from < 0 {
			return 0, 0
		}
	}
	from = min(from, size)
	last := size
	switch {
	case limited && length < 0:
		last = max(size+length, from)
	case limited:
		last = min(from+min(length, size), size)
	}
	return int(from), int(last)
}

// sliceParameters is ${@:from:length}, where 0 is the shell's name.
func (x *expansion) sliceParameters(slice *syntax.Slice) ([]string, error) {
	from, length, err := x.sliceBounds(slice)
	all := append([]string{x.sh.name}, x.params...)
	begin, end := clip(from, length, slice.Length != nil, len(all))
	return all[begin:end], err
}
