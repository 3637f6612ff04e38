package systemfile

import (
	"slices"
	"strconv"
	"strings"

	"bantam/system"
	"bantam/system/syntax"
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
	if strings.TrimSpace(string(t.Src[t.LineStart(offset):offset])) == "" {
		for offset < len(t.Src) && (t.Src[offset] == ' ' || t.Src[offset] == '\t') {
			offset++ // what the line says begins behind its indent
		}
	}
	c := completer{Text: t, place: locate(t, offset)}
	path := c.path
	switch {
	case c.first >= 0 && t.Src[c.first] == '[':
		path = headerPath(t, c.first)
	case c.role == keyRole && c.first >= 0:
		s := syntax.Scanner{Text: t, Pos: c.start}
		if keys, ok := s.Keys(); ok {
			path = slices.Clone(c.base)
			for _, k := range keys {
				path = append(path, k.Text)
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
		if _, _, found := system.KeyAt(path[:i+1]); !found {
			return unknownKey(name, path[:i], part)
		}
		name = syntax.Join(name, part)
	}
	if name == "" {
		return c.explainTop()
	}
	k, names, _ := system.KeyAt(path)
	if names && k.Type != "table" {
		return "[" + name + "]: " + k.Doc + "\n" + "a line is NAME = value"
	}
	fields := fieldNames(system.FieldsAt(path))
	if names {
		name, fields = name+".NAME", fieldNames(system.FieldsAt(append(path[:len(path):len(path)], "")))
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
	fields := fieldNames(system.FieldsAt(path))
	text := "unknown key " + syntax.Quote(part) + " at the top of the file"
	if name != "" {
		text = "unknown key " + syntax.Quote(part) + " in [" + name + "]"
	}
	if near := system.NearKey(part, fields, name); near != "" {
		text += "\n" + near
	}
	return text
}

// explainSpace is about a line on which nothing stands yet.
func (c *completer) explainSpace() string {
	name := ""
	for _, part := range c.path {
		name = syntax.Join(name, part)
	}
	k, names, found := system.KeyAt(c.path)
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
	for _, f := range system.FieldsAt(nil) {
		if f.IsTable() && f.Names && f.Key.Type == "table" {
			tables = append(tables, "["+f.Name+".NAME]")
		} else if f.IsTable() {
			tables = append(tables, "["+f.Name+"]")
		}
	}
	return text + "tables: " + strings.Join(tables, ", ")
}

// missing are the keys that the table does not have yet.
func (c *completer) missing() []string {
	var missing []string
	for _, f := range system.FieldsAt(c.path) {
		if !c.has(f.Name) && (len(c.path) > 0 || !f.IsTable()) {
			missing = append(missing, f.Name)
		}
	}
	return missing
}

func fieldNames(fields []system.Field) []string {
	var names []string
	for _, f := range fields {
		names = append(names, f.Name)
	}
	return names
}
