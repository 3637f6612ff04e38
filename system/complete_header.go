package system

import (
	"strconv"
	"strings"
)

// headers offers the tables that are not open yet. Of tables with names it
// offers the start, [net. and the like, and names only behind that; what is
// below a name is no guess for another.
func (c *completer) headers(typed string) []candidate {
	var all []candidate
	add := func(text, doc string) {
		if text != typed {
			all = append(all, candidate{strings.TrimRight(text, "]"), Completion{text, doc}})
		}
	}
	for _, f := range fieldsAt(nil) {
		if !f.isTable() {
			continue
		}
		if !f.names || f.key.Type != "table" {
			if c.free(f.name) {
				add("["+f.name+"]", f.key.Doc)
			}
			continue
		}
		start := "[" + f.name + "."
		if !strings.HasPrefix(typed, start) {
			add(start, f.key.Doc)
		}
		named := func(text, doc string) {
			if strings.HasPrefix(text, typed) && (strings.HasPrefix(typed, start) || strings.HasPrefix(typed, "[[")) {
				add(text, doc)
			}
		}
		for _, name := range c.wanted(f.name) {
			named("["+join(f.name, name)+"]", f.key.Doc)
		}
		for _, name := range c.names(f.name) {
			for _, g := range fieldsAt([]string{f.name, name}) {
				header := "[" + join(join(f.name, name), g.name) + "]"
				if g.names && c.free(f.name, name, g.name) {
					named(header, g.key.Doc)
				} else if g.key.Type == "array of tables" && c.grows(f.name, name, g.name) {
					named("["+header+"]", g.key.Doc)
				}
			}
		}
	}
	return all
}

// free reports whether a header may still open the table.
func (c *completer) free(path ...string) bool {
	n := c.root.get(path...)
	return n == nil || n.kind == tableKind && n.origin == implied || c.typing(n)
}

// grows reports whether a header may add a table to the array.
func (c *completer) grows(path ...string) bool {
	n := c.root.get(path...)
	return n == nil || n.origin == repeated || c.typing(n)
}

// names are those that the file has in a table, without what is being typed.
func (c *completer) names(table string) []string {
	var names []string
	for _, name := range c.root.get(table).keys() {
		if n := c.root.get(table, name); name != "" && n.kind == tableKind && n.origin != written && !c.typing(n) {
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
	mention := func(n *node) {
		fits := mayBeService
		if table == "user" {
			fits = mayBeUser
		}
		if n != nil && n.kind == stringKind && !known[n.text] && fits(n.text) {
			known[n.text] = true
			names = append(names, n.text)
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
		for _, name := range c.root.get("check").keys() {
			mention(c.root.get("check", name, "user"))
		}
	}
	for _, name := range c.root.get("service").keys() {
		service := c.root.get("service", name)
		if table == "user" {
			mention(service.get("user"))
		}
		for _, key := range []string{"needs", "wants", "after"} {
			if list := service.get(key); list != nil && table == "service" {
				for _, item := range list.items {
					mention(item)
				}
			}
		}
	}
	return names
}
