package system

import (
	"slices"
	"strconv"
	"strings"

	"bantam/lifecycle"
)

// choice is one value that a key may have.
type choice struct {
	value, doc string
	more       bool // the value goes on, e.g. tcp/ with a number
}

// values offers what may stand as the value, with its quotes and brackets.
func (c *completer) values() []candidate {
	k, names, found := keyAt(c.path)
	if !found || names || c.isItem && !isList(k) || !c.placeForValue() {
		return nil
	}
	choices := c.choices(k)
	if len(choices) == 0 || k.Type == "array of tables" {
		text := opening(field{key: k})
		if c.isItem {
			text = strings.TrimPrefix(text, "[")
		}
		if c.word != "" || c.quote != 0 || text == "" {
			return nil
		}
		return []candidate{{"", Completion{text, k.Doc}}}
	}
	var all []candidate
	for _, v := range choices {
		text := v.value
		if k.Type != "boolean" && k.Type != "integer" {
			text = quote(v.value)
		}
		if c.quote != 0 {
			text = strings.ReplaceAll(text[1:], `"`, string(c.quote))
			if c.quote == '\'' && strings.Contains(text, `\`) {
				continue // no escapes between these quotes
			}
		}
		switch {
		case v.more:
			text = text[:len(text)-1]
		case c.rest != "" && c.rest[0] == c.quote:
			text = text[:len(text)-1]
		case c.closes && c.rest == "":
			text += "]"
		}
		if isList(k) && !c.isItem {
			text = "[" + text
			if !v.more {
				text += "]"
			}
		}
		all = append(all, candidate{v.value, Completion{text, v.doc}})
	}
	return all
}

// placeForValue reports whether what follows on the line lets a value end here.
func (c *completer) placeForValue() bool {
	switch {
	case c.rest == "":
		return true
	case c.quote != 0:
		return c.rest[0] == c.quote
	}
	return strings.IndexByte(",]}", c.rest[0]) >= 0
}

// choices lists values for a key: all that there are, or those worth offering.
func (c *completer) choices(k Key) []choice {
	var all []choice
	add := func(value, doc string) { all = append(all, choice{value: value, doc: doc}) }
	switch k.Path {
	case "service.*.needs", "service.*.wants", "service.*.after":
		c.services(add)
		return all
	case "service.*.user", "check.*.user":
		for _, name := range c.root.get("user").keys() {
			doc := "a user of this file"
			if uid := c.root.get("user", name, "uid"); uid != nil && uid.kind == integerKind {
				doc = "uid " + uid.text
			}
			if name != "" {
				add(name, doc)
			}
		}
		add("nobody", "may do nothing that others may not")
		add("root", "may do everything; the default")
		return all
	case "service.*.capabilities":
		listed := c.listed()
		for _, name := range capabilities {
			if slices.Contains(listed, name) {
				continue
			}
			add(name, "CAP_"+strings.ToUpper(name)+", see capabilities(7)")
		}
		return all
	case "service.*.stop_signal", "service.*.reload_signal":
		for _, name := range signals {
			add(name, meaning(k, name))
		}
		return all
	case readyPath:
		for _, way := range lifecycle.Readinesses {
			word, port := strings.CutSuffix(way.Word, "PORT")
			all = append(all, choice{word, meaning(k, way.Word), port})
		}
		return all
	case "net.*.routes.to":
		add("default", "every destination without a route of its own")
		return all
	case "net.*.metric":
		metrics, _ := Metrics(c.names("net"), nil)
		if metric, found := metrics[c.path[1]]; found {
			add(strconv.Itoa(metric), "what it has without this line")
		}
		return all
	case "user.*.uid":
		add(strconv.Itoa(freeUID(c.root)), "no user has it yet")
		return all
	}
	switch {
	case k.Type == "boolean":
		add("true", strings.TrimPrefix(k.Doc, "true: "))
		add("false", "the default")
	case k.Values != nil:
		for _, v := range k.Values {
			add(v, meaning(k, v))
		}
	case k.Default != "" && !strings.Contains(k.Default, " "):
		add(k.Default, "the default; "+k.Doc)
	}
	return all
}

// listed are the values that the list around the place has beside the one that is typed.
func (c *completer) listed() (values []string) {
	if list := c.root.get(c.path...); list != nil {
		for _, item := range list.items {
			if item.key != c.from && item.key != c.from-1 {
				values = append(values, item.text)
			}
		}
	}
	return values
}

// services adds those that the service may wait for and does not wait for yet.
func (c *completer) services(add func(value, doc string)) {
	taken := append(c.listed(), c.path[len(c.path)-2])
	for _, name := range append(c.names("service"), NetworkService) {
		if slices.Contains(taken, name) {
			continue
		}
		doc := "the network is up"
		if name != NetworkService {
			doc = "a service of this file"
			if command := c.root.get("service", name, "command"); command != nil && len(command.items) > 0 {
				doc = "runs " + quote(command.items[0].text)
			}
		}
		add(name, doc)
	}
}

// meaning is what a key's doc says of one of its values: "value" (meaning).
func meaning(k Key, value string) string {
	_, after, found := strings.Cut(k.Doc, quote(value)+" (")
	doc, _, closed := strings.Cut(after, ")")
	if !found || !closed {
		doc = ""
	}
	switch {
	case value != k.Default:
	case doc == "":
		doc = "the default"
	default:
		doc += "; the default"
	}
	return doc
}
