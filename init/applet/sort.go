package applet

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"os"
	"sort"
	"strconv"
	"strings"
)

// sortKey is one -k option: fields from and to, and its own orders.
type sortKey struct {
	from, fromChar int // field and character, counted from 1
	to, toChar     int // 0 means end of line, toChar 0 end of field
	numeric        bool
	reverse        bool
	fold           bool
	human          bool
	blanks         bool
	ordered        bool // has orders of its own
}

func sortCommand(c *call, args []string) int {
	opts, files, err := parseOptions("nrufbsk:t:o:hcz", map[string]byte{"numeric-sort": 'n', "reverse": 'r', "unique": 'u', "key": 'k'}, args)
	if err != nil {
		return c.misuse("%v", err)
	}
	global := sortKey{from: 1, numeric: opts.has('n'), reverse: opts.has('r'), fold: opts.has('f'), human: opts.has('h'), blanks: opts.has('b')}
	var keys []sortKey
	for _, text := range opts['k'] {
		key, err := parseKey(text)
		if err != nil {
			return c.misuse("%v", err)
		}
		if !key.ordered {
			key.numeric, key.reverse, key.fold, key.human, key.blanks = global.numeric, global.reverse, global.fold, global.human, global.blanks
		}
		keys = append(keys, key)
	}
	if keys == nil {
		keys = []sortKey{global}
	}
	separator := opts.value('t', "")
	if separator == `\t` {
		separator = "\t"
	}
	if len(separator) > 1 {
		return c.misuse("-t: one character is needed, not %q", separator)
	}
	ends := byte('\n')
	if opts.has('z') {
		ends = 0
	}
	var lines []string
	for _, file := range orStdin(files) {
		c.withInput(file, func(r io.Reader) error {
			text, err := io.ReadAll(r)
			if len(text) > 0 {
				lines = append(lines, strings.Split(strings.TrimSuffix(string(text), string(ends)), string(ends))...)
			}
			return err
		})
	}
	if c.status != 0 {
		return 2
	}
	compare := func(a, b string) int {
		for _, key := range keys {
			if n := key.compare(key.extract(a, separator), key.extract(b, separator)); n != 0 {
				return n
			}
		}
		return 0
	}
	less := func(a, b string) bool {
		n := compare(a, b)
		if n == 0 && !opts.has('s') && !opts.has('u') {
			if n = strings.Compare(a, b); opts.has('r') {
				n = -n
			}
		}
		return n < 0
	}
	if opts.has('c') {
		for i := 1; i < len(lines); i++ {
			if less(lines[i], lines[i-1]) {
				c.warn("%s:%d: disorder: %s", orStdin(files)[0], i+1, lines[i])
				return 1
			}
		}
		return 0
	}
	sort.SliceStable(lines, func(i, j int) bool { return less(lines[i], lines[j]) })
	var out bytes.Buffer
	for i, line := range lines {
		if opts.has('u') && i > 0 && compare(lines[i-1], line) == 0 {
			lines[i] = lines[i-1] // the first of equal ones stands for all
			continue
		}
		out.WriteString(line)
		out.WriteByte(ends)
	}
	if file := opts.value('o', ""); file != "" {
		if err := replaceFile(file, 0o644, func(w io.Writer) error { _, err := w.Write(out.Bytes()); return err }); err != nil {
			c.fail(file, err)
			return 2
		}
		return 0
	}
	c.out.Write(out.Bytes())
	return 0
}

// parseKey reads F[.C][OPTS][,F[.C][OPTS]].
func parseKey(text string) (sortKey, error) {
	key := sortKey{}
	from, to, hasTo := strings.Cut(text, ",")
	part := func(p string) (field, char int, err error) {
		digits := strings.TrimRight(p, "bnrfh")
		for _, o := range p[len(digits):] {
			key.ordered = true
			switch o {
			case 'n':
				key.numeric = true
			case 'r':
				key.reverse = true
			case 'f':
				key.fold = true
			case 'h':
				key.human = true
			case 'b':
				key.blanks = true
			}
		}
		f, ch, dotted := strings.Cut(digits, ".")
		if field, err = strconv.Atoi(f); err == nil && dotted {
			char, err = strconv.Atoi(ch)
		}
		if err != nil || field < 1 {
			return 0, 0, fmt.Errorf("-k: %q is not a key", text)
		}
		return field, char, nil
	}
	var err error
	if key.from, key.fromChar, err = part(from); err != nil {
		return key, err
	}
	if hasTo {
		key.to, key.toChar, err = part(to)
	}
	return key, err
}

// extract is the part of a line that the key compares.
func (k sortKey) extract(line, separator string) string {
	start := fieldStart(line, separator, k.from)
	if k.blanks {
		start += len(line[start:]) - len(strings.TrimLeft(line[start:], " \t"))
	}
	if k.fromChar > 0 {
		start = min(len(line), start+k.fromChar-1)
	}
	if k.to == 0 {
		return line[start:]
	}
	end := fieldEnd(line, separator, k.to)
	if k.toChar > 0 {
		end = min(len(line), fieldStart(line, separator, k.to)+k.toChar)
	}
	return line[start:max(start, end)]
}

// fieldStart is where field n begins. Without a separator a field begins with
// the blanks before it.
func fieldStart(line, separator string, n int) int {
	at := 0
	for ; n > 1; n-- {
		if separator != "" {
			i := strings.Index(line[at:], separator)
			if i < 0 {
				return len(line)
			}
			at += i + 1
			continue
		}
		at = blankFieldEnd(line, at)
	}
	return at
}

func fieldEnd(line, separator string, n int) int {
	at := fieldStart(line, separator, n)
	if separator == "" {
		return blankFieldEnd(line, at)
	}
	if i := strings.Index(line[at:], separator); i >= 0 {
		return at + i
	}
	return len(line)
}

func blankFieldEnd(line string, at int) int {
	for at < len(line) && (line[at] == ' ' || line[at] == '\t') {
		at++
	}
	for at < len(line) && line[at] != ' ' && line[at] != '\t' {
		at++
	}
	return at
}

func (k sortKey) compare(a, b string) int {
	n := 0
	switch {
	case k.numeric || k.human:
		n = leadingNumber(a, k.human).compare(leadingNumber(b, k.human))
	case k.fold:
		n = strings.Compare(strings.ToUpper(a), strings.ToUpper(b))
	default:
		n = strings.Compare(a, b)
	}
	if k.reverse {
		return -n
	}
	return n
}

// number is a decimal number of any length: no digit is lost as in a float.
type number struct {
	negative        bool
	unit            int    // of a human size: 1 for K, 2 for M
	whole, fraction string // without leading zeros, and without trailing ones
}

// leadingNumber is the number a text begins with, 0 without one.
func leadingNumber(text string, human bool) number {
	text = strings.TrimLeft(text, " \t")
	n := number{}
	text, n.negative = strings.CutPrefix(text, "-")
	digits := func() string {
		end := 0
		for end < len(text) && isDigit(text[end]) {
			end++
		}
		run := text[:end]
		text = text[end:]
		return run
	}
	n.whole = strings.TrimLeft(digits(), "0")
	if strings.HasPrefix(text, ".") {
		text = text[1:]
		n.fraction = strings.TrimRight(digits(), "0")
	}
	if n.whole == "" && n.fraction == "" {
		return number{}
	}
	if human && text != "" {
		n.unit = strings.IndexByte("KMGTPE", text[0]&^0x20) + 1
	}
	return n
}

func (n number) compare(other number) int {
	switch {
	case n.negative != other.negative && n.negative:
		return -1
	case n.negative != other.negative:
		return 1
	case n.negative:
		n, other = other, n
	}
	// Like GNU, a larger unit is more whatever stands before it, but 0 is 0.
	zero := func(n number) bool { return n.whole == "" && n.fraction == "" }
	if !zero(n) && !zero(other) && n.unit != other.unit {
		return cmp.Compare(n.unit, other.unit)
	}
	return cmp.Or(cmp.Compare(len(n.whole), len(other.whole)), strings.Compare(n.whole, other.whole), strings.Compare(n.fraction, other.fraction))
}

func uniqCommand(c *call, args []string) int {
	opts, files, err := parseOptions("cduif:s:", map[string]byte{"count": 'c', "repeated": 'd', "unique": 'u'}, args)
	if err != nil {
		return c.misuse("%v", err)
	}
	skipFields, err := opts.number('f', 0)
	if err != nil || len(files) > 2 {
		return c.misuse("needs at most two files")
	}
	skip, err := opts.number('s', 0)
	if err != nil {
		return c.misuse("%v", err)
	}
	out := io.Writer(c.out)
	var kept bytes.Buffer
	if len(files) == 2 {
		out = &kept // the output may be the input
	}
	previous, count := "", 0
	flush := func() {
		if count == 0 || opts.has('d') && count == 1 || opts.has('u') && count > 1 {
			return
		}
		if opts.has('c') {
			fmt.Fprintf(out, "%7d ", count)
		}
		io.WriteString(out, previous+"\n")
	}
	key := func(line string) string {
		at := 0
		for range skipFields {
			at = blankFieldEnd(line, at)
		}
		line = line[min(len(line), at+skip):]
		if opts.has('i') {
			return strings.ToLower(line)
		}
		return line
	}
	input := "-"
	if len(files) > 0 {
		input = files[0]
	}
	c.withInput(input, func(r io.Reader) error {
		return eachLine(r, func(raw []byte) error {
			line := strings.TrimSuffix(string(raw), "\n")
			if count > 0 && key(line) == key(previous) {
				count++
				return nil
			}
			flush()
			previous, count = line, 1
			return nil
		})
	})
	flush()
	if len(files) == 2 {
		if err := os.WriteFile(files[1], kept.Bytes(), 0o666); err != nil {
			return c.fail(files[1], err)
		}
	}
	return c.status
}
