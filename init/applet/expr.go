package applet

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
)

// What expr ends with: 0 and 1 are about its result.
const (
	exitNull     = 1 // the result is empty or 0
	exitNoSyntax = 2
	exitOther    = 3
)

// expr evaluates the expression that its arguments are, each an operand or an
// operator. Numbers have 64 bits; one that does not fit is an error.
func expr(c *call, args []string) int {
	if len(args) == 1 && args[0] == "--help" {
		return c.help()
	}
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	e := &expression{rest: args}
	value, err := e.or(true)
	if err == nil && len(e.rest) > 0 {
		err = fmt.Errorf("%w at %q", errExprSyntax, e.rest[0])
	}
	if err != nil {
		c.warn("%s", PrintableLine(err.Error()))
		if errors.Is(err, errTooLarge) {
			return exitOther
		}
		return exitNoSyntax
	}
	c.printf("%s\n", value)
	if isNull(value) {
		return exitNull
	}
	return 0
}

var (
	errExprSyntax = errors.New("this is not an expression")
	errTooLarge   = errors.New("a number that needs more than 64 bits")
)

// expression is what of the arguments has not been read. Its methods evaluate
// one level of precedence each; where live is false the value does not matter
// and faults of it are none.
type expression struct {
	rest  []string
	depth int
}

func (e *expression) next(operators ...string) (string, bool) {
	if len(e.rest) == 0 {
		return "", false
	}
	for _, operator := range operators {
		if e.rest[0] == operator {
			e.rest = e.rest[1:]
			return operator, true
		}
	}
	return "", false
}

func isNull(value string) bool {
	return value == "" || strings.Trim(strings.TrimPrefix(value, "-"), "0") == "" && value != "-"
}

func (e *expression) or(live bool) (string, error) {
	left, err := e.and(live)
	for err == nil {
		if _, ok := e.next("|"); !ok {
			break
		}
		var right string
		if right, err = e.and(live && isNull(left)); isNull(left) {
			if left = right; isNull(left) {
				left = "0"
			}
		}
	}
	return left, err
}

func (e *expression) and(live bool) (string, error) {
	left, err := e.comparison(live)
	for err == nil {
		if _, ok := e.next("&"); !ok {
			break
		}
		var right string
		if right, err = e.comparison(live && !isNull(left)); isNull(left) || isNull(right) {
			left = "0"
		}
	}
	return left, err
}

func (e *expression) comparison(live bool) (string, error) {
	left, err := e.sum(live)
	for err == nil {
		operator, ok := e.next("<", "<=", "=", "==", "!=", ">=", ">")
		if !ok {
			break
		}
		var right string
		if right, err = e.sum(live); err != nil {
			break
		}
		order := strings.Compare(left, right)
		a, errA := exprNumber(left)
		b, errB := exprNumber(right)
		if errA == nil && errB == nil {
			order = cmp.Compare(a, b)
		}
		holds := map[string]bool{"<": order < 0, "<=": order <= 0, "=": order == 0, "==": order == 0, "!=": order != 0, ">=": order >= 0, ">": order > 0}
		if left = "0"; holds[operator] {
			left = "1"
		}
	}
	return left, err
}

func (e *expression) sum(live bool) (string, error) {
	return e.arithmetic(e.product, live, "+", "-")
}

func (e *expression) product(live bool) (string, error) {
	return e.arithmetic(e.match, live, "*", "/", "%")
}

func (e *expression) arithmetic(operand func(bool) (string, error), live bool, operators ...string) (string, error) {
	left, err := operand(live)
	for err == nil {
		operator, ok := e.next(operators...)
		if !ok {
			break
		}
		var right string
		if right, err = operand(live); err == nil && live {
			left, err = calculate(left, operator, right)
		}
	}
	return left, err
}

func calculate(left, operator, right string) (string, error) {
	a, errA := exprNumber(left)
	b, errB := exprNumber(right)
	if err := errors.Join(errA, errB); err != nil {
		return "", err
	}
	var n int64
	fits := true
	switch operator {
	case "+":
		n = a + b
		fits = (n > a) == (b > 0)
	case "-":
		n = a - b
		fits = (n < a) == (b > 0)
	case "*":
		n = a * b
		fits = a == 0 || n/a == b && !(a == -1 && b == math.MinInt64)
	default:
		if b == 0 {
			return "", errors.New("division by zero")
		}
		if operator == "%" {
			if b != -1 {
				n = a % b
			}
			break
		}
		fits = a != math.MinInt64 || b != -1
		n = a / b
	}
	if !fits {
		return "", fmt.Errorf("%s %s %s: %w", left, operator, right, errTooLarge)
	}
	return strconv.FormatInt(n, 10), nil
}

func exprNumber(text string) (int64, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	switch {
	case errors.Is(err, strconv.ErrRange):
		return 0, fmt.Errorf("%s: %w", text, errTooLarge)
	case err != nil || text[0] == '+':
		return 0, fmt.Errorf("%q is not a whole number", text)
	}
	return n, nil
}

func (e *expression) match(live bool) (string, error) {
	left, err := e.word(live)
	for err == nil {
		if _, ok := e.next(":"); !ok {
			break
		}
		var right string
		if right, err = e.word(live); err == nil && live {
			left, err = exprMatch(left, right)
		}
	}
	return left, err
}

// exprMatch matches a basic expression with the begin of a text. The result is
// its first group, or without one how many characters match.
func exprMatch(text, pattern string) (string, error) {
	re, err := regexp.Compile("^(?s:" + basicPattern(pattern) + ")")
	if err != nil {
		return "", err
	}
	re.Longest()
	found := re.FindStringSubmatch(text)
	switch {
	case re.NumSubexp() > 0 && found != nil:
		return found[1], nil
	case re.NumSubexp() > 0:
		return "", nil
	case found != nil:
		return strconv.Itoa(len(found[0])), nil
	}
	return "0", nil
}

// word is an operand: a text, an expression in parentheses, or one of GNU's
// functions.
func (e *expression) word(live bool) (string, error) {
	if e.depth++; e.depth > 10000 {
		return "", errors.New("parentheses are nested too deep")
	}
	defer func() { e.depth-- }()
	if len(e.rest) == 0 {
		return "", fmt.Errorf("%w: an operand is missing at its end", errExprSyntax)
	}
	word := e.rest[0]
	e.rest = e.rest[1:]
	arguments := map[string]int{"match": 2, "substr": 3, "index": 2, "length": 1}[word]
	switch {
	case word == "+" && len(e.rest) > 0: // what follows is a text, whatever it is called
		word, e.rest = e.rest[0], e.rest[1:]
		return word, nil
	case word == "(":
		value, err := e.or(live)
		if err == nil {
			if _, ok := e.next(")"); !ok {
				err = fmt.Errorf("%w: ) is missing", errExprSyntax)
			}
		}
		return value, err
	case word == ")":
		return "", fmt.Errorf("%w at %q", errExprSyntax, word)
	case arguments == 0:
		return word, nil
	}
	var values []string
	for range arguments {
		value, err := e.word(live)
		if err != nil {
			return "", err
		}
		values = append(values, value)
	}
	if !live {
		return "", nil
	}
	switch word {
	case "match":
		return exprMatch(values[0], values[1])
	case "index":
		return strconv.Itoa(strings.IndexAny(values[0], values[1]) + 1), nil
	case "length":
		return strconv.Itoa(len(values[0])), nil
	}
	return exprSubstring(values[0], values[1], values[2]), nil
}

// exprSubstring is count bytes from the from-th, which is 1 for the first.
func exprSubstring(text, from, count string) string {
	at, err := strconv.Atoi(from)
	n, err2 := strconv.Atoi(count)
	if err != nil || err2 != nil || at < 1 || n < 1 || at > len(text) {
		return ""
	}
	return text[at-1 : at-1+min(n, len(text)-at+1)]
}
