package system

import "strings"

// kind is the TOML type of a value.
type kind int

const (
	invalidKind kind = iota // could not be read; its key is known
	stringKind
	integerKind
	floatKind
	booleanKind
	dateKind
	arrayKind
	tableKind
)

// String is the kind as a person reads it in "expected ..., found ...".
func (k kind) String() string {
	return [...]string{"an invalid value", "a string", "an integer", "a float", "a boolean", "a date", "an array", "a table"}[k]
}

// origin says how a table or array came to be, which decides what may add to it.
type origin int

const (
	written  origin = iota // a value, inline tables included: closed
	implied                // named only on the way to another table: [a] in [a.b]
	headed                 // by its own header
	dotted                 // by dotted keys: a in a.b = 1
	repeated               // array of tables: [[a]]
)

// node is one value of the file with its place. A nil node is an absent one.
type node struct {
	kind     kind
	origin   origin
	key      int   // offset of its key
	at, end  int   // the value's text; for a table by header, the header
	mentions []int // offsets of its name in headers
	bad      bool  // has been reported: later checks that build on it are silent

	text  string // a string's contents; the text of other scalars
	num   int64
	flag  bool
	items []*node
	names []string // keys in the order of the file
	kids  map[string]*node
}

func (n *node) add(name string, kid *node) {
	if n.kids == nil {
		n.kids = make(map[string]*node)
	}
	n.kids[name] = kid
	n.names = append(n.names, name)
}

// get follows keys downwards, nil where there is none.
func (n *node) get(path ...string) *node {
	for _, name := range path {
		if n == nil {
			return nil
		}
		n = n.kids[name]
	}
	return n
}

// item is element i of an array, nil if there is none.
func (n *node) item(i int) *node {
	if n == nil || i >= len(n.items) {
		return nil
	}
	return n.items[i]
}

// join appends a key to a path as TOML writes it, e.g. net."eth0.1".
func join(path, key string) string {
	if !bareKey(key) {
		key = quote(key)
	}
	if path == "" {
		return key
	}
	return path + "." + key
}

func bareKey(key string) bool {
	for i := range len(key) {
		if !isBare(key[i]) {
			return false
		}
	}
	return key != ""
}

// isBare reports whether c may stand in a key without quotes.
func isBare(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-'
}

// quote writes s as a TOML basic string.
func quote(s string) string {
	const hex = "0123456789abcdef"
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r < ' ' || r == 0x7f:
			b.WriteString(`\u00`)
			b.WriteByte(hex[r>>4])
			b.WriteByte(hex[r&15])
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
