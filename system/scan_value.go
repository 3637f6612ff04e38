package system

import (
	"bytes"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/BurntSushi/toml"
)

// maxDepth bounds nested brackets; the schema needs two.
const maxDepth = 16

// value reads the value at the current position. Its kind is invalidKind if it
// cannot be read, which has been reported then.
func (s *scanner) value(depth int) *node {
	n := &node{at: s.pos}
	switch c := s.peek(); {
	case depth > maxDepth:
		s.lose(s.pos, "", "brackets are nested more than %d deep", maxDepth)
	case c == '"' || c == '\'':
		if text, ok := s.quoted(true); ok {
			n.kind, n.text = stringKind, text
		}
	case c == '[':
		s.array(n, depth)
	case c == '{':
		s.inlineTable(n, depth)
	default:
		s.scalar(n, depth)
	}
	n.end = s.pos
	return n
}

// lose gives up the statement.
func (s *scanner) lose(at int, suggestion, format string, args ...any) {
	if !s.lost {
		s.fault(at, suggestion, format, args...)
	}
	s.lost = true
}

func (s *scanner) array(n *node, depth int) {
	const unclosed = "array is not closed with ]"
	n.kind = arrayKind
	s.pos++
	for comma := true; ; {
		newLine := s.skipBlank()
		switch c := s.peek(); {
		case c == 0 || newLine && s.statementAhead():
			s.lose(n.at, "", unclosed)
			n.kind = invalidKind
			return
		case c == ']':
			s.pos++
			return
		case c == ',':
			if comma {
				s.fault(s.pos, "", "comma without a value before it")
			}
			comma = true
			s.pos++
			continue
		}
		if !comma {
			s.fault(s.pos, "write a comma between the values", "no comma before this value")
		}
		comma = false
		item := s.value(depth + 1)
		if s.lost {
			n.kind = invalidKind
			return
		}
		item.key = item.at
		n.items = append(n.items, item)
	}
}

func (s *scanner) inlineTable(n *node, depth int) {
	n.kind = tableKind
	s.pos++
	for comma := true; ; {
		s.skipBlank()
		switch c := s.peek(); {
		case c == '}':
			s.pos++
			return
		case c == ',' && !comma:
			comma = true
			s.pos++
			continue
		case c == 0 || !comma || s.headerAhead():
			s.lose(n.at, "", "inline table is not closed with }")
			n.kind = invalidKind
			return
		}
		comma = false
		keys, ok := s.keys()
		if !ok || s.peek() != '=' {
			s.lose(s.pos, "", "expected key = value in the inline table")
			n.kind = invalidKind
			return
		}
		s.pos++
		s.skipBlank()
		value := s.value(depth + 1)
		if s.lost {
			n.kind = invalidKind
			return
		}
		s.assign(n, keys, value)
	}
}

// headerAhead is statementAhead for headers only.
func (s *scanner) headerAhead() bool { return s.peek() == '[' && s.statementAhead() }

// scalar reads a value without quotes or brackets.
func (s *scanner) scalar(n *node, depth int) {
	stop := " \t\r\n,]}#="
	token := func() string {
		end := bytes.IndexAny(s.src[s.pos:], stop)
		if end < 0 {
			end = len(s.src) - s.pos
		}
		return string(s.src[s.pos : s.pos+end])
	}
	word := token()
	if len(word) == len("2006-01-02") && strings.Count(word, "-") == 2 {
		stop = stop[1:] // a date may have a space before its time
		word = strings.TrimRight(token(), " \t")
	}
	if word == "" {
		if c := s.peek(); c == 0 || c == '\n' || c == '\r' || c == '#' {
			s.fault(s.pos, "", "a value is missing here")
			return
		}
		s.fault(s.pos, "", "unexpected %q where a value should be", s.peek())
		s.pos++
		return
	}
	v, err := decodeValue(word)
	if err != nil {
		if depth == 0 { // people write whole texts without quotes
			stop = "\r\n#"
			word = strings.TrimRight(token(), " \t")
		}
		s.fault(n.at, suggestValue(word), "%s is not a value", word)
		s.pos += len(word)
		return
	}
	s.pos += len(word)
	n.text = word
	switch v := v.(type) {
	case bool:
		n.kind, n.flag = booleanKind, v
	case int64:
		n.kind, n.num = integerKind, v
	case float64:
		n.kind = floatKind
	case time.Time:
		n.kind = dateKind
	}
}

func suggestValue(word string) string {
	switch strings.ToLower(word) {
	case "true", "yes", "on":
		return "write true"
	case "false", "no", "off":
		return "write false, or \"" + word + "\" if it is text"
	}
	return "put text in quotes: " + quote(strings.Trim(word, `"'`))
}

// quoted reads a string; multi allows the ones with three quotes.
func (s *scanner) quoted(multi bool) (text string, ok bool) {
	at, q := s.pos, s.src[s.pos]
	triple := bytes.Repeat([]byte{q}, 3)
	if multi && bytes.HasPrefix(s.src[at:], triple) {
		end := s.closing(at+3, triple)
		if end < 0 {
			s.headerOnly = true
			s.lose(at, "", "string is not closed with %s", triple)
			return "", false
		}
		for range 2 { // up to two quotes may stand before the closing ones
			if end < len(s.src) && s.src[end] == q {
				end++
			}
		}
		s.pos = end
		body := s.src[at+3 : end-3]
		body = bytes.TrimPrefix(bytes.TrimPrefix(body, []byte("\r")), []byte("\n"))
		return s.unescape(at, q, string(bytes.ReplaceAll(body, []byte("\r\n"), []byte("\n"))), string(triple))
	}
	line := s.src[at:]
	if i := bytes.IndexByte(line, '\n'); i >= 0 {
		line = line[:i]
	}
	end := s.closing(at+1, triple[:1])
	if end < 0 || end > at+len(line) {
		s.fault(at, "", "string is not closed with %c on its line", q)
		s.pos = at + len(line)
		return "", false
	}
	s.pos = end
	return s.unescape(at, q, string(s.src[at+1:end-1]), string(q))
}

// closing is the offset behind the next quotes, -1 if there are none.
func (s *scanner) closing(from int, quotes []byte) int {
	for i := from; i < len(s.src); i++ {
		if s.src[i] == '\\' && quotes[0] == '"' {
			i++
		} else if s.src[i] == '\n' && len(quotes) == 1 {
			return -1
		} else if bytes.HasPrefix(s.src[i:], quotes) {
			return i + len(quotes)
		}
	}
	return -1
}

// unescape is the meaning of a string's body.
func (s *scanner) unescape(at int, q byte, body, quotes string) (string, bool) {
	if q == '\'' || !strings.Contains(body, `\`) {
		return body, true
	}
	v, err := decodeValue(quotes + "\n"[:len(quotes)/3] + body + quotes)
	if err != nil {
		var parse toml.ParseError
		message := "bad escape in the string"
		if errors.As(err, &parse) {
			message = parse.Message
		}
		s.fault(at, `write \\ for a backslash`, "%s", message)
		return "", false
	}
	return v.(string), true
}

// decodeValue is the toml package's reading of one value. The plain ones, of
// which a file may have many, are read here.
func decodeValue(raw string) (any, error) {
	if i, err := strconv.ParseInt(raw, 10, 64); err == nil && strconv.FormatInt(i, 10) == raw {
		return i, nil
	}
	var doc map[string]any
	if _, err := toml.Decode("v="+raw, &doc); err != nil {
		return nil, err
	}
	return doc["v"], nil
}
