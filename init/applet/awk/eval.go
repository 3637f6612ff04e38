package awk

import (
	"io"
	"math"
	"strings"
)

func (in *interp) cell(n *node) *cell {
	if n.own {
		return in.frame[n.slot]
	}
	return &in.globals[n.slot]
}

func (in *interp) array(n *node) map[string]value {
	c := in.cell(n)
	if c.array == nil && c.v.kind != unset {
		in.fail("%s is no array", n.text)
	}
	return c.asArray()
}

func (in *interp) subscript(n *node) string {
	if n.op != "subscripts" {
		v := in.eval(n)
		return v.text(in.convfmt())
	}
	parts := make([]string, len(n.kids))
	for i, kid := range n.kids {
		parts[i] = in.str(kid)
	}
	return strings.Join(parts, in.textOf(vSUBSEP))
}

// set gives a variable, an element or a field a value.
func (in *interp) set(n *node, v value) {
	switch n.op {
	case "var":
		c := in.cell(n)
		if c.array != nil {
			in.fail("%s is an array", n.text)
		}
		if !n.own && n.slot == vNF {
			in.setNF(int(v.number()))
			return
		}
		c.v = v
	case "element":
		in.array(n.kids[0])[in.subscript(n.kids[1])] = v
	case "$":
		in.setField(in.index(n), v)
	default:
		in.fail("only a variable can get a value")
	}
}

func (in *interp) index(n *node) int {
	i := in.eval(n.kids[0]).number()
	if !(i >= 0 && i <= mostFields) {
		in.fail("$%v: there is no such field", i)
	}
	return int(i)
}

// eval is the value of an expression.
func (in *interp) eval(n *node) value {
	in.step()
	switch n.op {
	case "number":
		return number(n.num)
	case "string":
		return text(n.text)
	case "regex":
		return truth(n.re.MatchString(in.record0()))
	case "group":
		return in.eval(n.kids[0])
	case "var":
		c := in.cell(n)
		if c.array != nil {
			in.fail("%s is an array", n.text)
		}
		if !n.own && n.slot == vNF {
			in.splitLine()
			return number(float64(len(in.fields) - 1))
		}
		return c.v
	case "element":
		array, key := in.array(n.kids[0]), in.subscript(n.kids[1])
		v, ok := array[key]
		if !ok {
			array[key] = value{} // to look at it makes it, as the standard says
		}
		return v
	case "$":
		return in.field(in.index(n))
	case "subscripts":
		return text(in.subscript(n))
	case "assign":
		v := in.eval(n.kids[1])
		if n.text != "" {
			// The place is looked at after the value, as a[i++] += 1 must go once.
			return in.change(n.kids[0], func(old value) value { return in.arithmetic(n.text, old.number(), v.number()) })
		}
		in.set(n.kids[0], v)
		return v
	case "pre++", "pre--", "post++", "post--":
		by := 1.0
		if n.op[len(n.op)-1] == '-' {
			by = -1
		}
		var before float64
		after := in.change(n.kids[0], func(old value) value { before = old.number(); return number(before + by) })
		if strings.HasPrefix(n.op, "post") {
			return number(before)
		}
		return after
	case "?":
		if in.eval(n.kids[0]).truth() {
			return in.eval(n.kids[1])
		}
		return in.eval(n.kids[2])
	case "||":
		return truth(in.eval(n.kids[0]).truth() || in.eval(n.kids[1]).truth())
	case "&&":
		return truth(in.eval(n.kids[0]).truth() && in.eval(n.kids[1]).truth())
	case "in":
		key := in.subscript(n.kids[0])
		_, ok := in.array(n.kids[1])[key]
		return truth(ok)
	case "~", "!~":
		s := in.str(n.kids[0])
		return truth(in.regex(n.kids[1]).MatchString(s) == (n.op == "~"))
	case "<", "<=", "==", "!=", ">", ">=":
		return truth(in.compare(n.op, in.eval(n.kids[0]), in.eval(n.kids[1])))
	case "concat":
		left := in.str(n.kids[0])
		right := in.str(n.kids[1])
		if len(left)+len(right) > mostText {
			in.fail("a text of more than %d MiB", mostText>>20)
		}
		return text(left + right)
	case "+", "-", "*", "/", "%", "^":
		left := in.eval(n.kids[0]).number()
		return in.arithmetic(n.op, left, in.eval(n.kids[1]).number())
	case "unary!":
		return truth(!in.eval(n.kids[0]).truth())
	case "unary-":
		return number(-in.eval(n.kids[0]).number())
	case "unary+":
		return number(in.eval(n.kids[0]).number())
	case "getline", "getline<", "getline|":
		return number(in.getline(n))
	case "call":
		return in.call(n)
	case "builtin":
		return builtins[n.text].run(in, n.kids)
	}
	in.fail("%s is no expression", n.op)
	return value{}
}

// change makes a new value of the old one; subscripts are evaluated once.
func (in *interp) change(place *node, make func(value) value) value {
	switch place.op {
	case "element":
		array, key := in.array(place.kids[0]), in.subscript(place.kids[1])
		v := make(array[key])
		array[key] = v
		return v
	case "$":
		i := in.index(place)
		v := make(in.field(i))
		in.setField(i, v)
		return v
	}
	v := make(in.eval(place))
	in.set(place, v)
	return v
}

func (in *interp) compare(op string, a, b value) bool {
	var order int
	if a.numeric() && b.numeric() {
		x, y := a.number(), b.number()
		switch {
		case x < y:
			order = -1
		case x > y:
			order = 1
		case x != y: // not a number
			return op == "!="
		}
	} else {
		order = strings.Compare(a.text(in.convfmt()), b.text(in.convfmt()))
	}
	switch op {
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	case "==":
		return order == 0
	case "!=":
		return order != 0
	case ">":
		return order > 0
	}
	return order >= 0
}

func (in *interp) arithmetic(op string, a, b float64) value {
	switch op {
	case "+":
		a += b
	case "-":
		a -= b
	case "*":
		a *= b
	case "^":
		a = math.Pow(a, b)
	default:
		if b == 0 {
			in.fail("division by zero")
		}
		if op == "/" {
			a /= b
		} else {
			a = math.Mod(a, b)
		}
	}
	return number(a)
}

func (in *interp) call(n *node) value {
	fn := n.fn
	if in.calls++; in.calls > mostCalls {
		in.fail("functions are nested too deep in %s", fn.name)
	}
	frame := make([]*cell, len(fn.params))
	for i := range frame {
		frame[i] = &cell{}
		if i >= len(n.kids) {
			continue
		}
		kid := n.kids[i]
		if kid.op == "var" && (kid.own || kid.slot != vNF) {
			given := in.cell(kid)
			switch {
			case given.array != nil:
				frame[i].array = given.array
			case given.v.kind == unset:
				frame[i].origin = given // it may become an array there
			}
			frame[i].v = given.v
			continue
		}
		frame[i].v = in.eval(kid)
	}
	saved := in.frame
	in.frame, in.result = frame, value{}
	f := in.exec(fn.body)
	in.frame = saved
	in.calls--
	if f == exits || f == nexts || f == nextFiles {
		panic(leaving{f})
	}
	result := in.result
	in.result = value{}
	return result
}

// printed is what print or printf prints.
func (in *interp) printed(n *node) string {
	if n.op == "printf" {
		format := in.str(n.kids[0])
		var args []value
		for _, kid := range n.kids[1:] {
			args = append(args, in.eval(kid))
		}
		return sprintf(format, args, in.convfmt())
	}
	if len(n.kids) == 0 {
		return in.record0() + in.textOf(vORS)
	}
	var out strings.Builder
	ofmt := in.globals[vOFMT].v.text("%.6g")
	for i, kid := range n.kids {
		if i > 0 {
			out.WriteString(in.textOf(vOFS))
		}
		v := in.eval(kid)
		out.WriteString(v.text(ofmt))
	}
	return out.String() + in.textOf(vORS)
}

// getline is 1 with a record, 0 at the end, -1 for an error.
func (in *interp) getline(n *node) float64 {
	var line string
	target := n.kids[0]
	if n.op == "getline" {
		var ok bool
		if line, ok = in.nextRecord(); !ok {
			return 0
		}
	} else {
		kind, from := "<", n.kids[len(n.kids)-1]
		if n.op == "getline|" {
			kind, from, target = "|", n.kids[0], n.kids[1]
		}
		r, err := in.reader(kind, in.str(from))
		if err != nil {
			return -1
		}
		if line, err = in.record(r.r); err == io.EOF {
			return 0
		} else if err != nil {
			return -1
		}
		if n.op == "getline|" {
			in.globals[vNR].v = number(in.globals[vNR].v.number() + 1)
		}
	}
	if target != nil {
		in.set(target, input(line))
	} else {
		in.setLine(line)
	}
	return 1
}

// The record and its fields.

func (in *interp) setLine(line string) {
	in.line, in.split, in.stale = line, false, false
}

// record0 is $0.
func (in *interp) record0() string {
	if in.stale {
		parts := make([]string, 0, len(in.fields))
		for _, v := range in.fields[1:] {
			parts = append(parts, v.text(in.convfmt()))
		}
		in.line, in.stale = strings.Join(parts, in.textOf(vOFS)), false
	}
	return in.line
}

func (in *interp) splitLine() {
	if in.split {
		return
	}
	in.split = true
	in.fields = append(in.fields[:0], value{})
	for _, part := range in.pieces(in.line, in.textOf(vFS), in.textOf(vRS) == "") {
		in.fields = append(in.fields, input(part))
	}
}

// pieces splits a text. newlines says that they separate too.
func (in *interp) pieces(s, fs string, newlines bool) []string {
	switch {
	case s == "":
		return nil
	case fs == " ":
		return strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || r == '\t' || r == '\n' })
	case fs == "":
		return strings.Split(s, "")
	case len(fs) == 1 && fs != "\\" && !newlines:
		return strings.Split(s, fs)
	}
	pattern := fs
	if len(fs) == 1 {
		pattern = "[" + strings.NewReplacer(`\`, `\\`, "^", `\^`, "]", `\]`).Replace(fs) + "]"
	}
	if newlines {
		pattern = "(" + pattern + ")|\n"
	}
	return splitBy(in.compiled(pattern), s)
}

func (in *interp) field(i int) value {
	if i == 0 {
		return input(in.record0())
	}
	in.splitLine()
	if i < len(in.fields) {
		return in.fields[i]
	}
	return value{}
}

func (in *interp) setField(i int, v value) {
	if i == 0 {
		in.setLine(v.text(in.convfmt()))
		return
	}
	in.splitLine()
	in.grow(i)
	in.fields[i] = v
	if v.kind == isNumber {
		in.fields[i] = value{kind: isNumber, n: v.n}
	}
	in.stale = true
}

func (in *interp) grow(n int) {
	for len(in.fields) <= n {
		in.fields = append(in.fields, input(""))
	}
}

func (in *interp) setNF(n int) {
	if n < 0 || n > mostFields {
		in.fail("NF cannot be %d", n)
	}
	in.splitLine()
	in.grow(n)
	in.fields = in.fields[:n+1]
	in.stale = true
}
