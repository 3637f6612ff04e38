package text

// piece is a stretch of the source or of what was added. It never changes.
type piece struct {
	off int // in the source; ^off in what was added
	len int // more than 0
}

// pieceOfAdded is n added bytes from off.
func pieceOfAdded(off, n int) piece { return piece{^off, n} }

func (p piece) isAdded() bool { return p.off < 0 }

// start is where the piece begins in its store.
func (p piece) start() int {
	if p.off < 0 {
		return ^p.off
	}
	return p.off
}

// cut is the part of p from one of its bytes to another.
func (p piece) cut(from, to int) piece {
	if p.off < 0 {
		return piece{p.off - from, to - from}
	}
	return piece{p.off + from, to - from}
}

// continues tells whether p follows q in the same store, so that both are one.
func (p piece) continues(q piece) bool {
	return p.off < 0 == (q.off < 0) && p.start() == q.start()+q.len
}

// melt appends p to list, into its last piece if it can.
func melt(list []piece, p piece) []piece {
	if p.len == 0 {
		return list
	}
	if n := len(list); n > 0 && p.continues(list[n-1]) {
		list[n-1].len += p.len
		return list
	}
	return append(list, p)
}
