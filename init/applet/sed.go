package applet

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
)

// sed knows s///[gpiIN], p, d, q, =, a, i, c, y, n and their { } blocks with
// addresses N, $, /re/, first~step and ranges, ! before a command; no hold
// space and no branches. -i replaces the file as a whole or not at all.
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
		for _, file := range operands {
			var out bytes.Buffer
			s.number, s.stopped = 0, false
			if !c.withInput(file, func(r io.Reader) error { return s.run([]io.Reader{r}, &out) }) {
				continue
			}
			err := replaceFile(file, 0o644, func(w io.Writer) error { _, err := w.Write(out.Bytes()); return err })
			if err != nil {
				c.fail(file, err)
			}
		}
		return c.status
	}
	var inputs []io.Reader
	for _, file := range orStdin(operands) {
		if file == "-" {
			inputs = append(inputs, c.in)
			continue
		}
		f, err := os.Open(file)
		if err != nil {
			c.fail(file, err)
			c.status = 2
			continue
		}
		defer f.Close()
		inputs = append(inputs, f)
	}
	if err := s.run(inputs, c.out); err != nil {
		c.fail("", err)
	}
	return max(c.status, s.code)
}

type sedAddress struct {
	line    int // 0: not by number
	step    int // first~step
	last    bool
	pattern *regexp.Regexp
}

type sedCommand struct {
	from, to *sedAddress
	negate   bool
	active   bool // inside its range
	until    int  // line that ends the range when to is a number
	verb     byte
	block    []*sedCommand
	pattern  *regexp.Regexp
	replace  []sedPiece
	global   bool
	print    bool
	nth      int
	text     string
	table    map[rune]rune
	code     int
}

// sedPiece is literal text or, when text is "", group number of the match.
type sedPiece struct {
	text  string
	group int
}

type sedParser struct {
	text     string
	at       int
	extended bool
	last     *regexp.Regexp // what an empty // means
}

func (p *sedParser) peek() byte {
	if p.at < len(p.text) {
		return p.text[p.at]
	}
	return 0
}

func (p *sedParser) skip(set string) {
	for p.at < len(p.text) && strings.IndexByte(set, p.text[p.at]) >= 0 {
		p.at++
	}
}

func (p *sedParser) block(inner bool) ([]*sedCommand, error) {
	var commands []*sedCommand
	for {
		p.skip(" \t\n;")
		switch {
		case p.at >= len(p.text):
			if inner {
				return nil, errors.New("{ without }")
			}
			return commands, nil
		case p.peek() == '}' && inner:
			p.at++
			return commands, nil
		case p.peek() == '#':
			for p.at < len(p.text) && p.peek() != '\n' {
				p.at++
			}
			continue
		}
		cmd, err := p.command()
		if err != nil {
			return nil, err
		}
		commands = append(commands, cmd)
	}
}

func (p *sedParser) command() (cmd *sedCommand, err error) {
	cmd = &sedCommand{}
	if cmd.from, err = p.address(); err != nil {
		return nil, err
	}
	p.skip(" \t")
	if cmd.from != nil && p.peek() == ',' {
		p.at++
		p.skip(" \t")
		if cmd.to, err = p.address(); err != nil {
			return nil, err
		}
		if cmd.to == nil {
			return nil, errors.New("an address is missing after ,")
		}
	}
	p.skip(" \t")
	for p.peek() == '!' {
		cmd.negate = true
		p.at++
		p.skip(" \t")
	}
	cmd.verb = p.peek()
	p.at++
	switch cmd.verb {
	case '{':
		cmd.block, err = p.block(true)
		return cmd, err
	case 's':
		err = p.substitute(cmd)
	case 'y':
		err = p.translate(cmd)
	case 'a', 'i', 'c':
		p.skip(" \t")
		if p.peek() == '\\' {
			p.at++
			p.skip(" \t")
			if p.peek() == '\n' {
				p.at++
			}
		}
		var text strings.Builder
		for ; p.at < len(p.text) && p.peek() != '\n'; p.at++ {
			if p.peek() == '\\' && p.at+1 < len(p.text) {
				p.at++
			}
			text.WriteByte(p.peek())
		}
		cmd.text = text.String() + "\n"
		return cmd, nil
	case 'q':
		p.skip(" \t")
		start := p.at
		p.skip("0123456789")
		cmd.code, _ = strconv.Atoi(p.text[start:p.at])
	case 'p', 'd', 'n', '=':
	case 0:
		return nil, errors.New("a command is missing")
	default:
		return nil, fmt.Errorf("unknown command %c", cmd.verb)
	}
	if err != nil {
		return nil, err
	}
	p.skip(" \t")
	if b := p.peek(); p.at < len(p.text) && b != ';' && b != '\n' && b != '}' && b != '#' {
		return nil, fmt.Errorf("unexpected %q after %c", p.text[p.at:], cmd.verb)
	}
	return cmd, nil
}

func (p *sedParser) address() (*sedAddress, error) {
	switch b := p.peek(); {
	case isDigit(b):
		start := p.at
		p.skip("0123456789")
		n, err := strconv.Atoi(p.text[start:p.at])
		if err != nil {
			return nil, err
		}
		a := &sedAddress{line: n}
		if p.peek() == '~' {
			p.at++
			start := p.at
			p.skip("0123456789")
			if a.step, err = strconv.Atoi(p.text[start:p.at]); err != nil {
				return nil, err
			}
		}
		return a, nil
	case b == '$':
		p.at++
		return &sedAddress{last: true}, nil
	case b == '/' || b == '\\' && p.at+1 < len(p.text):
		if b == '\\' {
			p.at++
		}
		text, err := p.delimited(true)
		if err != nil {
			return nil, err
		}
		flags := ""
		for p.peek() == 'I' {
			flags = "(?i)"
			p.at++
		}
		pattern, err := p.compile(text, flags)
		return &sedAddress{pattern: pattern}, err
	}
	return nil, nil
}

// delimited reads text up to the delimiter that stands at the current place,
// and leaves the place after the closing one.
func (p *sedParser) delimited(pattern bool) (string, error) {
	if p.at >= len(p.text) {
		return "", errors.New("unterminated expression")
	}
	delimiter := p.text[p.at]
	p.at++
	var out strings.Builder
	for p.at < len(p.text) {
		b := p.text[p.at]
		switch {
		case b == delimiter:
			p.at++
			return out.String(), nil
		case b == '\\' && p.at+1 < len(p.text):
			p.at++
			next := p.text[p.at]
			switch {
			case next == delimiter:
				out.WriteByte(delimiter)
			case next == 'n' && pattern:
				out.WriteString("\\n")
			default:
				out.WriteByte('\\')
				out.WriteByte(next)
			}
		case b == '[' && pattern:
			end := bracketEnd(p.text, p.at)
			out.WriteString(p.text[p.at:end])
			p.at = end
			continue
		default:
			out.WriteByte(b)
		}
		p.at++
	}
	return "", fmt.Errorf("the closing %c is missing", delimiter)
}

func (p *sedParser) compile(text, flags string) (*regexp.Regexp, error) {
	if text == "" {
		if p.last == nil {
			return nil, errors.New("no previous expression")
		}
		return p.last, nil
	}
	if !p.extended {
		text = basicPattern(text)
	}
	pattern, err := regexp.Compile(flags + text)
	if err == nil {
		pattern.Longest()
		p.last = pattern
	}
	return pattern, err
}

func (p *sedParser) substitute(cmd *sedCommand) error {
	pattern, err := p.delimited(true)
	if err != nil {
		return err
	}
	p.at-- // the closing delimiter opens the replacement
	replacement, err := p.delimited(false)
	if err != nil {
		return err
	}
	flags := ""
	for ; p.at < len(p.text); p.at++ {
		switch b := p.peek(); {
		case b == 'g':
			cmd.global = true
		case b == 'p':
			cmd.print = true
		case b == 'i' || b == 'I':
			flags = "(?i)"
		case isDigit(b):
			cmd.nth = cmd.nth*10 + int(b-'0')
		default:
			goto done
		}
	}
done:
	if cmd.pattern, err = p.compile(pattern, flags); err != nil {
		return err
	}
	var text strings.Builder
	flush := func() {
		if text.Len() > 0 {
			cmd.replace = append(cmd.replace, sedPiece{text: text.String()})
			text.Reset()
		}
	}
	for i := 0; i < len(replacement); i++ {
		switch b := replacement[i]; {
		case b == '&':
			flush()
			cmd.replace = append(cmd.replace, sedPiece{})
		case b == '\\' && i+1 < len(replacement):
			i++
			switch next := replacement[i]; {
			case isDigit(next):
				group := int(next - '0')
				if group > cmd.pattern.NumSubexp() {
					return fmt.Errorf("\\%d: there is no such group", group)
				}
				flush()
				cmd.replace = append(cmd.replace, sedPiece{group: group})
			case next == 'n':
				text.WriteByte('\n')
			case next == 't':
				text.WriteByte('\t')
			default:
				text.WriteByte(next)
			}
		default:
			text.WriteByte(b)
		}
	}
	flush()
	return nil
}

func (p *sedParser) translate(cmd *sedCommand) error {
	from, err := p.delimited(false)
	if err != nil {
		return err
	}
	p.at--
	to, err := p.delimited(false)
	if err != nil {
		return err
	}
	a, b := []rune(from), []rune(to)
	if len(a) != len(b) {
		return errors.New("y: the strings differ in length")
	}
	cmd.table = map[rune]rune{}
	for i := range a {
		cmd.table[a[i]] = b[i]
	}
	return nil
}

// sedRun is the state of a run.
type sedRun struct {
	commands []*sedCommand
	quiet    bool
	number   int
	last     bool
	stopped  bool
	code     int
	lines    func() (line string, newline, ok bool)
	out      io.Writer
	line     string
	ends     string // newline of the current line, which the last may lack
	after    string // text of a, printed after the line
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
	ahead := fetch()
	s.lines = func() (string, bool, bool) {
		current := ahead
		if !current.ok {
			return "", false, false
		}
		ahead = fetch()
		s.last = !ahead.ok
		s.number++
		text, newline := strings.CutSuffix(current.text, "\n")
		return text, newline || ahead.ok, true
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
			if s.last {
				return s.quit()
			}
			if !s.quiet {
				io.WriteString(s.out, s.line+s.ends)
			}
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
			s.line = strings.Map(func(r rune) rune {
				if to, ok := cmd.table[r]; ok {
					return to
				}
				return r
			}, s.line)
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
		return s.last
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
		cmd.active = !(cmd.to.line > 0 && cmd.to.line <= s.number) && !(cmd.to.last && s.last)
		return true
	}
	return false
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
