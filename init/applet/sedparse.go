package applet

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

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
	zero     bool // from line 0: the range is active before the first line
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
	if from := cmd.from; from != nil && from.line == 0 && from.pattern == nil && !from.last && from.step == 0 {
		if cmd.to == nil || cmd.to.pattern == nil {
			return nil, errors.New("line 0 needs a range that ends with /.../")
		}
		cmd.zero = true
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
	if p.extended {
		text = extendedPattern(text)
	} else {
		text = basicPattern(text)
	}
	pattern, err := regexp.Compile(flags + text)
	if err == nil {
		pattern.Longest()
		p.last = pattern
	}
	return pattern, err
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
			case strings.IndexByte("LUElucdox", next) >= 0:
				return fmt.Errorf("\\%c is not supported in a replacement", next)
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
