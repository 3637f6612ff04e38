// Package awk is POSIX awk in small: the language as the standard has it, with
// the additions that scripts rely on (nextfile, delete of a whole array, length
// of one, fflush, func).
//
// Regular expressions are RE2's, so that none takes exponential time. Texts are
// bytes, as in the C locale. for (k in a) goes through numbers by size, then
// texts. Left out: gawk's own functions (gensub, strftime, asort and their kin),
// RS of several characters, and locales.
package awk

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os/exec"
	"regexp"
	"strings"
)

// Config is what a program runs with.
type Config struct {
	Name    string   // in messages
	Program string   // its text
	Vars    []string // name=value, before BEGIN
	FS      string   // of -F; "" leaves the blank
	Args    []string // operands
	Environ []string
	Stdin   io.Reader
	Stdout  io.Writer
	Stderr  io.Writer
	Command func(line string) *exec.Cmd // runs a line of the shell; nil forbids it
	Steps   int                         // most steps that it may take, 0 for any number
}

// The variables that awk knows itself, in their slots.
const (
	vNF = iota
	vNR
	vFNR
	vFS
	vOFS
	vORS
	vRS
	vSUBSEP
	vRSTART
	vRLENGTH
	vCONVFMT
	vOFMT
	vFILENAME
	vENVIRON
	vARGC
	vARGV
)

var specials = []string{"NF", "NR", "FNR", "FS", "OFS", "ORS", "RS", "SUBSEP", "RSTART", "RLENGTH", "CONVFMT", "OFMT", "FILENAME", "ENVIRON", "ARGC", "ARGV"}

// mostCalls bounds functions that call functions, mostFields a record, mostText
// a text in bytes.
const (
	mostCalls  = 5000
	mostFields = 1 << 20
	mostText   = 256 << 20
)

type interp struct {
	Config
	prog    *program
	globals []cell
	frame   []*cell
	calls   int
	steps   int

	out       *bufio.Writer
	stdin     *bufio.Reader
	outputs   map[string]*output
	inputs    map[string]*inputStream
	appending bool
	main      *inputStream
	argument  int
	readAny   bool

	line   string
	fields []value // from 1; valid if split
	split  bool
	stale  bool // the line must be made of the fields

	regexes map[string]*regexp.Regexp
	random  *rand.Rand
	seed    float64
	result  value // of return
	status  int
}

// runtimeError ends a program.
type runtimeError struct{ error }

// What a statement does to those around it.
type flow int

const (
	goesOn flow = iota
	breaks
	continues
	nexts
	nextFiles
	returns
	exits
)

// Run runs a program and returns its status; err is why it could not.
func Run(c Config) (status int, err error) {
	prog, err := parse(c.Program)
	if err != nil {
		return 2, err
	}
	in := &interp{Config: c, prog: prog, globals: make([]cell, len(prog.globals)), out: bufio.NewWriterSize(c.Stdout, 32<<10),
		outputs: map[string]*output{}, inputs: map[string]*inputStream{}, argument: 1, regexes: map[string]*regexp.Regexp{}, random: rand.New(rand.NewPCG(0, 0))}
	in.stdin = bufio.NewReaderSize(prompt{in}, 32<<10)
	defer func() {
		if r := recover(); r != nil {
			e, ok := r.(runtimeError)
			if !ok {
				panic(r)
			}
			status, err = 2, e.error
		}
		in.flush()
		for name := range in.outputs {
			in.closeStream(name)
		}
		for name := range in.inputs {
			in.closeStream(name[1:])
		}
	}()
	for slot, v := range map[int]string{vFS: " ", vOFS: " ", vORS: "\n", vRS: "\n", vSUBSEP: "\x1c", vCONVFMT: "%.6g", vOFMT: "%.6g"} {
		in.globals[slot].v = text(v)
	}
	for slot, n := range map[int]float64{vNR: 0, vFNR: 0, vRSTART: 0, vRLENGTH: -1, vARGC: float64(len(c.Args) + 1)} {
		in.globals[slot].v = number(n)
	}
	argv := in.globals[vARGV].asArray()
	argv["0"] = text(c.Name)
	for i, arg := range c.Args {
		argv[fmt.Sprint(i+1)] = input(arg)
	}
	environ := in.globals[vENVIRON].asArray()
	for _, entry := range c.Environ {
		name, value, _ := strings.Cut(entry, "=")
		environ[name] = input(value)
	}
	if c.FS != "" {
		fs := unescape(c.FS)
		if fs == "t" {
			fs = "\t"
		}
		in.globals[vFS].v = text(fs)
	}
	for _, v := range c.Vars {
		name, value, ok := strings.Cut(v, "=")
		if !ok || !isName(name) {
			return 2, fmt.Errorf("-v %s: is not name=value", v)
		}
		in.assign(name, value)
	}
	in.run()
	if !in.flush() {
		return 2, errors.New("standard output or another one cannot be written")
	}
	return in.status, nil
}

// prompt is standard input: what was printed is sent before more is waited for.
type prompt struct{ in *interp }

func (p prompt) Read(b []byte) (int, error) {
	p.in.flush()
	return p.in.Stdin.Read(b)
}

func (in *interp) fail(format string, args ...any) {
	panic(runtimeError{fmt.Errorf(format, args...)})
}

// assign sets a variable from outside.
func (in *interp) assign(name, value string) {
	slot, ok := in.prog.globals[name]
	if !ok {
		return // the program does not look at it
	}
	in.set(&node{op: "var", text: name, slot: slot}, input(unescape(value)))
}

func (in *interp) run() {
	ended := false
	for _, block := range in.prog.begin {
		if ended = in.guarded(func() flow { return in.exec(block) }) == exits; ended {
			break
		}
	}
	for !ended && len(in.prog.rules)+len(in.prog.end) > 0 {
		line, ok := in.nextRecord()
		if !ok {
			break
		}
		in.setLine(line)
		switch in.guarded(in.rules) {
		case exits:
			ended = true
		case nextFiles:
			in.endFile()
		}
	}
	for _, block := range in.prog.end {
		if in.guarded(func() flow { return in.exec(block) }) == exits {
			break
		}
	}
}

// leaving is how a function in the middle of an expression ends the record or
// the program.
type leaving struct{ flow }

func (in *interp) guarded(run func() flow) (f flow) {
	defer func() {
		if r := recover(); r != nil {
			l, ok := r.(leaving)
			if !ok {
				panic(r)
			}
			f, in.frame, in.calls = l.flow, nil, 0
		}
	}()
	return run()
}

// rules runs the rules on the present record.
func (in *interp) rules() flow {
	for _, r := range in.prog.rules {
		if !in.applies(r) {
			continue
		}
		if r.body == nil {
			in.out.WriteString(in.record0() + in.textOf(vORS))
		} else if f := in.exec(r.body); f != goesOn {
			return f
		}
	}
	return goesOn
}

func (in *interp) applies(r *rule) bool {
	switch len(r.pattern) {
	case 0:
		return true
	case 1:
		return in.eval(r.pattern[0]).truth()
	}
	if !r.within && !in.eval(r.pattern[0]).truth() {
		return false
	}
	r.within = !in.eval(r.pattern[1]).truth()
	return true
}

func (in *interp) convfmt() string {
	if v := in.globals[vCONVFMT].v; v.kind != isNumber {
		return v.s
	}
	return "%.6g"
}

func (in *interp) textOf(slot int) string { return in.globals[slot].v.text(in.convfmt()) }

func (in *interp) str(n *node) string { return in.eval(n).text(in.convfmt()) }

func (in *interp) step() {
	if in.steps++; in.Steps > 0 && in.steps > in.Steps {
		in.fail("more than %d steps", in.Steps)
	}
}

// exec runs a statement.
func (in *interp) exec(n *node) flow {
	in.step()
	switch n.op {
	case "block":
		for _, kid := range n.kids {
			if f := in.exec(kid); f != goesOn {
				return f
			}
		}
	case "if":
		if in.eval(n.kids[0]).truth() {
			return in.exec(n.kids[1])
		}
		if len(n.kids) > 2 {
			return in.exec(n.kids[2])
		}
	case "while":
		for in.eval(n.kids[0]).truth() {
			if f := in.exec(n.kids[1]); f == breaks {
				break
			} else if f > continues {
				return f
			}
		}
	case "do":
		for {
			if f := in.exec(n.kids[0]); f == breaks {
				break
			} else if f > continues {
				return f
			}
			if !in.eval(n.kids[1]).truth() {
				break
			}
		}
	case "for":
		if n.kids[0] != nil {
			in.exec(n.kids[0])
		}
		for n.kids[1] == nil || in.eval(n.kids[1]).truth() {
			if f := in.exec(n.kids[3]); f == breaks {
				break
			} else if f > continues {
				return f
			}
			if n.kids[2] != nil {
				in.exec(n.kids[2])
			}
		}
	case "forin":
		for _, key := range keys(in.array(n.kids[1])) {
			in.set(n.kids[0], input(key))
			if f := in.exec(n.kids[2]); f == breaks {
				break
			} else if f > continues {
				return f
			}
		}
	case "break":
		return breaks
	case "continue":
		return continues
	case "next":
		return nexts
	case "nextfile":
		return nextFiles
	case "exit":
		if len(n.kids) > 0 {
			in.status = int(in.eval(n.kids[0]).number()) & 0xff
		}
		return exits
	case "return":
		in.result = value{}
		if len(n.kids) > 0 {
			in.result = in.eval(n.kids[0])
		}
		return returns
	case "delete":
		array := in.array(n.kids[0])
		if len(n.kids) == 1 {
			clear(array)
		} else {
			delete(array, in.subscript(n.kids[1]))
		}
	case "print", "printf":
		in.out.WriteString(in.printed(n))
	case "redirect":
		said := in.printed(n.kids[0])
		in.appending = n.text == ">>"
		in.writer(n.text, in.str(n.kids[1])).WriteString(said)
	default:
		in.eval(n)
	}
	return goesOn
}
