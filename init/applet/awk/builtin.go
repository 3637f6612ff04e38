package awk

import (
	"math"
	"math/rand/v2"
	"regexp"
	"strings"
	"time"
)

// builtin is a function of the language.
type builtin struct {
	least, most int // arguments
	run         func(in *interp, args []*node) value
}

var builtins map[string]*builtin

func init() {
	math1 := func(f func(float64) float64) *builtin {
		return &builtin{1, 1, func(in *interp, args []*node) value { return number(f(in.eval(args[0]).number())) }}
	}
	builtins = map[string]*builtin{
		"length": {0, 1, length},
		"substr": {2, 3, substr},
		"index": {2, 2, func(in *interp, a []*node) value {
			s := in.str(a[0])
			return number(float64(strings.Index(s, in.str(a[1])) + 1))
		}},
		"split":   {2, 3, split},
		"sub":     {2, 3, func(in *interp, a []*node) value { return substitute(in, a, false) }},
		"gsub":    {2, 3, func(in *interp, a []*node) value { return substitute(in, a, true) }},
		"match":   {2, 2, match},
		"sprintf": {1, 1 << 20, func(in *interp, a []*node) value { return text(in.printed(&node{op: "printf", kids: a})) }},
		"tolower": {1, 1, func(in *interp, a []*node) value { return text(mapped(in.str(a[0]), 'A', 'Z')) }},
		"toupper": {1, 1, func(in *interp, a []*node) value { return text(mapped(in.str(a[0]), 'a', 'z')) }},
		"int":     math1(math.Trunc), "sqrt": math1(math.Sqrt), "exp": math1(math.Exp), "log": math1(math.Log), "sin": math1(math.Sin), "cos": math1(math.Cos),
		"atan2": {2, 2, func(in *interp, a []*node) value {
			y := in.eval(a[0]).number()
			return number(math.Atan2(y, in.eval(a[1]).number()))
		}},
		"rand":  {0, 0, func(in *interp, a []*node) value { return number(in.random.Float64()) }},
		"srand": {0, 1, srand},
		"system": {1, 1, func(in *interp, a []*node) value {
			cmd := in.command(in.str(a[0]))
			in.flush()
			cmd.Stdin, cmd.Stdout, cmd.Stderr = in.Stdin, in.Stdout, in.Stderr
			return number(exitStatus(cmd.Run(), cmd))
		}},
		"close": {1, 2, func(in *interp, a []*node) value { return number(in.closeStream(in.str(a[0]))) }},
		"fflush": {0, 1, func(in *interp, a []*node) value {
			if in.flush() {
				return number(0)
			}
			return number(-1)
		}},
	}
}

// mapped changes the case of ASCII letters.
func mapped(s string, from, to byte) string {
	out := []byte(s)
	for i, b := range out {
		if b >= from && b <= to {
			out[i] = b ^ 0x20
		}
	}
	return string(out)
}

func length(in *interp, args []*node) value {
	if len(args) == 0 {
		return number(float64(len(in.record0())))
	}
	if args[0].op == "var" {
		if c := in.cell(args[0]); c.array != nil || c.origin != nil && c.origin.array != nil {
			return number(float64(len(c.asArray())))
		}
	}
	return number(float64(len(in.str(args[0]))))
}

func substr(in *interp, args []*node) value {
	s := in.str(args[0])
	from := math.RoundToEven(in.eval(args[1]).number())
	to := math.Inf(1)
	if len(args) > 2 {
		to = from + math.RoundToEven(in.eval(args[2]).number())
	}
	from, to = math.Max(from, 1), math.Min(to, float64(len(s)+1))
	if !(from < to) {
		return text("")
	}
	return text(s[int(from)-1 : int(to)-1])
}

// regex is an argument as an expression.
func (in *interp) regex(n *node) *regexp.Regexp {
	if n.op == "regex" {
		return n.re
	}
	return in.compiled(in.str(n))
}

// compiled remembers expressions that are made while the program runs.
func (in *interp) compiled(pattern string) *regexp.Regexp {
	if re := in.regexes[pattern]; re != nil {
		return re
	}
	re, err := compile(pattern)
	if err != nil {
		in.fail("%v", err)
	}
	if len(in.regexes) > 200 {
		clear(in.regexes)
	}
	in.regexes[pattern] = re
	return re
}

func split(in *interp, args []*node) value {
	s := in.str(args[0])
	var parts []string
	switch {
	case len(args) == 2:
		parts = in.pieces(s, in.textOf(vFS), in.textOf(vRS) == "")
	case args[2].op == "regex":
		if s != "" {
			parts = splitBy(args[2].re, s)
		}
	default:
		parts = in.pieces(s, in.str(args[2]), false)
	}
	array := in.array(args[1])
	clear(array)
	for i, part := range parts {
		array[number(float64(i+1)).text("")] = input(part)
	}
	return number(float64(len(parts)))
}

func splitBy(re *regexp.Regexp, s string) (parts []string) {
	last := 0
	for _, m := range re.FindAllStringIndex(s, -1) {
		if m[1] > m[0] {
			parts = append(parts, s[last:m[0]])
			last = m[1]
		}
	}
	return append(parts, s[last:])
}

func match(in *interp, args []*node) value {
	s := in.str(args[0])
	start, size := 0, -1
	if m := in.regex(args[1]).FindStringIndex(s); m != nil {
		start, size = m[0]+1, m[1]-m[0]
	}
	in.globals[vRSTART].v, in.globals[vRLENGTH].v = number(float64(start)), number(float64(size))
	return number(float64(start))
}

// substitute is sub and gsub.
func substitute(in *interp, args []*node, all bool) value {
	re, replacement := in.regex(args[0]), in.str(args[1])
	place := &node{op: "$", kids: []*node{{op: "number"}}}
	if len(args) > 2 {
		place = args[2]
	}
	count := 0
	replace := func(s string) string {
		limit := 1
		if all {
			limit = -1
		}
		var out strings.Builder
		last := 0
		for _, m := range re.FindAllStringIndex(s, limit) {
			out.WriteString(s[last:m[0]])
			last = m[1]
			count++
			for i := 0; i < len(replacement); i++ {
				switch {
				case replacement[i] == '\\' && i+1 < len(replacement) && (replacement[i+1] == '&' || replacement[i+1] == '\\'):
					i++
					out.WriteByte(replacement[i])
				case replacement[i] == '&':
					out.WriteString(s[m[0]:m[1]])
				default:
					out.WriteByte(replacement[i])
				}
			}
			if out.Len() > mostText {
				in.fail("a text of more than %d MiB", mostText>>20)
			}
		}
		return out.String() + s[last:]
	}
	old := in.str(place)
	if new := replace(old); count > 0 {
		in.set(place, text(new))
	}
	return number(float64(count))
}

func srand(in *interp, args []*node) value {
	before := in.seed
	in.seed = float64(time.Now().Unix())
	if len(args) > 0 {
		in.seed = in.eval(args[0]).number()
	}
	in.random = rand.New(rand.NewPCG(math.Float64bits(in.seed), 0))
	return number(before)
}
