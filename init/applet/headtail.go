package applet

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
)

// oldCount turns "-5" into "-n5", the old form that everybody types.
func oldCount(args []string) []string {
	if len(args) > 0 && len(args[0]) > 1 && args[0][0] == '-' && strings.Trim(args[0][1:], "0123456789") == "" {
		return append([]string{"-n", args[0][1:]}, args[1:]...)
	}
	return args
}

func head(c *call, args []string) int {
	opts, files, err := parseOptions("n:c:qv", map[string]byte{"lines": 'n', "bytes": 'c'}, oldCount(args))
	if err != nil {
		return c.misuse("%v", err)
	}
	letter := byte('n')
	if opts.has('c') {
		letter = 'c'
	}
	count, err := parseCount(opts.value(letter, "10"))
	if err != nil {
		return c.misuse("%v", err)
	}
	for i, file := range orStdin(files) {
		c.withInput(file, func(r io.Reader) error {
			c.title(file, i, len(files), opts)
			switch {
			case count < 0:
				return c.allBut(r, -count, letter == 'c')
			case letter == 'c':
				// Not c.out's own ReadFrom, in the midst of which r would flush it.
				_, err := io.CopyN(struct{ io.Writer }{c.out}, r, count)
				if err == io.EOF {
					err = nil
				}
				return err
			case count == 0:
				return nil
			}
			left := count
			return eachLine(r, func(line []byte) error {
				c.out.Write(line)
				if left--; left == 0 {
					return errStop
				}
				return nil
			})
		})
	}
	return c.status
}

// parseCount reads 5, -5 or 5k.
func parseCount(text string) (int64, error) {
	digits, negative := strings.CutPrefix(text, "-")
	n, err := parseSize(strings.TrimPrefix(digits, "+"))
	if negative {
		n = -n
	}
	return n, err
}

func (c *call) title(file string, i, files int, opts options) {
	if (files < 2 && !opts.has('v')) || opts.has('q') {
		return
	}
	if i > 0 {
		c.printf("\n")
	}
	if file == "-" {
		file = "standard input"
	}
	c.printf("==> %s <==\n", file)
}

// allBut prints everything except the last n lines or bytes.
func (c *call) allBut(r io.Reader, n int64, inBytes bool) error {
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	end := int64(len(text)) - n
	if !inBytes {
		end = int64(lastLines(text, n))
	}
	c.out.Write(text[:max(0, end)])
	return nil
}

// lastLines is where the last n lines of text begin.
func lastLines(text []byte, n int64) int {
	if n == 0 {
		return len(text)
	}
	end := len(bytes.TrimSuffix(text, []byte("\n")))
	for ; n > 0; n-- {
		i := bytes.LastIndexByte(text[:end], '\n')
		if i < 0 {
			return 0
		}
		end = i
	}
	return end + 1
}

func tail(c *call, args []string) int {
	if len(args) > 0 && len(args[0]) > 1 && args[0][0] == '+' {
		args = append([]string{"-n", args[0]}, args[1:]...)
	}
	opts, files, err := parseOptions("n:c:fFqvs:", map[string]byte{"lines": 'n', "bytes": 'c', "follow": 'f'}, oldCount(args))
	if err != nil {
		return c.misuse("%v", err)
	}
	letter := byte('n')
	if opts.has('c') {
		letter = 'c'
	}
	value := opts.value(letter, "10")
	count, err := parseCount(value)
	if err != nil {
		return c.misuse("%v", err)
	}
	fromStart := strings.HasPrefix(value, "+")
	count = max(count, -count)

	files = orStdin(files)
	var followed []*follower
	for i, file := range files {
		var in io.Reader = c.in
		if file != "-" {
			f, err := os.Open(file)
			if err != nil {
				c.fail(file, err)
				if opts.has('F') {
					followed = append(followed, &follower{name: file})
				}
				continue
			}
			if !opts.has('f') && !opts.has('F') {
				defer f.Close()
			} else {
				followed = append(followed, &follower{name: file, f: f})
			}
			in = f
		}
		c.title(file, i, len(files), opts)
		if err := c.lastPart(in, count, letter == 'c', fromStart); err != nil {
			c.fail(file, err)
		}
	}
	if len(followed) > 0 {
		c.follow(followed, opts.has('F'), len(files) > 1 && !opts.has('q'))
	}
	return c.status
}

// lastPart prints the last count lines or bytes, or all from the count-th on.
func (c *call) lastPart(r io.Reader, count int64, inBytes, fromStart bool) error {
	if fromStart {
		if inBytes {
			if _, err := io.CopyN(io.Discard, r, max(0, count-1)); err != nil && err != io.EOF {
				return err
			}
			_, err := io.Copy(c.out, r)
			return err
		}
		number := int64(0)
		return eachLine(r, func(line []byte) error {
			if number++; number >= count {
				c.out.Write(line)
			}
			return nil
		})
	}
	if inBytes {
		return c.lastBytes(r, count)
	}
	// A ring of the last lines: memory does not grow with the file.
	ring := make([][]byte, 0, min(count, 1024))
	next := int64(0)
	err := eachLine(r, func(line []byte) error {
		if count == 0 {
			return nil
		}
		if int64(len(ring)) < count {
			ring = append(ring, bytes.Clone(line))
			return nil
		}
		ring[next] = append(ring[next][:0], line...)
		next = (next + 1) % count
		return nil
	})
	for i := range ring {
		c.out.Write(ring[(next+int64(i))%int64(len(ring))])
	}
	return err
}

func (c *call) lastBytes(r io.Reader, count int64) error {
	if f, ok := r.(*os.File); ok {
		if end, err := f.Seek(0, io.SeekEnd); err == nil {
			if _, err := f.Seek(max(0, end-count), io.SeekStart); err != nil {
				return err
			}
			_, err := io.Copy(c.out, f)
			return err
		}
	}
	text, err := io.ReadAll(r)
	c.out.Write(text[max(0, int64(len(text))-count):])
	return err
}

type follower struct {
	name string
	f    *os.File
}

// follow prints what is appended, for ever. It looks four times a second: inotify
// tells nothing about files of /proc and of network file systems.
func (c *call) follow(files []*follower, byName, titled bool) {
	last := files[len(files)-1]
	for {
		for _, file := range files {
			if file.f == nil && byName {
				c.reopen(file)
			}
			if file.f == nil {
				continue
			}
			if info, err := file.f.Stat(); err == nil {
				if at, err := file.f.Seek(0, io.SeekCurrent); err == nil && info.Size() < at {
					c.warn("%s: was truncated", file.name)
					file.f.Seek(0, io.SeekStart)
				}
			}
			buf := make([]byte, 8192)
			for {
				n, err := file.f.Read(buf)
				if n > 0 {
					if titled && last != file {
						c.printf("\n==> %s <==\n", file.name)
						last = file
					}
					c.out.Write(buf[:n])
				}
				if n == 0 || err != nil {
					break
				}
			}
			if byName {
				c.reopen(file) // after its last lines were read
			}
		}
		if c.out.Flush() != nil {
			return // nobody reads
		}
		time.Sleep(250 * time.Millisecond)
	}
}

func (c *call) reopen(file *follower) {
	now, err := os.Stat(file.name)
	if err != nil {
		return
	}
	if file.f != nil {
		if old, err := file.f.Stat(); err == nil && os.SameFile(old, now) {
			return
		}
		file.f.Close()
	}
	if file.f, err = os.Open(file.name); err != nil {
		file.f = nil
	}
}

func wc(c *call, args []string) int {
	opts, files, err := parseOptions("lwcmL", map[string]byte{"lines": 'l', "words": 'w', "bytes": 'c'}, args)
	if err != nil {
		return c.misuse("%v", err)
	}
	if len(opts) == 0 {
		opts = options{'l': {""}, 'w': {""}, 'c': {""}}
	}
	var total [5]int64
	var rows [][5]int64
	var names []string
	buffer := make([]byte, 32<<10)
	for _, file := range orStdin(files) {
		var count [5]int64
		read := c.withInput(file, func(r io.Reader) error {
			inWord, column := false, int64(0)
			for {
				n, err := r.Read(buffer)
				for _, b := range buffer[:n] {
					count[3]++
					if b&0xc0 != 0x80 { // not a later byte of a UTF-8 character
						count[2]++
						column++
					}
					if b == '\n' {
						count[0]++
						count[4] = max(count[4], column-1)
						column = 0
					}
					space := b == ' ' || b >= '\t' && b <= '\r'
					if !space && !inWord {
						count[1]++
					}
					inWord = !space
				}
				if err != nil {
					count[4] = max(count[4], column)
				}
				if err == io.EOF {
					return nil
				}
				if err != nil {
					return err
				}
			}
		})
		if !read {
			continue
		}
		for i := range 4 {
			total[i] += count[i]
		}
		total[4] = max(total[4], count[4])
		if file == "-" && len(files) == 0 {
			file = ""
		}
		rows, names = append(rows, count), append(names, file)
	}
	if len(files) > 1 {
		rows, names = append(rows, total), append(names, "total")
	}
	width := 1
	columns := 0
	for i, letter := range []byte("lwmcL") {
		if opts.has(letter) {
			columns++
			width = max(width, len(strconv.FormatInt(total[i], 10)))
		}
	}
	if columns > 1 || len(files) > 1 {
		width = max(width, len(strconv.FormatInt(total[3], 10)))
		if len(files) == 0 {
			width = max(width, 7)
		}
	}
	for i, row := range rows {
		first := true
		for j, letter := range []byte("lwmcL") {
			if !opts.has(letter) {
				continue
			}
			if !first {
				c.printf(" ")
			}
			first = false
			if columns == 1 && len(files) < 2 {
				c.printf("%d", row[j])
			} else {
				c.printf("%*d", width, row[j])
			}
		}
		if names[i] != "" {
			c.printf(" %s", names[i])
		}
		c.printf("\n")
	}
	return c.status
}

func tee(c *call, args []string) int {
	opts, files, err := parseOptions("ai", map[string]byte{"append": 'a'}, args)
	if err != nil {
		return c.misuse("%v", err)
	}
	flags := os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	if opts.has('a') {
		flags = os.O_WRONLY | os.O_CREATE | os.O_APPEND
	}
	type output struct {
		name string
		w    io.Writer
	}
	outputs := []output{{"standard output", c.rawOut}}
	var opened []*os.File
	for _, file := range files {
		f, err := os.OpenFile(file, flags, 0o666)
		if err != nil {
			c.fail(file, err)
			continue
		}
		opened = append(opened, f)
		outputs = append(outputs, output{file, f})
	}
	buf := make([]byte, 32<<10)
	for len(outputs) > 0 {
		n, err := c.in.Read(buf)
		kept := outputs[:0]
		for _, out := range outputs {
			if _, err := out.w.Write(buf[:n]); err != nil {
				c.fail(out.name, err)
				continue
			}
			kept = append(kept, out)
		}
		outputs = kept
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			c.fail("-", err)
			break
		}
	}
	for _, f := range opened {
		if err := f.Close(); err != nil {
			c.fail(f.Name(), err)
		}
	}
	return c.status
}
