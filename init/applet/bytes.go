package applet

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"time"
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

// dd copies blocks. Its arguments are NAME=VALUE.
func dd(c *call, args []string) int {
	values := map[string]string{"bs": "512", "status": ""}
	for _, arg := range args {
		name, value, ok := strings.Cut(arg, "=")
		switch name {
		case "if", "of", "bs", "count", "skip", "seek", "conv":
		case "iflag":
			ok = ok && value == "fullblock"
		case "status":
			ok = ok && (value == "none" || value == "noxfer")
		default:
			ok = false
		}
		if !ok {
			return c.misuse("unknown operand %s", arg)
		}
		values[name] = value
	}
	size, err := parseSize(values["bs"])
	if err != nil || size < 1 || size > 1<<30 {
		return c.misuse("bs=%s: is not a block size", values["bs"])
	}
	number := func(name string, other int64) int64 {
		if values[name] == "" {
			return other
		}
		n, nerr := parseSize(values[name])
		err = errors.Join(err, nerr)
		return n
	}
	count, skip, seek := number("count", -1), number("skip", 0), number("seek", 0)
	if err != nil {
		return c.misuse("%v", err)
	}
	conv := map[string]bool{}
	for word := range strings.SplitSeq(values["conv"], ",") {
		switch word {
		case "fsync", "fdatasync", "notrunc", "noerror", "sync", "excl", "":
			conv[word] = true
		default:
			return c.misuse("conv=%s is not supported", word)
		}
	}
	var in io.Reader = c.in
	if file := values["if"]; file != "" {
		f, err := os.Open(file)
		if err != nil {
			return c.fail(file, err)
		}
		defer f.Close()
		in = f
	}
	var out io.Writer = c.rawOut
	var outFile *os.File
	if file := values["of"]; file != "" {
		flags := os.O_WRONLY | os.O_CREATE
		if conv["excl"] {
			flags |= os.O_EXCL
		}
		outFile, err = os.OpenFile(file, flags, 0o666)
		if err != nil {
			return c.fail(file, err)
		}
		if info, err := outFile.Stat(); err == nil && info.Mode().IsRegular() && !conv["notrunc"] {
			if err := outFile.Truncate(seek * size); err != nil {
				return c.fail(file, err)
			}
		}
		if seek > 0 {
			if _, err := outFile.Seek(seek*size, io.SeekStart); err != nil {
				return c.fail(file, err)
			}
		}
		out = outFile
	}
	if skip > 0 {
		if f, ok := in.(*os.File); !ok {
			_, err = io.CopyN(io.Discard, in, skip*size)
		} else if _, err = f.Seek(skip*size, io.SeekCurrent); errors.Is(err, syscall.ESPIPE) {
			_, err = io.CopyN(io.Discard, in, skip*size)
		}
		if err != nil && err != io.EOF {
			return c.fail(values["if"], err)
		}
	}
	start := time.Now()
	var full, part, fullOut, partOut, total int64
	buffer := make([]byte, size)
	for count < 0 || full+part < count {
		read := in.Read
		if values["iflag"] != "" {
			read = func(p []byte) (int, error) {
				n, err := io.ReadFull(in, p)
				if err == io.ErrUnexpectedEOF {
					err = io.EOF
				}
				return n, err
			}
		}
		n, err := read(buffer)
		block := buffer[:n]
		if n > 0 {
			if int64(n) == size {
				full++
			} else {
				part++
				if conv["sync"] {
					clear(buffer[n:])
					block = buffer
				}
			}
			written, werr := out.Write(block)
			total += int64(written)
			if int64(written) == size {
				fullOut++
			} else if written > 0 {
				partOut++
			}
			if werr != nil {
				c.fail(values["of"], werr)
				break
			}
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			c.fail(values["if"], err)
			if !conv["noerror"] {
				break
			}
			if f, ok := in.(*os.File); ok {
				f.Seek(size-int64(n), io.SeekCurrent)
			}
			if n > 0 {
				continue // its block was counted, and filled up if so wanted
			}
			part++
			if conv["sync"] {
				// What cannot be read becomes zeros, so that all else keeps its place.
				clear(buffer)
				written, werr := out.Write(buffer)
				total += int64(written)
				if werr != nil {
					c.fail(values["of"], werr)
					break
				}
				fullOut++
			}
		}
	}
	if outFile != nil {
		if conv["fsync"] || conv["fdatasync"] {
			if err := outFile.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) {
				c.fail(values["of"], err)
			}
		}
		if err := outFile.Close(); err != nil && !errors.Is(err, fs.ErrClosed) {
			c.fail(values["of"], err)
		}
	}
	if values["status"] != "none" {
		fmt.Fprintf(c.err, "%d+%d records in\n%d+%d records out\n", full, part, fullOut, partOut)
		if values["status"] != "noxfer" {
			seconds := time.Since(start).Seconds()
			fmt.Fprintf(c.err, "%d bytes (%s) copied, %.3f s, %s/s\n", total, humanSize(total), seconds, humanSize(int64(float64(total)/max(seconds, 1e-9))))
		}
	}
	return c.status
}

func statCommand(c *call, args []string) int {
	opts, paths, err := parseOptions("c:L", map[string]byte{"format": 'c', "dereference": 'L'}, args)
	if err != nil {
		return c.misuse("%v", err)
	}
	if len(paths) == 0 {
		return c.misuse("needs a file")
	}
	users, groups := readNames("/etc/passwd"), readNames("/etc/group")
	for _, path := range paths {
		look := os.Lstat
		if opts.has('L') {
			look = os.Stat
		}
		info, err := look(path)
		if err != nil {
			c.fail(path, err)
			continue
		}
		format := opts.value('c', "  File: %N\n  Size: %-10s Blocks: %-8b IO Block: %o  %F\nDevice: %D  Inode: %-10i Links: %h\n"+
			"Access: (%04a/%A)  Uid: (%u/%U)  Gid: (%g/%G)\nAccess: %x\nModify: %y\nChange: %z")
		c.printf("%s\n", statFormat(format, path, info, users, groups))
	}
	return c.status
}

func statFormat(format, path string, info fs.FileInfo, users, groups map[uint32]string) string {
	st := stat(info)
	stamp := func(t time.Time) string { return t.Format("2006-01-02 15:04:05.000000000 -0700") }
	var out strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' || i+1 == len(format) {
			out.WriteByte(format[i])
			continue
		}
		end := i + 1
		for end < len(format)-1 && strings.IndexByte("-0123456789", format[end]) >= 0 {
			end++
		}
		var value any
		switch format[end] {
		case 'n':
			value = path
		case 'N':
			value = path
			if target, err := os.Readlink(path); err == nil && info.Mode()&fs.ModeSymlink != 0 {
				value = path + " -> " + target
			}
		case 's':
			value = fmt.Sprint(info.Size())
		case 'b':
			value = fmt.Sprint(st.Blocks)
		case 'B':
			value = "512"
		case 'o':
			value = fmt.Sprint(st.Blksize)
		case 'i':
			value = fmt.Sprint(st.Ino)
		case 'h':
			value = fmt.Sprint(st.Nlink)
		case 'd':
			value = fmt.Sprint(st.Dev)
		case 'D':
			value = fmt.Sprintf("%d,%d", major(uint64(st.Dev)), minor(uint64(st.Dev)))
		case 't':
			value = fmt.Sprintf("%x", major(uint64(st.Rdev)))
		case 'T':
			value = fmt.Sprintf("%x", minor(uint64(st.Rdev)))
		case 'a':
			value = fmt.Sprintf("%o", st.Mode&0o7777)
			if format[i+1:end] == "04" {
				value = fmt.Sprintf("%04o", st.Mode&0o7777)
			}
		case 'A':
			value = modeString(info.Mode())
		case 'f':
			value = fmt.Sprintf("%x", st.Mode)
		case 'u':
			value = fmt.Sprint(st.Uid)
		case 'U':
			value = nameOf(users, st.Uid)
		case 'g':
			value = fmt.Sprint(st.Gid)
		case 'G':
			value = nameOf(groups, st.Gid)
		case 'F':
			value = fileKind(info)
		case 'x':
			value = stamp(accessTime(st))
		case 'X':
			value = fmt.Sprint(accessTime(st).Unix())
		case 'y':
			value = stamp(info.ModTime())
		case 'Y':
			value = fmt.Sprint(info.ModTime().Unix())
		case 'z':
			value = stamp(time.Unix(st.Ctim.Unix()))
		case 'Z':
			value = fmt.Sprint(time.Unix(st.Ctim.Unix()).Unix())
		case '%':
			value = "%"
		default:
			value = format[i : end+1]
		}
		fmt.Fprintf(&out, "%"+strings.TrimLeft(format[i+1:end], "0")+"s", value)
		i = end
	}
	return out.String()
}

func fileKind(info fs.FileInfo) string {
	switch mode := info.Mode(); {
	case mode.IsDir():
		return "directory"
	case mode&fs.ModeSymlink != 0:
		return "symbolic link"
	case mode&fs.ModeCharDevice != 0:
		return "character special file"
	case mode&fs.ModeDevice != 0:
		return "block special file"
	case mode&fs.ModeNamedPipe != 0:
		return "fifo"
	case mode&fs.ModeSocket != 0:
		return "socket"
	case info.Size() == 0:
		return "regular empty file"
	}
	return "regular file"
}
