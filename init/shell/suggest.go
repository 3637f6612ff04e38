package shell

import (
	"bantam/init/applet"
)

// suggestion is "; did you mean X?" for the command nearest to name, or "".
func suggestion(name string) string {
	best, distance := "", 3
	candidates := append(applet.Names(), interpreterBuiltins...)
	for own := range builtins {
		candidates = append(candidates, own)
	}
	candidates = append(candidates, "bantam", "edit")
	for _, candidate := range candidates {
		d := editDistance(name, candidate)
		// One change in a two-letter word makes any other two-letter word.
		if d < distance && d*2 < max(len(name), len(candidate))+1 || d == distance && candidate < best {
			best, distance = candidate, d
		}
	}
	if best == "" {
		return ""
	}
	return "; did you mean " + best + "?"
}

// editDistance counts insertions, deletions, replacements and swaps of
// neighbours between two short words.
func editDistance(a, b string) int {
	rows := [3][]int{}
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
	}
	for j := range rows[1] {
		rows[1][j] = j
	}
	for i := 1; i <= len(a); i++ {
		before, last, row := rows[(i-1)%3], rows[i%3], rows[(i+1)%3]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
	}
	return rows[(len(a)+1)%3][len(b)]
}
