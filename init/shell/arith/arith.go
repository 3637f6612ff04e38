// Package arith computes the integers of $((...)) as POSIX wants them (XCU 2.6.4):
// signed, 64 bits, with the operators of C but sizeof, and of bash ** and base#digits.
// What overflows wraps around. It gets text in which parameters were replaced already.
package arith

import (
	"errors"
	"fmt"
	"math/bits"
	"strconv"
	"strings"
)

// Variables are what names stand for.
type Variables interface {
	Get(name string) (value string, err error) // "" counts as 0
	Set(name, value string) error
}

// maxDepth bounds parentheses, and variables whose values name variables.
const maxDepth = 200

// Eval computes an expression. Errors say what is wrong and with which text.
func Eval(text string, vars Variables) (int64, error) {
	return eval(text, vars, 0)
}

func eval(text string, vars Variables, depth int) (int64, error) {
	p := &parser{rest: text, vars: vars, depth: depth}
	p.next()
	if p.token == "" {
		return 0, p.err // nothing is 0
	}
	value := p.comma(true)
	if p.err == nil && p.token != "" {
		p.fail("unexpected %q", p.token)
	}
	if p.err != nil {
		return 0, fmt.Errorf("arithmetic: %s: %w", strings.TrimSpace(text), p.err)
	}
	return p.load(value, true), p.err
}

// parser evaluates while it parses. Where live is false, the part is parsed alone,
// as on the right of 0 &&.
type parser struct {
	rest  string
	token string // the current one, "" at the end
	vars  Variables
	depth int
	err   error
}

// operand is a number, or a variable that may still be assigned to.
type operand struct {
	name  string
	value int64
}

func (p *parser) fail(format string, args ...any) {
	if p.err == nil {
		p.err = fmt.Errorf(format, args...)
	}
	p.token, p.rest = "", ""
}

var operators = []string{"<<=", ">>=", "**", "++", "--", "<<", ">>", "<=", ">=", "==", "!=", "&&", "||", "+=", "-=", "*=", "/=", "%=", "&=", "^=", "|="}

func isName(c byte) bool {
	return c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

func (p *parser) next() {
	p.rest = strings.TrimLeft(p.rest, " \t\n\r")
	if p.rest == "" {
		p.token = ""
		return
	}
	n := 1
	if isName(p.rest[0]) {
		for n < len(p.rest) && (isName(p.rest[n]) || p.rest[n] == '#') {
			n++
		}
	} else {
		for _, op := range operators {
			if strings.HasPrefix(p.rest, op) {
				n = len(op)
				break
			}
		}
	}
	p.token, p.rest = p.rest[:n], p.rest[n:]
}

func (p *parser) comma(live bool) operand {
	value := p.assign(live)
	for p.token == "," {
		p.load(value, live)
		p.next()
		value = p.assign(live)
	}
	return value
}

func (p *parser) assign(live bool) operand {
	left := p.ternary(live)
	op := p.token
	switch op {
	case "=", "*=", "/=", "%=", "+=", "-=", "<<=", ">>=", "&=", "^=", "|=":
	default:
		return left
	}
	if left.name == "" {
		p.fail("%s needs a variable on its left", op)
		return left
	}
	p.next()
	value := p.load(p.assign(live), live)
	if op != "=" {
		value = p.binary(strings.TrimSuffix(op, "="), p.load(left, live), value, live)
	}
	p.store(left.name, value, live)
	return operand{value: value}
}

func (p *parser) ternary(live bool) operand {
	condition := p.level(0, live)
	if p.token != "?" {
		return condition
	}
	if p.depth++; p.depth > maxDepth {
		p.fail("nested too deeply")
		return operand{}
	}
	defer func() { p.depth-- }()
	yes := p.load(condition, live) != 0
	p.next()
	a := p.load(p.comma(live && yes), live && yes)
	if p.token != ":" {
		p.fail("a : is missing")
		return operand{}
	}
	p.next()
	b := p.load(p.assign(live && !yes), live && !yes)
	if yes {
		return operand{value: a}
	}
	return operand{value: b}
}

// levels are the binary operators from the weakest to the strongest.
var levels = [][]string{{"||"}, {"&&"}, {"|"}, {"^"}, {"&"}, {"==", "!="}, {"<", "<=", ">", ">="}, {"<<", ">>"}, {"+", "-"}, {"*", "/", "%"}}

func (p *parser) level(n int, live bool) operand {
	if n == len(levels) {
		return p.power(live)
	}
	left := p.level(n+1, live)
	for {
		op, known := p.token, false
		for _, candidate := range levels[n] {
			known = known || candidate == op
		}
		if !known {
			return left
		}
		p.next()
		a := p.load(left, live)
		decided := op == "||" && a != 0 || op == "&&" && a == 0
		b := p.load(p.level(n+1, live && !decided), live && !decided)
		left = operand{value: p.binary(op, a, b, live)}
	}
}

func (p *parser) power(live bool) operand {
	base := p.unary(live)
	if p.token != "**" {
		return base
	}
	p.next()
	exponent := p.load(p.power(live), live)
	value := p.load(base, live)
	if exponent < 0 {
		p.fail("the exponent is negative")
	}
	result := int64(1)
	for ; exponent > 0; exponent >>= 1 {
		if exponent&1 != 0 {
			result *= value
		}
		value *= value
	}
	return operand{value: result}
}

func (p *parser) unary(live bool) operand {
	if p.depth++; p.depth > maxDepth {
		p.fail("nested too deeply")
		return operand{}
	}
	defer func() { p.depth-- }()
	op := p.token
	switch op {
	case "+", "-", "!", "~":
		p.next()
		value := p.load(p.unary(live), live)
		switch op {
		case "-":
			value = -value
		case "~":
			value = ^value
		case "!":
			value = truth(value == 0)
		}
		return operand{value: value}
	case "++", "--":
		p.next()
		of := p.unary(live)
		value := p.load(of, live)
		if of.name == "" { // - - 1
			return operand{value: value}
		}
		value = step(value, op)
		p.store(of.name, value, live)
		return operand{value: value}
	case "(":
		p.next()
		value := p.comma(live)
		if p.token != ")" {
			p.fail("a ) is missing")
		}
		p.next()
		return value
	case "":
		p.fail("a number is missing")
		return operand{}
	}
	if !isName(op[0]) {
		p.fail("unexpected %q", op)
		return operand{}
	}
	p.next()
	if '0' <= op[0] && op[0] <= '9' {
		value, err := Number(op)
		if err != nil {
			p.fail("%w", err)
		}
		return operand{value: value}
	}
	if strings.Contains(op, "#") {
		p.fail("unexpected %q", op)
		return operand{}
	}
	of := operand{name: op}
	if p.token == "++" || p.token == "--" {
		value := p.load(of, live)
		p.store(op, step(value, p.token), live)
		p.next()
		return operand{value: value}
	}
	return of
}

func step(value int64, op string) int64 {
	if op == "++" {
		return value + 1
	}
	return value - 1
}

// load is the value of an operand; a variable's may itself be an expression.
func (p *parser) load(of operand, live bool) int64 {
	if of.name == "" || !live || p.err != nil {
		return of.value
	}
	text, err := p.vars.Get(of.name)
	if err != nil {
		p.fail("%w", err)
		return 0
	}
	text = strings.TrimSpace(text)
	if value, err := signedNumber(text); err == nil {
		return value
	}
	if p.depth >= maxDepth {
		p.fail("%s: nested too deeply", of.name)
		return 0
	}
	value, err := eval(text, p.vars, p.depth+20)
	if err != nil {
		p.fail("%s: %w", of.name, err)
	}
	return value
}

func signedNumber(text string) (int64, error) {
	digits := strings.TrimLeft(text, "+-")
	if len(text)-len(digits) > 1 {
		return 0, errNoNumber
	}
	value, err := Number(digits)
	if strings.HasPrefix(text, "-") {
		value = -value
	}
	return value, err
}

func (p *parser) store(name string, value int64, live bool) {
	if !live || p.err != nil {
		return
	}
	if err := p.vars.Set(name, strconv.FormatInt(value, 10)); err != nil {
		p.fail("%w", err)
	}
}

func truth(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

func (p *parser) binary(op string, a, b int64, live bool) int64 {
	switch op {
	case "||":
		return truth(a != 0 || b != 0)
	case "&&":
		return truth(a != 0 && b != 0)
	case "|":
		return a | b
	case "^":
		return a ^ b
	case "&":
		return a & b
	case "==":
		return truth(a == b)
	case "!=":
		return truth(a != b)
	case "<":
		return truth(a < b)
	case "<=":
		return truth(a <= b)
	case ">":
		return truth(a > b)
	case ">=":
		return truth(a >= b)
	case "<<":
		return a << (uint64(b) & 63)
	case ">>":
		return a >> (uint64(b) & 63)
	case "+":
		return a + b
	case "-":
		return a - b
	case "*":
		return a * b
	}
	if !live {
		return 0
	}
	if b == 0 {
		p.fail("division by 0")
		return 0
	}
	if op == "/" {
		return a / b // the least by -1 wraps around in Go
	}
	return a % b
}

var errNoNumber = errors.New("not a number")

// Number reads 10, 010 (octal), 0xa and 16#a. What does not fit into 64 bits is the
// largest number, as C's strtoll has it.
func Number(text string) (int64, error) {
	digits, base := text, uint64(10)
	if text == "" {
		return 0, nil
	}
	if before, after, ok := strings.Cut(text, "#"); ok {
		n, err := strconv.ParseUint(before, 10, 8)
		if err != nil || n < 2 || n > 36 {
			return 0, fmt.Errorf("%q is %w", text, errNoNumber)
		}
		digits, base = after, n
	} else if strings.HasPrefix(text, "0x") || strings.HasPrefix(text, "0X") {
		digits, base = text[2:], 16
	} else if len(text) > 1 && text[0] == '0' {
		digits, base = text[1:], 8
	}
	if digits == "" {
		return 0, fmt.Errorf("%q is %w", text, errNoNumber)
	}
	value := uint64(0)
	const most = 1<<63 - 1
	for i := range len(digits) {
		d := uint64(digitValue(digits[i]))
		if d >= base {
			return 0, fmt.Errorf("%q is %w", text, errNoNumber)
		}
		high, low := bits.Mul64(value, base)
		if high != 0 || low > most-d {
			value = most
			continue
		}
		value = low + d
	}
	return int64(value), nil
}

func digitValue(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'z':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'Z':
		return int(c-'A') + 10
	}
	return 99
}
