package system

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"bantam/spelling"
	"bantam/system/syntax"
)

// reader fills a System from the tree and checks it. It keeps going after each
// fault; a node that has been reported is marked bad, so that what builds on it
// is not reported again.
type reader struct {
	system System
	root   *syntax.Node
	faults []syntax.Fault
	fields map[reflect.Type][]string // of what has been read: there may be thousands of one type
}

// fail reports a fault of n's value.
func (r *reader) fail(n *syntax.Node, suggestion, format string, args ...any) {
	r.failAt(n, n.At, suggestion, format, args...)
}

// failKey reports a fault of n's key.
func (r *reader) failKey(n *syntax.Node, suggestion, format string, args ...any) {
	r.failAt(n, n.Key, suggestion, format, args...)
}

func (r *reader) failAt(n *syntax.Node, at int, suggestion, format string, args ...any) {
	n.Bad = true
	r.faults = append(r.faults, syntax.Fault{At: at, Message: fmt.Sprintf(format, args...), Suggestion: suggestion})
}

// near is Nearest for names of the file, which can be many: a report that is
// full already needs no more of it.
func (r *reader) near(name string, known []string) string {
	if len(r.faults) > maxProblems {
		return ""
	}
	return spelling.Nearest(name, known)
}

// fill sets v from n. Arrays keep the length of the file's, so that index i of
// one is index i of the other.
func (r *reader) fill(n *syntax.Node, v reflect.Value, path string) {
	if n.Kind == syntax.InvalidKind {
		n.Bad = true
		return // reported by the scanner
	}
	switch dst := v.Addr().Interface().(type) {
	case *Duration:
		r.fillDuration(n, dst, path)
		return
	case *Size:
		r.fillSize(n, dst, path)
		return
	case *NetworkProof:
		r.fillNetworkProof(n, dst, path)
		return
	case *Rate:
		r.fillRate(n, dst, path)
		return
	case *Sysctl:
		r.fillSysctl(n, dst, path)
		return
	case *Value:
		r.fillValue(n, dst, path)
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.Type().Elem().Kind() != reflect.Struct { // zero is not the same as left out
			v.Set(reflect.New(v.Type().Elem()))
			r.fill(n, v.Elem(), path)
			return
		}
		if r.expect(n, syntax.TableKind, path, "a table") {
			v.Set(reflect.New(v.Type().Elem()))
			r.fillStruct(n, v.Elem(), path)
		}
	case reflect.String:
		if r.expect(n, syntax.StringKind, path, "a string") {
			r.noZero(n, path)
			v.SetString(n.Text)
		}
	case reflect.Bool:
		if r.expect(n, syntax.BooleanKind, path, "true or false") {
			v.SetBool(n.Flag)
		}
	case reflect.Int:
		if r.expect(n, syntax.IntegerKind, path, "an integer") {
			v.SetInt(min(max(n.Num, math.MinInt), math.MaxInt)) // the checks say what its range is, on 32 bits as on 64
		}
	case reflect.Slice:
		if !r.expect(n, syntax.ArrayKind, path, "an "+typeName(v.Type())) {
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), len(n.Items), len(n.Items)))
		for i, item := range n.Items {
			r.fill(item, v.Index(i), path+"["+strconv.Itoa(i)+"]")
			n.Bad = n.Bad || item.Bad
		}
	case reflect.Map:
		r.fillMap(n, v, path)
	case reflect.Struct:
		if r.expect(n, syntax.TableKind, path, "a table") {
			r.fillStruct(n, v, path)
		}
	}
}

func (r *reader) fillMap(n *syntax.Node, v reflect.Value, path string) {
	if !r.expect(n, syntax.TableKind, path, "a table") {
		return
	}
	elem := v.Type().Elem()
	v.Set(reflect.MakeMap(v.Type()))
	for _, name := range n.Names {
		kid := n.Kids[name]
		if elem.Kind() == reflect.Struct && elem != valueType && kid.Kind != syntax.TableKind && slices.Contains(fieldsOf(elem), name) {
			r.failKey(kid, "write it below ["+path+".NAME]", "%s: %q belongs to one %s, which needs a name", syntax.Join(path, name), name, path)
			continue
		}
		value := reflect.New(elem).Elem()
		r.fill(kid, value, syntax.Join(path, name))
		v.SetMapIndex(reflect.ValueOf(name), value)
	}
}

func (r *reader) fillStruct(n *syntax.Node, v reflect.Value, path string) {
	fields := r.fields[v.Type()]
	if fields == nil {
		fields = fieldsOf(v.Type())
		r.fields[v.Type()] = fields
	}
	for _, name := range n.Names {
		kid := n.Kids[name]
		i := slices.Index(fields, name)
		if last := len(fields) - 1; (i < 0 || i == last) && fields[last] == namedTables {
			if kid.Kind == syntax.TableKind && kid.Origin != syntax.Repeated {
				r.fillNamed(kid, name, v.Field(last), path)
				continue
			}
			i = -1
		}
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
		if field.Type == reflect.TypeFor[NetworkProof]() && kid.Kind == syntax.ArrayKind {
			allowed = nil
		}
		if allowed != nil && kid.Kind != syntax.StringKind && kid.Kind != syntax.TableKind && kid.Kind != syntax.InvalidKind {
			r.fail(kid, "write "+oneOf(allowed), "%s: expected a string, found %s", below, kid.Kind)
			continue
		}
		r.fill(kid, v.Field(i), below)
		switch {
		case kid.Bad:
		case allowed == nil && kid.Kind == syntax.StringKind && kid.Text == "" && field.Tag.Get("default") != "":
			r.fail(kid, "remove the line for the default, "+field.Tag.Get("default"), "%s: the text is empty", below)
		case allowed != nil && !slices.Contains(allowed, kid.Text):
			suggestion := didYouMean(kid.Text, allowed)
			if suggestion == "" {
				suggestion = "write " + oneOf(allowed)
			}
			r.fail(kid, suggestion, "%s: %q is none of %s", below, kid.Text, oneOf(allowed))
		}
	}
}

// namedTables is the key of a struct's last field when the table of the struct has, beside its keys, tables of names of one's own.
const namedTables = "*"

func (r *reader) fillNamed(n *syntax.Node, name string, all reflect.Value, path string) {
	if all.IsNil() {
		all.Set(reflect.MakeMap(all.Type()))
	}
	value := reflect.New(all.Type().Elem()).Elem()
	r.fill(n, value, syntax.Join(path, name))
	all.SetMapIndex(reflect.ValueOf(name), value)
}

// dotted is what [package.libpcap0.8] was meant to be: a dot outside of quotes stands between two tables. It is "" for what can be
// nothing of the kind.
func dotted(path string, n *syntax.Node, name string) string {
	table, parent, named := strings.Cut(path, ".")
	if !named || strings.ContainsAny(parent, `."`) || n.Kind != syntax.TableKind || n.Origin == syntax.Repeated || len(n.Mentions) == 0 {
		return ""
	}
	return syntax.Join(table, parent+"."+name)
}

// onlyDotted tells of a named table that all it has is an unknown one: no more is to be said of a name that nobody meant.
func onlyDotted(n *syntax.Node) bool {
	return len(n.Names) == 1 && n.Kids[n.Names[0]].Kind == syntax.TableKind && n.Kids[n.Names[0]].Bad
}

// unknown reports a key that the table at path does not have, wherever a header names it.
func (r *reader) unknown(n *syntax.Node, name string, fields []string, path string) {
	thing := "key"
	if n.Kind == syntax.TableKind || n.Origin == syntax.Repeated {
		thing = "table"
	}
	where := ""
	if path != "" {
		where = " in [" + path + "]"
	}
	message := fmt.Sprintf("unknown %s %q%s", thing, name, where)
	suggestion := NearKey(name, fields, path)
	if whole := dotted(path, n, name); whole != "" && didYouMean(name, fields) == "" {
		suggestion = "if the dot belongs to the name, write [" + whole + "]"
	}
	n.Bad = true
	places := n.Mentions
	if len(places) == 0 {
		places = []int{n.Key}
	}
	for _, at := range places {
		r.faults = append(r.faults, syntax.Fault{At: at, Message: message, Suggestion: suggestion})
	}
}

// expect reports a value of another type.
func (r *reader) expect(n *syntax.Node, want syntax.Kind, path, words string) bool {
	if n.Kind == want {
		return true
	}
	if n.Kind == syntax.InvalidKind {
		n.Bad = true
		return false
	}
	suggestion := ""
	switch {
	case want == syntax.StringKind && n.Text != "" && anyText(path):
		suggestion = "write " + syntax.Quote(n.Text)
	case want == syntax.TableKind && n.Kind == syntax.StringKind && strings.HasPrefix(path, "forward."):
		suggestion = "write { to = " + syntax.Quote(n.Text) + " }"
	case want == syntax.ArrayKind && n.Kind == syntax.StringKind && !strings.Contains(words, "tables"):
		suggestion = "write " + listOf(wordsOf(path, n.Text))
	case want == syntax.IntegerKind && n.Kind == syntax.StringKind:
		if i, err := strconv.Atoi(n.Text); err == nil {
			suggestion = "write " + strconv.Itoa(i)
		}
	case want == syntax.BooleanKind && n.Kind == syntax.StringKind && (n.Text == "true" || n.Text == "false"):
		suggestion = "write " + n.Text
	case want == syntax.BooleanKind && n.Kind == syntax.IntegerKind && n.Num == 0:
		suggestion = "write false"
	case want == syntax.BooleanKind && n.Kind == syntax.IntegerKind && n.Num == 1:
		suggestion = "write true"
	}
	at := n.At
	if n.Kind == syntax.TableKind {
		at = n.Key
	}
	r.failAt(n, at, suggestion, "%s: expected %s, found %s", path, words, n.Kind)
	return false
}

// anyText reports whether a key takes whatever stands in its quotes. Of others, e.g.
// an address, a number would be refused also with quotes.
func anyText(path string) bool {
	return path == "hostname" || strings.Contains(path, ".command[") || strings.Contains(path, ".env.")
}

func (r *reader) fillDuration(n *syntax.Node, d *Duration, path string) {
	if n.Kind == syntax.IntegerKind {
		suggestion := ""
		if n.Num > 0 {
			suggestion = fmt.Sprintf("write \"%ds\" for seconds", n.Num)
		}
		r.fail(n, suggestion, "%s: expected a duration in quotes, found an integer", path)
		return
	}
	if !r.expect(n, syntax.StringKind, path, "a duration such as \"90s\"") {
		return
	}
	if err := d.UnmarshalText([]byte(n.Text)); err == nil && *d <= 0 {
		r.fail(n, "", "%s: %s is not above zero", path, n.Text)
	} else if err != nil {
		suggestion := "write a number with a unit (ms, s, m or h), e.g. \"1m30s\""
		if seconds, err := strconv.Atoi(n.Text); err == nil && seconds > 0 {
			suggestion = "write " + syntax.Quote(n.Text+"s") + " for seconds"
		}
		r.fail(n, suggestion, "%s: %q is not a duration", path, n.Text)
	}
}

// fillSysctl takes both sysctl."net.ipv4.ip_forward" and nested tables.
func (r *reader) fillSysctl(n *syntax.Node, dst *Sysctl, path string) {
	if !r.expect(n, syntax.TableKind, path, "a table") {
		return
	}
	*dst = make(Sysctl)
	r.sysctl(n, *dst, nil)
}

func (r *reader) sysctl(n *syntax.Node, dst Sysctl, above []string) {
	for _, key := range n.Names {
		kid, keys := n.Kids[key], append(above[:len(above):len(above)], key)
		parts := parameterParts(keys...)
		name := parameterName(parts)
		path := syntax.Join("sysctl", strings.Join(keys, "."))
		value := ""
		switch kid.Kind {
		case syntax.TableKind:
			r.sysctl(kid, dst, keys)
			continue
		case syntax.StringKind:
			value = kid.Text
		case syntax.IntegerKind:
			value = strconv.FormatInt(kid.Num, 10)
		case syntax.BooleanKind:
			value = "0"
			if kid.Flag {
				value = "1"
			}
		case syntax.InvalidKind:
			continue
		default:
			r.fail(kid, "", "%s: expected a %s, found %s", path, sysctlTypes, kid.Kind)
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
