package system

import (
	"strings"

	"bantam/spelling"
	"bantam/system/syntax"
)

// didYouMean is a suggestion, "" without a near candidate.
func didYouMean(word string, candidates []string) string {
	if c := spelling.Nearest(word, candidates); c != "" {
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
	if strings.HasSuffix(path, ".authorized_keys") {
		return []string{text}
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
