package supervise

import (
	"bytes"
	"debug/elf"
	"io"
	"testing"
)

func TestAPageIsAProgramOfOneSegment(t *testing.T) {
	if !hasPages {
		t.Skip("no pages on this architecture")
	}
	text := new(pageWriter).page(shimOrder{Definition: Definition{Argv: []string{"/bin/true"}}, Files: 1024}.calls(nil))
	f, err := elf.NewFile(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if f.Machine != pageMachine || f.Type != elf.ET_EXEC || f.Entry != pageBase+pageHead || len(f.Progs) != 1 {
		t.Fatalf("%v", f.FileHeader)
	}
	if p := f.Progs[0]; p.Type != elf.PT_LOAD || p.Flags != elf.PF_R|elf.PF_X || p.Vaddr != pageBase || p.Filesz != uint64(len(text)) {
		t.Errorf("segment %+v of a file of %d bytes", p.ProgHeader, len(text))
	}
	if all, err := io.ReadAll(f.Progs[0].Open()); err != nil || !bytes.Equal(all, text) {
		t.Errorf("the segment is not the file: %v", err)
	}
}

func BenchmarkPage(b *testing.B) {
	o := shimOrder{Definition: Definition{Argv: []string{"/bin/true"}, Env: []string{"PATH=/bin", "HOME=/root"}}, Files: 1024}
	b.ReportAllocs()
	var w pageWriter
	for b.Loop() {
		w.list = o.calls(w.list[:0])
		w.page(w.list)
	}
}
