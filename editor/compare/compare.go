// Package compare finds the lines in which two texts differ.
//
// It is Myers' greedy algorithm (An O(ND) Difference Algorithm and Its
// Variations, 1986): few changes in long texts are found fast. Where it has met
// most lines that differ, it settles on the way that came farthest and begins
// anew there, so that time grows only with the length of the texts; what it finds
// is right, but perhaps no longer the fewest lines.
package compare

import (
	"bytes"
	"slices"
)

// Hunk says that lines OldFrom to OldTo of the old text, the last one not
// included, became lines NewFrom to NewTo of the new. Lines count from 0.
type Hunk struct {
	OldFrom, OldTo int
	NewFrom, NewTo int
}

// most lines that went or came are told apart before it settles, later least: the
// memory is of the square of the first, the time a multiple of the second.
const most, least = 500, 64

// MostBytes is what a text that is compared may have: it is in memory whole.
const MostBytes = 8 << 20

// Split cuts a text into lines, each with its end.
func Split(text []byte) [][]byte {
	lines := bytes.SplitAfter(text, []byte("\n"))
	if n := len(lines) - 1; len(lines[n]) == 0 {
		lines = lines[:n] // nothing follows the last line end
	}
	return lines
}

// Lines lists the hunks from old to new, in order; none if they are equal.
func Lines(old, new [][]byte) []Hunk {
	head := 0
	for head < len(old) && head < len(new) && bytes.Equal(old[head], new[head]) {
		head++
	}
	tail := 0
	for tail < len(old)-head && tail < len(new)-head && bytes.Equal(old[len(old)-1-tail], new[len(new)-1-tail]) {
		tail++
	}
	a, b := old[head:len(old)-tail], new[head:len(new)-tail]
	if len(a) == 0 && len(b) == 0 {
		return nil
	}
	hunks := whole(a, b)
	for i := range hunks {
		h := &hunks[i]
		h.OldFrom, h.OldTo, h.NewFrom, h.NewTo = h.OldFrom+head, h.OldTo+head, h.NewFrom+head, h.NewTo+head
	}
	return hunks
}

// whole joins the pieces of the way from a to b.
func whole(a, b [][]byte) []Hunk {
	var hunks []Hunk
	x, y := 0, 0
	for limit := most; x < len(a) || y < len(b); limit = max(limit/2, least) {
		piece, toX, toY := trace(a[x:], b[y:], limit)
		for _, h := range piece {
			h.OldFrom, h.OldTo, h.NewFrom, h.NewTo = h.OldFrom+x, h.OldTo+x, h.NewFrom+y, h.NewTo+y
			if n := len(hunks); n > 0 && hunks[n-1].OldTo == h.OldFrom && hunks[n-1].NewTo == h.NewFrom {
				hunks[n-1].OldTo, hunks[n-1].NewTo = h.OldTo, h.NewTo
			} else {
				hunks = append(hunks, h)
			}
		}
		x, y = x+toX, y+toY
	}
	return hunks
}

// trace finds the shortest way from the begin of a and b to their ends, or, after
// limit lines that went or came, the way that leads farthest. x lines of a and y
// of b are dealt with on the diagonal k = x - y; reach[mid+k] is the greatest x
// there after d such lines.
func trace(a, b [][]byte, limit int) (hunks []Hunk, toX, toY int) {
	limit = min(limit, len(a)+len(b))
	mid := limit + 1
	reach := make([]int, 2*limit+3)
	var trail [][]int // reach before each round, diagonals -d-1 to d+1
	for d := 0; d <= limit; d++ {
		trail = append(trail, slices.Clone(reach[mid-d-1:mid+d+2]))
		farX, farK := -1, 0
		for k := -d; k <= d; k += 2 {
			x, _ := step(trail[d], d, k)
			for x < len(a) && x-k < len(b) && bytes.Equal(a[x], b[x-k]) {
				x++
			}
			reach[mid+k] = x
			if x >= len(a) && x-k >= len(b) {
				return back(trail, len(a), len(b)), len(a), len(b)
			}
			if x <= len(a) && x-k <= len(b) && (farX < 0 || 2*x-k > 2*farX-farK) {
				farX, farK = x, k
			}
		}
		if d == limit {
			return back(trail, farX, farX-farK), farX, farX - farK
		}
	}
	return nil, 0, 0 // not reached
}

// step is the first x of round d on diagonal k, and the diagonal before it: a
// line of b came (from k+1) or one of a went (from k-1).
func step(before []int, d, k int) (x, diagonal int) {
	i := k + d + 1
	if k == -d || k != d && before[i-1] < before[i+1] {
		return before[i+1], k + 1
	}
	return before[i-1] + 1, k - 1
}

// back collects the hunks of the way that ended at x, y.
func back(trail [][]int, x, y int) []Hunk {
	var hunks []Hunk
	for d := len(trail) - 1; d > 0; d-- {
		k := x - y
		after, diagonal := step(trail[d], d, k)
		h := Hunk{OldTo: after, NewTo: after - k}
		h.OldFrom, h.NewFrom = h.OldTo, h.NewTo
		if diagonal > k {
			h.NewFrom--
		} else {
			h.OldFrom--
		}
		if n := len(hunks); n > 0 && hunks[n-1].OldFrom == h.OldTo && hunks[n-1].NewFrom == h.NewTo {
			hunks[n-1].OldFrom, hunks[n-1].NewFrom = h.OldFrom, h.NewFrom
		} else {
			hunks = append(hunks, h)
		}
		x, y = h.OldFrom, h.NewFrom
	}
	slices.Reverse(hunks)
	return hunks
}
