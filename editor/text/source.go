package text

import (
	"fmt"
	"io"
)

// Source is what a text began as. It does not change while the text lives, and
// may be read by several goroutines at once.
type Source interface {
	io.ReaderAt
	Size() int64
}

// Memory is a Source of bytes that nobody changes any more.
type Memory []byte

func (m Memory) Size() int64 { return int64(len(m)) }

func (m Memory) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 || off > int64(len(m)) {
		return 0, io.EOF
	}
	n := copy(p, m[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// original reads a Source by pages, of which it keeps the latest.
type original struct {
	src    Source
	memory []byte // all of a source that is in memory anyway
	size   int
	tally  tally
	pages  []page
	last   int // index in pages
	clock  int
	buffer []byte // for Index, as long as it is not through
	err    error
}

type page struct {
	number int
	data   []byte
	used   int // the clock then
}

func newOriginal(src Source, l limits) original {
	o := original{src: src, tally: tally{page: l.page}, pages: make([]page, 0, l.pages)}
	if m, ok := src.(Memory); ok {
		o.memory = m
	}
	size := src.Size()
	if size < 0 || size > longest {
		o.err = fmt.Errorf("source of %d bytes: a text has at most %d here", size, longest)
		size = 0
	}
	o.size = int(size)
	return o
}

func (o *original) fail(err error) {
	if o.err == nil {
		o.err = err
	}
}

// load reads from the source. What cannot be read is zero.
func (o *original) load(p []byte, off int) {
	n, err := readFull(o.src, p, off)
	if err != nil {
		clear(p[n:])
		o.fail(err)
	}
}

// readFull reads all of p from src. It does not trust src to keep the rules of io.ReaderAt.
func readFull(src Source, p []byte, off int) (int, error) {
	n, err := src.ReadAt(p, int64(off))
	if n == len(p) {
		return n, nil
	}
	if err == nil || err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	if n < 0 || n > len(p) {
		n = 0
	}
	return n, fmt.Errorf("read %d bytes at %d of the source: %w", len(p), off, err)
}

// read copies from the source. What is long goes past the pages, so that a
// search through all of it does not throw out what is on the screen.
func (o *original) read(p []byte, off int) {
	if o.memory == nil && len(p) >= o.tally.page/4 {
		o.load(p, off)
		return
	}
	for len(p) > 0 {
		n := copy(p, o.after(off, off+len(p)))
		p, off = p[n:], off+n
	}
}

func (o *original) after(from, to int) []byte {
	if o.memory != nil {
		return o.memory[from:to]
	}
	i := from / o.tally.page
	at := i * o.tally.page
	data := o.page(i)
	return data[from-at : min(to-at, len(data))]
}

func (o *original) before(from, to int) []byte {
	if o.memory != nil {
		return o.memory[from:to]
	}
	i := (to - 1) / o.tally.page
	at := i * o.tally.page
	return o.page(i)[max(from-at, 0) : to-at]
}

// page is page number i of the source, in place of the one unused for longest.
func (o *original) page(i int) []byte {
	if o.last < len(o.pages) && o.pages[o.last].number == i {
		return o.pages[o.last].data
	}
	o.clock++
	oldest := 0
	for k := range o.pages {
		if o.pages[k].number == i {
			o.pages[k].used, o.last = o.clock, k
			return o.pages[k].data
		}
		if o.pages[k].used < o.pages[oldest].used {
			oldest = k
		}
	}
	if len(o.pages) < cap(o.pages) {
		oldest = len(o.pages)
		o.pages = append(o.pages, page{})
	}
	p := &o.pages[oldest]
	at := i * o.tally.page
	n := min(o.tally.page, o.size-at)
	if cap(p.data) < n {
		p.data = make([]byte, n)
	}
	p.data, p.number, p.used, o.last = p.data[:n], i, o.clock, oldest
	o.load(p.data, at)
	return p.data
}

func (o *original) counts() *tally { return &o.tally }

// indexed is how far the newlines are counted.
func (o *original) indexed() int { return min(o.tally.end(), o.size) }

// index counts the newlines of the next page.
func (o *original) index() {
	at := o.indexed()
	n := min(o.tally.page, o.size-at)
	if o.memory != nil {
		o.tally.add(o.memory[at : at+n])
		return
	}
	if o.buffer == nil {
		o.buffer = make([]byte, n)
	}
	o.load(o.buffer[:n], at)
	o.tally.add(o.buffer[:n])
	if at+n == o.size {
		o.buffer = nil
	}
}
