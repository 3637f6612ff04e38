package plain

import (
	"bufio"
	"bytes"
	"fmt"

	"bantam/editor/file"
	"bantam/editor/text"
)

// session is one conversation about one text. It gets lines and writes answers.
type session struct {
	file *file.File // nil: the text has none
	t    *text.Text
	out  *bufio.Writer
	opt  Options

	cur     int    // the current line, from 1; 0 in an empty text
	shown   bool   // the person has seen the current line
	ending  string // of the lines that are added, "\n" or "\r\n"
	found   text.Pattern
	finding string // what found finds; "" for nothing yet
	replace *replacement
	faults  int // as last said

	answer *question // the next line is for it, not a command
	failed int       // commands that were not done
	saved  bool
	left   bool // unsaved changes were given up
	done   bool
}

// question is what the next line of input is for when it is no command.
type question struct {
	prompt  func() string
	line    func(line []byte)
	broken  func() // by ^C
	ended   func() // by the end of the input
	visible bool   // also asked where nobody sees prompts
}

func newSession(f *file.File, t *text.Text, out *bufio.Writer, opt Options) *session {
	s := &session{file: f, t: t, out: out, opt: opt, ending: lineEnding(t)}
	s.cur = min(max(opt.Line, 1), s.last())
	return s
}

// greet says what is edited.
func (s *session) greet() {
	s.status()
	if err := s.t.Err(); err != nil {
		s.say("it cannot be read as a whole: %v", err)
	}
	if s.file != nil && !s.opt.ReadOnly {
		if err := s.file.ReadOnly(); err != nil {
			s.say("it cannot be saved: %v", err)
		}
	}
	if s.opt.Person {
		s.say("h lists the commands, q leaves")
	}
	s.offerFound()
}

// ask writes the prompt for the next line.
func (s *session) ask() {
	switch {
	case s.answer != nil && s.answer.visible && !s.opt.Person:
		s.say("%s", s.answer.prompt())
	case !s.opt.Person:
	case s.answer != nil:
		s.out.WriteString(s.answer.prompt())
	default:
		fmt.Fprintf(s.out, "%d> ", s.cur)
	}
}

// line takes one line of input, with or without its end.
func (s *session) line(line []byte) {
	line = bytes.TrimSuffix(line, []byte("\n"))
	if s.answer != nil {
		s.answer.line(line)
		return
	}
	s.command(string(bytes.TrimSuffix(line, []byte("\r"))))
}

// interrupt is ^C: it ends what is going on, never the session.
func (s *session) interrupt() {
	s.out.WriteString("\n")
	if q := s.answer; q != nil {
		q.broken()
		return
	}
	s.say("q leaves")
}

// end is the end of the input. At a terminal that is a key like any other and
// means to leave; a second one says that nobody is there.
func (s *session) end() {
	if s.opt.Person {
		s.out.WriteString("\n")
	}
	if q := s.answer; q != nil {
		q.ended()
		return
	}
	if s.opt.Person {
		s.quit()
		return
	}
	s.done = true
}

// question makes the next line an answer. Enter alone, ^C and what is none of
// the answers do what otherwise says.
func (s *session) question(prompt string, answers map[string]func(), otherwise func()) {
	s.answer = &question{
		visible: true,
		prompt:  func() string { return prompt },
		line: func(line []byte) {
			f, ok := answers[string(bytes.ToLower(bytes.TrimSpace(line)))]
			if !ok {
				f = otherwise
			}
			s.answer = nil
			f()
		},
		broken: func() { s.answer = nil; otherwise() },
		ended:  func() { s.done = true; s.fail("the question was not answered") },
	}
}

// say writes one line of answer, whatever bytes names and errors have.
func (s *session) say(format string, args ...any) {
	s.out.WriteString(visible(fmt.Appendf(nil, format, args...), 4*lineMost) + "\n")
}

// fail says why a command was not done.
func (s *session) fail(format string, args ...any) {
	s.failed++
	s.say("? "+format, args...)
}

// status says what is edited and how things are.
func (s *session) status() {
	name := "(no file)"
	if s.file != nil {
		name = s.file.Path
	}
	state := ""
	switch {
	case s.opt.ReadOnly:
		state = ", to be looked at only"
	case s.t.Modified():
		state = ", not saved"
	case s.file != nil && !s.file.Exists:
		state = ", a new file"
	}
	s.say("%s: %s, %s%s", name, plural(s.last(), "line"), plural(s.t.Len(), "byte"), state)
}

// where is the end of an answer: the place that the next command is about.
func (s *session) where() string {
	if s.cur == 0 {
		return "the text is empty"
	}
	return fmt.Sprintf("line %d of %d", s.cur, s.last())
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
