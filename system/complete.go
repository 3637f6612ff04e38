package system

import (
	"bytes"
	"strings"
)

// Completion is a text that may stand at a place, and one line about it.
type Completion struct{ Text, Doc string }

// candidate is a Completion and the word that asks for it.
type candidate struct {
	word string
	Completion
}

// Complete lists what may replace src[from:offset], best first: keys with the
// start of a value, table headers, or values, as the place demands. It takes
// texts with any fault. Where what is being typed begins none of the words that
// may stand there, the one that is near is offered. Ports are the names of the
// machine's network ports, where they are known.
func Complete(src []byte, offset int, ports ...string) (from int, items []Completion) {
	t, mark, good := textAt(src, offset)
	if !good {
		return offset, nil
	}
	c := completer{t, locate(t, offset-mark), t.rest(offset - mark), ports}
	switch c.role {
	case headerRole:
		closing := c.rest != "" && strings.Trim(c.rest, "]") == ""
		if c.rest != "" && !closing || c.quote != 0 {
			return offset, nil
		}
		c.from, c.word = c.first, string(t.src[c.first:offset-mark])
		items = c.choose(c.headers(c.word))
		for i := range items {
			if closing {
				items[i].Text = strings.TrimRight(items[i].Text, "]")
			}
		}
	case keyRole:
		items = c.keys()
	case valueRole:
		items = c.choose(c.values())
	}
	return c.from + mark, items
}

// textAt is the text that the scanner reads and the length of its byte order
// mark; false if nothing can be said about the offset.
func textAt(src []byte, offset int) (t text, mark int, good bool) {
	mark = len(src) - len(bytes.TrimPrefix(src, []byte("\ufeff")))
	if offset < mark || offset > len(src) || len(src) > MaxSize {
		return text{}, 0, false
	}
	t, _ = newText(src).checkBytes()
	return t, mark, true
}

// completer has what a completion depends on.
type completer struct {
	text
	place
	rest  string // of the line
	ports []string
}

// choose takes the candidates that begin with the word; if none does, those
// that do without regard to case and separators; else the nearest.
func (c *completer) choose(all []candidate) []Completion {
	pick := func(fits func(word string) bool) (some []Completion) {
		for _, a := range all {
			if fits(a.word) {
				some = append(some, a.Completion)
			}
		}
		return some
	}
	some := pick(func(word string) bool { return strings.HasPrefix(word, c.word) })
	if some == nil && plain(c.word) != "" {
		some = pick(func(word string) bool { return strings.HasPrefix(plain(word), plain(c.word)) })
	}
	if some == nil {
		var words []string
		for _, a := range all {
			words = append(words, a.word)
		}
		near := Nearest(c.word, words)
		some = pick(func(word string) bool { return near != "" && word == near })
	}
	return some
}

// keys offers the keys that the table does not have yet, with the start of a
// value. At the top of the file, and where the table has all or nothing fits,
// headers are offered as well: a new line may begin a new table.
func (c *completer) keys() []Completion {
	bare := strings.HasPrefix(c.rest, "=") && c.word != "" // there is a value already
	ends := c.rest == "" || c.isInline && (c.rest[0] == '}' || c.rest[0] == ',')
	if c.quote != 0 || !bare && !ends {
		return nil
	}
	all := c.parameters(bare)
	for _, f := range fieldsAt(c.path) {
		top := len(c.path) == 0 && f.isTable()
		if top && !bare || c.has(f.name) {
			continue
		}
		text := f.name
		if !bare {
			text += " = " + opening(f)
		}
		all = append(all, candidate{f.name, Completion{text, f.key.Doc}})
	}
	var headers []candidate
	if !bare && !c.isInline && len(c.path) == len(c.base) {
		for _, h := range c.headers("[" + c.word) {
			h.word = strings.TrimPrefix(h.word, "[")
			headers = append(headers, h)
		}
	}
	if len(c.path) == 0 {
		return c.choose(append(all, headers...))
	}
	if items := c.choose(all); items != nil {
		return items
	}
	return c.choose(headers)
}

// has reports whether the table has a key beside the one that is being typed.
func (c *completer) has(name string) bool {
	typed := c.path[len(c.base):]
	if c.isInline {
		dotted := strings.Join(append(typed[:len(typed):len(typed)], name), ".")
		for _, set := range c.inline {
			if set == dotted || strings.HasPrefix(set, dotted+".") {
				return true
			}
		}
		return false
	}
	kid := c.table.get(typed...).get(name)
	return kid != nil && !c.typing(kid)
}

// typing reports whether n is only there because of what is being typed.
func (c *completer) typing(n *node) bool {
	return c.first >= 0 && n.key >= c.first && n.key <= c.lineEnd(c.from)
}

// opening is how a value of the field begins. A boolean is written to have it
// true.
func opening(f field) string {
	switch {
	case f.isTable():
		return "{ "
	case f.key.Type == "boolean":
		return "true"
	case f.key.Type == "integer":
		return ""
	case f.key.Type == "array of tables":
		return "[{ "
	case isList(f.key):
		return `["`
	}
	return `"`
}
