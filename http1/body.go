package http1

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// errEarly: the server or the line has ended what was not whole.
var errEarly = fmt.Errorf("the connection has ended early: %w", io.ErrUnexpectedEOF)

// exactly reads left bytes; fewer are an error.
type exactly struct {
	r    io.Reader
	left int64
}

func (e *exactly) Read(p []byte) (int, error) {
	if e.left == 0 {
		return 0, io.EOF
	}
	n, err := e.r.Read(p[:min(int64(len(p)), e.left)])
	e.left -= int64(n)
	if err == io.EOF {
		if err = nil; e.left > 0 {
			err = fmt.Errorf("%w, %d bytes before the end", errEarly, e.left)
		}
	}
	return n, err
}

// Bounds of chunks.
const (
	maxChunk = 1 << 40 // bytes
	maxLine  = 4 << 10 // bytes of the line in front of one
)

// chunks decodes RFC 9112 section 7.1; extensions and trailers are dropped.
type chunks struct {
	r     *bufio.Reader
	left  int64
	begun bool
	err   error
}

func (c *chunks) Read(p []byte) (int, error) {
	if c.err == nil && c.left == 0 {
		c.err = c.next()
	}
	if c.err != nil {
		return 0, c.err
	}
	n, err := c.r.Read(p[:min(int64(len(p)), c.left)])
	c.left -= int64(n)
	if err == io.EOF {
		err = errEarly
	}
	c.err = err
	return n, err
}

// next reads the line in front of a chunk, and behind the last one all the rest.
func (c *chunks) next() error {
	lines := lineReader{r: c.r, left: maxLine}
	if c.begun {
		if text, err := lines.next(); err != nil || text != "" {
			return errors.Join(errors.New("a chunk of the answer has no end"), err)
		}
	}
	c.begun = true
	text, err := lines.next()
	if err != nil {
		return err
	}
	size, _, _ := strings.Cut(text, ";")
	n, err := strconv.ParseUint(strings.TrimRight(size, " \t"), 16, 63)
	if err != nil || n > maxChunk {
		return fmt.Errorf("the server sends a bad chunk: %.60q", text)
	}
	if c.left = int64(n); n > 0 {
		return nil
	}
	lines.left = maxHead
	for range maxFields {
		if text, err = lines.next(); err != nil {
			return err
		}
		if text == "" {
			return io.EOF
		}
	}
	return errHeadTooLong
}
