package system

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// reader fills a System from the tree and checks it. It keeps going after each
// fault; a node that has been reported is marked bad, so that what builds on it
// is not reported again.
type reader struct {
	system System
	root   *node
	faults []fault
}

// fail reports a fault of n's value.
func (r *reader) fail(n *node, suggestion, format string, args ...any) {
	r.failAt(n, n.at, suggestion, format, args...)
}

// failKey reports a fault of n's key.
func (r *reader) failKey(n *node, suggestion, format string, args ...any) {
	r.failAt(n, n.key, suggestion, format, args...)
}

func (r *reader) failAt(n *node, at int, suggestion, format string, args ...any) {
	n.bad = true
	r.faults = append(r.faults, fault{at, fmt.Sprintf(format, args...), suggestion})
}

// near is Nearest for names of the file, which can be many: a report that is
// full already needs no more of it.
func (r *reader) near(name string, known []string) string {
	if len(r.faults) > maxProblems {
		return ""
	}
	return Nearest(name, known)
}

// fill sets v from n. Arrays keep the length of the file's, so that index i of
// one is index i of the other.
func (r *reader) fill(n *node, v reflect.Value, path string) {
	if n.kind == invalidKind {
		n.bad = true
		return // reported by the scanner
	}
	switch dst := v.Addr().Interface().(type) {
	case *Duration:
		r.fillDuration(n, dst, path)
		return
	case *Size:
		r.fillSize(n, dst, path)
		return
	case *Sysctl:
		r.fillSysctl(n, dst, path)
		return
	}
	switch v.Kind() {
	case reflect.String:
		if r.expect(n, stringKind, path, "a string") {
			if strings.Contains(n.text, "\x00") {
				r.fail(n, `remove \u0000`, "%s: text must not contain a zero byte", path)
			}
			v.SetString(n.text)
		}
	case reflect.Bool:
		if r.expect(n, booleanKind, path, "true or false") {
			v.SetBool(n.flag)
		}
	case reflect.Int:
		if r.expect(n, integerKind, path, "an integer") {
			if v.OverflowInt(n.num) {
				r.fail(n, "", "%s: %d is out of range", path, n.num)
				return
			}
			v.SetInt(n.num)
		}
	case reflect.Slice:
		if !r.expect(n, arrayKind, path, "an "+typeName(v.Type())) {
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), len(n.items), len(n.items)))
		for i, item := range n.items {
			r.fill(item, v.Index(i), path+"["+strconv.Itoa(i)+"]")
			n.bad = n.bad || item.bad
		}
	case reflect.Map:
		r.fillMap(n, v, path)
	case reflect.Struct:
		if r.expect(n, tableKind, path, "a table") {
			r.fillStruct(n, v, path)
		}
	}
}

func (r *reader) fillMap(n *node, v reflect.Value, path string) {
	if !r.expect(n, tableKind, path, "a table") {
		return
	}
	elem := v.Type().Elem()
	v.Set(reflect.MakeMap(v.Type()))
	for _, name := range n.names {
		kid := n.kids[name]
		if elem.Kind() == reflect.Struct && kid.kind != tableKind && slices.Contains(fieldsOf(elem), name) {
			r.failKey(kid, "write it below ["+path+".NAME]", "%s: %q belongs to one %s, which needs a name", join(path, name), name, path)
			continue
		}
		value := reflect.New(elem).Elem()
		r.fill(kid, value, join(path, name))
		v.SetMapIndex(reflect.ValueOf(name), value)
	}
}

func (r *reader) fillStruct(n *node, v reflect.Value, path string) {
	fields := fieldsOf(v.Type())
	for _, name := range n.names {
		kid := n.kids[name]
		i := slices.Index(fields, name)
		if i < 0 {
			r.unknown(kid, name, fields, path)
			continue
		}
		below := name
		if path != "" {
			below = path + "." + name
		}
		field := v.Type().Field(i)
		allowed := valuesOf(field)
		if allowed != nil && kid.kind != stringKind && kid.kind != tableKind && kid.kind != invalidKind {
			r.fail(kid, "write "+oneOf(allowed), "%s: expected a string, found %s", below, kid.kind)
			continue
		}
		r.fill(kid, v.Field(i), below)
		switch {
		case kid.bad:
		case allowed == nil && kid.kind == stringKind && kid.text == "" && field.Tag.Get("default") != "":
			r.fail(kid, "remove the line for the default, "+field.Tag.Get("default"), "%s: the text is empty", below)
		case allowed != nil && !slices.Contains(allowed, kid.text):
			suggestion := didYouMean(kid.text, allowed)
			if suggestion == "" {
				suggestion = "write " + oneOf(allowed)
			}
			r.fail(kid, suggestion, "%s: %q is none of %s", below, kid.text, oneOf(allowed))
		}
	}
}

// unknown reports a key that the table at path does not have, wherever a header names it.
func (r *reader) unknown(n *node, name string, fields []string, path string) {
	thing := "key"
	if n.kind == tableKind || n.origin == repeated {
		thing = "table"
	}
	where := ""
	if path != "" {
		where = " in [" + path + "]"
	}
	message := fmt.Sprintf("unknown %s %q%s", thing, name, where)
	suggestion := nearKey(name, fields, path)
	n.bad = true
	places := n.mentions
	if len(places) == 0 {
		places = []int{n.key}
	}
	for _, at := range places {
		r.faults = append(r.faults, fault{at, message, suggestion})
	}
}

// expect reports a value of another type.
func (r *reader) expect(n *node, want kind, path, words string) bool {
	if n.kind == want {
		return true
	}
	if n.kind == invalidKind {
		n.bad = true
		return false
	}
	suggestion := ""
	switch {
	case want == stringKind && n.text != "" && anyText(path):
		suggestion = "write " + quote(n.text)
	case want == arrayKind && n.kind == stringKind && !strings.Contains(words, "tables"):
		suggestion = "write " + listOf(wordsOf(path, n.text))
	case want == integerKind && n.kind == stringKind:
		if i, err := strconv.Atoi(n.text); err == nil {
			suggestion = "write " + strconv.Itoa(i)
		}
	case want == booleanKind && n.kind == stringKind && (n.text == "true" || n.text == "false"):
		suggestion = "write " + n.text
	case want == booleanKind && n.kind == integerKind && n.num == 0:
		suggestion = "write false"
	case want == booleanKind && n.kind == integerKind && n.num == 1:
		suggestion = "write true"
	}
	at := n.at
	if n.kind == tableKind {
		at = n.key
	}
	r.failAt(n, at, suggestion, "%s: expected %s, found %s", path, words, n.kind)
	return false
}

// anyText reports whether a key takes whatever stands in its quotes. Of others, e.g.
// an address, a number would be refused also with quotes.
func anyText(path string) bool {
	return path == "hostname" || strings.Contains(path, ".command[") || strings.Contains(path, ".env.")
}

func (r *reader) fillDuration(n *node, d *Duration, path string) {
	if n.kind == integerKind {
		suggestion := ""
		if n.num > 0 {
			suggestion = fmt.Sprintf("write \"%ds\" for seconds", n.num)
		}
		r.fail(n, suggestion, "%s: expected a duration in quotes, found an integer", path)
		return
	}
	if !r.expect(n, stringKind, path, "a duration such as \"90s\"") {
		return
	}
	if err := d.UnmarshalText([]byte(n.text)); err == nil && *d <= 0 {
		r.fail(n, "", "%s: %s is not above zero", path, n.text)
	} else if err != nil {
		suggestion := "write a number with a unit (ms, s, m or h), e.g. \"1m30s\""
		if seconds, err := strconv.Atoi(n.text); err == nil && seconds > 0 {
			suggestion = "write " + quote(n.text+"s") + " for seconds"
		}
		r.fail(n, suggestion, "%s: %q is not a duration", path, n.text)
	}
}

// fillSysctl takes both sysctl."net.ipv4.ip_forward" and nested tables.
func (r *reader) fillSysctl(n *node, dst *Sysctl, path string) {
	if !r.expect(n, tableKind, path, "a table") {
		return
	}
	*dst = make(Sysctl)
	r.sysctl(n, *dst, nil)
}

func (r *reader) sysctl(n *node, dst Sysctl, above []string) {
	for _, key := range n.names {
		kid, keys := n.kids[key], append(above[:len(above):len(above)], key)
		parts := parameterParts(keys...)
		name := parameterName(parts)
		path := join("sysctl", strings.Join(keys, "."))
		value := ""
		switch kid.kind {
		case tableKind:
			r.sysctl(kid, dst, keys)
			continue
		case stringKind:
			value = kid.text
		case integerKind:
			value = strconv.FormatInt(kid.num, 10)
		case booleanKind:
			value = "0"
			if kid.flag {
				value = "1"
			}
		case invalidKind:
			continue
		default:
			r.fail(kid, "", "%s: expected a %s, found %s", path, sysctlTypes, kid.kind)
			continue
		}
		if _, twice := dst[name]; twice {
			r.failKey(kid, "remove one of them", "%s is set twice, in two spellings", path)
			continue
		}
		r.checkSysctl(kid, keys, parts, value)
		dst[name] = value
	}
}
