package system

import (
	"strings"

	"bantam/system/syntax"
)

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
		if d := distance(word, c); d < least && d <= most {
			best, least = c, d
		}
	}
	return best
}

var separators = strings.NewReplacer("_", "", "-", "", " ", "")

func Folded(s string) string { return separators.Replace(strings.ToLower(s)) }

// distance is Levenshtein's: the insertions, deletions and substitutions of
// bytes between a and b; a swap of neighbours counts as one (Damerau).
func distance(a, b string) int {
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

// didYouMean is a suggestion, "" without a near candidate.
func didYouMean(word string, candidates []string) string {
	if c := Nearest(word, candidates); c != "" {
		return "did you mean " + syntax.Quote(c) + "?"
	}
	return ""
}

// oneOf lists words: "a", "b" or "c".
func oneOf(words []string) string {
	var b strings.Builder
	for i, w := range words {
		switch {
		case i > 0 && i == len(words)-1:
			b.WriteString(" or ")
		case i > 0:
			b.WriteString(", ")
		}
		b.WriteString(syntax.Quote(w))
	}
	return b.String()
}

// wordsOf is the list that somebody meant who wrote it as one text. What only a
// shell can take apart is left to one.
func wordsOf(path, text string) []string {
	words := strings.Fields(text)
	if strings.HasSuffix(path, ".command") {
		if strings.ContainsAny(text, "\"'\\|&;<>()$`*?") {
			return []string{"sh", "-c", text}
		}
		return words
	}
	for i, w := range words {
		words[i] = strings.TrimSuffix(w, ",")
	}
	return words
}

// listOf writes words as a TOML array: ["a", "b"].
func listOf(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = syntax.Quote(w)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}
