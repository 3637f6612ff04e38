package plain

import (
	"errors"
	"fmt"
	"strings"
)

// request is a command line taken apart: 2,5m9 is lines 2 to 5, "m", "9".
type request struct {
	from, to int // lines; where none are given both are the current one
	given    int // how many addresses there were
	name     string
	rest     string // what follows the name
}

// parse reads a command line. cur and last are the current and the last line.
func parse(line string, cur, last int) (r request, err error) {
	line = strings.TrimLeft(line, " \t:") // the colon is vi's
	r.from, r.to = cur, cur
	a, given, line, err := address(line, cur, last)
	if err != nil {
		return r, err
	}
	if given {
		r.from, r.to, r.given = a, a, 1
	}
	line = strings.TrimLeft(line, " \t")
	switch {
	case !given && strings.HasPrefix(line, "%"):
		line = line[1:]
		r.from, r.to, r.given = min(1, last), last, 2
	case strings.HasPrefix(line, ","):
		b, also, after, err := address(strings.TrimLeft(line[1:], " \t"), cur, last)
		if err != nil {
			return r, err
		}
		line, r.given = after, 2
		if !given {
			r.from, r.to = min(1, last), last
		}
		if also { // otherwise 5, is 5,5 as in ed
			r.to = b
		}
	}
	line = strings.TrimLeft(line, " \t")
	n := 0
	for n < len(line) && isLetter(line[n]) {
		n++
	}
	if n < len(line) && n > 0 && line[n] == '!' {
		n++
	}
	if n == 0 && line != "" {
		n = 1
	}
	r.name, r.rest = line[:n], line[n:]
	return r, nil
}

func isLetter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }

var errAddress = errors.New("a line is a number, . (here), $ (the last), or such with +2 or -2")

// address reads one address at the beginning of line: a number, ".", "$", each
// with any number of +n or -n behind it; these alone count from cur.
func address(line string, cur, last int) (n int, given bool, rest string, err error) {
	n, rest = cur, line
	switch {
	case rest == "":
		return cur, false, rest, nil
	case rest[0] == '.':
		rest, given = rest[1:], true
	case rest[0] == '$':
		n, rest, given = last, rest[1:], true
	case isDigit(rest[0]):
		n, rest = number(rest)
		given = true
	}
	for rest != "" && (rest[0] == '+' || rest[0] == '-') {
		sign, step := 1, 1
		if rest[0] == '-' {
			sign = -1
		}
		if rest = rest[1:]; rest != "" && isDigit(rest[0]) {
			step, rest = number(rest)
		}
		n, given = max(-1, min(n+sign*step, tooMany)), true
	}
	if rest != "" && given && (isDigit(rest[0]) || rest[0] == '.' || rest[0] == '$') {
		return 0, false, rest, errAddress
	}
	return n, given, rest, nil
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// tooMany is where numbers end: twice as much still is an int.
const tooMany = 1<<30 - 1

func number(s string) (n int, rest string) {
	for s != "" && isDigit(s[0]) {
		if n < tooMany/10 {
			n = n*10 + int(s[0]-'0')
		} else {
			n = tooMany
		}
		s = s[1:]
	}
	return n, s
}

// check says what is wrong with the lines of a request, least is 0 or 1.
func (r request) check(least, last int) error {
	for _, n := range []int{r.from, r.to} {
		switch {
		case n > last && last == 0, last == 0 && n < least:
			return errors.New("the text is empty; a adds lines")
		case n > last:
			return fmt.Errorf("there is no line %d; the last is %d", n, last)
		case n < least:
			return fmt.Errorf("there is no line %d", n)
		}
	}
	if r.from > r.to {
		return fmt.Errorf("line %d is behind line %d", r.from, r.to)
	}
	return nil
}
