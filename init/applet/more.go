package applet

import (
	"bufio"
	"io"
	"iter"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"

	"bantam/tty"
)

// more shows text a page at a time: space next page, Enter next line, b back a
// page, g and G the ends, / search, n again, q quit. When standard output is no
// terminal it is cat.
func more(c *call, args []string) int {
	_, files, err := parseOptions("RFXSei", nil, args)
	if err != nil {
		return c.misuse("%v", err)
	}
	if !isTerminal(c.rawOut) {
		return cat(c, files)
	}
	if len(files) == 0 && isTerminal(c.in) {
		return c.misuse("needs a file")
	}
	more, stop := iter.Pull(func(yield func(string) bool) {
		for _, file := range orStdin(files) {
			c.withInput(file, func(r io.Reader) error {
				return eachLine(r, func(line []byte) error {
					if !yield(strings.TrimRight(string(line), "\r\n")) {
						return errStop
					}
					return nil
				})
			})
		}
	})
	defer stop()
	p := &pager{c: c, more: more}
	terminal, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return c.fail("/dev/tty", err)
	}
	defer terminal.Close()
	restore, err := tty.Set(terminal, tty.Keys)
	if err != nil {
		return c.fail("/dev/tty", err)
	}
	defer restore()
	p.keys = bufio.NewReaderSize(terminal, 16)
	p.run()
	return c.status
}

type pager struct {
	c     *call
	lines []string // read so far: the input may be long, or never end
	more  func() (line string, ok bool)
	next  int // first line not shown yet
	keys  *bufio.Reader
	find  string
}

// height leaves a row for the prompt; 24 rows when nobody knows.
func (p *pager) height() int {
	if f, ok := p.c.rawOut.(*os.File); ok {
		if rows, _ := tty.Size(f); rows > 1 {
			return rows - 1
		}
	}
	return 23
}

// has tells whether there is a line of that number, counted from 0.
func (p *pager) has(number int) bool {
	for len(p.lines) <= number {
		line, ok := p.more()
		if !ok {
			return false
		}
		p.lines = append(p.lines, line)
	}
	return true
}

// show prints lines until so many rows are used.
func (p *pager) show(rows int) {
	width := Width(p.c.rawOut, 80)
	for rows > 0 && p.has(p.next) {
		line := printableText(p.lines[p.next])
		p.c.printf("%s\n", line)
		rows -= max(1, (utf8.RuneCountInString(line)+width-1)/width)
		p.next++
	}
}

// printableText expands tabs and shows control characters, which could
// otherwise move the cursor.
func printableText(line string) string {
	var out strings.Builder
	column := 0
	for _, r := range line {
		switch {
		case r == '\t':
			n := 8 - column%8
			out.WriteString(strings.Repeat(" ", n))
			column += n
			continue
		case r < ' ' || r == 0x7f:
			out.WriteString("^" + string(r^0x40))
			column += 2
			continue
		case unicode.IsControl(r):
			r = '?'
		}
		out.WriteRune(r)
		column++
	}
	return out.String()
}

func (p *pager) run() {
	p.show(p.height())
	for {
		if !p.has(p.next) && len(p.lines) <= p.height() {
			return // it all fits
		}
		prompt := "--more--"
		if !p.has(p.next) {
			prompt = "--end--"
		}
		p.c.printf("%s", prompt)
		p.c.out.Flush()
		key, err := p.key()
		p.c.printf("\r\x1b[K")
		if err != nil {
			return
		}
		switch key {
		case 'q', 'Q', 3, 4:
			return
		case ' ', 'f', 6, 22, 'N':
			if !p.has(p.next) {
				return
			}
			p.show(p.height())
		case '\r', '\n', 'j', 'D':
			p.show(1)
		case 'b', 2, 'P':
			p.jump(p.next - 2*p.height())
		case 'k', 'U':
			p.jump(p.next - p.height() - 1)
		case 'g', '<', 'H':
			p.jump(0)
		case 'G', '>', 'E':
			for p.has(len(p.lines)) {
			}
			p.jump(len(p.lines) - p.height())
		case '/':
			p.c.printf("/")
			p.c.out.Flush()
			p.find = p.word()
			p.search()
		case 'n':
			p.search()
		}
	}
}

// key reads one key; arrows and page keys become letters: U D P N H E.
func (p *pager) key() (byte, error) {
	b, err := p.keys.ReadByte()
	if err != nil || b != 0x1b {
		return b, err
	}
	if b, err = p.keys.ReadByte(); err != nil || b != '[' && b != 'O' {
		return 0, err
	}
	number := byte(0)
	for {
		b, err = p.keys.ReadByte()
		switch {
		case err != nil:
			return 0, err
		case b >= '0' && b <= '9' || b == ';':
			number = b
			continue
		case b == '~':
			return map[byte]byte{'5': 'P', '6': 'N', '1': 'H', '4': 'E'}[number], nil
		}
		return map[byte]byte{'A': 'U', 'B': 'D', 'H': 'H', 'F': 'E'}[b], nil
	}
}

func (p *pager) jump(line int) {
	p.has(line)
	p.next = min(max(0, line), max(0, len(p.lines)-1))
	p.c.printf("\x1b[H\x1b[J")
	p.show(p.height())
}

// word reads the text to search for, with echo.
func (p *pager) word() string {
	var text []byte
	for {
		b, err := p.keys.ReadByte()
		switch {
		case err != nil || b == '\r' || b == '\n':
			p.c.printf("\r\x1b[K")
			return string(text)
		case b == 0x1b || b == 3:
			p.c.printf("\r\x1b[K")
			return ""
		case b == 0x7f || b == 8:
			if len(text) > 0 {
				text = text[:len(text)-1]
				p.c.printf("\b \b")
			}
		default:
			text = append(text, b)
			p.c.out.WriteByte(b)
		}
		p.c.out.Flush()
	}
}

func (p *pager) search() {
	if p.find == "" {
		return
	}
	for i := max(0, p.next-p.height()+1); p.has(i); i++ {
		if strings.Contains(p.lines[i], p.find) {
			p.jump(i)
			return
		}
	}
	p.c.printf("not found: %s\n", p.find)
}
