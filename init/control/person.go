package control

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"

	"bantam/editor/keys"
	"bantam/editor/screen"
	"bantam/tty"
)

// person is somebody at a terminal who reads and answers with lines: that works
// on every terminal, and no key pressed by accident decides anything.
type person struct {
	in          *bufio.Reader
	out         io.Writer
	rows, cols  int
	interrupted <-chan os.Signal
}

// newPerson is whoever sits at the terminal. Until done is called ^C is an answer.
func newPerson(in, out *os.File) (p *person, done func()) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt)
	p = &person{in: bufio.NewReader(in), out: out, rows: 24, cols: 80, interrupted: signals}
	if rows, cols := tty.Size(out); rows > 1 && cols > 1 {
		p.rows, p.cols = rows, cols
	}
	return p, func() { signal.Stop(signals) }
}

// choose shows what a switch to the draft means and asks what becomes of it. A
// person who breaks off, or whose line is gone, keeps the draft.
func (p *person) choose(l leaving) choice {
	question := l.question()
	for i, page := range pages(l.report(), p.rows, p.cols) {
		if i > 0 {
			answer, ok := p.ask("-- Enter: more, q: to the question ")
			if !ok {
				return p.keep(l)
			}
			if strings.HasPrefix(answer, "q") {
				break
			}
		}
		for _, line := range page {
			fmt.Fprintln(p.out, line)
		}
	}
	if question == "" {
		return keep
	}
	for {
		answer, ok := p.ask(question)
		if !ok {
			return p.keep(l)
		}
		switch c := l.meaning(answer); c {
		case keep:
			return p.keep(l)
		case editAgain, switchNow:
			return c
		}
	}
}

func (p *person) keep(l leaving) choice {
	fmt.Fprintln(p.out, l.kept())
	return keep
}

// sure asks whoever sits at the terminal whether to go on in spite of what is
// said. Where nobody sits, instead names the option that stands for the answer.
func (c *client) sure(instead, what string) bool {
	if c.scripted || !tty.Is(os.Stdin) || !tty.Is(os.Stdout) {
		fmt.Fprintf(c.errOut, "bantam %s: %s\nnobody is there to ask; %s\n", c.verb.name, what, instead)
		return false
	}
	p, done := newPerson(os.Stdin, os.Stdout)
	defer done()
	answer, _ := p.ask(what + " Type yes to go on: ")
	if answer != "yes" {
		fmt.Fprintln(c.out, "Nothing is changed.")
	}
	return answer == "yes"
}

// ask reads one line; not ok is ^C, the end of the input, or a line that is gone.
func (p *person) ask(question string) (answer string, ok bool) {
	fmt.Fprint(p.out, question)
	lines := make(chan string, 1)
	go func() {
		defer close(lines)
		if line, err := p.in.ReadString('\n'); err == nil {
			lines <- line
		}
	}()
	select {
	case line, ok := <-lines:
		if !ok {
			fmt.Fprintln(p.out)
		}
		return typed(line), ok
	case <-p.interrupted:
		fmt.Fprintln(p.out)
		return "", false
	}
}

// typed is a line without what a terminal sent by itself, such as a late answer
// to the question for its size, and without pasted text.
func typed(line string) string {
	var decoder keys.Decoder
	var text strings.Builder
	for _, k := range decoder.Feed([]byte(line)) {
		if k.Code == keys.Text {
			text.Write(k.Text)
		}
	}
	return strings.TrimSpace(text.String())
}

// pages parts lines so that each page, and a question below it, fit a terminal.
// A line that is wider takes several rows.
func pages(lines []string, rows, cols int) (all [][]string) {
	left := 0
	for _, line := range lines {
		_, width := screen.Skip([]byte(line), 0, 1<<20)
		need := max(1, (width+cols-1)/cols)
		if need > left || len(all) == 0 {
			all = append(all, nil)
			left = rows - 1
		}
		all[len(all)-1] = append(all[len(all)-1], line)
		left -= need
	}
	return all
}
