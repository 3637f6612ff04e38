package applet

import (
	"io"
	"strings"
)

// comm sorts the lines of two sorted files into three columns: only in the
// first, only in the second, in both.
func comm(c *call, args []string) int {
	opts, files, err := parseOptions("123d:", map[string]byte{"output-delimiter": 'd'}, args)
	if err != nil {
		return c.misuse("%v", err)
	}
	if len(files) != 2 {
		return c.misuse("needs two files")
	}
	tab := opts.value('d', "\t")
	indent := [4]string{}
	for column := 2; column <= 3; column++ {
		indent[column] = indent[column-1]
		if !opts.has(byte('0' + column - 1)) {
			indent[column] += tab
		}
	}
	print := func(column int, line string) {
		if !opts.has(byte('0' + column)) {
			c.printf("%s%s\n", indent[column], line)
		}
	}
	c.withInput(files[0], func(first io.Reader) error {
		c.withInput(files[1], func(second io.Reader) error {
			a, b := newSortedLines(first), newSortedLines(second)
			a.advance()
			b.advance()
			unpaired := false
			for !a.ended || !b.ended {
				order := strings.Compare(a.line, b.line)
				switch {
				case b.ended || !a.ended && order < 0:
					unpaired = true
					print(1, a.line)
					a.advance()
				case a.ended || order > 0:
					unpaired = true
					print(2, b.line)
					b.advance()
				default:
					print(3, a.line)
					a.advance()
					b.advance()
				}
			}
			for i, in := range []*sortedLines{a, b} {
				if in.err != nil {
					c.fail(files[i], in.err)
				}
				if in.mixed && unpaired {
					c.warn("%s: is not sorted", PrintableLine(files[i]))
					c.status = 1
				}
			}
			return nil
		})
		return nil
	})
	return c.status
}

// sortedLines reads lines and notes when one is smaller than that before it.
type sortedLines struct {
	in    *lineReader
	line  string // without its end
	ended bool
	mixed bool
	err   error
}

func newSortedLines(r io.Reader) *sortedLines { return &sortedLines{in: newLineReader(r)} }

func (s *sortedLines) advance() {
	text, err := s.in.next()
	if err != nil && err != io.EOF {
		s.err = err
	}
	if text == "" && err != nil {
		s.ended = true
		return
	}
	text = strings.TrimSuffix(text, "\n")
	s.mixed = s.mixed || text < s.line
	s.line = text
}
