package applet

import (
	"bufio"
	"errors"
	"io"
	"math"
)

// cmpCommand tells whether two files are the same: 0 yes, 1 no, 2 could not be read.
func cmpCommand(c *call, args []string) int {
	opts, files, err := parseOptions("bln:i:s", map[string]byte{"verbose": 'l', "bytes": 'n', "ignore-initial": 'i', "silent": 's', "quiet": 's'}, args)
	if err != nil {
		return c.misuse("%v", err)
	}
	if opts.has('b') {
		return c.misuse("-b is not supported")
	}
	if len(files) == 1 {
		files = append(files, "-")
	}
	if len(files) != 2 {
		return c.misuse("needs two files")
	}
	limit, err := parseSize(opts.value('n', "9223372036854775807"))
	skip, err2 := parseSize(opts.value('i', "0"))
	if err := errors.Join(err, err2); err != nil {
		return c.misuse("%v", err)
	}
	different := false
	ok := c.withInput(files[0], func(first io.Reader) error {
		c.withInput(files[1], func(second io.Reader) error {
			for _, in := range []io.Reader{first, second} {
				if _, err := io.CopyN(io.Discard, in, skip); err != nil && err != io.EOF {
					return err
				}
			}
			different, err = c.compareBytes(files, io.LimitReader(first, limit), io.LimitReader(second, limit), opts.has('l'), opts.has('s'))
			return err
		})
		return nil
	})
	switch {
	case !ok || c.status != 0:
		c.status = 2
	case different:
		c.status = 1
	}
	return c.status
}

func (c *call) compareBytes(names []string, first, second io.Reader, all, silent bool) (different bool, err error) {
	a, b := bufio.NewReaderSize(first, 64<<10), bufio.NewReaderSize(second, 64<<10)
	line := int64(1)
	for at := int64(1); ; at++ {
		x, errX := a.ReadByte()
		y, errY := b.ReadByte()
		for i, err := range []error{errX, errY} {
			if err == nil {
				continue
			}
			if err != io.EOF {
				return false, err
			}
			if errX == io.EOF && errY == io.EOF {
				return different, nil
			}
			if !silent {
				c.cutShort(names[i], at-1, line, all)
			}
			return true, nil
		}
		if x != y {
			different = true
			switch {
			case silent:
				return true, nil
			case !all:
				c.printf("%s %s differ: char %d, line %d\n", c.shown(names[0]), c.shown(names[1]), at, line)
				return true, nil
			}
			c.printf("%d %3o %3o\n", at, x, y)
		}
		if x == '\n' && line < math.MaxInt64 {
			line++
		}
	}
}

// cutShort says that one of the files ends and the other goes on.
func (c *call) cutShort(name string, bytes, line int64, all bool) {
	name = PrintableLine(name)
	switch {
	case bytes == 0:
		c.warn("EOF on %s which is empty", name)
	case all:
		c.warn("EOF on %s after byte %d", name, bytes)
	default:
		c.warn("EOF on %s after byte %d, line %d", name, bytes, line)
	}
}
