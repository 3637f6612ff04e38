package shell

import (
	"bytes"
	"io"
	"os"
	"strconv"
	"strings"
	"unicode/utf8"

	"mvdan.cc/sh/v3/syntax"

	"bantam/init/glob"
	"bantam/init/shell/arith"
)

// piece is a part of a word after its expansion.
type piece struct {
	text   string
	quoted bool // means just itself: no pattern, and a field even if empty
	split  bool // what IFS has in it separates fields
	apart  bool // no text but the place between two parameters of $@ and $*
}

// where a part of a word stands decides what its characters mean.
type place int

const (
	inWord     place = iota
	inQuotes         // "..."
	inDocument       // the text after <<
	inOperand        // the word of ${x:-word}, which is split as $x would be
	inQuotedOperand
)

func (p place) quoted() bool { return p == inQuotes || p == inDocument || p == inQuotedOperand }

// expansion collects the pieces of a word (POSIX.1-2024, XCU 2.6). The first error ends it.
type expansion struct {
	*env
	out []piece
	err error
}

func (x *expansion) add(text string, at place) {
	x.out = append(x.out, piece{text: text, quoted: at.quoted(), split: !at.quoted()})
}

func (x *expansion) quote(text string) { x.out = append(x.out, piece{text: text, quoted: true}) }

func (x *expansion) parts(parts []syntax.WordPart, at place) {
	for _, part := range parts {
		if x.err != nil {
			return
		}
		switch part := part.(type) {
		case *syntax.Lit:
			x.literalText(part.Value, at)
		case *syntax.SglQuoted:
			switch {
			case part.Dollar:
				x.quote(unescape(written(part.Value)))
			case at.quoted(): // "${x:-'a'}" keeps its quotes
				x.quote("'" + written(part.Value) + "'")
			default:
				x.quote(written(part.Value))
			}
		case *syntax.DblQuoted:
			before := len(x.out)
			if at == inDocument || at == inQuotedOperand { // "${x:-"a"}": the inner quotes go
				x.parts(part.Parts, inQuotes)
				continue
			}
			x.parts(part.Parts, inQuotes)
			if len(x.out) == before && !onlyParameters(part) {
				x.quote("")
			}
		case *syntax.ParamExp:
			x.parameter(part, at)
		case *syntax.CmdSubst:
			x.add(x.commandOutput(part), at)
		case *syntax.ArithmExp:
			value, err := x.arithmetic(part.X)
			if err != nil {
				x.err = err
				return
			}
			x.add(strconv.FormatInt(value, 10), at)
		case *syntax.ExtGlob:
			x.literalText(part.Op.String()+part.Pattern.Value+")", at)
		case *syntax.BraceExp:
			x.err = errorText("braces cannot be here")
		default:
			x.err = errorText("<(...) and >(...) are not supported; use a pipe")
		}
	}
}

// onlyParameters tells "$@", which without parameters is no field at all.
func onlyParameters(quoted *syntax.DblQuoted) bool {
	for _, part := range quoted.Parts {
		if p, ok := part.(*syntax.ParamExp); !ok || p.Param == nil || p.Param.Value != "@" {
			return false
		}
	}
	return len(quoted.Parts) > 0
}

// errorText is an error that says all itself.
type errorText string

func (e errorText) Error() string { return string(e) }

// literalText adds text of the program, in which backslashes quote.
func (x *expansion) literalText(text string, at place) {
	plain := func(s string) {
		if s = written(s); s != "" {
			x.out = append(x.out, piece{text: s, quoted: at.quoted(), split: at == inOperand})
		}
	}
	for text != "" {
		i := strings.IndexByte(text, '\\')
		if i < 0 || i+1 == len(text) {
			plain(text)
			return
		}
		plain(text[:i])
		_, size := utf8.DecodeRuneInString(text[i+1:])
		char := written(text[i+1 : i+1+size])
		text = text[i+1+size:]
		switch {
		case char == "\n": // a line that goes on
		case at.quoted() && !strings.Contains(quotable(at), char):
			x.quote(`\` + char)
		default:
			x.quote(char)
		}
	}
}

// quotable are the characters that a backslash quotes within double quotes.
func quotable(at place) string {
	switch at {
	case inDocument:
		return "$`\\"
	case inQuotedOperand:
		return "$`\\\"}"
	}
	return "$`\\\""
}

// fields expands words to arguments.
func (e *env) fields(words []*syntax.Word) ([]string, error) {
	var out []string
	for _, word := range words {
		for _, braced := range braces(word) {
			x := expansion{env: e}
			x.word(braced, false)
			if x.err != nil {
				return nil, x.err
			}
			ifs, set := e.lookup("IFS")
			if !set {
				ifs = " \t\n"
			}
			for _, field := range splitFields(x.out, ifs) {
				out = append(out, e.pathnames(field)...)
			}
		}
	}
	return out, nil
}

func (x *expansion) word(word *syntax.Word, assignment bool) {
	if word == nil {
		return
	}
	parts := word.Parts
	if len(parts) > 0 {
		if lit, ok := parts[0].(*syntax.Lit); ok && (strings.HasPrefix(lit.Value, "~") || assignment && strings.Contains(lit.Value, ":~")) {
			x.tildes(lit.Value, len(parts) == 1, assignment)
			parts = parts[1:]
		}
	}
	for _, part := range parts {
		if lit, ok := part.(*syntax.Lit); ok && assignment && strings.Contains(lit.Value, ":~") {
			first, rest, _ := strings.Cut(lit.Value, ":")
			x.literalText(first+":", inWord)
			x.tildes(rest, true, true)
			continue
		}
		x.parts([]syntax.WordPart{part}, inWord)
	}
}

// tildes replaces ~ and ~USER where text begins and, in an assignment, after colons.
// whole tells whether nothing follows text in its word.
func (x *expansion) tildes(text string, whole, assignment bool) {
	for first := true; ; first = false {
		section, rest, more := text, "", false
		if assignment {
			section, rest, more = strings.Cut(text, ":")
		}
		if !first {
			x.literalText(":", inWord)
		}
		if strings.HasPrefix(section, "~") {
			name, path, slash := strings.Cut(section[1:], "/")
			if home, ok := x.home(name); ok && (slash || more || whole) {
				x.quote(home)
				section = ""
				if slash && home == "/" {
					section = path
				} else if slash {
					section = "/" + path
				}
			}
		}
		x.literalText(section, inWord)
		if !more {
			return
		}
		text = rest
	}
}

func (e *env) home(user string) (string, bool) {
	if user == "" {
		return e.lookup("HOME")
	}
	text, err := os.ReadFile("/etc/passwd")
	if err != nil {
		return "", false
	}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Split(strings.TrimSuffix(line, "\n"), ":"); len(fields) > 5 && fields[0] == user {
			return fields[5], true
		}
	}
	return "", false
}

// pathnames is what a field stands for: the files that match, or itself.
func (e *env) pathnames(field []piece) []string {
	if !e.opts[noglob] {
		if pattern := patternOf(field); glob.HasMeta(pattern) {
			if found := glob.Expand(e.dir, pattern); len(found) > 0 {
				return found
			}
		}
	}
	return []string{joined(field)}
}

// literal expands a word to one text: a redirection's target, an assigned value.
func (e *env) literal(word *syntax.Word) (string, error) { return e.oneText(word, false) }

func (e *env) oneText(word *syntax.Word, assignment bool) (string, error) {
	x := expansion{env: e}
	x.word(word, assignment)
	return joined(x.out), x.err
}

// pattern expands a word to a pattern for glob.Match.
func (e *env) pattern(word *syntax.Word) (string, error) {
	x := expansion{env: e}
	x.word(word, false)
	return patternOf(x.out), x.err
}

func joined(pieces []piece) string {
	if len(pieces) == 1 {
		return pieces[0].text
	}
	var out strings.Builder
	for _, p := range pieces {
		if p.apart {
			out.WriteByte(' ')
		}
		out.WriteString(p.text)
	}
	return out.String()
}

func patternOf(pieces []piece) string {
	var out strings.Builder
	for _, p := range pieces {
		switch {
		case p.apart:
			out.WriteByte(' ')
		case p.quoted:
			out.WriteString(glob.Quote(p.text))
		default:
			out.WriteString(p.text)
		}
	}
	return out.String()
}

// commandOutput runs a command substitution.
func (x *expansion) commandOutput(part *syntax.CmdSubst) string {
	e := x.env
	if len(part.Stmts) == 1 && part.Stmts[0].Cmd == nil && len(part.Stmts[0].Redirs) == 1 && part.Stmts[0].Redirs[0].Op == syntax.RdrIn {
		return x.fileText(part.Stmts[0].Redirs[0].Word) // $(<FILE)
	}
	e.substatus = 0
	if len(part.Stmts) == 0 {
		return ""
	}
	r, w, err := os.Pipe()
	if err != nil {
		x.err = err
		return ""
	}
	text := make(chan []byte)
	go func() {
		var out bytes.Buffer
		io.Copy(&out, r)
		r.Close()
		text <- out.Bytes()
	}()
	c := e.clone()
	c.replace(1, newFile(w))
	c.guard(func() { c.run(part.Stmts) })
	c.finish()
	e.substatus = c.status
	return strings.TrimRight(string(bytes.ReplaceAll(<-text, []byte{0}, nil)), "\n")
}

func (x *expansion) fileText(word *syntax.Word) string {
	name, err := x.literal(word)
	if err != nil {
		x.err = err
		return ""
	}
	x.substatus = 0
	f, err := x.open(name, os.O_RDONLY, false)
	if err != nil {
		x.complain("sh: %v", err)
		x.substatus = 1
		return ""
	}
	defer f.release()
	text, _ := io.ReadAll(f)
	return strings.TrimRight(string(bytes.ReplaceAll(text, []byte{0}, nil)), "\n")
}

// arithmetic computes $((...)). What is replaced in it is replaced as text first, as
// POSIX has it: with x=1+2, $(($x*2)) is 5.
func (e *env) arithmetic(expr syntax.ArithmExpr) (int64, error) {
	x := expansion{env: e}
	x.arithmeticText(expr)
	if x.err != nil {
		return 0, x.err
	}
	return arith.Eval(joined(x.out), arithmeticVariables{e})
}

func (x *expansion) arithmeticText(expr syntax.ArithmExpr) {
	switch expr := expr.(type) {
	case nil:
	case *syntax.Word:
		if len(expr.Parts) == 1 {
			if p, ok := expr.Parts[0].(*syntax.ParamExp); ok && !p.Dollar.IsValid() && p.Index != nil {
				x.err = errorText("arrays are not supported")
				return
			}
		}
		x.parts(expr.Parts, inQuotes)
	case *syntax.ParenArithm:
		x.quote("(")
		x.arithmeticText(expr.X)
		x.quote(")")
	case *syntax.UnaryArithm:
		if !expr.Post {
			x.quote(" " + expr.Op.String())
		}
		x.arithmeticText(expr.X)
		if expr.Post {
			x.quote(expr.Op.String() + " ")
		}
	case *syntax.BinaryArithm:
		x.arithmeticText(expr.X)
		x.quote(" " + expr.Op.String() + " ")
		x.arithmeticText(expr.Y)
	default:
		x.err = errorText("not a calculation that is supported")
	}
}

// arithmeticVariables are an environment's, as calculations see them.
type arithmeticVariables struct{ e *env }

func (v arithmeticVariables) Get(name string) (string, error) {
	value, set := v.e.lookup(name)
	if !set && v.e.opts[nounset] {
		return "", unsetError(name)
	}
	return value, nil
}

func (v arithmeticVariables) Set(name, value string) error { return v.e.assign(name, value) }
