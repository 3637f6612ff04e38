package system

import "strings"

// below compares a path of keys with the key's: rest is what the key's has
// more, e.g. "mtu" for net.*.mtu and net, eth0.
func (k Key) below(path []string) (rest []string, ok bool) {
	parts := strings.Split(k.Path, ".")
	if len(path) > 2 && path[0] == "sysctl" {
		path = path[:2] // a parameter's name, in whatever way it is nested
	}
	if len(path) > len(parts) {
		return nil, false
	}
	for i, name := range path {
		if parts[i] != name && parts[i] != "*" {
			return nil, false
		}
	}
	return parts[len(path):], true
}

// KeyAt is the key of a path; for a table of names of one's own, e.g. net, the
// key of what is in it.
func KeyAt(path []string) (k Key, names, found bool) {
	for _, k := range schema() {
		rest, ok := k.below(path)
		if ok && len(rest) == 0 {
			return k, false, true
		}
		if ok && len(rest) == 1 && rest[0] == "*" {
			return k, true, true
		}
	}
	return Key{}, false, false
}

// Field is a key that a table may have.
type Field struct {
	Name  string
	Key   Key
	Names bool // a table of names of one's own
}

// FieldsAt lists the keys that the table at a path may have.
func FieldsAt(path []string) []Field {
	var fields []Field
	for _, k := range schema() {
		rest, ok := k.below(path)
		switch {
		case !ok || len(rest) == 0 || rest[0] == "*":
		case len(rest) == 1:
			fields = append(fields, Field{rest[0], k, false})
		case len(rest) == 2 && rest[1] == "*":
			fields = append(fields, Field{rest[0], k, true})
		}
	}
	return fields
}

func (f Field) IsTable() bool { return f.Key.Type == "table" || f.Key.Type == inlineTable || f.Names }

// MayNameSecret reports whether a secret may stand in place of the key's value.
func MayNameSecret(k Key) bool { return k.Type == valueTypes }

func IsList(k Key) bool { return strings.HasPrefix(k.Type, "array of ") }

// NearKey says which of a table's keys an unknown one may have meant.
func NearKey(name string, fields []string, path string) string {
	suggestion := didYouMean(name, fields)
	if tables := tablesWith(name); suggestion == "" && len(tables) > 0 {
		suggestion = name + " belongs to " + strings.Join(tables, " or ")
	}
	if suggestion == "" && path != "" {
		suggestion = "it has " + strings.Join(fields, ", ")
	}
	return suggestion
}
