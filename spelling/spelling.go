// Package spelling finds the word that somebody meant who wrote another one.
package spelling

import "strings"

// Nearest is the candidate that word was most likely meant to be, "" if none
// is near. Case and separators count for nothing, other letters at most one in three.
func Nearest(word string, candidates []string) string {
	if len(word) > 64 {
		return ""
	}
	best, least, bare := "", len(word), Folded(word)
	for _, c := range candidates {
		if Folded(c) == bare {
			return c
		}
		most := max(len(word), len(c)) / 3
		if len(c)-len(word) > most || len(word)-len(c) > most {
			continue // without counting
		}
		if d := Distance(word, c); d < least && d <= most {
			best, least = c, d
		}
	}
	return best
}

var separators = strings.NewReplacer("_", "", "-", "", " ", "")

func Folded(s string) string { return separators.Replace(strings.ToLower(s)) }

// Distance is Levenshtein's: the insertions, deletions and substitutions of
// bytes between a and b; a swap of neighbours counts as one (Damerau).
func Distance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
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
		before, last, row = last, row, before
	}
	return last[len(b)]
}
