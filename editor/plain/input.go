package plain

import (
	"bufio"
	"io"
)

// reader reads lines on demand: what follows the last one is for whoever reads
// next. A read goes on while a signal or the time is looked after.
type reader struct {
	ask   chan struct{}
	lines chan input
	asked bool
}

// input is one line with its end; at the end of the input there is an err, and
// perhaps a line without its end.
type input struct {
	text []byte
	err  error
}

func newReader(in io.Reader) *reader {
	r := &reader{ask: make(chan struct{}, 1), lines: make(chan input, 1)}
	go func() {
		buffered := bufio.NewReader(in)
		for range r.ask {
			text, err := buffered.ReadBytes('\n')
			r.lines <- input{text, err}
		}
	}()
	return r
}

// next is where the next line will come; taken must be called when it has.
func (r *reader) next() <-chan input {
	if !r.asked {
		r.asked = true
		r.ask <- struct{}{}
	}
	return r.lines
}

func (r *reader) taken() { r.asked = false }

func (r *reader) close() { close(r.ask) }
