package systemfile

import (
	"slices"
	"strconv"
	"strings"

	"bantam/editor/language"
	"bantam/lifecycle"
	"bantam/system"
	"bantam/system/syntax"
	"bantam/zone"
)

// choice is one value that a key may have.
type choice struct {
	value, doc string
	more       bool // the value goes on, e.g. tcp/ with a number
}

// values offers what may stand as the value, with its quotes and brackets.
func (c *completer) values() []candidate {
	k, names, found := system.KeyAt(c.path)
	if !found || names || c.isItem && !system.IsList(k) || !c.placeForValue() {
		return nil
	}
	choices := c.choices(k)
	if len(choices) == 0 || k.Type == "array of tables" {
		text := opening(system.Field{Key: k})
		if c.isItem {
			text = strings.TrimPrefix(text, "[")
		}
		if c.word != "" || c.quote != 0 || text == "" {
			return nil
		}
		all := []candidate{{"", language.Completion{Text: text, Doc: k.Doc}}}
		if system.MayNameSecret(k) {
			all = append(all, candidate{"", language.Completion{Text: "{ secret = \"", Doc: "a secret of the device, which no generation holds"}})
		}
		return all
	}
	var all []candidate
	for _, v := range choices {
		text := v.value
		if k.Type != "boolean" && k.Type != "integer" {
			text = syntax.Quote(v.value)
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
		if system.IsList(k) && !c.isItem {
			text = "[" + text
			if !v.more {
				text += "]"
			}
		}
		all = append(all, candidate{v.value, language.Completion{Text: text, Doc: v.doc}})
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
func (c *completer) choices(k system.Key) []choice {
	var all []choice
	add := func(value, doc string) { all = append(all, choice{value: value, doc: doc}) }
	switch k.Path {
	case "service.*.needs", "service.*.wants", "service.*.after":
		c.services(add)
		return all
	case "service.*.user", "check.*.user":
		for _, name := range c.root.Get("user").Keys() {
			doc := "a user of this file"
			if uid := c.root.Get("user", name, "uid"); uid != nil && uid.Kind == syntax.IntegerKind {
				doc = "uid " + uid.Text
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
		for _, name := range system.CapabilityNames {
			if slices.Contains(listed, name) {
				continue
			}
			add(name, "CAP_"+strings.ToUpper(name)+", see capabilities(7)")
		}
		return all
	case "service.*.stop_signal", "service.*.reload_signal":
		for _, name := range system.SignalNames {
			add(name, k.Meaning(name))
		}
		return all
	case "service.*.ready":
		for _, way := range lifecycle.Readinesses {
			word, port := strings.CutSuffix(way.Word, "PORT")
			all = append(all, choice{word, k.Meaning(way.Word), port})
		}
		return all
	case "service.*.env.*.secret", "file.*.text.secret":
		for _, name := range c.secrets() {
			add(name, "a secret that this file names already")
		}
		return all
	case "net.*.routes.to":
		add("default", "every destination without a route of its own")
		return all
	case "net.*.metric":
		metrics, _ := system.Metrics(c.names("net"), nil)
		if metric, found := metrics[c.path[1]]; found {
			add(strconv.Itoa(metric), "what it has without this line")
		}
		return all
	case "time.zone":
		for _, name := range zone.Names() {
			add(name, zone.Rule(name))
		}
		return all
	case "user.*.uid":
		add(strconv.Itoa(system.FreeUID(c.root)), "no user has it yet")
		return all
	}
	switch {
	case k.Type == "boolean":
		is, not := strings.TrimPrefix(k.Doc, "true: "), ""
		if k.Default == "true" {
			is += "; the default"
		} else {
			not = "the default"
		}
		add("true", is)
		add("false", not)
	case k.Values != nil:
		for _, v := range k.Values {
			add(v, k.Meaning(v))
		}
	case k.Default != "" && !strings.Contains(k.Default, " "):
		add(k.Default, "the default; "+k.Doc)
	}
	return all
}

// listed are the values that the list around the place has beside the one that is typed.
func (c *completer) listed() (values []string) {
	if list := c.root.Get(c.path...); list != nil {
		for _, item := range list.Items {
			if item.Key != c.from && item.Key != c.from-1 {
				values = append(values, item.Text)
			}
		}
	}
	return values
}

// secrets are the names that the file has, beside the one that is being typed.
func (c *completer) secrets() (names []string) {
	add := func(value *syntax.Node) {
		if name := value.Get("secret"); name != nil && !c.typing(name) && system.MayBeSecret(name.Text) && !slices.Contains(names, name.Text) {
			names = append(names, name.Text)
		}
	}
	for _, service := range c.root.Get("service").Keys() {
		env := c.root.Get("service", service, "env")
		for _, variable := range env.Keys() {
			add(env.Get(variable))
		}
	}
	for _, file := range c.root.Get("file").Keys() {
		add(c.root.Get("file", file, "text"))
	}
	return names
}

// services adds those that the service may wait for and does not wait for yet.
func (c *completer) services(add func(value, doc string)) {
	taken := append(c.listed(), c.path[len(c.path)-2])
	for _, name := range append(c.names("service"), system.NetworkService, system.TimeService) {
		if slices.Contains(taken, name) {
			continue
		}
		doc := "the network is up"
		if name == system.TimeService {
			doc = "the clock is right"
		} else if name != system.NetworkService {
			doc = "a service of this file"
			if command := c.root.Get("service", name, "command"); command != nil && len(command.Items) > 0 {
				doc = "runs " + syntax.Quote(command.Items[0].Text)
			}
		}
		add(name, doc)
	}
}
