package awk

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
)

// output is a file or a command that is printed to.
type output struct {
	*bufio.Writer
	close func() error
	cmd   *exec.Cmd
}

// inputStream is a file or a command that is read from.
type inputStream struct {
	r     *bufio.Reader
	close func() error
	cmd   *exec.Cmd
}

func (in *interp) writer(kind, name string) *output {
	if kind == ">>" {
		kind = ">"
	}
	if out := in.outputs[name]; out != nil {
		return out
	}
	var out *output
	switch {
	case kind == "|":
		cmd := in.command(name)
		cmd.Stdout, cmd.Stderr = in.Stdout, in.Stderr
		pipe, err := cmd.StdinPipe()
		in.flush()
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			in.fail("%s: %v", name, err)
		}
		out = &output{bufio.NewWriter(pipe), func() error { return errors.Join(pipe.Close(), cmd.Wait()) }, cmd}
	case name == "/dev/stdout" || name == "-":
		return &output{Writer: in.out}
	case name == "/dev/stderr":
		out = &output{Writer: bufio.NewWriterSize(in.Stderr, 1)}
	default:
		flags := os.O_WRONLY | os.O_CREATE | os.O_TRUNC
		if in.appending {
			flags = os.O_WRONLY | os.O_CREATE | os.O_APPEND
		}
		f, err := os.OpenFile(name, flags, 0o666)
		if err != nil {
			in.fail("%v", err)
		}
		out = &output{Writer: bufio.NewWriter(f), close: f.Close}
	}
	in.outputs[name] = out
	return out
}

// flush sends what was printed, so that other programs' output comes behind it.
func (in *interp) flush() bool {
	ok := in.out.Flush() == nil
	for _, out := range in.outputs {
		ok = out.Flush() == nil && ok
	}
	return ok
}

func (in *interp) reader(kind, name string) (*inputStream, error) {
	if r := in.inputs[kind+name]; r != nil {
		return r, nil
	}
	r := &inputStream{}
	switch {
	case kind == "|":
		cmd := in.command(name)
		cmd.Stdin, cmd.Stderr = in.Stdin, in.Stderr
		in.flush()
		pipe, err := cmd.StdoutPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			return nil, err
		}
		r.r, r.cmd = bufio.NewReader(pipe), cmd
		r.close = func() error { return errors.Join(pipe.Close(), cmd.Wait()) }
	case name == "-" || name == "/dev/stdin":
		r.r = in.stdin
	default:
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		r.r, r.close = bufio.NewReaderSize(f, 32<<10), f.Close
	}
	in.inputs[kind+name] = r
	return r, nil
}

// closeStream ends a file or command and returns its status, -1 if there is none.
func (in *interp) closeStream(name string) float64 {
	status := -1.0
	if out := in.outputs[name]; out != nil {
		delete(in.outputs, name)
		err := out.Flush()
		if out.close != nil {
			err = errors.Join(err, out.close())
		}
		status = exitStatus(err, out.cmd)
	}
	for _, kind := range []string{"<", "|"} {
		if r := in.inputs[kind+name]; r != nil {
			delete(in.inputs, kind+name)
			var err error
			if r.close != nil {
				err = r.close()
			}
			status = exitStatus(err, r.cmd)
		}
	}
	return status
}

// command is a line of the shell, about to run.
func (in *interp) command(line string) *exec.Cmd {
	if in.Command == nil {
		in.fail("%s: commands cannot be run here", line)
	}
	return in.Command(line)
}

func exitStatus(err error, cmd *exec.Cmd) float64 {
	if cmd != nil && cmd.ProcessState != nil {
		if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
			return 256 + float64(status.Signal())
		}
		return float64(cmd.ProcessState.ExitCode())
	}
	if err != nil {
		return -1
	}
	return 0
}

// record reads up to the next separator: a character, or empty lines for "".
func (in *interp) record(r *bufio.Reader) (string, error) {
	separator := in.globals[vRS].v.text(in.convfmt())
	switch len(separator) {
	case 0:
		return in.paragraph(r)
	case 1:
		line, err := r.ReadString(separator[0])
		if err != nil && line == "" {
			return "", err
		}
		return strings.TrimSuffix(line, separator), nil
	}
	in.fail("RS: a separator of several characters is not supported")
	return "", nil
}

func (in *interp) paragraph(r *bufio.Reader) (string, error) {
	var text bytes.Buffer
	for {
		line, err := r.ReadBytes('\n')
		if len(bytes.TrimSuffix(line, []byte("\n"))) > 0 {
			text.Write(line)
		} else if text.Len() > 0 || err != nil {
			if text.Len() == 0 {
				return "", err
			}
			return strings.TrimSuffix(text.String(), "\n"), nil
		}
		if err != nil && text.Len() > 0 {
			return strings.TrimSuffix(text.String(), "\n"), nil
		}
	}
}

// nextRecord reads from the operands in turn, standard input without any.
func (in *interp) nextRecord() (string, bool) {
	for {
		if in.main == nil && !in.nextFile() {
			return "", false
		}
		line, err := in.record(in.main.r)
		if err == nil {
			in.globals[vNR].v = number(in.globals[vNR].v.number() + 1)
			in.globals[vFNR].v = number(in.globals[vFNR].v.number() + 1)
			return line, true
		}
		if err != io.EOF {
			fmt.Fprintf(in.Stderr, "%s: %v\n", in.Name, err)
			in.status = 2
		}
		in.endFile()
	}
}

func (in *interp) endFile() {
	if in.main != nil && in.main.close != nil {
		in.main.close()
	}
	in.main = nil
}

// nextFile opens the next operand; one like x=y sets a variable.
func (in *interp) nextFile() bool {
	for {
		argc := int(in.globals[vARGC].v.number())
		if in.argument >= argc {
			if in.readAny {
				return false
			}
			in.readAny = true
			in.main = &inputStream{r: in.stdin}
			return true
		}
		operand := in.globals[vARGV].asArray()[fmt.Sprint(in.argument)].text("%.6g")
		in.argument++
		if operand == "" {
			continue
		}
		if name, value, ok := strings.Cut(operand, "="); ok && isName(name) {
			in.assign(name, value)
			continue
		}
		in.readAny = true
		in.globals[vFILENAME].v = text(operand)
		in.globals[vFNR].v = number(0)
		if operand == "-" {
			in.main = &inputStream{r: in.stdin}
			return true
		}
		f, err := os.Open(operand)
		if err != nil {
			fmt.Fprintf(in.Stderr, "%s: %s\n", in.Name, strings.TrimPrefix(err.Error(), "open "))
			in.status = 2
			continue
		}
		in.main = &inputStream{r: bufio.NewReaderSize(f, 32<<10), close: f.Close}
		return true
	}
}

func isName(s string) bool {
	for i := range len(s) {
		if !isLetter(s[i]) && (i == 0 || !isDigit(s[i])) {
			return false
		}
	}
	return s != ""
}
