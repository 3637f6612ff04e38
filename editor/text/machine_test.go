package text

import (
	"bytes"
	"fmt"
	"io"
	"testing"
)

// patterns are those that the machine searches for.
var patterns = func() []Pattern {
	list := []Pattern{{}, Literal("a", false), Literal("aB", true), Literal("\n", false), Literal("b\na", false),
		Literal("aaa", false), Literal("\r\n", true), Literal("abcdefghijklmnopqrstuvwxyzabcdefghijkl", true), Literal("\xff", true)}
	for _, s := range []string{"^", "$", "a+", "a*", "(a)(b)?", `\ba`, "^a|b$", "B", "[^a]+", ".", "(?:)"} {
		p, err := Regexp(s)
		if err != nil {
			panic(err)
		}
		list = append(list, p)
	}
	return list
}()

// machine drives a Text and its model by bytes, so that a fuzzer can.
type machine struct {
	t         *testing.T
	text      *Text
	model     *model
	bytes     []byte
	snapshots []taken
	typed     int // where the last typing ended
}

type taken struct {
	snapshot Snapshot
	text     []byte
	version  int
}

func (x *machine) next() int {
	if len(x.bytes) == 0 {
		return 0
	}
	b := x.bytes[0]
	x.bytes = x.bytes[1:]
	return int(b)
}

// offset is one in the text.
func (x *machine) offset() int {
	n := len(x.model.text) + 1
	return (x.next()<<8 | x.next()) % n
}

var alphabet = []string{"a", "b", "A", "B", "\n", "\r\n", " ", "ab", "\xff", "\x00", "aaa", "b\na"}

func (x *machine) some() (s []byte) {
	for n := x.next() % 8; n > 0; n-- {
		s = append(s, alphabet[x.next()%len(alphabet)]...)
	}
	return s
}

func (x *machine) run() {
	for i := 0; len(x.bytes) > 0; i++ {
		what := x.operate()
		if x.check(); x.t.Failed() {
			x.t.Fatalf("after operation %d: %s", i, what)
		}
	}
	for _, s := range x.snapshots {
		x.checkSnapshot(s)
	}
}

func (x *machine) operate() string {
	t, m := x.text, x.model
	switch op := x.next() % 20; op {
	case 0, 1, 2:
		off := x.offset()
		n := x.next() % 20 % (len(m.text) - off + 1)
		s := x.some()
		t.Replace(off, n, s)
		m.replace(off, n, s)
		return fmt.Sprintf("Replace(%d, %d, %q)", off, n, s)
	case 3, 4, 5:
		off := x.offset()
		if x.next()%4 > 0 {
			off = min(x.typed, len(m.text))
		}
		s := x.some()
		x.typed = off + len(s)
		t.Type(off, s)
		m.typing(off, s)
		return fmt.Sprintf("Type(%d, %q)", off, s)
	case 6:
		c := x.next()
		t.Begin(c)
		m.begin(c)
		return "Begin"
	case 7:
		c := x.next()
		t.End(c)
		m.end(c)
		return "End"
	case 8, 9:
		got, ok := t.Undo()
		if want, wok := m.undo(); got != want || ok != wok {
			x.t.Errorf("Undo gives %d, %v; want %d, %v", got, ok, want, wok)
		}
		return "Undo"
	case 10, 11:
		got, ok := t.Redo()
		if want, wok := m.redo(); got != want || ok != wok {
			x.t.Errorf("Redo gives %d, %v; want %d, %v", got, ok, want, wok)
		}
		return "Redo"
	case 12:
		t.MarkSaved()
		m.markSaved()
		return "MarkSaved"
	case 13:
		s := x.some()
		t.Append(s)
		m.append(s)
		return fmt.Sprintf("Append(%q)", s)
	case 14:
		x.snapshots = append(x.snapshots, taken{t.Snapshot(), m.text, t.Version()})
		return "Snapshot"
	case 15:
		if len(x.snapshots) == 0 {
			return "nothing"
		}
		s := x.snapshots[x.next()%len(x.snapshots)]
		if err := t.Restore(s.snapshot.Pieces(), s.snapshot.Added()); err != nil {
			x.t.Errorf("Restore: %v", err)
		}
		m.record(0, 0)
		m.typed = -1
		m.set(s.text)
		return "Restore"
	case 16:
		pages := x.next() % 4
		t.Index(pages)
		return fmt.Sprintf("Index(%d)", pages)
	case 17, 18:
		p, from, backward := patterns[x.next()%len(patterns)], x.offset(), op == 17
		s := t.Find(p, from, backward)
		for i := 0; !s.Step(1 + x.next()); i++ {
			if i > 10*len(m.text)+10 {
				x.t.Fatalf("search for %v does not end", p)
			}
		}
		got, ok := s.Match()
		got.groups = nil
		if want, wok := m.find(p, from, backward); fmt.Sprint(got, ok) != fmt.Sprint(want, wok) {
			x.t.Errorf("Find(%q %v, %d, %v) in %q gives %v, %v; want %v, %v", p.literal, p.expr, from, backward, m.text, got, ok, want, wok)
		}
		return "Find"
	default:
		p, from, to := patterns[x.next()%len(patterns)], x.offset(), x.offset()
		from, to = min(from, to), max(from, to)
		with := []string{"", "x", "<$0>", "$2$1", "a long one that is kept but once, as it is long"}[x.next()%5]
		if len(m.text) > 3000 {
			with = ""
		}
		got := t.ReplaceAll(p, with, from, to)
		if want := m.replaceAll(p, with, from, to); got != want {
			x.t.Errorf("ReplaceAll(%q %v, %q, %d, %d) replaced %d, want %d", p.literal, p.expr, with, from, to, got, want)
		}
		return fmt.Sprintf("ReplaceAll(%q %v, %q, %d, %d)", p.literal, p.expr, with, from, to)
	}
}

// check compares everything that can be asked.
func (x *machine) check() {
	t, m := x.text, x.model
	x.t.Helper()
	if err := t.Err(); err != nil {
		x.t.Errorf("Err: %v", err)
	}
	if t.Len() != len(m.text) {
		x.t.Errorf("Len is %d, want %d", t.Len(), len(m.text))
		return
	}
	off := x.offset()
	p := make([]byte, 20)
	n, err := t.ReadAt(p, int64(off))
	want, wantErr := Memory(m.text).ReadAt(make([]byte, 20), int64(off))
	if n != want || err != wantErr || !bytes.Equal(p[:n], m.text[off:off+n]) {
		x.t.Errorf("ReadAt(20, %d) gives %d, %v; want %d, %v", off, n, err, want, wantErr)
	}
	if off < len(m.text) && t.Byte(off) != m.text[off] {
		x.t.Errorf("Byte(%d) is %q, want %q", off, t.Byte(off), m.text[off])
	}
	x.checkLines(off)
	if got := t.Bytes(0, t.Len()); !bytes.Equal(got, m.text) {
		x.t.Errorf("the text is %q, want %q", got, m.text)
	}
	t.Byte(x.offset()) // where the next operation finds its leaf
	if t.Modified() && m.id == m.saved {
		x.t.Errorf("Modified although it is what was saved")
	}
	if !t.Modified() && !bytes.Equal(m.text, m.savedAs) {
		x.t.Errorf("not Modified although it is not what was saved")
	}
	checkTree(x.t, t.root)
}

func (x *machine) checkLines(off int) {
	t, m := x.text, x.model
	start := bytes.LastIndexByte(m.text[:off], '\n') + 1
	end := bytes.IndexByte(m.text[off:], '\n') + off
	if end < off {
		end = len(m.text)
	}
	if got := t.LineEnd(off); got != end {
		x.t.Errorf("LineEnd(%d) is %d, want %d", off, got, end)
	}
	if got := t.LineStart(off); got != start {
		x.t.Errorf("LineStart(%d) is %d, want %d", off, got, start)
	}
	through := t.original.indexed() == t.original.size
	number := bytes.Count(m.text[:off], newline)
	if got, known := t.LineNumber(off); known && got != number || !known && through {
		x.t.Errorf("LineNumber(%d) is %d, %v; want %d", off, got, known, number)
	}
	if got, known := t.LineOffset(number); known && got != start || !known && through {
		x.t.Errorf("LineOffset(%d) is %d, %v; want %d", number, got, known, start)
	}
	lines := bytes.Count(m.text, newline) + 1
	last := bytes.LastIndexByte(m.text, '\n') + 1
	if got, known := t.Lines(); known && got != lines || !known && through {
		x.t.Errorf("Lines is %d, %v; want %d", got, known, lines)
	}
	if got, known := t.LineOffset(lines + off%2); known && got != last || !known && through {
		x.t.Errorf("LineOffset beyond the end is %d, %v; want %d", got, known, last)
	}
}

func (x *machine) checkSnapshot(s taken) {
	var b bytes.Buffer
	n, err := s.snapshot.WriteTo(&b)
	if err != nil || n != int64(len(s.text)) || !bytes.Equal(b.Bytes(), s.text) {
		x.t.Errorf("a snapshot writes %d bytes %q, %v; want %q", n, b.Bytes(), err, s.text)
	}
	if s.snapshot.Len() != len(s.text) || s.snapshot.Version() != s.version {
		x.t.Errorf("a snapshot has length %d, version %d; want %d, %d", s.snapshot.Len(), s.snapshot.Version(), len(s.text), s.version)
	}
	all, _ := io.ReadAll(io.NewSectionReader(s.snapshot, 0, int64(len(s.text))+1))
	if !bytes.Equal(all, s.text) {
		x.t.Errorf("a snapshot reads %q, want %q", all, s.text)
	}
}

// checkTree finds what would make the tree slow or wrong.
func checkTree(t *testing.T, n *node) (lines int) {
	t.Helper()
	if n == nil {
		return -1
	}
	switch {
	case n.left == nil:
		size := 0
		for i, p := range n.pieces {
			size += p.len
			if p.len <= 0 || i > 0 && p.continues(n.pieces[i-1]) {
				t.Errorf("piece %d of a leaf is %v after %v", i, p, n.pieces[max(i-1, 0)])
			}
		}
		if size != n.size || len(n.pieces) == 0 || len(n.pieces) > leafMax || n.height != 0 {
			t.Errorf("a leaf of %d pieces and %d bytes says %d, height %d", len(n.pieces), size, n.size, n.height)
		}
		return n.lines
	case n.size != n.left.size+n.right.size || n.height != max(n.left.height, n.right.height)+1:
		t.Errorf("a node of %d and %d bytes says %d, height %d", n.left.size, n.right.size, n.size, n.height)
	case n.left.height > n.right.height+1 || n.right.height > n.left.height+1:
		t.Errorf("a node of heights %d and %d", n.left.height, n.right.height)
	}
	l, r := checkTree(t, n.left), checkTree(t, n.right)
	if n.lines >= 0 && l >= 0 && r >= 0 && n.lines != l+r {
		t.Errorf("a node of %d and %d lines says %d", l, r, n.lines)
	}
	return n.lines
}
