package applet

import (
	"bytes"
	"fmt"
)

// mostFuzz is how many lines of context at each end of a hunk may differ.
const mostFuzz = 2

// hunkResult says where a hunk went.
type hunkResult struct {
	at     int // line of the new text, from 1
	offset int // lines from where it said
	fuzz   int
	failed bool
}

// applyHunks changes the lines of a file. Hunks that fit nowhere are failed and
// left out.
func applyHunks(lines [][]byte, hunks []patchHunk, fuzzLimit int) (out [][]byte, results []hunkResult) {
	done := 0 // lines that are in out already
	offset := 0
	for _, h := range hunks {
		result := hunkResult{at: h.from, failed: true}
		for fuzz := 0; fuzz <= min(fuzzLimit, max(h.prefix, h.suffix)) && result.failed; fuzz++ {
			at, head, tail, ok := place(lines, h, done, offset, fuzz)
			if !ok {
				continue
			}
			out = append(out, lines[done:at]...)
			// What of the context differs stays as it is in the file.
			out = append(out, h.new[head:len(h.new)-tail]...)
			done = at + len(h.old) - head - tail
			offset = at - head - first(h)
			result = hunkResult{at: len(out) - (len(h.new) - head - tail) + 1 - head, offset: offset, fuzz: fuzz}
		}
		results = append(results, result)
	}
	return append(out, lines[done:]...), results
}

// first is the index of a hunk's first old line.
func first(h patchHunk) int {
	if len(h.old) == 0 {
		return h.from
	}
	return max(h.from-1, 0)
}

// place finds the line where a hunk fits that is nearest to where it should:
// behind what is done, without head and tail lines of its context, which fuzz
// takes away.
func place(lines [][]byte, h patchHunk, done, offset, fuzz int) (at, head, tail int, ok bool) {
	context := max(h.prefix, h.suffix)
	head, tail = fuzz+h.prefix-context, fuzz+h.suffix-context
	// Fewer lines before than after: the hunk is at the begin of the file, and so at the end.
	atBegin, atEnd := head < 0 && h.from <= 1, tail < 0
	head, tail = max(head, 0), max(tail, 0)
	old := h.old[head : len(h.old)-tail]
	last := len(lines) - len(old)
	fits := func(at int) bool {
		if at < done || at > last || atBegin && at != 0 || atEnd && at != last {
			return false
		}
		for i, line := range old {
			if !bytes.Equal(line, lines[at+i]) {
				return false
			}
		}
		return true
	}
	want := first(h) + head + offset
	for distance := 0; want-distance >= done || want+distance <= last; distance++ {
		if fits(want + distance) {
			return want + distance, head, tail, true
		}
		if distance > 0 && fits(want-distance) {
			return want - distance, head, tail, true
		}
	}
	return 0, 0, 0, false
}

func (r hunkResult) say(n int) string {
	switch {
	case r.failed:
		return fmt.Sprintf("hunk %d at line %d fits nowhere", n, r.at)
	case r.fuzz > 0 && r.offset != 0:
		return fmt.Sprintf("hunk %d fits at line %d with fuzz %d (offset %d lines)", n, r.at, r.fuzz, r.offset)
	case r.fuzz > 0:
		return fmt.Sprintf("hunk %d fits at line %d with fuzz %d", n, r.at, r.fuzz)
	case r.offset != 0:
		return fmt.Sprintf("hunk %d fits at line %d (offset %d lines)", n, r.at, r.offset)
	}
	return ""
}
