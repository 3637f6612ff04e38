package system

import (
	"crypto/sha256"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"bantam/system/syntax"
)

// Change is one key that differs between two systems.
type Change struct {
	Path     string // e.g. net.eth0.addresses
	Old, New string // the value as TOML; "" where the key is not there
}

// String is e.g. hostname: "a" -> "b".
func (c Change) String() string {
	show := func(v string) string {
		if v == "" {
			return "(not set)"
		}
		return v
	}
	return c.Path + ": " + show(c.Old) + " -> " + show(c.New)
}

// Diff lists what changes from a to b, in the order of the schema, names
// sorted. Of a port, user, service or check that only one of them has, the keys
// that differ from their defaults are listed.
func Diff(a, b *System) []Change {
	var d differences
	d.structs("", reflect.ValueOf(a).Elem(), reflect.ValueOf(b).Elem())
	return d
}

type differences []Change

func (d *differences) structs(path string, a, b reflect.Value) {
	for i := range a.NumField() {
		at := a.Type().Field(i).Tag.Get("toml")
		if path != "" {
			at = path + "." + at
		}
		x, y := a.Field(i), b.Field(i)
		switch {
		case x.Kind() == reflect.Struct && x.Type() != valueType:
			d.structs(at, x, y)
		case x.Kind() == reflect.Pointer && x.Type() == reflect.TypeFor[*WireGuard]() && !x.IsNil() && !y.IsNil(): // as long as it has peers
			d.structs(at, x.Elem(), y.Elem())
		case x.Kind() == reflect.Map && x.Type().Elem().Kind() == reflect.Struct && x.Type().Elem() != valueType:
			d.tables(strings.TrimSuffix(at, "."+namedTables), x, y)
		case x.Kind() == reflect.Map:
			d.strings(at, x, y)
		default:
			o, n := fieldText(x), fieldText(y)
			if o == n {
				continue
			}
			if a.Type().Field(i).Tag.Get("diff") == "size" {
				o, n = sized(o, x.Interface().(Value).Text), sized(n, y.Interface().(Value).Text)
			}
			if a.Type().Field(i).Tag.Get("diff") == "hash" {
				o, n = hashed(o), hashed(n)
			}
			if a.Type().Field(i).Tag.Get("diff") == "keys" {
				o, n = keyEnds(o, x.Interface().([]string)), keyEnds(n, y.Interface().([]string))
			}
			*d = append(*d, Change{at, o, n})
		}
	}
}

// fieldText is tomlText, but "" for a string that was left out: no key's empty
// string means anything.
func fieldText(v reflect.Value) string {
	if v.Kind() == reflect.String && v.Len() == 0 || (v.Type() == valueType || v.Type() == reflect.TypeFor[Duration]()) && v.IsZero() {
		return ""
	}
	return tomlText(v)
}

// hashed is the beginning of a password's hash: what is shown in plans and logs is no place for the rest.
func hashed(text string) string {
	parts := strings.SplitAfterN(text, "$", 4)
	if len(parts) < 4 {
		return text
	}
	return strings.Join(parts[:3], "") + `..."`
}

// keyEnds is text, a list of keys, with each of them as its type, what tells it from others, and its comment.
func keyEnds(text string, keys []string) string {
	short := make([]string, len(keys))
	for i, line := range keys {
		words := strings.Fields(line)
		if len(words) < 2 || len(words[1]) < 8 {
			return text
		}
		words[1] = "..." + words[1][len(words[1])-8:]
		short[i] = strings.Join(words, " ")
	}
	if len(keys) == 0 {
		return text
	}
	return tomlText(reflect.ValueOf(short))
}

// sized is text, or, instead of a long one, whose value fits into no line, what tells it from others.
func sized(text, value string) string {
	if len(text) <= 60 {
		return text
	}
	return fmt.Sprintf("%d lines, %d bytes, SHA-256 %.8x", strings.Count(strings.TrimSuffix(value, "\n"), "\n")+1, len(value), sha256.Sum256([]byte(value)))
}

// tables compares two maps of named tables.
func (d *differences) tables(path string, a, b reflect.Value) {
	for _, name := range names(a, b) {
		at, key := syntax.Join(path, name), reflect.ValueOf(name)
		x, y := a.MapIndex(key), b.MapIndex(key)
		switch {
		case !x.IsValid():
			d.whole(at, name, y, func(text string) Change { return Change{New: text} })
		case !y.IsValid():
			d.whole(at, name, x, func(text string) Change { return Change{Old: text} })
		default:
			d.structs(at, x, y)
		}
	}
}

// whole lists a table that only one side has.
func (d *differences) whole(path, name string, v reflect.Value, side func(text string) Change) {
	var keys differences
	keys.structs("", defaultsFor(name, v), v)
	if len(keys) == 0 {
		keys = differences{{New: "{}"}}
	}
	for _, k := range keys {
		change := side(k.New)
		change.Path = path
		if k.Path != "" {
			change.Path += "." + k.Path
		}
		*d = append(*d, change)
	}
}

// defaultsFor is a table like v with what v's file would not have to say. The
// keys that other defaults depend on are v's.
func defaultsFor(name string, v reflect.Value) reflect.Value {
	switch v := v.Interface().(type) {
	case Net:
		d := Net{Addresses: v.Addresses, PPPoE: v.PPPoE, Wifi: v.Wifi, Serve: Serve{RA: v.Serve.RA}, Dummy: v.Dummy, VRF: v.VRF, Tunnel: v.Tunnel, WireGuard: v.WireGuard}
		d.applyDefaults()
		return reflect.ValueOf(Net{IPv4: d.IPv4, IPv6: d.IPv6, Serve: Serve{Lease: d.Serve.Lease}})
	case Zone:
		return reflect.ValueOf(Zone{}) // what it has by default its name says
	case User:
		d := User{AuthorizedKeys: v.AuthorizedKeys, Password: v.Password}
		if v.HomeIn == HomeInState {
			d.HomeIn = v.HomeIn // it has a home then
		}
		d.applyDefaults(name, v.UID)
		return reflect.ValueOf(User{GID: d.GID, Home: d.Home, HomeIn: HomeInMemory, Shell: d.Shell})
	case File:
		d := File{Text: v.Text}
		d.applyDefaults()
		d.Text = Value{}
		return reflect.ValueOf(d)
	case Service:
		d := Service{Ready: v.Ready}
		d.applyDefaults()
		d.Ready = ""
		fromTags(reflect.ValueOf(&d).Elem())
		return reflect.ValueOf(d)
	}
	d := reflect.New(v.Type()).Elem()
	fromTags(d)
	return d
}

func (d *differences) strings(path string, a, b reflect.Value) {
	for _, name := range names(a, b) {
		key := reflect.ValueOf(name)
		if o, n := tomlText(a.MapIndex(key)), tomlText(b.MapIndex(key)); o != n {
			*d = append(*d, Change{syntax.Join(path, name), o, n})
		}
	}
}

// names are the keys of two maps, sorted.
func names(a, b reflect.Value) []string {
	var all []string
	for _, m := range []reflect.Value{a, b} {
		for _, k := range m.MapKeys() {
			all = append(all, k.String())
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// tomlText writes a value as TOML, "" for what is not there. A zero number
// means that the key was left out, so it is not there either.
func tomlText(v reflect.Value) string {
	if !v.IsValid() {
		return ""
	}
	if d, ok := v.Interface().(Duration); ok {
		return syntax.Quote(d.String())
	}
	if c, ok := v.Interface().(Capabilities); ok && c != nil {
		return listOf(c) // also the empty one
	}
	if s, ok := v.Interface().(Size); ok && s != 0 {
		return syntax.Quote(s.String())
	}
	if n, ok := v.Interface().(NetworkProof); ok && n.named() {
		return listOf(n.wants())
	}
	if r, ok := v.Interface().(Rate); ok && r != 0 {
		return syntax.Quote(r.String())
	}
	if value, ok := v.Interface().(Value); ok {
		return value.toml()
	}
	switch v.Kind() {
	case reflect.String:
		return syntax.Quote(v.String())
	case reflect.Bool:
		return strconv.FormatBool(v.Bool())
	case reflect.Int:
		if v.Int() == 0 {
			return ""
		}
		return strconv.FormatInt(v.Int(), 10)
	case reflect.Slice:
		if v.Len() == 0 {
			return ""
		}
		items := make([]string, v.Len())
		for i := range items {
			items[i] = tomlText(v.Index(i))
		}
		return "[" + strings.Join(items, ", ") + "]"
	case reflect.Pointer:
		if v.IsNil() {
			return ""
		}
		if v.Elem().Kind() == reflect.Int { // zero, too
			return strconv.FormatInt(v.Elem().Int(), 10)
		}
		return tomlText(v.Elem())
	case reflect.Map:
		names := sortedKeys(v.Interface().(map[string]Peer)) // nothing else within a value has names
		for i, name := range names {
			names[i] = syntax.Join("", name) + " = " + tomlText(v.MapIndex(reflect.ValueOf(name)))
		}
		return "{ " + strings.Join(names, ", ") + " }"
	case reflect.Struct: // one route, or a table that is there or not
		var keys []string
		for i := range v.NumField() {
			if f := v.Field(i); !f.IsZero() {
				keys = append(keys, v.Type().Field(i).Tag.Get("toml")+" = "+tomlText(f))
			}
		}
		if len(keys) == 0 {
			return "{}"
		}
		return "{ " + strings.Join(keys, ", ") + " }"
	}
	return ""
}
