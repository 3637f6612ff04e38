package syntax

import "strings"

// Kind is the TOML type of a value.
type Kind int

const (
	InvalidKind Kind = iota // could not be read; its key is known
	StringKind
	IntegerKind
	floatKind
	BooleanKind
	dateKind
	ArrayKind
	TableKind
)

// String is the kind as a person reads it in "expected ..., found ...".
func (k Kind) String() string {
	return [...]string{"an invalid value", "a string", "an integer", "a float", "a boolean", "a date", "an array", "a table"}[k]
}

// origin says how a table or array came to be, which decides what may add to it.
type origin int

const (
	Written  origin = iota // a value, inline tables included: closed
	Implied                // named only on the way to another table: [a] in [a.b]
	headed                 // by its own header
	dotted                 // by dotted keys: a in a.b = 1
	Repeated               // array of tables: [[a]]
)

// Node is one value of the file with its place. A nil node is an absent one.
type Node struct {
	Kind     Kind
	Origin   origin
	Key      int   // offset of its key
	At, End  int   // the value's text; for a table by header, the header
	Mentions []int // offsets of its name in headers
	Bad      bool  // has been reported: later checks that build on it are silent

	Text  string // a string's contents; the text of other scalars
	Num   int64
	Flag  bool
	Items []*Node
	Names []string // keys in the order of the file
	Kids  map[string]*Node
}

func (n *Node) add(name string, kid *Node) {
	if n.Kids == nil {
		n.Kids = make(map[string]*Node)
	}
	n.Kids[name] = kid
	n.Names = append(n.Names, name)
}

// Get follows keys downwards, nil where there is none.
func (n *Node) Get(path ...string) *Node {
	for _, name := range path {
		if n == nil {
			return nil
		}
		n = n.Kids[name]
	}
	return n
}

// Keys is nil-safe n.names.
func (n *Node) Keys() []string {
	if n == nil {
		return nil
	}
	return n.Names
}

// Item is element i of an array, nil if there is none.
func (n *Node) Item(i int) *Node {
	if n == nil || i >= len(n.Items) {
		return nil
	}
	return n.Items[i]
}

// Join appends a key to a path as TOML writes it, e.g. net."eth0.1".
func Join(path, key string) string {
	if !BareKey(key) {
		key = Quote(key)
	}
	if path == "" {
		return key
	}
	return path + "." + key
}

func BareKey(key string) bool {
	for i := range len(key) {
		if !IsBare(key[i]) {
			return false
		}
	}
	return key != ""
}

// IsBare reports whether c may stand in a key without quotes.
func IsBare(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-'
}

// Quote writes s as a TOML basic string.
func Quote(s string) string {
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
