// Package line is a line editor for slow serial terminals: a pure machine that
// takes keys and yields the fewest bytes that keep the screen right.
//
// A line that is longer than the terminal is wide scrolls sideways within one
// row, since terminals disagree on wrapping and a wrong guess garbles the
// screen. Only VT100 sequences are used, and insert and delete character of
// the VT102 where allowed.
package line

import (
	"strings"
)

// Result is what a key did.
type Result int

// Editing goes on after most keys; Accepted and Cancelled end the line;
// EndOfInput is Ctrl-D on an empty one; Remeasure asks the caller to measure the
// terminal again.
const (
	Editing Result = iota
	Accepted
	Cancelled
	EndOfInput
	Remeasure
)

// Completion is what may replace the word before the cursor.
type Completion struct {
	Start   int      // byte offset in the text before the cursor where the word begins
	Words   []string // replacements for the word, quoted as they must stand, e.g. "my\\ file"
	Display []string // how to list them, e.g. "my file"; nil means as Words
}

// Editor edits one line after the other. Its fields may be changed between lines.
type Editor struct {
	Width    int  // columns of the terminal; 80 when unknown
	Insert   bool // the terminal knows VT102's insert and delete character
	History  *History
	Complete func(before string) Completion
	List     func(names []string, width int) string // lays out a listing

	active  bool // between Start and the end of the line
	prompt  []cell
	buffer  []rune
	pos     int // of the cursor in buffer
	left    int // first rune shown
	row     row
	out     strings.Builder
	killed  []rune
	browsed int    // history entry shown, len(lines) for the new line
	draft   []rune // the new line while older ones are shown
	tabs    int    // Tab presses in a row
	search  *search
}

// Start begins a line after prompt, of which only the last line is kept on screen.
func (e *Editor) Start(prompt string) {
	e.active, e.buffer, e.pos, e.left = true, nil, 0, 0
	e.tabs, e.search, e.draft = 0, nil, nil
	if e.History != nil {
		e.browsed = len(e.History.lines)
	}
	e.row = row{insert: e.Insert}
	if i := strings.LastIndexByte(prompt, '\n'); i >= 0 {
		e.out.WriteString(strings.ReplaceAll(prompt[:i+1], "\n", "\r\n"))
		prompt = prompt[i+1:]
	}
	e.prompt = cells(decode(prompt))
	if room := e.width() / 2; len(e.prompt) > room {
		e.prompt = append([]cell{"<"}, tail(e.prompt, room-1)...)
	}
	e.render()
}

// Text is the line as it is now.
func (e *Editor) Text() string { return encode(e.buffer) }

// Output returns what is to be sent to the terminal, and forgets it.
func (e *Editor) Output() string {
	e.render()
	out := e.out.String()
	e.out.Reset()
	return out
}

// Redraw draws the line anew on a row in unknown state.
func (e *Editor) Redraw() {
	e.out.WriteString("\r\x1b[K")
	e.row = row{insert: e.Insert}
}

func (e *Editor) width() int {
	if e.Width < 8 {
		return 80
	}
	return e.Width
}

// cells lays runes out in columns.
func cells(runes []rune) []cell {
	var out []cell
	for _, r := range runes {
		text, width := shape(r)
		switch {
		case width == 0 && len(out) == 0:
			out = append(out, cell(" "+text))
		case width == 0:
			last := len(out) - 1
			for last > 0 && out[last] == "" {
				last--
			}
			out[last] += cell(text)
		case len(text) == width && width > 1: // <ff> and ^X
			for i := range width {
				out = append(out, cell(text[i:i+1]))
			}
		default:
			out = append(out, cell(text))
			for range width - 1 {
				out = append(out, "")
			}
		}
	}
	return out
}

// tail is the last n columns; half a wide character becomes a blank.
func tail(cells []cell, n int) []cell {
	last := append([]cell(nil), cells[len(cells)-n:]...)
	if last[0] == "" {
		last[0] = " "
	}
	return last
}

// render brings the screen up to date.
func (e *Editor) render() {
	if !e.active {
		return
	}
	prompt, buffer, pos := e.prompt, e.buffer, e.pos
	if e.search != nil {
		prompt = cells(decode(e.search.prompt()))
		if room := e.width() / 2; len(prompt) > room {
			prompt = tail(prompt, room)
		}
	}
	room := e.width() - 1 - len(prompt)
	whole := cells(buffer)
	at := len(cells(buffer[:pos]))
	if len(whole) <= room {
		e.left = 0
		e.row.update(&e.out, append(append([]cell(nil), prompt...), whole...), len(prompt)+at)
		return
	}
	// Keep the window where it is while the cursor is inside, else put the
	// cursor in its middle: one redraw pays for half a screen of typing.
	left := min(e.left, len(whole))
	if at < left+1 && left > 0 || at > left+room-1 {
		left = max(0, at-room/2)
	}
	if left > 0 && left+room > len(whole)+room/2+1 {
		left = max(0, len(whole)-room/2)
	}
	for left > 0 && left < len(whole) && whole[left] == "" {
		left--
	}
	e.left = left
	end := min(len(whole), left+room)
	view := append([]cell(nil), whole[left:end]...)
	if left > 0 {
		view[0] = "<"
		if len(view) > 1 && view[1] == "" {
			view[1] = " "
		}
	}
	if end < len(whole) {
		last := len(view) - 1
		if view[last] == "" && last > 0 {
			view[last-1] = " "
		}
		view[last] = ">"
	}
	e.row.update(&e.out, append(append([]cell(nil), prompt...), view...), len(prompt)+at-left)
}
