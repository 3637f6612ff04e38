package systemfile

import (
	"strconv"
	"strings"

	"bantam/editor/language"
	"bantam/system"
	"bantam/system/syntax"
)

// headers offers the tables that are not open yet. Of tables with names it
// offers the start, [net. and the like, and names only behind that; what is
// below a name is no guess for another.
func (c *completer) headers(typed string) []candidate {
	var all []candidate
	add := func(text, doc string) {
		if text != typed {
			all = append(all, candidate{strings.TrimRight(text, "]"), language.Completion{Text: text, Doc: doc}})
		}
	}
	for _, f := range system.FieldsAt(nil) {
		if !f.IsTable() {
			continue
		}
		if !f.Names || f.Key.Type != "table" {
			if c.free(f.Name) {
				add("["+f.Name+"]", f.Key.Doc)
			}
			continue
		}
		start := "[" + f.Name + "."
		if !strings.HasPrefix(typed, start) {
			add(start, f.Key.Doc)
		}
		named := func(text, doc string) {
			if strings.HasPrefix(text, typed) && (strings.HasPrefix(typed, start) || strings.HasPrefix(typed, "[[")) {
				add(text, doc)
			}
		}
		for _, name := range c.wanted(f.Name) {
			named("["+syntax.Join(f.Name, name)+"]", f.Key.Doc)
		}
		for _, name := range c.names(f.Name) {
			for _, g := range system.FieldsAt([]string{f.Name, name}) {
				header := "[" + syntax.Join(syntax.Join(f.Name, name), g.Name) + "]"
				if g.Names && c.free(f.Name, name, g.Name) {
					named(header, g.Key.Doc)
				} else if g.Key.Type == "array of tables" && c.grows(f.Name, name, g.Name) {
					named("["+header+"]", g.Key.Doc)
				}
			}
		}
	}
	return all
}

// free reports whether a header may still open the table.
func (c *completer) free(path ...string) bool {
	n := c.root.Get(path...)
	return n == nil || n.Kind == syntax.TableKind && n.Origin == syntax.Implied || c.typing(n)
}

// grows reports whether a header may add a table to the array.
func (c *completer) grows(path ...string) bool {
	n := c.root.Get(path...)
	return n == nil || n.Origin == syntax.Repeated || c.typing(n)
}

// names are those that the file has in a table, without what is being typed.
func (c *completer) names(table string) []string {
	var names []string
	for _, name := range c.root.Get(table).Keys() {
		if n := c.root.Get(table, name); name != "" && n.Kind == syntax.TableKind && n.Origin != syntax.Written && !c.typing(n) {
			names = append(names, name)
		}
	}
	return names
}

// wanted are names that a new table is likely to get: ports of the machine, or
// the next Ethernet port; services and users that the file mentions and lacks.
func (c *completer) wanted(table string) []string {
	known := map[string]bool{}
	for _, name := range c.names(table) {
		known[name] = true
	}
	var names []string
	mention := func(n *syntax.Node) {
		fits := system.MayBeService
		if table == "user" {
			fits = system.MayBeUser
		}
		if n != nil && n.Kind == syntax.StringKind && !known[n.Text] && fits(n.Text) {
			known[n.Text] = true
			names = append(names, n.Text)
		}
	}
	if table == "net" {
		for _, port := range c.ports {
			if !known[port] {
				names = append(names, port)
			}
		}
		if c.ports != nil {
			return names
		}
		next := 0
		for known["eth"+strconv.Itoa(next)] {
			next++
		}
		return []string{"eth" + strconv.Itoa(next)}
	}
	if table == "user" {
		for _, name := range c.root.Get("check").Keys() {
			mention(c.root.Get("check", name, "user"))
		}
	}
	for _, name := range c.root.Get("service").Keys() {
		service := c.root.Get("service", name)
		if table == "user" {
			mention(service.Get("user"))
		}
		for _, key := range []string{"needs", "wants", "after"} {
			if list := service.Get(key); list != nil && table == "service" {
				for _, item := range list.Items {
					mention(item)
				}
			}
		}
	}
	return names
}
