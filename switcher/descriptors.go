package switcher

import (
	"encoding/json"
	"fmt"
)

// Descriptors is a list in a manifest or index of others. It has a bound of its own, because two bytes of JSON are enough for an element that takes
// fifty in memory: an index of 4 MB made a heap of 450 MB.
type Descriptors []Descriptor

// maxDescriptors is more than an index of 4 MB holds that means anything.
const maxDescriptors = 20_000

// UnmarshalJSON counts before it reads.
func (l *Descriptors) UnmarshalJSON(text []byte) error {
	if n := commas(text); n >= maxDescriptors {
		return fmt.Errorf("a list of more than %d descriptors", maxDescriptors)
	}
	return json.Unmarshal(text, (*[]Descriptor)(l))
}

// commas counts those between the elements of a list in JSON, which has been found valid.
func commas(text []byte) (n int) {
	depth, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '[' || c == '{':
			depth++
		case c == ']' || c == '}':
			depth--
		case c == ',' && depth == 1:
			n++
		}
	}
	return n
}
