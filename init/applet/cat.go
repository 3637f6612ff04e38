package applet

import (
	"bufio"
	"errors"
	"io"
	"os"
)

func cat(c *call, args []string) int {
	opts, files, err := parseOptions("nu", nil, args)
	if err != nil {
		return c.misuse("%v", err)
	}
	line := 0
	for _, file := range orStdin(files) {
		c.withInput(file, func(r io.Reader) error {
			if c.isOutput(r) {
				return errors.New("is also the output")
			}
			if !opts.has('n') {
				c.out.Flush()
				_, err := io.Copy(c.rawOut, r.(streamed).Reader) // the kernel may copy it alone
				return err
			}
			return eachLine(r, func(text []byte) error {
				line++
				c.printf("%6d\t%s", line, text)
				return nil
			})
		})
	}
	return c.status
}

// isOutput tells whether an input is the very file that we print to. Reading
// that would never end and fill the disk, as with cat * > all.
func (c *call) isOutput(r io.Reader) bool {
	in, isFile := r.(streamed).Reader.(*os.File)
	out, toFile := c.rawOut.(*os.File)
	if !isFile || !toFile {
		return false
	}
	a, errA := in.Stat()
	b, errB := out.Stat()
	if errA != nil || errB != nil || !a.Mode().IsRegular() || !os.SameFile(a, b) {
		return false
	}
	at, err := in.Seek(0, io.SeekCurrent)
	return err == nil && at < a.Size()
}

// orStdin is files, or "-" when there are none.
func orStdin(files []string) []string {
	if len(files) == 0 {
		return []string{"-"}
	}
	return files
}

// withInput opens file ("-" is standard input) for use and reports errors.
func (c *call) withInput(file string, use func(io.Reader) error) bool {
	var r io.Reader = c.in
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			c.fail(file, err)
			return false
		}
		defer f.Close()
		r = f
	}
	if err := use(streamed{r, c.out}); err != nil && err != errStop {
		c.fail(file, err)
		return false
	}
	return true
}

// eachLine calls use with each line, its newline included; the last may lack it.
// The slice is valid during the call only. use may return errStop.
func eachLine(r io.Reader, use func(line []byte) error) error {
	br := bufio.NewReaderSize(r, 64<<10)
	var long []byte
	for {
		part, err := br.ReadSlice('\n')
		if err == bufio.ErrBufferFull {
			long = append(long, part...)
			continue
		}
		line := part
		if long != nil {
			line = append(long, part...)
			long = nil
		}
		if len(line) > 0 {
			if err := use(line); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// errStop ends a walk or a reading early without being an error.
var errStop = errors.New("stop")

// lineReader reads one line at a time, its newline included.
type lineReader struct{ r *bufio.Reader }

func newLineReader(r io.Reader) *lineReader { return &lineReader{bufio.NewReaderSize(r, 32<<10)} }

// next is "" at the end.
func (l *lineReader) next() (string, error) {
	return l.r.ReadString('\n')
}
