package awk

import (
	"fmt"
	"regexp"
)

// node is an expression or a statement. What its fields mean depends on op.
type node struct {
	op   string
	kids []*node
	text string
	num  float64
	re   *regexp.Regexp
	slot int  // of a variable
	own  bool // the variable is of the function
	fn   *function
}

type function struct {
	name   string
	params []string
	body   *node
	line   int
}

type rule struct {
	pattern []*node // none, one, or two for a range
	body    *node   // nil prints the record
	within  bool    // of a range
}

// program is what can be run.
type program struct {
	begin, end []*node
	rules      []*rule
	globals    map[string]int
	functions  map[string]*function
}

// mostNesting bounds brackets and statements in each other.
const mostNesting = 500

type parser struct {
	tokens []token
	at     int
	prog   *program
	locals map[string]int
	noGT   int // > is a redirection here
	depth  int
	calls  []pendingCall
	loops  int
	inFunc bool
}

type pendingCall struct {
	n    *node
	line int
}

type syntaxError struct{ error }

func (p *parser) fault(format string, args ...any) {
	panic(syntaxError{fmt.Errorf("line %d: "+format, append([]any{p.peek().line}, args...)...)})
}

func parse(src string) (prog *program, err error) {
	tokens, err := lex(src)
	if err != nil {
		return nil, err
	}
	p := &parser{tokens: tokens, prog: &program{globals: map[string]int{}, functions: map[string]*function{}}}
	for i, name := range specials {
		p.prog.globals[name] = i
	}
	defer func() {
		if r := recover(); r != nil {
			s, ok := r.(syntaxError)
			if !ok {
				panic(r)
			}
			prog, err = nil, s.error
		}
	}()
	for {
		p.newlines(true)
		if p.peek().kind == tEnd {
			break
		}
		p.item()
	}
	for _, call := range p.calls {
		fn := p.prog.functions[call.n.text]
		if fn == nil {
			return nil, fmt.Errorf("line %d: there is no function %s", call.line, call.n.text)
		}
		if len(call.n.kids) > len(fn.params) {
			return nil, fmt.Errorf("line %d: function %s takes %d arguments", call.line, fn.name, len(fn.params))
		}
		call.n.fn = fn
	}
	return p.prog, nil
}

func (p *parser) peek() token { return p.tokens[p.at] }

func (p *parser) is(word string) bool {
	t := p.tokens[p.at]
	return t.kind == tWord && t.text == word
}

func (p *parser) accept(word string) bool {
	if p.is(word) {
		p.at++
		return true
	}
	return false
}

func (p *parser) need(word string) {
	if !p.accept(word) {
		p.fault("%s is missing before %s", word, p.peek().text)
	}
}

func (p *parser) newlines(semicolons bool) {
	for p.peek().kind == tNewline || semicolons && p.is(";") {
		p.at++
	}
}

func (p *parser) deeper() func() {
	if p.depth++; p.depth > mostNesting {
		p.fault("it is nested too deep")
	}
	return func() { p.depth-- }
}

func (p *parser) item() {
	switch {
	case p.accept("function"):
		t := p.peek()
		if t.kind != tName && t.kind != tCall {
			p.fault("the name of the function is missing")
		}
		p.at++
		if p.prog.functions[t.text] != nil {
			p.fault("function %s is there twice", t.text)
		}
		fn := &function{name: t.text, line: t.line}
		p.prog.functions[t.text] = fn
		p.need("(")
		p.locals = map[string]int{}
		for !p.accept(")") {
			if len(fn.params) > 0 {
				p.need(",")
				p.newlines(false)
			}
			name := p.peek()
			if name.kind != tName {
				p.fault("the name of a parameter is missing")
			}
			p.at++
			p.locals[name.text] = len(fn.params)
			fn.params = append(fn.params, name.text)
		}
		p.newlines(false)
		p.inFunc = true
		fn.body = p.block()
		p.inFunc, p.locals = false, nil
	case p.accept("BEGIN"):
		p.prog.begin = append(p.prog.begin, p.block())
	case p.accept("END"):
		p.prog.end = append(p.prog.end, p.block())
	default:
		r := &rule{}
		if !p.is("{") {
			r.pattern = append(r.pattern, p.expr())
			if p.accept(",") {
				p.newlines(false)
				r.pattern = append(r.pattern, p.expr())
			}
		}
		if p.is("{") {
			r.body = p.block()
		}
		p.prog.rules = append(p.prog.rules, r)
	}
	if p.peek().kind != tNewline && p.peek().kind != tEnd && !p.is(";") && p.tokens[p.at-1].text != "}" {
		p.fault("%s is not expected here", p.peek().text)
	}
}

func (p *parser) block() *node {
	p.need("{")
	n := &node{op: "block"}
	for {
		p.newlines(true)
		if p.accept("}") {
			return n
		}
		n.kids = append(n.kids, p.statement())
	}
}

// body is the statement of an if or a loop.
func (p *parser) body() *node {
	p.newlines(false)
	if p.accept(";") {
		return &node{op: "block"}
	}
	return p.statement()
}

func (p *parser) statement() *node {
	defer p.deeper()()
	switch {
	case p.is("{"):
		return p.block()
	case p.accept("if"):
		p.need("(")
		n := &node{op: "if", kids: []*node{p.plain()}}
		p.need(")")
		n.kids = append(n.kids, p.body())
		mark := p.at
		p.newlines(true)
		if p.accept("else") {
			n.kids = append(n.kids, p.body())
		} else {
			p.at = mark
		}
		return n
	case p.accept("while"):
		p.need("(")
		n := &node{op: "while", kids: []*node{p.plain()}}
		p.need(")")
		n.kids = append(n.kids, p.loop())
		return n
	case p.accept("do"):
		n := &node{op: "do", kids: []*node{p.loop()}}
		p.newlines(true)
		p.need("while")
		p.need("(")
		n.kids = append(n.kids, p.plain())
		p.need(")")
		p.terminator()
		return n
	case p.accept("for"):
		return p.forLoop()
	}
	n := p.simple()
	p.terminator()
	return n
}

func (p *parser) terminator() {
	switch {
	case p.is("}"):
	case p.accept(";"), p.peek().kind == tNewline:
		p.newlines(false)
	case p.peek().kind == tEnd:
	default:
		p.fault("%s is not expected here", p.peek().text)
	}
}

func (p *parser) loop() *node {
	p.loops++
	defer func() { p.loops-- }()
	return p.body()
}

func (p *parser) forLoop() *node {
	p.need("(")
	t := p.tokens[p.at:]
	if len(t) > 4 && t[0].kind == tName && t[1].text == "in" && t[1].kind == tWord && t[2].kind == tName && t[3].text == ")" {
		n := &node{op: "forin", kids: []*node{p.variable(t[0].text), p.variable(t[2].text)}}
		p.at += 4
		n.kids = append(n.kids, p.loop())
		return n
	}
	n := &node{op: "for", kids: make([]*node, 4)}
	if !p.is(";") {
		n.kids[0] = p.simple()
	}
	p.need(";")
	p.newlines(false)
	if !p.is(";") {
		n.kids[1] = p.expr()
	}
	p.need(";")
	p.newlines(false)
	if !p.is(")") {
		n.kids[2] = p.simple()
	}
	p.need(")")
	n.kids[3] = p.loop()
	return n
}

// ends tells whether a simple statement ends here.
func (p *parser) ends() bool {
	return p.peek().kind == tNewline || p.peek().kind == tEnd || p.is(";") || p.is("}") || p.is(")")
}

func (p *parser) simple() *node {
	t := p.peek()
	if t.kind != tWord {
		return p.expr()
	}
	switch t.text {
	case "print", "printf":
		return p.print()
	case "break", "continue":
		if p.loops == 0 {
			p.fault("%s stands in no loop", t.text)
		}
		p.at++
		return &node{op: t.text}
	case "next", "nextfile":
		p.at++
		return &node{op: t.text}
	case "exit", "return":
		if t.text == "return" && !p.inFunc {
			p.fault("return stands in no function")
		}
		p.at++
		n := &node{op: t.text}
		if !p.ends() {
			n.kids = []*node{p.expr()}
		}
		return n
	case "delete":
		p.at++
		name := p.peek()
		if name.kind != tName {
			p.fault("delete needs an array")
		}
		p.at++
		n := &node{op: "delete", kids: []*node{p.variable(name.text)}}
		if p.accept("[") {
			n.kids = append(n.kids, p.subscript())
		}
		return n
	}
	return p.expr()
}

func (p *parser) print() *node {
	n := &node{op: p.peek().text}
	p.at++
	p.noGT++
	defer func() { p.noGT-- }()
	endsList := func() bool { return p.ends() || p.is(">") || p.is(">>") || p.is("|") }
	if !endsList() {
		mark := p.at
		if p.accept("(") { // print (a, b) > "file"
			n.kids = p.list(")")
			if !endsList() {
				n.kids, p.at = nil, mark
			}
		}
		if n.kids == nil {
			n.kids = append(n.kids, p.expr())
			for p.accept(",") {
				p.newlines(false)
				n.kids = append(n.kids, p.expr())
			}
		}
	}
	if n.op == "printf" && len(n.kids) == 0 {
		p.fault("printf needs a format")
	}
	for _, redirection := range []string{">", ">>", "|"} {
		if p.accept(redirection) {
			return &node{op: "redirect", text: redirection, kids: []*node{n, p.concatenation()}}
		}
	}
	return n
}

// list is expressions with commas up to a bracket, where > compares again.
func (p *parser) list(end string) (kids []*node) {
	p.newlines(false)
	for !p.accept(end) {
		if len(kids) > 0 {
			p.need(",")
			p.newlines(false)
		}
		kids = append(kids, p.plain())
		p.newlines(false)
	}
	return kids
}

// plain is an expression in brackets.
func (p *parser) plain() *node {
	saved := p.noGT
	p.noGT = 0
	defer func() { p.noGT = saved }()
	return p.expr()
}

func (p *parser) subscript() *node {
	kids := p.list("]")
	if len(kids) == 0 {
		p.fault("a subscript is missing")
	}
	if len(kids) == 1 {
		return kids[0]
	}
	return &node{op: "subscripts", kids: kids}
}

func (p *parser) variable(name string) *node {
	if slot, ok := p.locals[name]; ok {
		return &node{op: "var", text: name, slot: slot, own: true}
	}
	slot, ok := p.prog.globals[name]
	if !ok {
		slot = len(p.prog.globals)
		p.prog.globals[name] = slot
	}
	return &node{op: "var", text: name, slot: slot}
}

func (p *parser) regex(text string) *regexp.Regexp {
	re, err := compile(text)
	if err != nil {
		p.fault("%v", err)
	}
	return re
}

func (p *parser) expr() *node {
	defer p.deeper()()
	cond := p.binary(0)
	if !p.accept("?") {
		return cond
	}
	p.newlines(false)
	yes := p.expr()
	p.newlines(false)
	p.need(":")
	p.newlines(false)
	return &node{op: "?", kids: []*node{cond, yes, p.expr()}}
}

// binary is || , && and in, from the weakest on.
func (p *parser) binary(level int) *node {
	if level == 2 {
		left := p.matching()
		for p.accept("in") {
			name := p.peek()
			if name.kind != tName {
				p.fault("in needs an array")
			}
			p.at++
			left = &node{op: "in", kids: []*node{left, p.variable(name.text)}}
		}
		return left
	}
	operator := []string{"||", "&&"}[level]
	left := p.binary(level + 1)
	for p.accept(operator) {
		p.newlines(false)
		left = &node{op: operator, kids: []*node{left, p.binary(level + 1)}}
	}
	return left
}

func (p *parser) matching() *node {
	left := p.comparison()
	for p.is("~") || p.is("!~") {
		operator := p.peek().text
		p.at++
		left = &node{op: operator, kids: []*node{left, p.comparison()}}
	}
	return left
}

func (p *parser) comparison() *node {
	left := p.concatenation()
	for {
		switch t := p.peek(); {
		case t.kind != tWord:
			return left
		case t.text == "|" && p.tokens[p.at+1].text == "getline" && p.tokens[p.at+1].kind == tWord:
			p.at += 2
			left = &node{op: "getline|", kids: []*node{left, p.target()}}
		case t.text == "<" || t.text == "<=" || t.text == "==" || t.text == "!=" || t.text == ">=" || t.text == ">" && p.noGT == 0:
			p.at++
			left = &node{op: t.text, kids: []*node{left, p.concatenation()}}
		default:
			return left
		}
	}
}

// startsOperand tells whether what follows is joined to the text before. A sign
// is not: it is a sum.
func (p *parser) startsOperand() bool {
	switch t := p.peek(); t.kind {
	case tNumber, tString, tRegex, tName, tCall, tBuiltin:
		return true
	case tWord:
		switch t.text {
		case "$", "!", "(", "-", "+", "++", "--":
			return t.text != "-" && t.text != "+"
		}
	}
	return false
}

func (p *parser) concatenation() *node {
	left := p.sum()
	for p.startsOperand() {
		left = &node{op: "concat", kids: []*node{left, p.sum()}}
	}
	return left
}

func (p *parser) sum() *node {
	left := p.product()
	for p.is("+") || p.is("-") {
		operator := p.peek().text
		p.at++
		left = &node{op: operator, kids: []*node{left, p.product()}}
	}
	return left
}

func (p *parser) product() *node {
	left := p.unary()
	for p.is("*") || p.is("/") || p.is("%") {
		operator := p.peek().text
		p.at++
		left = &node{op: operator, kids: []*node{left, p.unary()}}
	}
	return left
}

func (p *parser) unary() *node {
	defer p.deeper()()
	for _, operator := range []string{"!", "-", "+"} {
		if p.accept(operator) {
			return &node{op: "unary" + operator, kids: []*node{p.unary()}}
		}
	}
	left := p.postfix()
	if p.accept("^") {
		return &node{op: "^", kids: []*node{left, p.unary()}}
	}
	return left
}

func isPlace(n *node) bool { return n.op == "var" || n.op == "element" || n.op == "$" }

func (p *parser) postfix() *node {
	n := p.primary()
	if !isPlace(n) {
		return n
	}
	t := p.peek()
	if t.kind != tWord {
		return n
	}
	switch t.text {
	case "++", "--":
		p.at++
		return &node{op: "post" + t.text, kids: []*node{n}}
	case "=", "+=", "-=", "*=", "/=", "%=", "^=":
		p.at++
		p.newlines(false)
		return &node{op: "assign", text: t.text[:len(t.text)-1], kids: []*node{n, p.expr()}}
	}
	return n
}

// target is the variable of a getline, nil for the record.
func (p *parser) target() *node {
	if p.peek().kind == tName || p.is("$") {
		return p.primary()
	}
	return nil
}

func (p *parser) primary() *node {
	defer p.deeper()()
	t := p.peek()
	p.at++
	switch t.kind {
	case tNumber:
		return &node{op: "number", num: t.num}
	case tString:
		return &node{op: "string", text: t.text}
	case tRegex:
		return &node{op: "regex", re: p.regex(t.text)}
	case tName:
		n := p.variable(t.text)
		if p.accept("[") {
			return &node{op: "element", kids: []*node{n, p.subscript()}}
		}
		return n
	case tCall:
		p.need("(")
		n := &node{op: "call", text: t.text, kids: p.list(")")}
		p.calls = append(p.calls, pendingCall{n, t.line})
		return n
	case tBuiltin:
		n := &node{op: "builtin", text: t.text}
		if p.accept("(") {
			n.kids = p.list(")")
		} else if t.text != "length" {
			p.fault("( is missing behind %s", t.text)
		}
		if b := builtins[t.text]; len(n.kids) < b.least || len(n.kids) > b.most {
			p.fault("%s does not take %d arguments", t.text, len(n.kids))
		}
		p.checkBuiltin(n)
		return n
	case tWord:
		switch t.text {
		case "$":
			if p.is("++") || p.is("--") || p.is("-") || p.is("+") || p.is("!") {
				operator := p.peek().text
				p.at++
				if len(operator) == 1 {
					return &node{op: "$", kids: []*node{{op: "unary" + operator, kids: []*node{p.primary()}}}}
				}
				return &node{op: "$", kids: []*node{p.before(operator)}}
			}
			return &node{op: "$", kids: []*node{p.primary()}}
		case "++", "--":
			return p.before(t.text)
		case "(":
			kids := p.list(")")
			switch {
			case len(kids) == 0:
				p.fault("an expression is missing")
			case len(kids) > 1:
				if !p.is("in") {
					p.fault("in is missing behind the brackets")
				}
				return &node{op: "subscripts", kids: kids}
			}
			return &node{op: "group", kids: kids}
		case "getline":
			n := &node{op: "getline", kids: []*node{p.target()}}
			if p.accept("<") {
				n.op = "getline<"
				n.kids = append(n.kids, p.primary())
			}
			return n
		}
	}
	p.at--
	p.fault("%s is not expected here", t.text)
	return nil
}

func (p *parser) before(operator string) *node {
	n := p.primary()
	if !isPlace(n) {
		p.fault("%s needs a variable", operator)
	}
	return &node{op: "pre" + operator, kids: []*node{n}}
}

// checkBuiltin looks whether arguments that must be arrays or variables are.
func (p *parser) checkBuiltin(n *node) {
	switch {
	case n.text == "split" && n.kids[1].op != "var":
		p.fault("the second argument of split must be an array")
	case (n.text == "sub" || n.text == "gsub") && len(n.kids) == 3 && !isPlace(n.kids[2]):
		p.fault("the third argument of %s must be a variable", n.text)
	}
}
