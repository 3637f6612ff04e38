package plain

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand"
	"strings"
	"testing"

	"bantam/editor/text"
)

// model is the text as a list of lines with their ends, and the commands as
// simple as can be.
type model struct {
	lines  []string
	ending string
}

func newModel(content string) *model {
	m := &model{ending: lineEnding(text.New(text.Memory(content)))}
	m.lines = strings.SplitAfter(content, "\n")
	if m.lines[len(m.lines)-1] == "" {
		m.lines = m.lines[:len(m.lines)-1]
	}
	return m
}

func (m *model) String() string { return strings.Join(m.lines, "") }

// splice replaces lines from to to by lines with an end. Of a text that ends
// without one the new last line has none, unless it is empty.
func (m *model) splice(from, to int, lines ...string) {
	n := len(m.lines)
	open := n > 0 && !strings.HasSuffix(m.lines[n-1], "\n")
	if open {
		m.lines[n-1] += m.ending
	}
	rest := append([]string{}, m.lines[to:]...)
	m.lines = append(append(m.lines[:from-1], lines...), rest...)
	if n := len(m.lines); open && n > 0 {
		if last := string(withoutEnd([]byte(m.lines[n-1]))); last != "" {
			m.lines[n-1] = last
		}
	}
}

// Random commands on random texts do to the bytes what the model does.
func TestCommandsChangeNoBytesButThoseTheyAddress(t *testing.T) {
	for seed := range int64(1500) {
		r := rand.New(rand.NewSource(seed))
		content := randomText(r)
		m := newModel(content)
		txt := text.New(text.Memory(content))
		s := newSession(nil, txt, bufio.NewWriter(io.Discard), Options{Person: r.Intn(2) == 0})
		history := []string{content}
		var script []string
		for range 12 {
			command := randomCommand(r, m)
			if command == "" {
				break
			}
			script = append(script, command)
			for _, l := range strings.SplitAfter(command+"\n", "\n") {
				if l != "" {
					s.line([]byte(l))
				}
			}
			if got := string(txt.Bytes(0, txt.Len())); got != m.String() {
				t.Fatalf("seed %d: %q after %q is %q, want %q", seed, content, script, got, m)
			}
			if m.String() != history[len(history)-1] {
				history = append(history, m.String())
			}
			if s.cur > s.last() || s.cur < min(1, s.last()) || s.last() != len(m.lines) {
				t.Fatalf("seed %d: after %q line %d of %d is the current one, of %d", seed, script, s.cur, s.last(), len(m.lines))
			}
		}
		for txt.Modified() {
			s.line([]byte("u"))
			history = append(history, string(txt.Bytes(0, txt.Len())))
		}
		if got := string(txt.Bytes(0, txt.Len())); got != content {
			t.Fatalf("seed %d: after undoing %q %q is %q", seed, script, content, got)
		}
	}
}

func randomText(r *rand.Rand) string {
	var b strings.Builder
	ends := [][]string{{"\n"}, {"\r\n"}, {"\n", "\r\n"}}[r.Intn(3)]
	for range r.Intn(6) {
		for range r.Intn(4) {
			b.WriteString([]string{"a", "b", "\xff", "\x00", "é", " ", ".", "\r"}[r.Intn(8)])
		}
		b.WriteString(ends[r.Intn(len(ends))])
	}
	if r.Intn(2) == 0 {
		b.WriteString("end")
	}
	return b.String()
}

// randomCommand makes a command, and does it to the model.
func randomCommand(r *rand.Rand, m *model) string {
	n := len(m.lines)
	if n == 0 {
		m.splice(1, 0, "x"+m.ending)
		return "a x"
	}
	from := 1 + r.Intn(n)
	to := from + r.Intn(n-from+1)
	lines, typed := []string{}, ""
	for range 1 + r.Intn(3) {
		l := []string{"", "new", "..", "\xfe\tx"}[r.Intn(4)]
		typed += "\n" + l
		if l == ".." {
			l = "."
		}
		lines = append(lines, l+m.ending)
	}
	whole := func() []string {
		block := append([]string{}, m.lines[from-1:to]...)
		if last := len(block) - 1; !strings.HasSuffix(block[last], "\n") {
			block[last] += m.ending
		}
		return block
	}
	switch r.Intn(8) {
	case 0:
		m.splice(to+1, to, lines...)
		return fmt.Sprintf("%da%s\n.", to, typed)
	case 1:
		m.splice(to, to-1, lines...)
		return fmt.Sprintf("%di%s\n.", to, typed)
	case 2:
		m.splice(from, to, lines...)
		return fmt.Sprintf("%d,%dc%s\n.", from, to, typed)
	case 3:
		m.lines = append(m.lines[:from-1:from-1], m.lines[to:]...)
		return fmt.Sprintf("%d,%dd", from, to)
	case 4:
		at := r.Intn(n + 1)
		m.splice(at+1, at, whole()...)
		return fmt.Sprintf("%d,%dt%d", from, to, at)
	case 5:
		at := r.Intn(n + 1)
		command := fmt.Sprintf("%d,%dm%d", from, to, at)
		if at >= from-1 && at <= to {
			return command // refused, or they are there
		}
		block := whole()
		if at > to {
			m.splice(at+1, at, block...)
			m.lines = append(m.lines[:from-1:from-1], m.lines[to:]...)
		} else {
			m.lines = append(m.lines[:from-1:from-1], m.lines[to:]...)
			m.splice(at+1, at, block...)
		}
		return command
	case 6:
		for i := from - 1; i < to; i++ {
			m.lines[i] = strings.Replace(m.lines[i], "a", "bb", 1)
		}
		return fmt.Sprintf("%d,%ds/a/bb/", from, to)
	default:
		for i := from - 1; i < to; i++ {
			m.lines[i] = strings.ReplaceAll(m.lines[i], "b", "")
		}
		return fmt.Sprintf("%d,%ds/b//g", from, to)
	}
}

// Any stream of bytes is answered; nothing but a command for it saves or
// changes, and what is shown can do nothing to the terminal.
func FuzzAnyStreamIsAnswered(f *testing.F) {
	f.Add("a\nb\n", "2a\nx\n.\n1,2m0\nu\nr\n%s/a/b/g\n/b\n?a\nz\nf\nh\nq\nn\n", true)
	f.Add("a\r\n\xff", "%p\n$d\n0a x\nt1\ns/(/x/r\ns,a,b,rg\n,,p\n1,2,3d\n+-+-.\n", false)
	f.Add("", "p\nd\ni\n..\n.\nu\nu\nr\nr\nc\n.\nm0\n%d\n", true)
	f.Add("x", "99999999999999999999999p\n-99999999999999999999999d\n$+2147483647-2147483648p\n1073741823+1073741823+1073741823d", true)
	f.Add("bad\n", "e\n?\n1?\nD\nwq\n\x00\x1b[A\n//\n??\ns\n", false)
	f.Fuzz(func(t *testing.T, content, stream string, person bool) {
		if len(content) > 1<<12 || len(stream) > 1<<10 || strings.Contains(stream, "w") || strings.Contains(stream, "save") {
			return // w PATH would write anywhere
		}
		txt := text.New(text.Memory(content))
		var out bytes.Buffer
		s := newSession(nil, txt, bufio.NewWriter(&out), Options{Person: person, Checker: checker{}, Rows: 3, Cols: 20})
		s.greet()
		for _, l := range strings.SplitAfter(stream, "\n") {
			if s.done || txt.Len() > 1<<16 {
				break
			}
			s.ask()
			if l == "" {
				s.interrupt()
			} else {
				s.line([]byte(l))
			}
			if s.cur > s.last() || s.cur < min(1, s.last()) {
				t.Fatalf("line %d of %d is the current one", s.cur, s.last())
			}
		}
		if !s.done {
			s.end()
		}
		s.out.Flush()
		for _, b := range out.Bytes() {
			if b < ' ' && b != '\n' || b == 0x7f {
				t.Fatalf("control byte %#x in %q", b, out.String())
			}
		}
		for n := 0; txt.Modified(); n++ {
			if _, ok := txt.Undo(); !ok {
				t.Fatal("there is nothing to undo, and the text is not what it was")
			}
		}
		if got := string(txt.Bytes(0, txt.Len())); got != content {
			t.Fatalf("after undoing all the text is %q, was %q", got, content)
		}
	})
}
