// Package plain is the line editor: for terminals that cannot move their
// cursor, and for input or output that is no terminal at all. A person types a
// command and Enter and gets one short line as the answer; `h` lists the
// commands. They are ed's where ed has them, without its silence.
//
// The session is pure: a line of input goes in, text comes out. Edit does the
// I/O around it. What is not addressed by a command keeps its bytes: invalid
// UTF-8, control bytes, mixed line ends, a missing last newline.
//
// Limits: a line longer than lineMost columns is shown in part, and only s
// changes a part of a line; a comparison with the file on disk holds both in
// memory.
package plain

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"bantam/editor/file"
	"bantam/editor/language"
	"bantam/editor/text"
)

// Options of Edit.
type Options struct {
	Line       int              // the line to start at, from 1; 0: the first
	Checker    language.Checker // nil: nothing is checked
	ReadOnly   bool             // a view: nothing can be changed
	Keeper     *file.Keeper     // keeps unsaved text; nil: a lost line loses it
	Found      *file.Found      // unsaved text of an earlier session, offered first; may be nil
	Person     bool             // somebody types and reads: there are prompts and pages
	Rows, Cols int              // of the terminal; 0: not known
}

// keepAfter is how long a change may be unsaved before it is kept for the next
// start. A person who enters line after line wears the flash no faster than that.
// A variable for tests.
var keepAfter = 3 * time.Second

// Edit talks until the person leaves or the input ends and tells whether the
// file was saved. f is nil for a text without a file, e.g. of a pipe. Unsaved
// text at the end of the input is kept for the next start, and the error says so.
func Edit(f *file.File, t *text.Text, in io.Reader, out io.Writer, opt Options) (saved bool, err error) {
	w := bufio.NewWriter(out)
	s := newSession(f, t, w, opt)
	k := &recovery{s: s, kept: t.Version()}
	defer func() {
		if p := recover(); p != nil {
			k.keep()
			panic(p)
		}
	}()
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGHUP, syscall.SIGTERM, syscall.SIGQUIT)
	defer signal.Stop(signals)
	lines := newReader(in)
	defer lines.close()
	err = talk(s, k, lines, signals)
	if flushErr := w.Flush(); err == nil && flushErr != nil {
		err = fmt.Errorf("the terminal is gone: %w", flushErr)
	}
	if t.Modified() && !s.left {
		err = k.lost(err)
	}
	if err == nil && s.failed > 0 && !opt.Person {
		err = fmt.Errorf("%s not done", plural(s.failed, "command"))
	}
	return s.saved, err
}

// talk is the loop: a line in, its answer out.
func talk(s *session, k *recovery, lines *reader, signals <-chan os.Signal) error {
	s.greet()
	timer := time.NewTimer(0)
	<-timer.C
	running := false
	for !s.done {
		s.ask()
		if err := s.out.Flush(); err != nil {
			return fmt.Errorf("the terminal is gone: %w", err)
		}
		if k.due() && !running {
			timer.Reset(keepAfter)
			running = true
		}
		select {
		case l := <-lines.next():
			lines.taken()
			switch {
			case len(l.text) > 0:
				s.line(l.text)
			case errors.Is(l.err, io.EOF):
				s.end()
			default:
				return fmt.Errorf("the terminal is gone: %w", l.err)
			}
		case <-timer.C:
			running = false
			k.keep() // if it fails it fails at the end again, and says so there
		case sig := <-signals:
			if sig != os.Interrupt || !s.opt.Person {
				return fmt.Errorf("ended by a signal: %v", sig)
			}
			s.interrupt()
		}
	}
	return nil
}
