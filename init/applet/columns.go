package applet

import (
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"bantam/printable"
	"bantam/tty"
)

// Width is the number of columns of the terminal behind w, or other.
func Width(w io.Writer, other int) int {
	if f, ok := w.(*os.File); ok {
		if _, cols := tty.Size(f); cols > 0 {
			return cols
		}
	}
	return other
}

// PrintableLine replaces what would move the cursor.
func PrintableLine(text string) string { return printable.Line(text) }

// isTerminal tells whether w is a terminal.
func isTerminal(w any) bool {
	f, ok := w.(*os.File)
	return ok && tty.Is(f)
}

// Columns prints names in columns, going down first, without trailing blanks.
func Columns(w io.Writer, names []string, width int) {
	if len(names) == 0 {
		return
	}
	lengths := make([]int, len(names))
	for i, name := range names {
		lengths[i] = utf8.RuneCountInString(name)
	}
	// The fewest rows whose columns fit.
	for rows := 1; ; rows++ {
		var widths []int
		total := -2
		for i := 0; i < len(names); i += rows {
			widest := 0
			for _, l := range lengths[i:min(i+rows, len(names))] {
				widest = max(widest, l)
			}
			widths = append(widths, widest)
			total += widest + 2
		}
		if total >= width && rows < len(names) {
			continue
		}
		for row := range rows {
			var line strings.Builder
			for column := range widths {
				i := column*rows + row
				if i >= len(names) {
					break
				}
				line.WriteString(names[i])
				if i+rows < len(names) {
					line.WriteString(strings.Repeat(" ", widths[column]-lengths[i]+2))
				}
			}
			fmt.Fprintln(w, line.String())
		}
		return
	}
}
