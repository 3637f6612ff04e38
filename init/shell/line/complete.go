package line

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// listLimit bounds a listing: a thousand names take ten seconds at 9600 baud.
const listLimit = 100

// complete extends the word before the cursor as far as it is certain; a
// second Tab lists the choices.
func (e *Editor) complete() {
	if e.Complete == nil {
		return
	}
	e.tabs++
	before := encode(e.buffer[:e.pos])
	c := e.Complete(before)
	if len(c.Words) == 0 || c.Start > len(before) {
		e.out.WriteByte('\a')
		return
	}
	word := before[c.Start:]
	common := commonPrefix(c.Words)
	if strings.HasPrefix(common, word) && common != word || len(c.Words) == 1 {
		start := len(decode(before[:c.Start]))
		tail := append([]rune(nil), e.buffer[e.pos:]...)
		if len(c.Words) == 1 && !strings.HasSuffix(common, "/") && (len(tail) == 0 || tail[0] != ' ') {
			common += " "
		}
		e.buffer = append(append(e.buffer[:start], decode(common)...), tail...)
		e.pos = len(e.buffer) - len(tail)
		e.tabs = 0
		return
	}
	if e.tabs < 2 {
		e.out.WriteByte('\a')
		return
	}
	names := c.Display
	if names == nil {
		names = c.Words
	}
	more := ""
	if len(names) > listLimit {
		more = fmt.Sprintf("and %d more\r\n", len(names)-listLimit)
		names = names[:listLimit]
	}
	e.render()
	e.out.WriteString("\r\n" + strings.ReplaceAll(e.List(names, e.width()), "\n", "\r\n") + more)
	e.row = row{insert: e.Insert}
}

// commonPrefix is the longest beginning of all words, in whole runes.
func commonPrefix(words []string) string {
	common := words[0]
	for _, w := range words[1:] {
		for !strings.HasPrefix(w, common) {
			_, size := utf8.DecodeLastRuneInString(common)
			common = common[:len(common)-size]
		}
	}
	return common
}
