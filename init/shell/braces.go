package shell

import (
	"slices"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// maxBraces bounds what {1..N} makes.
const maxBraces = 100_000

// braces writes a{b,c} as ab ac, and {1..3} as 1 2 3, before anything else is expanded.
func braces(word *syntax.Word) []*syntax.Word {
	if !slices.ContainsFunc(word.Parts, func(part syntax.WordPart) bool {
		lit, ok := part.(*syntax.Lit)
		return ok && strings.Contains(lit.Value, "{")
	}) {
		return []*syntax.Word{word}
	}
	split := &syntax.Word{Parts: slices.Clone(word.Parts)}
	if !syntax.SplitBraces(split) {
		return []*syntax.Word{word}
	}
	return withoutBraces(split.Parts)
}

func withoutBraces(parts []syntax.WordPart) []*syntax.Word {
	for i, part := range parts {
		brace, ok := part.(*syntax.BraceExp)
		if !ok {
			continue
		}
		var middles []*syntax.Word
		if brace.Sequence {
			middles = sequence(brace)
		} else {
			for _, elem := range brace.Elems {
				middles = append(middles, withoutBraces(elem.Parts)...)
			}
		}
		var out []*syntax.Word
		ends := withoutBraces(parts[i+1:])
		if len(middles)*len(ends) > maxBraces {
			break
		}
		for _, middle := range middles {
			for _, end := range ends {
				out = append(out, &syntax.Word{Parts: slices.Concat(parts[:i], middle.Parts, end.Parts)})
			}
		}
		return out
	}
	return []*syntax.Word{{Parts: parts}}
}

// sequence is {from..to} and {from..to..step}, of numbers or letters.
func sequence(brace *syntax.BraceExp) []*syntax.Word {
	var texts []string
	for _, elem := range brace.Elems {
		texts = append(texts, elem.Lit())
	}
	whole := []*syntax.Word{word("{" + strings.Join(texts, "..") + "}")}
	from, err := strconv.Atoi(texts[0])
	to, err2 := strconv.Atoi(texts[1])
	chars := err != nil && err2 != nil && len(texts[0]) == 1 && len(texts[1]) == 1
	if chars {
		from, to = int(texts[0][0]), int(texts[1][0])
	} else if err != nil || err2 != nil {
		return whole
	}
	step := 1
	if len(texts) > 2 {
		if n, err := strconv.Atoi(texts[2]); err == nil && n != 0 {
			step = max(n, -n)
		}
	}
	width := 0
	for _, text := range texts[:2] {
		if digits := strings.TrimPrefix(text, "-"); len(digits) > 1 && digits[0] == '0' {
			width = max(width, len(texts[0]), len(texts[1]))
		}
	}
	if (max(from, to)-min(from, to))/step > maxBraces {
		return whole
	}
	var out []*syntax.Word
	for i := 0; ; i += step {
		n := from + i
		if from > to {
			n = from - i
		}
		if from <= to && n > to || from > to && n < to {
			return out
		}
		text := string(rune(n))
		if !chars {
			if text = strconv.Itoa(n); len(text) < width {
				sign := ""
				if n < 0 {
					sign, text = "-", text[1:]
				}
				text = sign + strings.Repeat("0", width-len(text)-len(sign)) + text
			}
		}
		out = append(out, word(text))
	}
}

func word(text string) *syntax.Word {
	return &syntax.Word{Parts: []syntax.WordPart{&syntax.Lit{Value: text}}}
}
