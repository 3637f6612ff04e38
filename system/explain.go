package system

import (
	"slices"
	"strconv"
	"strings"
)

// Explain says in one or two lines what stands at an offset: of a key or its
// value the path, type, meaning, default and possible values; of a header and
// of an empty line what the table may have; of an unknown key what is near.
func Explain(src []byte, offset int) string {
	t, mark, good := textAt(src, offset)
	if !good {
		return ""
	}
	offset -= mark
	if strings.TrimSpace(string(t.src[t.lineStart(offset):offset])) == "" {
		for offset < len(t.src) && (t.src[offset] == ' ' || t.src[offset] == '\t') {
			offset++ // what the line says begins behind its indent
		}
	}
	c := completer{text: t, place: locate(t, offset)}
	path := c.path
	switch {
	case c.first >= 0 && t.src[c.first] == '[':
		path = t.headerPath(c.first)
	case c.role == keyRole && c.first >= 0:
		s := scanner{text: t, pos: c.start}
		if keys, ok := s.keys(); ok {
			path = slices.Clone(c.base)
			for _, k := range keys {
				path = append(path, k.text)
			}
		}
	case c.first < 0:
		return c.explainSpace()
	}
	return c.explain(path)
}

// possibleShown is how many values are listed; completion has them all.
const possibleShown = 12

// explain is about a key or a table.
func (c *completer) explain(path []string) string {
	for len(path) > 0 && path[len(path)-1] == "" { // not written yet
		path = path[:len(path)-1]
	}
	name := ""
	for i, part := range path {
		if _, _, found := keyAt(path[:i+1]); !found {
			return unknownKey(name, path[:i], part)
		}
		name = join(name, part)
	}
	if name == "" {
		return c.explainTop()
	}
	k, names, _ := keyAt(path)
	if names && k.Type != "table" {
		return "[" + name + "]: " + k.Doc + "\n" + "a line is NAME = value"
	}
	fields := fieldNames(fieldsAt(path))
	if names {
		name, fields = name+".NAME", fieldNames(fieldsAt(append(path[:len(path):len(path)], "")))
	}
	text := name + " (" + k.Type + "): " + k.Doc
	if k.Type == "table" {
		text = "[" + name + "]: " + k.Doc
	}
	var more []string
	if len(fields) > 0 {
		more = append(more, "keys: "+strings.Join(fields, ", "))
	}
	if k.Default != "" {
		more = append(more, "default: "+k.Default)
	}
	c.path = path
	if choices := c.choices(k); len(choices) > 1 && k.Values == nil && k.Type != "boolean" {
		var values []string
		for _, v := range choices {
			values = append(values, v.value)
		}
		if left := len(values) - possibleShown; left > 1 {
			values = append(values[:possibleShown], "and "+strconv.Itoa(left)+" more")
		}
		more = append(more, "possible: "+strings.Join(values, ", "))
	}
	if len(more) > 0 {
		text += "\n" + strings.Join(more, "; ")
	}
	return text
}

func unknownKey(name string, path []string, part string) string {
	fields := fieldNames(fieldsAt(path))
	text := "unknown key " + quote(part) + " at the top of the file"
	if name != "" {
		text = "unknown key " + quote(part) + " in [" + name + "]"
	}
	if near := nearKey(part, fields, name); near != "" {
		text += "\n" + near
	}
	return text
}

// explainSpace is about a line on which nothing stands yet.
func (c *completer) explainSpace() string {
	name := ""
	for _, part := range c.path {
		name = join(name, part)
	}
	k, names, found := keyAt(c.path)
	if len(c.path) == 0 || !found || names || k.Type != "table" && k.Type != "array of tables" {
		return c.explain(c.path)
	}
	if missing := c.missing(); len(missing) > 0 {
		return "[" + name + "] may also have: " + strings.Join(missing, ", ")
	}
	return "[" + name + "] has all its keys"
}

// explainTop is about the file.
func (c *completer) explainTop() string {
	text := ""
	if c.path == nil && c.table == c.root {
		if missing := c.missing(); len(missing) > 0 {
			text = "keys here: " + strings.Join(missing, ", ") + "\n"
		}
	}
	var tables []string
	for _, f := range fieldsAt(nil) {
		if f.isTable() && f.names && f.key.Type == "table" {
			tables = append(tables, "["+f.name+".NAME]")
		} else if f.isTable() {
			tables = append(tables, "["+f.name+"]")
		}
	}
	return text + "tables: " + strings.Join(tables, ", ")
}

// missing are the keys that the table does not have yet.
func (c *completer) missing() []string {
	var missing []string
	for _, f := range fieldsAt(c.path) {
		if !c.has(f.name) && (len(c.path) > 0 || !f.isTable()) {
			missing = append(missing, f.name)
		}
	}
	return missing
}

func fieldNames(fields []field) []string {
	var names []string
	for _, f := range fields {
		names = append(names, f.name)
	}
	return names
}
