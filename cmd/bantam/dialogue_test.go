package main

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"bantam/tty/ttytest"
)

// A dialogue is the host tool on a terminal, and what has come from it.
type dialogue struct {
	t      *testing.T
	person *os.File
	cmd    *exec.Cmd
	said   strings.Builder
	before unix.Termios // the terminal's modes
}

func talk(t *testing.T, args ...string) *dialogue {
	t.Helper()
	person, line := ttytest.Open(t)
	before, err := unix.IoctlGetTermios(int(line.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = line, line, line
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line.Close()
	return &dialogue{t: t, person: person, cmd: cmd, before: *before}
}

// until waits for a text.
func (d *dialogue) until(text string) {
	d.t.Helper()
	buf := make([]byte, 4096)
	for !strings.Contains(d.said.String(), text) {
		n, err := d.person.Read(buf)
		d.said.Write(buf[:n])
		if err != nil {
			d.t.Fatalf("%v, waiting for %q; so far %q", err, text, d.said.String())
		}
	}
}

func (d *dialogue) types(text string) {
	d.t.Helper()
	if _, err := d.person.WriteString(text); err != nil {
		d.t.Fatal(err)
	}
}

// ends reads what is still said and gives the exit status.
func (d *dialogue) ends() int {
	d.t.Helper()
	buf := make([]byte, 4096)
	for {
		n, err := d.person.Read(buf)
		d.said.Write(buf[:n])
		if err != nil { // EIO: nobody has the line any more
			break
		}
	}
	_ = d.cmd.Wait()
	return d.cmd.ProcessState.ExitCode()
}

// modes are those of the terminal.
func (d *dialogue) modes() unix.Termios {
	d.t.Helper()
	got, err := unix.IoctlGetTermios(int(d.person.Fd()), unix.TCGETS)
	if err != nil {
		d.t.Fatal(err)
	}
	return *got
}

func (d *dialogue) signal(s os.Signal) {
	d.t.Helper()
	if err := d.cmd.Process.Signal(s); err != nil {
		d.t.Fatal(err)
	}
}
