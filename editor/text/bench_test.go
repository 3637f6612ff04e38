package text

import (
	"bytes"
	"io"
	"testing"
)

func BenchmarkOpen100MB(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		New(endless{100 << 20}).Bytes(0, 2000)
	}
}

func BenchmarkIndex100MB(b *testing.B) {
	source := pread{bytes.Repeat([]byte(endlessLine), 100<<20/len(endlessLine))}
	b.SetBytes(source.Size())
	b.ReportAllocs()
	for b.Loop() {
		for x := New(source); x.Index(16); {
		}
	}
}

func BenchmarkLinesOf1MB(b *testing.B) {
	source := pread{bytes.Repeat([]byte("0123456789abcdef"), 1<<16)}
	b.Run("first", func(b *testing.B) {
		x := New(source)
		for b.Loop() {
			x.unbroken = stretch{}
			x.LineStart(1 << 20)
			x.LineEnd(0)
		}
	})
	b.Run("again", func(b *testing.B) {
		x := New(source)
		for b.Loop() {
			x.LineStart(1 << 19)
			x.LineEnd(1 << 19)
		}
	})
	b.Run("while typing", func(b *testing.B) {
		x := New(source)
		for b.Loop() {
			x.Replace(1<<19, 0, []byte("a"))
			x.LineStart(1 << 19)
			x.LineEnd(1 << 19)
		}
	})
}

func BenchmarkTyping10000(b *testing.B) {
	source := bytes.Repeat([]byte(endlessLine), 1000)
	b.ReportAllocs()
	for b.Loop() {
		x := New(Memory(source))
		for i := range 10000 {
			letter := []byte("letter ")[i%7 : i%7+1]
			x.Type(50000+i, letter)
			x.LineStart(50000 + i)
		}
	}
}

func BenchmarkReplaceAMillion(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		x := New(endless{101 << 20})
		if n := x.ReplaceAll(Literal("value", false), "another value", 0, x.Len()); n < 1e6 {
			b.Fatal(n)
		}
	}
}

// aMillionPieces is a text of them, indexed.
func aMillionPieces() *Text {
	x := New(endless{101 << 20})
	for x.Index(100) {
	}
	x.ReplaceAll(Literal("value", false), "another value", 0, 50<<20)
	return x
}

func BenchmarkAMillionPieces(b *testing.B) {
	x := aMillionPieces()
	b.Run("edit", func(b *testing.B) {
		b.ReportAllocs()
		i := 0
		for b.Loop() {
			i++
			x.Replace(i*7919%x.Len(), 3, []byte("abc"))
		}
	})
	x = aMillionPieces()
	b.Run("line number", func(b *testing.B) {
		i := 0
		x.Lines()
		for b.Loop() {
			i++
			x.LineNumber(i * 7919 % x.Len())
		}
	})
	b.Run("write", func(b *testing.B) {
		b.SetBytes(int64(x.Len()))
		for b.Loop() {
			x.Snapshot().WriteTo(io.Discard)
		}
	})
	b.Run("undo and redo all", func(b *testing.B) {
		for b.Loop() {
			x.Undo()
			x.Redo()
		}
	})
}

func BenchmarkSearch100MB(b *testing.B) {
	source := pread{bytes.Repeat([]byte(endlessLine), 100<<20/len(endlessLine))}
	expr, err := Regexp("not there$")
	if err != nil {
		b.Fatal(err)
	}
	for name, p := range map[string]Pattern{"literal": Literal("not there", false), "folded": Literal("not there", true), "expression": expr} {
		for way, backward := range map[string]bool{"": false, " backward": true} {
			b.Run(name+way, func(b *testing.B) {
				b.SetBytes(source.Size())
				x := New(source)
				for b.Loop() {
					if _, ok := found(x, p, 0, backward); ok {
						b.Fatal("found")
					}
				}
			})
		}
	}
}
