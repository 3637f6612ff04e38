package shell

import (
	"errors"
	"iter"
	"strings"
	"unicode/utf8"

	"mvdan.cc/sh/v3/syntax"
)

// maxNesting bounds brackets within brackets: the parser's stack must not overflow,
// since Go ends the process then.
const maxNesting = 5000

var errNesting = errors.New("the program is nested too deeply")

// statements parses a program as it runs. The parser hands out a statement when
// it has read its end, but the text of a here-document comes after the line, so
// the statements of a line wait for the first of a later one:
//
//	cat <<X; echo done
func statements(text string) iter.Seq2[*syntax.Stmt, error] {
	text = parseable(text)
	return func(yield func(*syntax.Stmt, error) bool) {
		if tooDeep(text) {
			yield(nil, errNesting)
			return
		}
		for again := true; again; {
			again = false
			var line []*syntax.Stmt
			ran := 0 // so much of the text
			flush := func() bool {
				for _, stmt := range line {
					if !yield(stmt, nil) {
						return false
					}
					ran = int(stmt.End().Offset())
				}
				line = line[:0]
				return true
			}
			for stmt, err := range syntax.NewParser().StmtsSeq(strings.NewReader(text)) {
				if err == nil {
					if len(line) > 0 && stmt.Pos().Line() > line[len(line)-1].End().Line() && !flush() {
						return
					}
					line = append(line, stmt)
					continue
				}
				if len(line) > 0 && errorLine(err) > line[len(line)-1].End().Line() && !flush() {
					return
				}
				if fixed, ok := parenthesesApart(text[ran:], err, ran); ok {
					text = strings.Repeat("\n", strings.Count(text[:ran], "\n")) + fixed
					again = true
					break
				}
				yield(nil, err)
				return
			}
			if !again && !flush() {
				return
			}
		}
	}
}

// parseText parses a whole text.
func parseText(text string) ([]*syntax.Stmt, error) {
	text = parseable(text)
	if tooDeep(text) {
		return nil, errNesting
	}
	file, err := syntax.NewParser().Parse(strings.NewReader(text), "")
	if err != nil {
		fixed, ok := parenthesesApart(text, err, 0)
		if !ok {
			return nil, err
		}
		if file, err = syntax.NewParser().Parse(strings.NewReader(fixed), ""); err != nil {
			return nil, err
		}
	}
	return file.Stmts, nil
}

func errorLine(err error) uint {
	var fault syntax.ParseError
	if errors.As(err, &fault) {
		return fault.Pos.Line()
	}
	return 0
}

func errorOffset(err error) int {
	var fault syntax.ParseError
	if errors.As(err, &fault) {
		return int(fault.Pos.Offset())
	}
	return 0
}

// parenthesesApart helps the parser, for which (( always begins a calculation: where
// that is an error, ((echo a) | cat) is read as ( (echo a) | cat). A change counts
// only if the parser gets further by it. skipped is what err's text has before text.
func parenthesesApart(text string, err error, skipped int) (string, bool) {
	changed := false
	fault := errorOffset(err) - skipped
	for range 64 {
		if fault < 0 || fault > len(text) {
			return text, changed
		}
		better := ""
		before := text[:min(fault+2, len(text))]
		for range 16 {
			i := strings.LastIndex(before, "((")
			if i < 0 {
				break
			}
			before = text[:i+1]
			if isCalculation(text[i:]) {
				continue
			}
			try := text[:i+1] + " " + text[i+1:]
			_, err := syntax.NewParser().Parse(strings.NewReader(try), "")
			if err == nil {
				return try, true
			}
			if next := errorOffset(err); next > fault+1 || syntax.IsIncomplete(err) {
				better, fault = try, next
				break
			}
		}
		if better == "" {
			return text, changed
		}
		text, changed = better, true
	}
	return text, changed
}

// isCalculation tells whether text, which begins with ((, closes both at one place.
func isCalculation(text string) bool {
	depth := 0
	for i := range len(text) {
		switch text[i] {
		case '(':
			depth++
		case ')':
			if depth--; depth == 1 {
				return strings.HasPrefix(text[i+1:], ")")
			}
		}
	}
	return true
}

// oddBytes are runes that stand for bytes which are no UTF-8, since the parser takes
// nothing else. They are the last of Unicode's private ones.
const oddBytes = 0x10ff00

// parseable writes the bytes of a program that are no UTF-8 as oddBytes.
func parseable(text string) string {
	if utf8.ValidString(text) {
		return text
	}
	var out strings.Builder
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		if r == utf8.RuneError && size == 1 {
			r = oddBytes + rune(text[i])
		}
		out.WriteRune(r)
		i += size
	}
	return out.String()
}

// written is text of the program as it was written, see parseable.
func written(text string) string {
	if !strings.Contains(text, "\xf4\x8f\xbe") && !strings.Contains(text, "\xf4\x8f\xbf") {
		return text
	}
	var out strings.Builder
	for _, r := range text {
		if r >= oddBytes+0x80 && r <= oddBytes+0xff {
			out.WriteByte(byte(r - oddBytes))
		} else {
			out.WriteRune(r)
		}
	}
	return out.String()
}

// tooDeep tells a program that would need too much stack. It counts brackets without a
// look at quotes, and words that begin and end commands: enough for the difference
// between what people write and what overflows.
func tooDeep(text string) bool {
	if len(text) <= maxNesting {
		return false
	}
	depth := 0
	for i := range len(text) {
		switch text[i] {
		case '(', '{', '[':
			if depth++; depth > maxNesting {
				return true
			}
		case ')', '}', ']':
			depth = max(depth-1, 0)
		}
	}
	opened := 0
	for word := range strings.FieldsSeq(text) {
		switch strings.Trim(word, ";&|") {
		case "if", "while", "until", "for", "case", "!", "time", "function":
			if opened++; opened > maxNesting {
				return true
			}
		case "fi", "done", "esac":
			opened = max(opened-1, 0)
		}
	}
	return opened > maxNesting
}
