package applet

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
)

func base64Command(c *call, args []string) int {
	opts, files, err := parseOptions("diw:", map[string]byte{"decode": 'd', "ignore-garbage": 'i', "wrap": 'w'}, args)
	if err != nil {
		return c.misuse("%v", err)
	}
	width, err := opts.number('w', 76)
	if err != nil || width < 0 {
		return c.misuse("-w needs a number of columns, 0 for one line")
	}
	if len(files) > 1 {
		return c.misuse("only one file is read")
	}
	c.withInput(orStdin(files)[0], func(r io.Reader) error {
		if opts.has('d') {
			return decodeBase64(c.out, r, opts.has('i'))
		}
		return encodeBase64(c.out, r, width)
	})
	return c.status
}

// encodeBase64 writes lines of width characters, one line if it is 0.
func encodeBase64(w io.Writer, r io.Reader, width int) error {
	block := make([]byte, 3<<10)
	text := make([]byte, 4<<10)
	column := 0
	for {
		n, err := io.ReadFull(r, block)
		base64.StdEncoding.Encode(text, block[:n])
		for rest := text[:base64.StdEncoding.EncodedLen(n)]; len(rest) > 0; {
			part := len(rest)
			if width > 0 {
				part = min(part, width-column)
			}
			if _, werr := w.Write(rest[:part]); werr != nil {
				return werr
			}
			rest, column = rest[part:], column+part
			if column == width && width > 0 {
				w.Write([]byte("\n"))
				column = 0
			}
		}
		switch err {
		case nil:
		case io.EOF, io.ErrUnexpectedEOF:
			if column > 0 && width > 0 {
				w.Write([]byte("\n"))
			}
			return nil
		default:
			return err
		}
	}
}

var errBase64 = errors.New("invalid input: this is not base64")

// decodeBase64 writes all that is valid before it says that something is not.
// Several encoded texts may follow each other, each with its padding.
func decodeBase64(w io.Writer, r io.Reader, ignoreGarbage bool) error {
	group := make([]byte, 0, 4)
	out := make([]byte, 3)
	decode := func() error {
		if len(group) == 0 {
			return nil
		}
		encoding := base64.StdEncoding
		if len(group) < 4 {
			encoding, group = base64.RawStdEncoding, bytes.TrimRight(group, "=")
		}
		n, err := encoding.Decode(out, group)
		if _, werr := w.Write(out[:n]); werr != nil {
			return werr
		}
		group = group[:0]
		if err != nil {
			return errBase64
		}
		return nil
	}
	buffer := make([]byte, 32<<10)
	for {
		n, err := r.Read(buffer)
		for _, b := range buffer[:n] {
			known := b == '=' && len(group) >= 2 || b == '+' || b == '/' || isDigit(b) || b|0x20 >= 'a' && b|0x20 <= 'z'
			switch {
			case b == '\n' || !known && ignoreGarbage:
				continue
			case !known:
				return errors.Join(decode(), errBase64)
			case bytes.IndexByte(group, '=') >= 0 && b != '=':
				decode()
				return errBase64
			}
			if group = append(group, b); len(group) == 4 {
				if err := decode(); err != nil {
					return err
				}
			}
		}
		if err == io.EOF {
			if len(group) > 0 { // cut off: what can be told is written
				decode()
				return errBase64
			}
			return nil
		}
		if err != nil {
			return err
		}
	}
}
