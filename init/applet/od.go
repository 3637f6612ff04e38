package applet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

// odFormat is one way to show the bytes of a line.
type odFormat struct {
	kind  byte // a, c, d, u, o, x or f
	size  int  // bytes of an item
	width int  // columns of an item, without the blank before it
	text  bool // z: the characters follow at the end of the line
}

// odOld are the options that stand for a -t each.
var odOld = []struct {
	letter byte
	name   string
}{{'b', "o1"}, {'c', "c"}, {'d', "u2"}, {'o', "o2"}, {'x', "x2"}}

func od(c *call, args []string) int {
	opts, files, err := parseOptions("A:j:N:t:vw:bcdox",
		map[string]byte{"address-radix": 'A', "skip-bytes": 'j', "read-bytes": 'N', "format": 't', "output-duplicates": 'v', "width": 'w'}, args)
	if err != nil {
		return c.misuse("%v", err)
	}
	var formats []odFormat
	types := opts['t']
	for _, old := range odOld {
		if opts.has(old.letter) {
			types = append(types, old.name)
		}
	}
	if types == nil {
		types = []string{"o2"}
	}
	for _, name := range types {
		list, err := odFormats(name)
		if err != nil {
			return c.misuse("%v", err)
		}
		formats = append(formats, list...)
	}
	address, known := map[string]string{"o": "%07o", "d": "%07d", "x": "%06x", "n": ""}[opts.value('A', "o")]
	skip, err := byteCount(opts.value('j', "0"))
	limit, err2 := byteCount(opts.value('N', "9223372036854775807"))
	perLine, err3 := opts.number('w', 16)
	if err := errors.Join(err, err2, err3); err != nil {
		return c.misuse("%v", err)
	}
	if !known || perLine < 1 || perLine > 1<<16 {
		return c.misuse("-A is o, d, x or n; -w is a number of bytes")
	}
	for _, f := range formats {
		if perLine%f.size != 0 {
			return c.misuse("-w %d is no multiple of %d bytes", perLine, f.size)
		}
	}
	d := &dumper{c: c, formats: formats, address: address, perLine: perLine, all: opts.has('v')}
	in, closeAll, err := c.joined(orStdin(files), skip)
	if err != nil {
		return c.fail("", err)
	}
	defer closeAll()
	d.dump(io.LimitReader(in, limit), skip)
	return c.status
}

// odFormats reads the argument of -t: x1, u4z, or several as x1c.
func odFormats(text string) ([]odFormat, error) {
	var list []odFormat
	for rest := text; rest != ""; {
		f := odFormat{kind: rest[0], size: 4}
		rest = rest[1:]
		switch f.kind {
		case 'a', 'c':
			f.size = 1
		case 'd', 'u', 'o', 'x', 'f':
			if f.kind == 'f' {
				f.size = 8
			}
			digits := len(rest) - len(strings.TrimLeft(rest, "0123456789"))
			if digits > 0 {
				f.size, _ = strconv.Atoi(rest[:digits])
				rest = rest[digits:]
			} else if i := strings.IndexByte("CSILFD", byteAt(rest)); i >= 0 && rest != "" {
				f.size = []int{1, 2, 4, 8, 4, 8}[i]
				rest = rest[1:]
			}
		default:
			return nil, fmt.Errorf("-t %s: %q is not a type", text, f.kind)
		}
		if f.size != 1 && f.size != 2 && f.size != 4 && f.size != 8 || f.kind == 'f' && f.size < 4 {
			return nil, fmt.Errorf("-t %s: there is no such size", text)
		}
		bits := f.size * 8
		switch f.kind {
		case 'a', 'c':
			f.width = 3
		case 'o':
			f.width = (bits + 2) / 3
		case 'x':
			f.width = bits / 4
		case 'u':
			f.width = len(strconv.FormatUint(math.MaxUint64>>(64-bits), 10))
		case 'd':
			f.width = len(strconv.FormatUint(math.MaxUint64>>(65-bits), 10)) + 1
		case 'f':
			f.width = map[int]int{4: 15, 8: 24}[f.size]
		}
		if strings.HasPrefix(rest, "z") {
			f.text, rest = true, rest[1:]
		}
		list = append(list, f)
	}
	return list, nil
}

func byteAt(text string) byte {
	if text == "" {
		return 0
	}
	return text[0]
}

type dumper struct {
	c       *call
	formats []odFormat
	address string // a format, "" for none
	perLine int
	all     bool
}

func (d *dumper) dump(in io.Reader, offset int64) {
	line := make([]byte, d.perLine)
	previous, starred := "", false
	for {
		n, err := io.ReadFull(in, line)
		if n > 0 {
			clear(line[n:])
			if !d.all && n == d.perLine && string(line) == previous {
				if !starred {
					d.c.printf("*\n")
				}
				starred = true
			} else {
				starred, previous = false, string(line)
				d.line(offset, line, n)
			}
			offset += int64(n)
		}
		if err != nil {
			if err != io.EOF && err != io.ErrUnexpectedEOF {
				d.c.fail("", err)
			}
			break
		}
	}
	if d.address != "" {
		d.c.printf(d.address+"\n", offset)
	}
}

func (d *dumper) line(offset int64, line []byte, n int) {
	// Blocks of as many bytes as the longest item are as wide in every format.
	block, widest := 1, 0
	for _, f := range d.formats {
		block = max(block, f.size)
	}
	for _, f := range d.formats {
		widest = max(widest, block/f.size*(f.width+1))
	}
	for i, f := range d.formats {
		switch {
		case d.address == "":
		case i == 0:
			d.c.printf(d.address, offset)
		default:
			d.c.printf("%*s", len(fmt.Sprintf(d.address, offset)), "")
		}
		items := d.perLine / f.size
		shown := (n + f.size - 1) / f.size
		if !f.text {
			items = shown
		}
		pad := (widest - block/f.size*(f.width+1)) * d.perLine / block
		all := d.perLine / f.size
		for item := range items {
			after := pad * (all - item - 1) / all
			before := pad*(all-item)/all - after
			text := ""
			if item < shown {
				text = f.item(line[item*f.size : (item+1)*f.size])
			}
			d.c.printf(" %*s", f.width+before, text)
		}
		if f.text {
			d.c.printf("  >")
			for _, b := range line[:n] {
				if b < ' ' || b > '~' {
					b = '.'
				}
				d.c.out.WriteByte(b)
			}
			d.c.printf("<")
		}
		d.c.printf("\n")
	}
}

var odNames = strings.Fields("nul soh stx etx eot enq ack bel bs ht nl vt ff cr so si dle dc1 dc2 dc3 dc4 nak syn etb can em sub esc fs gs rs us sp")

func (f odFormat) item(raw []byte) string {
	var n uint64
	switch f.size {
	case 1:
		n = uint64(raw[0])
	case 2:
		n = uint64(binary.NativeEndian.Uint16(raw))
	case 4:
		n = uint64(binary.NativeEndian.Uint32(raw))
	case 8:
		n = binary.NativeEndian.Uint64(raw)
	}
	switch f.kind {
	case 'a':
		switch b := raw[0] & 0x7f; {
		case b < byte(len(odNames)):
			return odNames[b]
		case b == 0x7f:
			return "del"
		default:
			return string(rune(b))
		}
	case 'c':
		if i := strings.IndexByte("\x00\a\b\f\n\r\t\v", raw[0]); i >= 0 {
			return `\` + "0abfnrtv"[i:i+1]
		}
		if raw[0] < ' ' || raw[0] > '~' {
			return fmt.Sprintf("%03o", raw[0])
		}
		return string(rune(raw[0]))
	case 'd':
		shift := 64 - 8*f.size
		return strconv.FormatInt(int64(n<<shift)>>shift, 10)
	case 'u':
		return strconv.FormatUint(n, 10)
	case 'o':
		return fmt.Sprintf("%0*o", f.width, n)
	case 'x':
		return fmt.Sprintf("%0*x", f.width, n)
	}
	// As few digits as tell it from its neighbours.
	value, bits := math.Float64frombits(n), 64
	if f.size == 4 {
		value, bits = float64(math.Float32frombits(uint32(n))), 32
	}
	return strconv.FormatFloat(value, 'g', -1, bits)
}
