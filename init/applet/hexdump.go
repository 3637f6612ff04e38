package applet

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
)

// hexdump prints 16 bytes a line: as 16-bit words of the machine, or with -C as
// bytes and text. Equal lines are shown once, then *.
func hexdump(c *call, args []string) int {
	opts, files, err := parseOptions("Cvn:s:", nil, args)
	if err != nil {
		return c.misuse("%v", err)
	}
	limit, err := byteCount(opts.value('n', "9223372036854775807"))
	skip, err2 := byteCount(opts.value('s', "0"))
	if err := errors.Join(err, err2); err != nil {
		return c.misuse("%v", err)
	}
	stream, closeAll, err := c.joined(orStdin(files), skip)
	if err != nil {
		return c.fail("", err)
	}
	defer closeAll()
	in := bufio.NewReader(io.LimitReader(stream, limit))
	offset := skip
	buffer := make([]byte, 16)
	previous := ""
	starred := false
	digits := 7
	if opts.has('C') || c.name == "hd" {
		digits = 8
	}
	for {
		n, err := io.ReadFull(in, buffer)
		if n == 0 {
			if err != io.EOF {
				c.fail("", err)
			}
			break
		}
		line := buffer[:n]
		if n == 16 && string(line) == previous && !opts.has('v') {
			if !starred {
				c.printf("*\n")
			}
			starred = true
			offset += 16
			continue
		}
		starred, previous = false, string(line)
		c.printf("%0*x", digits, offset)
		if digits == 8 {
			c.canonical(line)
		} else {
			for i := 0; i < 16; i += 2 {
				switch {
				case i+1 < n:
					c.printf(" %02x%02x", line[i+1], line[i])
				case i < n:
					c.printf(" 00%02x", line[i])
				default:
					c.printf("     ")
				}
			}
			c.printf("\n")
		}
		offset += int64(n)
		if err != nil {
			break
		}
	}
	if offset > skip {
		c.printf("%0*x\n", digits, offset)
	}
	return c.status
}

func (c *call) canonical(line []byte) {
	for i := range 16 {
		if i%8 == 0 {
			c.printf(" ")
		}
		if i < len(line) {
			c.printf(" %02x", line[i])
		} else {
			c.printf("   ")
		}
	}
	c.printf("  |")
	for _, b := range line {
		if b < ' ' || b > '~' {
			b = '.'
		}
		c.out.WriteByte(b)
	}
	c.printf("|\n")
}

// joined is all files as one stream without its first skip bytes. One that cannot
// be opened is reported.
func (c *call) joined(files []string, skip int64) (in io.Reader, closeAll func(), err error) {
	var inputs []io.Reader
	var opened []*os.File
	closeAll = func() {
		for _, f := range opened {
			f.Close()
		}
	}
	for _, file := range files {
		if file == "-" {
			inputs = append(inputs, c.in)
			continue
		}
		f, err := os.Open(file)
		if err != nil {
			c.fail(file, err)
			continue
		}
		opened = append(opened, f)
		inputs = append(inputs, f)
	}
	in = io.MultiReader(inputs...)
	if skip > 0 && len(inputs) == 1 {
		// A disk is not read from its begin.
		if f, ok := inputs[0].(*os.File); ok {
			info, err := f.Stat()
			if err == nil && (!info.Mode().IsRegular() || info.Size() > skip) {
				if _, err := f.Seek(skip, io.SeekCurrent); err == nil {
					skip = 0
				}
			}
		}
	}
	if n, err := io.CopyN(io.Discard, in, skip); n < skip {
		closeAll()
		if err == io.EOF {
			err = fmt.Errorf("the input ends before byte %d", skip)
		}
		return nil, nil, err
	}
	return streamed{in, c.out}, closeAll, nil
}
