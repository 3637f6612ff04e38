// Package systemfile is what may be asked about a system.toml that somebody is
// writing: what may stand at a place, and what stands there. It takes texts with
// any fault; whether there is one, package system says.
package systemfile

import (
	"bytes"
	"strings"

	"bantam/editor/language"
	"bantam/spelling"
	"bantam/system"
	"bantam/system/syntax"
)

// candidate is a completion and the word that asks for it.
type candidate struct {
	word string
	language.Completion
}

// Complete lists what may replace src[from:offset], best first: keys with the
// start of a value, table headers, or values, as the place demands. It takes
// texts with any fault. Where what is being typed begins none of the words that
// may stand there, the one that is near is offered. Ports are the names of the
// machine's network ports, where they are known.
func Complete(src []byte, offset int, ports ...string) (from int, items []language.Completion) {
	t, mark, good := textAt(src, offset)
	if !good {
		return offset, nil
	}
	c := completer{t, locate(t, offset-mark), t.Rest(offset - mark), ports}
	switch c.role {
	case headerRole:
		closing := c.rest != "" && strings.Trim(c.rest, "]") == ""
		if c.rest != "" && !closing || c.quote != 0 {
			return offset, nil
		}
		c.from, c.word = c.first, string(t.Src[c.first:offset-mark])
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
func textAt(src []byte, offset int) (t syntax.Text, mark int, good bool) {
	mark = len(src) - len(bytes.TrimPrefix(src, []byte("\ufeff")))
	if offset < mark || offset > len(src) || len(src) > system.MaxSize {
		return syntax.Text{}, 0, false
	}
	t, _ = syntax.NewText(src).CheckBytes()
	return t, mark, true
}

// completer has what a completion depends on.
type completer struct {
	syntax.Text
	place
	rest  string // of the line
	ports []string
}

// choose takes the candidates that begin with the word; if none does, those
// that do without regard to case and separators; else the nearest.
func (c *completer) choose(all []candidate) []language.Completion {
	pick := func(fits func(word string) bool) (some []language.Completion) {
		for _, a := range all {
			if fits(a.word) {
				some = append(some, a.Completion)
			}
		}
		return some
	}
	some := pick(func(word string) bool { return strings.HasPrefix(word, c.word) })
	if some == nil && spelling.Folded(c.word) != "" {
		some = pick(func(word string) bool { return strings.HasPrefix(spelling.Folded(word), spelling.Folded(c.word)) })
	}
	if some == nil {
		var words []string
		for _, a := range all {
			words = append(words, a.word)
		}
		near := spelling.Nearest(c.word, words)
		some = pick(func(word string) bool { return near != "" && word == near })
	}
	return some
}

// keys offers the keys that the table does not have yet, with the start of a
// value. At the top of the file, and where the table has all or nothing fits,
// headers are offered as well: a new line may begin a new table.
func (c *completer) keys() []language.Completion {
	bare := strings.HasPrefix(c.rest, "=") && c.word != "" // there is a value already
	ends := c.rest == "" || c.isInline && (c.rest[0] == '}' || c.rest[0] == ',')
	if c.quote != 0 || !bare && !ends {
		return nil
	}
	all := c.parameters(bare)
	for _, f := range system.FieldsAt(c.path) {
		top := len(c.path) == 0 && f.IsTable()
		if top && !bare || c.has(f.Name) {
			continue
		}
		text := f.Name
		if !bare {
			text += " = " + opening(f)
		}
		all = append(all, candidate{f.Name, language.Completion{Text: text, Doc: f.Key.Doc}})
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
	kid := c.table.Get(typed...).Get(name)
	return kid != nil && !c.typing(kid)
}

// typing reports whether n is only there because of what is being typed.
func (c *completer) typing(n *syntax.Node) bool {
	return c.first >= 0 && n.Key >= c.first && n.Key <= c.LineEnd(c.from)
}

// opening is how a value of the field begins. A boolean is written to have it
// true.
func opening(f system.Field) string {
	switch {
	case f.IsTable():
		return "{ "
	case f.Key.Type == "boolean":
		return "true"
	case f.Key.Type == "integer":
		return ""
	case f.Key.Type == "array of tables":
		return "[{ "
	case system.IsList(f.Key):
		return `["`
	}
	return `"`
}
