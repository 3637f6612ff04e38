// Package language is what the editor may ask about the meaning of a text:
// its faults, what may stand at the cursor, what stands there, and which bytes
// are keys, strings or comments.
//
// A Checker is given by whoever starts the editor; the editor works without
// one. The colouring of TOML looks at the surface only: it never says that a
// text is wrong, and a wrong text is coloured as it was probably meant.
package language

// Fault is one thing wrong with a text.
type Fault struct {
	Line, Col int    // from 1; Col counts bytes
	Text      string // one line, e.g. unknown key "adress"; did you mean "addresses"?
}

// Completion is one text that may stand at the cursor.
type Completion struct {
	Text string // e.g. restart = "
	Doc  string // one line about it, may be empty
}

// Checker knows one kind of file. Texts come with any fault in them and cut off
// at any byte; a Checker answers as well as it can and never fails.
type Checker interface {
	// Check lists the faults in the order of the text.
	Check(text []byte) []Fault

	// Complete lists what may replace text[from:offset], best first. There
	// is nothing to offer when items is empty.
	Complete(text []byte, offset int) (from int, items []Completion)

	// Explain says in one or two lines what stands at the offset, or what
	// could; "" if there is nothing to say.
	Explain(text []byte, offset int) string
}
