package applet

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// alignment prints rows with columns of equal width, one blank apart. The last
// column is not padded; right says which columns are set flush right.
type alignment struct {
	right []bool
	gap   int // blanks between columns, 1 when 0
}

func (t alignment) print(w io.Writer, rows [][]string) {
	var widths []int
	for _, row := range rows {
		for i, text := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(text))
		}
	}
	gap := strings.Repeat(" ", max(t.gap, 1))
	for _, row := range rows {
		var line strings.Builder
		for i, text := range row {
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(text))
			switch {
			case i < len(t.right) && t.right[i]:
				line.WriteString(pad + text)
			case i == len(row)-1:
				line.WriteString(text)
			default:
				line.WriteString(text + pad)
			}
			if i < len(row)-1 {
				line.WriteString(gap)
			}
		}
		fmt.Fprintln(w, strings.TrimRight(line.String(), " "))
	}
}
