package applet

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"
)

// sed knows s///[gpiIN], p, d, q, =, a, i, c, y, n and their { } blocks with
// addresses N, $, /re/, first~step, ranges and 0,/re/, ! before a command; no
// hold space and no branches. -i replaces the file as a whole or not at all.
func sed(c *call, args []string) int {
	opts, operands, err := parseOptions("ne:f:iErsu", map[string]byte{"quiet": 'n', "expression": 'e', "in-place": 'i', "regexp-extended": 'E'}, args)
	if err != nil {
		return c.misuse("%v", err)
	}
	script := strings.Join(opts['e'], "\n")
	for _, file := range opts['f'] {
		text, err := os.ReadFile(file)
		if err != nil {
			return c.fail(file, err)
		}
		script += "\n" + string(text)
	}
	if !opts.has('e') && !opts.has('f') {
		if len(operands) == 0 {
			return c.misuse("needs a script")
		}
		script, operands = operands[0], operands[1:]
	}
	parser := &sedParser{text: script, extended: opts.has('E') || opts.has('r')}
	commands, err := parser.block(false)
	if err != nil {
		return c.misuse("%v", err)
	}
	s := &sedRun{commands: commands, quiet: opts.has('n')}
	if opts.has('i') {
		if len(operands) == 0 {
			return c.misuse("-i needs a file")
		}
		for _, file := range operands {
			if s.stopped {
				break // q ends all
			}
			var out bytes.Buffer
			s.begin()
			if !c.withInput(file, func(r io.Reader) error { return s.run([]io.Reader{r}, &out) }) {
				continue
			}
			err := replaceFile(file, 0o644, func(w io.Writer) error { _, err := w.Write(out.Bytes()); return err })
			if err != nil {
				c.fail(file, err)
			}
		}
		return max(c.status, s.code)
	}
	var inputs []io.Reader
	for _, file := range orStdin(operands) {
		if file == "-" {
			inputs = append(inputs, streamed{c.in, c.out})
			continue
		}
		f, err := os.Open(file)
		if err != nil {
			c.fail(file, err)
			c.status = 2
			continue
		}
		defer f.Close()
		inputs = append(inputs, streamed{f, c.out})
	}
	runs := [][]io.Reader{inputs}
	if opts.has('s') {
		runs = nil
		for _, input := range inputs {
			runs = append(runs, []io.Reader{input})
		}
	}
	for _, inputs := range runs {
		if s.stopped {
			break
		}
		s.begin()
		if err := s.run(inputs, c.out); err != nil {
			c.fail("", err)
		}
	}
	return max(c.status, s.code)
}

// sedRun is the state of a run.
type sedRun struct {
	commands []*sedCommand
	quiet    bool
	number   int
	last     func() bool // no line follows; it reads ahead, so it is asked only where that matters
	stopped  bool
	code     int
	lines    func() (line string, newline, ok bool)
	out      io.Writer
	line     string
	ends     string // newline of the current line, which the last may lack
	after    string // text of a, printed after the line
}

// begin makes ready for a file of its own: ranges of the one before have ended.
func (s *sedRun) begin() {
	s.number = 0
	resetRanges(s.commands)
}

func resetRanges(commands []*sedCommand) {
	for _, cmd := range commands {
		cmd.active = cmd.zero
		resetRanges(cmd.block)
	}
}

func (s *sedRun) run(inputs []io.Reader, out io.Writer) error {
	s.out = out
	type read struct {
		text string
		ok   bool
	}
	var readErr error
	var buffers []*lineReader
	for _, r := range inputs {
		buffers = append(buffers, newLineReader(r))
	}
	fetch := func() read {
		for len(buffers) > 0 {
			text, err := buffers[0].next()
			if text != "" {
				return read{text, true}
			}
			if err != nil && err != io.EOF {
				readErr = err
			}
			buffers = buffers[1:]
		}
		return read{}
	}
	var ahead *read
	s.last = func() bool {
		if ahead == nil {
			next := fetch()
			ahead = &next
		}
		return !ahead.ok
	}
	s.lines = func() (string, bool, bool) {
		if s.last() {
			return "", false, false
		}
		text, newline := strings.CutSuffix(ahead.text, "\n")
		ahead = nil
		s.number++
		return text, newline || !s.last(), true
	}
	for !s.stopped && s.next() {
		deleted := s.execute(s.commands)
		if !deleted && !s.quiet {
			io.WriteString(out, s.line+s.ends)
		}
		io.WriteString(out, s.after)
		s.after = ""
	}
	return readErr
}

func (s *sedRun) next() bool {
	text, newline, ok := s.lines()
	if !ok {
		return false
	}
	s.line, s.ends = text, ""
	if newline {
		s.ends = "\n"
	}
	return true
}

// execute runs commands on the line; true means that it was deleted.
func (s *sedRun) execute(commands []*sedCommand) (deleted bool) {
	for _, cmd := range commands {
		if s.selects(cmd) == cmd.negate {
			continue
		}
		switch cmd.verb {
		case '{':
			if s.execute(cmd.block) {
				return true
			}
			if s.stopped {
				return false
			}
		case 'd':
			return true
		case 'p':
			io.WriteString(s.out, s.line+"\n")
		case '=':
			fmt.Fprintln(s.out, s.number)
		case 'q':
			s.stopped, s.code = true, cmd.code
			return false
		case 'n':
			if s.last() {
				return s.quit()
			}
			if !s.quiet {
				io.WriteString(s.out, s.line+s.ends)
			}
			io.WriteString(s.out, s.after)
			s.after = ""
			s.next()
		case 'a':
			s.after += cmd.text
		case 'i':
			io.WriteString(s.out, cmd.text)
		case 'c':
			if cmd.to == nil || !cmd.active || cmd.negate {
				io.WriteString(s.out, cmd.text)
			}
			return true
		case 'y':
			s.line = translate(s.line, cmd.table)
		case 's':
			if s.substitute(cmd) && cmd.print {
				io.WriteString(s.out, s.line+"\n")
			}
		}
	}
	return false
}

// quit is n without a next line: the program ends, printing the line first.
func (s *sedRun) quit() bool {
	s.stopped = true
	return false
}

func (s *sedRun) matches(a *sedAddress) bool {
	switch {
	case a.pattern != nil:
		return a.pattern.MatchString(s.line)
	case a.last:
		return s.last()
	case a.step > 0:
		return s.number >= a.line && (s.number-a.line)%a.step == 0
	}
	return s.number == a.line
}

func (s *sedRun) selects(cmd *sedCommand) bool {
	switch {
	case cmd.from == nil:
		return true
	case cmd.to == nil:
		return s.matches(cmd.from)
	case cmd.active:
		switch {
		case cmd.to.line > 0 && s.number >= cmd.to.line:
			cmd.active = false
			return s.number == cmd.to.line
		case cmd.to.line == 0 && s.matches(cmd.to):
			cmd.active = false
		}
		return true
	case s.matches(cmd.from):
		// A range whose end lies at or before its start is one line.
		cmd.active = !(cmd.to.line > 0 && cmd.to.line <= s.number) && !(cmd.to.last && s.last())
		return true
	}
	return false
}

// translate replaces characters; bytes that are no UTF-8 stay as they are.
func translate(text string, table map[rune]rune) string {
	var out strings.Builder
	for text != "" {
		r, size := utf8.DecodeRuneInString(text)
		if to, ok := table[r]; ok && !(r == utf8.RuneError && size == 1) {
			out.WriteRune(to)
		} else {
			out.WriteString(text[:size])
		}
		text = text[size:]
	}
	return out.String()
}

func (s *sedRun) substitute(cmd *sedCommand) bool {
	matches := cmd.pattern.FindAllStringSubmatchIndex(s.line, -1)
	var out strings.Builder
	at, changed := 0, false
	for i, m := range matches {
		nth := max(cmd.nth, 1)
		if i+1 < nth || i+1 > nth && !cmd.global {
			continue
		}
		changed = true
		out.WriteString(s.line[at:m[0]])
		for _, piece := range cmd.replace {
			if piece.text != "" {
				out.WriteString(piece.text)
			} else if from := m[2*piece.group]; from >= 0 {
				out.WriteString(s.line[from:m[2*piece.group+1]])
			}
		}
		at = m[1]
	}
	if changed {
		s.line = out.String() + s.line[at:]
	}
	return changed
}
