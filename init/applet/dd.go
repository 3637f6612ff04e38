package applet

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"time"
)

// ddOrder is what the operands of dd say.
type ddOrder struct {
	in, out           string // files; "" is standard input and output
	size              int64  // bytes of a block
	count             int64  // blocks of the input to copy, -1: all
	skip, seek        int64  // blocks to pass over in the input and in the output
	wholeBlocks       bool   // read until a block is full
	quiet, noTransfer bool   // no figures at the end, or none about the speed
	conv              map[string]bool
}

// ddTally counts blocks that were full and others, and the bytes written.
type ddTally struct{ full, part, fullOut, partOut, total int64 }

// dd copies blocks. Its arguments are NAME=VALUE.
func dd(c *call, args []string) int {
	o, err := parseDD(args)
	if err != nil {
		return c.misuse("%v", err)
	}
	in, err := o.openInput(c.in)
	if err != nil {
		return c.fail(o.in, err)
	}
	if f, ok := in.(*os.File); ok && o.in != "" {
		defer f.Close()
	}
	var out io.Writer = c.rawOut
	var outFile *os.File
	if o.out != "" {
		if outFile, err = o.openOutput(); err != nil {
			return c.fail(o.out, err)
		}
		out = outFile
	}
	if err := o.skipInput(in); err != nil {
		return c.fail(o.in, err)
	}
	start := time.Now()
	tally := o.copy(c, in, out)
	if outFile != nil {
		if o.conv["fsync"] || o.conv["fdatasync"] {
			if err := outFile.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) {
				c.fail(o.out, err)
			}
		}
		if err := outFile.Close(); err != nil && !errors.Is(err, fs.ErrClosed) {
			c.fail(o.out, err)
		}
	}
	o.report(c.err, tally, time.Since(start).Seconds())
	return c.status
}

func parseDD(args []string) (o ddOrder, err error) {
	values := map[string]string{"bs": "512"}
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
			return o, fmt.Errorf("unknown operand %s", arg)
		}
		values[name] = value
	}
	o = ddOrder{in: values["if"], out: values["of"], count: -1, wholeBlocks: values["iflag"] != "",
		quiet: values["status"] == "none", noTransfer: values["status"] == "noxfer", conv: map[string]bool{}}
	o.size, err = parseSize(values["bs"])
	if err != nil || o.size < 1 || o.size > 1<<30 {
		return o, fmt.Errorf("bs=%s: is not a block size", values["bs"])
	}
	for _, number := range []struct {
		name string
		to   *int64
	}{{"count", &o.count}, {"skip", &o.skip}, {"seek", &o.seek}} {
		if text := values[number.name]; text != "" {
			n, numberErr := parseSize(text)
			*number.to, err = n, errors.Join(err, numberErr)
		}
	}
	if err != nil {
		return o, err
	}
	for word := range strings.SplitSeq(values["conv"], ",") {
		switch word {
		case "fsync", "fdatasync", "notrunc", "noerror", "sync", "excl", "":
			o.conv[word] = true
		default:
			return o, fmt.Errorf("conv=%s is not supported", word)
		}
	}
	return o, nil
}

func (o ddOrder) openInput(standard io.Reader) (io.Reader, error) {
	if o.in == "" {
		return standard, nil
	}
	f, err := os.Open(o.in)
	if err != nil {
		return nil, err
	}
	return f, nil
}

// openOutput opens the output, cuts it off where the copy begins, and goes there.
func (o ddOrder) openOutput() (*os.File, error) {
	flags := os.O_WRONLY | os.O_CREATE
	if o.conv["excl"] {
		flags |= os.O_EXCL
	}
	f, err := os.OpenFile(o.out, flags, 0o666)
	if err != nil {
		return nil, err
	}
	if info, err := f.Stat(); err == nil && info.Mode().IsRegular() && !o.conv["notrunc"] {
		if err := f.Truncate(o.seek * o.size); err != nil {
			f.Close()
			return nil, err
		}
	}
	if o.seek > 0 {
		if _, err := f.Seek(o.seek*o.size, io.SeekStart); err != nil {
			f.Close()
			return nil, err
		}
	}
	return f, nil
}

// skipInput passes over the first blocks, by reading where it cannot seek.
func (o ddOrder) skipInput(in io.Reader) error {
	if o.skip <= 0 {
		return nil
	}
	f, isFile := in.(*os.File)
	if isFile {
		if _, err := f.Seek(o.skip*o.size, io.SeekCurrent); !errors.Is(err, syscall.ESPIPE) {
			return err
		}
	}
	_, err := io.CopyN(io.Discard, in, o.skip*o.size)
	if err == io.EOF {
		return nil
	}
	return err
}

// copy copies block by block until the input or the count ends. Errors are
// reported; with conv=noerror those of the input end nothing.
func (o ddOrder) copy(c *call, in io.Reader, out io.Writer) (t ddTally) {
	buffer := make([]byte, o.size)
	for o.count < 0 || t.full+t.part < o.count {
		n, err := o.read(in, buffer)
		if n > 0 {
			block := buffer[:n]
			if int64(n) == o.size {
				t.full++
			} else {
				t.part++
				if o.conv["sync"] {
					clear(buffer[n:])
					block = buffer
				}
			}
			if err := t.write(out, block, o.size); err != nil {
				c.fail(o.out, err)
				return t
			}
		}
		if err == io.EOF {
			return t
		}
		if err == nil {
			continue
		}
		c.fail(o.in, err)
		if !o.conv["noerror"] {
			return t
		}
		if f, ok := in.(*os.File); ok {
			f.Seek(o.size-int64(n), io.SeekCurrent)
		}
		if n > 0 {
			continue // its block was counted, and filled up if so wanted
		}
		t.part++
		if o.conv["sync"] {
			// What cannot be read becomes zeros, so that all else keeps its place.
			clear(buffer)
			if err := t.write(out, buffer, o.size); err != nil {
				c.fail(o.out, err)
				return t
			}
		}
	}
	return t
}

func (o ddOrder) read(in io.Reader, block []byte) (int, error) {
	if !o.wholeBlocks {
		return in.Read(block)
	}
	n, err := io.ReadFull(in, block)
	if err == io.ErrUnexpectedEOF {
		err = io.EOF
	}
	return n, err
}

func (t *ddTally) write(out io.Writer, block []byte, size int64) error {
	written, err := out.Write(block)
	t.total += int64(written)
	if int64(written) == size {
		t.fullOut++
	} else if written > 0 {
		t.partOut++
	}
	return err
}

func (o ddOrder) report(w io.Writer, t ddTally, seconds float64) {
	if o.quiet {
		return
	}
	fmt.Fprintf(w, "%d+%d records in\n%d+%d records out\n", t.full, t.part, t.fullOut, t.partOut)
	if !o.noTransfer {
		fmt.Fprintf(w, "%d bytes (%s) copied, %.3f s, %s/s\n", t.total, humanSize(t.total), seconds, humanSize(int64(float64(t.total)/max(seconds, 1e-9))))
	}
}
