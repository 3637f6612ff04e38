package screen

// WideRanges are wideRanges for the comparison with tmux.
var WideRanges = func() (r [][2]rune) {
	for _, w := range wideRanges {
		r = append(r, [2]rune{w.first, w.last})
	}
	return r
}()
