package text

import (
	"bytes"
	"sort"
)

// store is one of the two places where the bytes of pieces are.
type store interface {
	// after is what lies together in memory of the bytes from one to another, from the first on.
	after(from, to int) []byte
	// before is the same, up to the last.
	before(from, to int) []byte
	counts() *tally
}

// tally knows how many newlines the first pages of a store have.
type tally struct {
	page    int
	through []int // through[i] is the number up to the end of page i
	at, n   int   // the last answer of newlinesBefore
}

// add counts the next page.
func (y *tally) add(page []byte) {
	n := bytes.Count(page, newline)
	if i := len(y.through); i > 0 {
		n += y.through[i-1]
	}
	y.through = append(y.through, n)
}

// end is how far the pages go. The last one of a source may be shorter than a page.
func (y *tally) end() int { return len(y.through) * y.page }

var newline = []byte{'\n'}

// newlines counts those of s from one byte to another.
func newlines(s store, from, to int) (n int) {
	for from < to {
		b := s.after(from, to)
		n += bytes.Count(b, newline)
		from += len(b)
	}
	return n
}

// newlinesBefore counts those of s before off, with the help of its tally as far as it goes.
func newlinesBefore(s store, off int) (n int) {
	y := s.counts()
	at := 0
	if i := min(off/y.page, len(y.through)); i > 0 {
		at, n = i*y.page, y.through[i-1]
	}
	switch {
	case at <= y.at && y.at <= off:
		n = y.n + newlines(s, y.at, off)
	case off < y.at && y.at-off < off-at:
		n = y.n - newlines(s, off, y.at)
	default:
		n += newlines(s, at, off)
	}
	y.at, y.n = off, n
	return n
}

// newlinesBetween counts those of s from one byte to another.
func newlinesBetween(s store, from, to int) int {
	if to-from <= s.counts().page {
		return newlines(s, from, to)
	}
	before := newlinesBefore(s, from)
	return newlinesBefore(s, to) - before
}

// afterNewline is where the byte after newline n (from 0) of s from one byte to another is;
// to if there is no such newline.
func afterNewline(s store, from, to, n int) int {
	y := s.counts()
	if to-from > y.page {
		n += newlinesBefore(s, from)
		i := sort.SearchInts(y.through, n+1)
		if at := i * y.page; at > from {
			from = at
			n -= y.through[i-1]
		} else {
			n -= newlinesBefore(s, from)
		}
	}
	for from < to {
		b := s.after(from, to)
		for {
			i := bytes.IndexByte(b, '\n')
			if i < 0 {
				break
			}
			from += i + 1
			if n == 0 {
				return from
			}
			n--
			b = b[i+1:]
		}
		from += len(b)
	}
	return to
}
