package applet

import (
	"bytes"
	"io"
	"unicode/utf8"
)

// fold breaks lines that are wider than -w columns, with -s at blanks.
func fold(c *call, args []string) int {
	// -80 is the old way to write -w 80.
	if len(args) > 0 && len(args[0]) > 1 && args[0][0] == '-' && isDigit(args[0][1]) {
		args = append([]string{"-w", args[0][1:]}, args[1:]...)
	}
	opts, files, err := parseOptions("bsw:", map[string]byte{"bytes": 'b', "spaces": 's', "width": 'w'}, args)
	if err != nil {
		return c.misuse("%v", err)
	}
	width, err := opts.number('w', 80)
	if err != nil || width < 1 {
		return c.misuse("-w needs a number of columns")
	}
	for _, file := range orStdin(files) {
		c.withInput(file, func(r io.Reader) error {
			return eachLine(r, func(line []byte) error {
				for {
					n := foldAt(line, width, opts.has('b'))
					if n == len(line) {
						c.out.Write(line)
						return nil
					}
					if blank := bytes.LastIndexAny(line[:n], " \t"); blank >= 0 && opts.has('s') {
						n = blank + 1
					}
					c.out.Write(line[:n])
					if err := c.out.WriteByte('\n'); err != nil {
						return err
					}
					line = line[n:]
				}
			})
		})
	}
	return c.status
}

// foldAt is how many bytes of line go into width columns, at least one
// character. The newline needs no column.
func foldAt(line []byte, width int, asBytes bool) int {
	column := 0
	for i := 0; i < len(line); {
		_, size := utf8.DecodeRune(line[i:])
		next := column + 1
		switch {
		case line[i] == '\n':
			return len(line)
		case asBytes:
			size = 1
		case line[i] == '\t':
			next = column/8*8 + 8
		case line[i] == '\b':
			next = max(column-1, 0)
		case line[i] == '\r':
			next = 0
		}
		if next > width && i > 0 {
			return i
		}
		column, i = next, i+size
	}
	return len(line)
}
