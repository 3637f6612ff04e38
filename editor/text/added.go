package text

// added is what was put into the text, in the order in which that happened. It
// only grows, in chunks that stay where they are, so that snapshots may read
// its beginning meanwhile.
type added struct {
	chunks [][]byte
	size   int
	tally  tally // of the full chunks; a page is a chunk
}

// write appends s and tells where it begins.
func (a *added) write(s []byte) (off int) {
	off = a.size
	chunk := a.tally.page
	for len(s) > 0 {
		if a.size == len(a.chunks)*chunk {
			a.chunks = append(a.chunks, make([]byte, chunk))
		}
		n := copy(a.chunks[a.size/chunk][a.size%chunk:], s)
		s = s[n:]
		a.size += n
		if a.size%chunk == 0 {
			a.tally.add(a.chunks[a.size/chunk-1])
		}
	}
	return off
}

func (a *added) read(p []byte, off int) {
	for len(p) > 0 {
		n := copy(p, a.after(off, off+len(p)))
		p, off = p[n:], off+n
	}
}

func (a *added) after(from, to int) []byte {
	i := from / a.tally.page
	at := i * a.tally.page
	return a.chunks[i][from-at : min(to-at, a.tally.page)]
}

func (a *added) before(from, to int) []byte {
	i := (to - 1) / a.tally.page
	at := i * a.tally.page
	return a.chunks[i][max(from-at, 0) : to-at]
}

func (a *added) counts() *tally { return &a.tally }
