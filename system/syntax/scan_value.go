package syntax

import (
	"bytes"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/BurntSushi/toml"
)

// MaxDepth bounds nested brackets; the schema needs two.
const MaxDepth = 16

// value reads the value at the current position. Its kind is invalidKind if it
// cannot be read, which has been reported then.
func (s *Scanner) value(depth int) *Node {
	n := &Node{At: s.Pos}
	switch c := s.Peek(); {
	case depth > MaxDepth:
		s.lose(s.Pos, "", "brackets are nested more than %d deep", MaxDepth)
	case c == '"' || c == '\'':
		if text, ok := s.quoted(true); ok {
			n.Kind, n.Text = StringKind, text
		}
	case c == '[':
		s.array(n, depth)
	case c == '{':
		s.inlineTable(n, depth)
	default:
		s.scalar(n, depth)
	}
	n.End = s.Pos
	return n
}

// lose gives up the statement.
func (s *Scanner) lose(at int, suggestion, format string, args ...any) {
	if !s.Lost {
		s.fault(at, suggestion, format, args...)
	}
	s.Lost = true
}

func (s *Scanner) array(n *Node, depth int) {
	const unclosed = "array is not closed with ]"
	n.Kind = ArrayKind
	s.Pos++
	for comma := true; ; {
		newLine := s.skipBlank()
		switch c := s.Peek(); {
		case c == 0 || newLine && s.statementAhead():
			s.lose(n.At, "", unclosed)
			n.Kind = InvalidKind
			return
		case c == ']':
			s.Pos++
			return
		case c == ',':
			if comma {
				s.fault(s.Pos, "", "comma without a value before it")
			}
			comma = true
			s.Pos++
			continue
		}
		if !comma {
			s.fault(s.Pos, "write a comma between the values", "no comma before this value")
		}
		comma = false
		item := s.value(depth + 1)
		if s.Lost {
			n.Kind = InvalidKind
			return
		}
		item.Key = item.At
		n.Items = append(n.Items, item)
	}
}

func (s *Scanner) inlineTable(n *Node, depth int) {
	n.Kind = TableKind
	s.Pos++
	for comma := true; ; {
		s.skipBlank()
		switch c := s.Peek(); {
		case c == '}':
			s.Pos++
			return
		case c == ',' && !comma:
			comma = true
			s.Pos++
			continue
		case c == 0 || !comma || s.headerAhead():
			s.lose(n.At, "", "inline table is not closed with }")
			n.Kind = InvalidKind
			return
		}
		comma = false
		keys, ok := s.Keys()
		if !ok || s.Peek() != '=' {
			s.lose(s.Pos, "", "expected key = value in the inline table")
			n.Kind = InvalidKind
			return
		}
		s.Pos++
		s.skipBlank()
		value := s.value(depth + 1)
		if s.Lost {
			n.Kind = InvalidKind
			return
		}
		s.assign(n, keys, value)
	}
}

// headerAhead is statementAhead for headers only.
func (s *Scanner) headerAhead() bool { return s.Peek() == '[' && s.statementAhead() }

// scalar reads a value without quotes or brackets.
func (s *Scanner) scalar(n *Node, depth int) {
	stop := " \t\r\n,]}#="
	token := func() string {
		end := bytes.IndexAny(s.Src[s.Pos:], stop)
		if end < 0 {
			end = len(s.Src) - s.Pos
		}
		return string(s.Src[s.Pos : s.Pos+end])
	}
	word := token()
	if len(word) == len("2006-01-02") && strings.Count(word, "-") == 2 {
		stop = stop[1:] // a date may have a space before its time
		word = strings.TrimRight(token(), " \t")
	}
	if word == "" {
		if c := s.Peek(); c == 0 || c == '\n' || c == '\r' || c == '#' {
			s.fault(s.Pos, "", "a value is missing here")
			return
		}
		s.fault(s.Pos, "", "unexpected %q where a value should be", s.Peek())
		s.Pos++
		return
	}
	v, err := decodeValue(word)
	if err != nil {
		if depth == 0 { // people write whole texts without quotes
			stop = "\r\n#"
			word = strings.TrimRight(token(), " \t")
		}
		s.fault(n.At, suggestValue(word), "%s is not a value", word)
		s.Pos += len(word)
		return
	}
	s.Pos += len(word)
	n.Text = word
	switch v := v.(type) {
	case bool:
		n.Kind, n.Flag = BooleanKind, v
	case int64:
		n.Kind, n.Num = IntegerKind, v
	case float64:
		n.Kind = floatKind
	case time.Time:
		n.Kind = dateKind
	}
}

func suggestValue(word string) string {
	switch strings.ToLower(word) {
	case "true", "yes", "on":
		return "write true"
	case "false", "no", "off":
		return "write false, or \"" + word + "\" if it is text"
	}
	return "put text in quotes: " + Quote(strings.Trim(word, `"'`))
}

// quoted reads a string; multi allows the ones with three quotes.
func (s *Scanner) quoted(multi bool) (text string, ok bool) {
	at, q := s.Pos, s.Src[s.Pos]
	triple := bytes.Repeat([]byte{q}, 3)
	if multi && bytes.HasPrefix(s.Src[at:], triple) {
		end := s.Closing(at+3, triple)
		if end < 0 {
			s.headerOnly = true
			s.lose(at, "", "string is not closed with %s", triple)
			return "", false
		}
		for range 2 { // up to two quotes may stand before the closing ones
			if end < len(s.Src) && s.Src[end] == q {
				end++
			}
		}
		s.Pos = end
		body := s.Src[at+3 : end-3]
		body = bytes.TrimPrefix(bytes.TrimPrefix(body, []byte("\r")), []byte("\n"))
		return s.Unescape(at, q, string(bytes.ReplaceAll(body, []byte("\r\n"), []byte("\n"))), string(triple))
	}
	line := s.Src[at:]
	if i := bytes.IndexByte(line, '\n'); i >= 0 {
		line = line[:i]
	}
	end := s.Closing(at+1, triple[:1])
	if end < 0 || end > at+len(line) {
		s.fault(at, "", "string is not closed with %c on its line", q)
		s.Pos = at + len(line)
		return "", false
	}
	s.Pos = end
	return s.Unescape(at, q, string(s.Src[at+1:end-1]), string(q))
}

// Closing is the offset behind the next quotes, -1 if there are none.
func (s *Scanner) Closing(from int, quotes []byte) int {
	for i := from; i < len(s.Src); i++ {
		if s.Src[i] == '\\' && quotes[0] == '"' {
			i++
		} else if s.Src[i] == '\n' && len(quotes) == 1 {
			return -1
		} else if bytes.HasPrefix(s.Src[i:], quotes) {
			return i + len(quotes)
		}
	}
	return -1
}

// Unescape is the meaning of a string's body.
func (s *Scanner) Unescape(at int, q byte, body, quotes string) (string, bool) {
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
