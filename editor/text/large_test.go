package text

import (
	"bytes"
	"io"
	"runtime"
	"strings"
	"testing"
)

// endless is a source that computes its bytes.
type endless struct{ size int }

const endlessLine = "key = \"value\"   # a line of a large file, which is the same as all the others of the large file......\n"

var endlessLines = strings.Repeat(endlessLine, 2000)

func (e endless) Size() int64 { return int64(e.size) }

func (e endless) ReadAt(p []byte, off int64) (n int, err error) {
	if off >= e.Size() {
		return 0, io.EOF
	}
	if most := e.Size() - off; int64(len(p)) > most {
		p, err = p[:most], io.EOF
	}
	for n < len(p) {
		n += copy(p[n:], endlessLines[(off+int64(n))%int64(len(endlessLine)):])
	}
	return n, err
}

// inUse is what the heap holds.
func inUse() int {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapInuse)
}

// allocated is what f allocates in all.
func allocated(f func()) int {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return int(after.TotalAlloc - before.TotalAlloc)
}

func TestHundredMegabytesTakeLittleMemory(t *testing.T) {
	const size = 1030000 * len(endlessLine)
	before := inUse()
	var x *Text
	held := func(what string, want int) {
		t.Helper()
		if got := inUse() - before; got > want {
			t.Errorf("%d KB in use after %s, want at most %d", got>>10, what, want>>10)
		}
	}
	if got := allocated(func() { x = New(endless{size}) }); got > 4<<10 {
		t.Errorf("opening allocates %d bytes", got)
	}
	if got := allocated(func() { x.Bytes(0, 4000) }); got > 80<<10 {
		t.Errorf("the first screen allocates %d bytes", got)
	}
	if got := allocated(func() {
		for x.Index(16) {
		}
	}); got > 150<<10 { // a buffer, and 8 bytes a page that are moved as they become more
		t.Errorf("Index allocates %d bytes", got)
	}
	held("indexing", 300<<10)
	lines, _ := x.Lines()
	if want := size/len(endlessLine) + 1; lines != want {
		t.Errorf("%d lines, want %d", lines, want)
	}
	for off := 0; off < size; off += size / 100 {
		n, _ := x.LineNumber(off)
		if start, _ := x.LineOffset(n); start != x.LineStart(off) || n != off/len(endlessLine) {
			t.Fatalf("offset %d is in line %d, which begins at %d", off, n, start)
		}
		x.Replace(x.LineStart(off), 3, []byte("abc"))
	}
	held("going through all of it", 1500<<10)
	if got := allocated(func() {
		if _, ok := found(x, Literal("NOT THERE", true), size/2, false); ok {
			t.Error("found what is not there")
		}
	}); got > 80<<10 {
		t.Errorf("a search allocates %d bytes", got)
	}
	if got := allocated(func() {
		if n, err := x.Snapshot().WriteTo(io.Discard); n != int64(size) || err != nil {
			t.Errorf("wrote %d bytes, %v", n, err)
		}
	}); got > 80<<10 {
		t.Errorf("writing allocates %d bytes", got)
	}
	held("searching and writing", 1500<<10)
	runtime.KeepAlive(x)
}

func TestAMillionReplacements(t *testing.T) {
	const size = 1030000 * len(endlessLine)
	x := New(endless{size})
	for x.Index(100) {
	}
	before := inUse()
	n := x.ReplaceAll(Literal("value", false), "another value", 0, x.Len())
	if n != 1030000 {
		t.Errorf("replaced %d", n)
	}
	// A piece of the source and one of what was added for each, of two ints.
	if got, want := inUse()-before, n*(3*2*8+13); got > want {
		t.Errorf("%d KB in use, want at most %d", got>>10, want>>10)
	}
	lines, _ := x.Lines()
	if want := size/len(endlessLine) + 1; lines != want || x.Len() != size+8*n {
		t.Errorf("%d lines in %d bytes", lines, x.Len())
	}
	changed := len(endlessLine) + 8
	if got, want := string(x.Bytes(500000*changed, 500001*changed)), strings.Replace(endlessLine, "value", "another value", 1); got != want {
		t.Errorf("line 500000 is %q", got)
	}
	if got, _ := x.LineNumber(500000*changed + 5); got != 500000 {
		t.Errorf("line number %d", got)
	}
	x.Undo()
	if x.Len() != size || x.Modified() {
		t.Error("undo leaves something")
	}
}

func TestTypingAllocatesNextToNothing(t *testing.T) {
	x := New(endless{100 << 20})
	x.LineStart(1 << 20)
	letter := []byte("a")
	x.Type(1<<20, letter)
	got := testing.AllocsPerRun(1000, func() {
		off := x.typed
		x.Type(off, letter)
		x.LineStart(off)
		x.LineEnd(off)
	})
	if got > 0.01 {
		t.Errorf("%v allocations a letter", got)
	}
	y := New(Memory(bytes.Repeat([]byte("# a comment in a file of some length\n"), 200)))
	if got := allocated(func() {
		for i := range 100 { // words at 100 places, each a step
			y.Type(i*70, []byte("word"))
		}
	}) / 100; got > 1500 {
		t.Errorf("a word typed elsewhere allocates %d bytes", got)
	}
}
