package system

import (
	"reflect"
	"slices"
	"strings"
	"sync"

	"bantam/lifecycle"
	"bantam/system/syntax"
)

// Key describes one key that system.toml may have.
type Key struct {
	Path    string   // e.g. net.*.addresses; * stands for a name
	Type    string   // e.g. string, integer, boolean, duration, array of strings, table
	Doc     string   // e.g. fixed addresses with prefix length
	Default string   // as written in the file, or in words; "" if there is none
	Values  []string // the only values it may have; nil if there is no such list
}

// Schema lists every key, in the order of the types' fields.
func Schema() []Key { return slices.Clone(schema()) }

var schema = sync.OnceValue(func() []Key { return keysOf("", reflect.TypeFor[System]()) })

func keysOf(path string, t reflect.Type) []Key {
	var keys []Key
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Tag.Get("toml") == "-" {
			continue
		}
		k := Key{Path: f.Tag.Get("toml"), Type: typeName(f.Type), Doc: f.Tag.Get("doc"), Default: f.Tag.Get("default"), Values: valuesOf(f)}
		if path != "" {
			k.Path = path + "." + k.Path
		}
		below := f.Type
		if below.Kind() == reflect.Map {
			k.Path = strings.TrimSuffix(k.Path, ".*") + ".*"
			k.Type = typeName(below.Elem())
			below = below.Elem()
		} else if below.Kind() == reflect.Slice || below.Kind() == reflect.Pointer {
			below = below.Elem()
		}
		if f.Type == reflect.TypeFor[Sysctl]() {
			k.Type = sysctlTypes
		}
		if k.Path == readyPath {
			k.Doc = readyDoc()
		}
		keys = append(keys, k)
		if below.Kind() == reflect.Struct {
			keys = append(keys, keysOf(k.Path, below)...)
		}
	}
	return keys
}

// readyPath is the key whose values package lifecycle knows.
const readyPath = "service.*.ready"

func readyDoc() string {
	var ways []string
	for _, way := range lifecycle.Readinesses {
		ways = append(ways, syntax.Quote(way.Word)+" ("+way.Means+")")
	}
	return strings.Join(ways, ", ")
}

const (
	sysctlTypes = "string, integer or boolean"
	inlineTable = "inline table" // one that is there or not, which the absence of its keys does not tell
	valueTypes  = `string or { secret = "NAME" }`
)

func typeName(t reflect.Type) string {
	switch t {
	case reflect.TypeFor[Size]():
		return "size"
	case reflect.TypeFor[NetworkProof]():
		return "string or array of strings"
	case reflect.TypeFor[Rate]():
		return "rate"
	case valueType:
		return valueTypes
	}
	switch t.Kind() {
	case reflect.String:
		return "string"
	case reflect.Bool:
		return "boolean"
	case reflect.Int:
		return "integer"
	case reflect.Int64:
		return "duration"
	case reflect.Slice:
		return "array of " + typeName(t.Elem()) + "s"
	case reflect.Pointer:
		if t.Elem().Kind() != reflect.Struct {
			return typeName(t.Elem())
		}
		return inlineTable
	}
	return "table"
}

func valuesOf(f reflect.StructField) []string {
	if tag := f.Tag.Get("values"); tag != "" {
		return strings.Split(tag, ",")
	}
	return nil
}

// fieldsOf lists the keys of a struct's table, in the order of its fields; what is no key comes last.
func fieldsOf(t reflect.Type) []string {
	var names []string
	for i := range t.NumField() {
		if name := t.Field(i).Tag.Get("toml"); name != "-" {
			names = append(names, name)
		}
	}
	return names
}

// tablesWith lists the tables that have a key of this name, e.g. [net.NAME].
func tablesWith(key string) []string {
	var tables []string
	for _, k := range schema() {
		i := strings.LastIndexByte(k.Path, '.')
		if k.Path[i+1:] != key {
			continue
		}
		place := "the top of the file, above the first [table]"
		if i >= 0 {
			place = "[" + strings.ReplaceAll(k.Path[:i], "*", "NAME") + "]"
		}
		if !slices.Contains(tables, place) {
			tables = append(tables, place)
		}
	}
	return tables
}

// Meaning is what a key's doc says of one of its values: "value" (meaning).
func (k Key) Meaning(value string) string {
	_, after, found := strings.Cut(k.Doc, syntax.Quote(value)+" (")
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
