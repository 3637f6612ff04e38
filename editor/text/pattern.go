package text

import (
	"fmt"
	"regexp"
	"strings"
)

// Pattern is what to search for. The zero Pattern is found nowhere.
type Pattern struct {
	literal []byte // in small letters if fold
	fold    bool
	expr    *regexp.Regexp
}

// Literal finds s itself; with fold capital and small letters of ASCII are the
// same.
func Literal(s string, fold bool) Pattern {
	p := Pattern{literal: []byte(s), fold: fold}
	if fold {
		lower(p.literal)
	}
	return p
}

// Regexp finds a regular expression (RE2) within lines: it sees neither the
// newline nor a carriage return before it. If there is no capital letter in the
// expression, capital and small letters are the same. It does not see the empty
// line after a last newline, so that to replace ^ does not begin a line there.
// A line beyond 1 MB is seen in parts of 1 MB.
func Regexp(expr string) (Pattern, error) {
	re, err := regexp.Compile(expr)
	if err == nil && !Capital(spoken(expr)) {
		re, err = regexp.Compile("(?i)" + expr)
	}
	if err != nil {
		return Pattern{}, fmt.Errorf("regular expression %s: %w", expr, err)
	}
	return Pattern{expr: re}, nil
}

// Capital tells whether there is a capital letter of ASCII in s: a person who
// wrote one minds the case.
func Capital(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return 'A' <= r && r <= 'Z' })
}

// spoken is expr without what is no letter of a text: \S, \p{Greek}, (?P<Name>.
func spoken(expr string) string {
	var letters []byte
	for expr != "" {
		n := notation(expr)
		if n == 0 {
			letters = append(letters, expr[0])
			n = 1
		}
		expr = expr[min(n, len(expr)):]
	}
	return string(letters)
}

// notation is the length of the escape or the group's name that s begins with.
func notation(s string) int {
	switch {
	case strings.HasPrefix(s, "(?"):
		return max(strings.IndexAny(s, ":>)"), 2)
	case s[0] != '\\':
		return 0
	case len(s) < 3 || strings.IndexByte("pPx", s[1]) < 0:
		return 2
	case s[2] == '{':
		return max(strings.IndexByte(s, '}'), 3)
	case s[1] == 'x':
		return 4
	}
	return 3
}

func lower(b []byte) {
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
}

// Match is a place that was found.
type Match struct {
	From, To int
	Wrapped  bool  // on the other side of where the search began
	groups   []int // of an expression, relative to From; as regexp has them
}

// Replacement is what with becomes for m, a match of p in this version of the
// text: $1 or ${1} in it is what the first group of an expression matched, $$ a
// dollar. For a literal it is with as it is.
func (t *Text) Replacement(p Pattern, m Match, with string) []byte {
	if p.expr == nil {
		return []byte(with)
	}
	return p.expr.Expand(nil, []byte(with), t.Bytes(m.From, m.To), m.groups)
}

// match is the Match of a line that begins at off, where loc is in it.
func match(off int, loc []int) Match {
	m := Match{From: off + loc[0], To: off + loc[1], groups: loc}
	from := loc[0]
	for i := range loc { // a group that matched nothing is -1 and stays below 0
		loc[i] -= from
	}
	return m
}
