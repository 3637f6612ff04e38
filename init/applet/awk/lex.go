package awk

import (
	"fmt"
	"strconv"
	"strings"
)

// kind is what a token is. Operators, brackets and keywords are tNames of their
// own text.
type kind int

const (
	tEnd kind = iota
	tNewline
	tNumber
	tString
	tRegex
	tName
	tCall    // a name with ( right behind it
	tBuiltin // one of functions
	tWord    // keyword, operator or bracket
)

type token struct {
	kind kind
	text string
	num  float64
	line int
}

var keywords = map[string]string{"BEGIN": "BEGIN", "END": "END", "function": "function", "func": "function", "if": "if", "else": "else", "while": "while", "for": "for",
	"do": "do", "break": "break", "continue": "continue", "next": "next", "nextfile": "nextfile", "exit": "exit", "return": "return", "delete": "delete", "in": "in",
	"getline": "getline", "print": "print", "printf": "printf"}

// operators, longer ones first.
var operators = []string{"**=", "&&", "||", "==", "<=", ">=", "!=", "++", "--", "+=", "-=", "*=", "/=", "%=", "^=", ">>", "!~", "**",
	"{", "}", "(", ")", "[", "]", ";", ",", "+", "-", "*", "/", "%", "^", "!", ">", "<", "|", "?", ":", "~", "$", "="}

// lex splits a program into tokens.
func lex(src string) (tokens []token, err error) {
	line := 1
	add := func(k kind, text string) { tokens = append(tokens, token{kind: k, text: text, line: line}) }
	fault := func(format string, args ...any) ([]token, error) {
		return nil, fmt.Errorf("line %d: "+format, append([]any{line}, args...)...)
	}
	for i := 0; i < len(src); {
		b := src[i]
		switch {
		case b == '\n':
			add(tNewline, "newline")
			line++
			i++
		case b == ' ' || b == '\t' || b == '\r':
			i++
		case b == '\\' && strings.HasPrefix(src[i+1:], "\n"):
			line++
			i += 2
		case b == '\\' && strings.HasPrefix(src[i+1:], "\r\n"):
			line++
			i += 3
		case b == '#':
			for i < len(src) && src[i] != '\n' {
				i++
			}
		case b == '"':
			end := i + 1
			for end < len(src) && src[end] != '"' && src[end] != '\n' {
				if src[end] == '\\' && end+1 < len(src) {
					end++
				}
				end++
			}
			if end >= len(src) || src[end] == '\n' {
				return fault("a text without its closing quote")
			}
			add(tString, unescape(src[i+1:end]))
			line += strings.Count(src[i:end], "\n")
			i = end + 1
		case b == '/' && regexMayFollow(tokens):
			end, inBracket := i+1, false
			for end < len(src) && src[end] != '\n' && (src[end] != '/' || inBracket) {
				switch {
				case src[end] == '\\' && end+1 < len(src):
					end++
				case src[end] == '[' && !inBracket:
					inBracket = true
					if strings.HasPrefix(src[end+1:], "^") {
						end++
					}
					if strings.HasPrefix(src[end+1:], "]") {
						end++
					}
				case src[end] == ']':
					inBracket = false
				}
				end++
			}
			if end >= len(src) || src[end] != '/' {
				return fault("a regular expression without its closing /")
			}
			add(tRegex, strings.ReplaceAll(src[i+1:end], `\/`, "/"))
			i = end + 1
		case isDigit(b) || b == '.' && i+1 < len(src) && isDigit(src[i+1]):
			n := numberPrefix(src[i:])
			f, _ := strconv.ParseFloat(src[i:i+n], 64)
			tokens = append(tokens, token{tNumber, src[i : i+n], f, line})
			i += n
		case isLetter(b):
			end := i
			for end < len(src) && (isLetter(src[end]) || isDigit(src[end])) {
				end++
			}
			word := src[i:end]
			i = end
			switch {
			case keywords[word] != "":
				add(tWord, keywords[word])
			case builtins[word] != nil:
				add(tBuiltin, word)
			case i < len(src) && src[i] == '(':
				add(tCall, word)
			default:
				add(tName, word)
			}
		default:
			found := ""
			for _, operator := range operators {
				if strings.HasPrefix(src[i:], operator) {
					found = operator
					break
				}
			}
			if found == "" {
				return fault("%q is not understood", b)
			}
			i += len(found)
			switch found {
			case "**":
				found = "^"
			case "**=":
				found = "^="
			}
			add(tWord, found)
		}
	}
	add(tNewline, "newline")
	add(tEnd, "the end")
	return tokens, nil
}

// regexMayFollow tells whether a / begins an expression here or divides.
func regexMayFollow(tokens []token) bool {
	if len(tokens) == 0 {
		return true
	}
	switch last := tokens[len(tokens)-1]; last.kind {
	case tNumber, tString, tRegex, tName, tBuiltin:
		return false
	case tWord:
		return last.text != ")" && last.text != "]" && last.text != "$" && last.text != "++" && last.text != "--"
	}
	return true
}

func isDigit(b byte) bool  { return b >= '0' && b <= '9' }
func isLetter(b byte) bool { return b == '_' || b|0x20 >= 'a' && b|0x20 <= 'z' }

// numberPrefix is how many bytes of a text, without blanks before, are a number.
func numberPrefix(s string) int {
	i := 0
	if i < len(s) && (s[i] == '+' || s[i] == '-') {
		i++
	}
	digits := 0
	for i < len(s) && isDigit(s[i]) {
		i, digits = i+1, digits+1
	}
	if i < len(s) && s[i] == '.' {
		i++
		for i < len(s) && isDigit(s[i]) {
			i, digits = i+1, digits+1
		}
	}
	if digits == 0 {
		return 0
	}
	if i < len(s) && s[i]|0x20 == 'e' {
		j := i + 1
		if j < len(s) && (s[j] == '+' || s[j] == '-') {
			j++
		}
		if j < len(s) && isDigit(s[j]) {
			for j < len(s) && isDigit(s[j]) {
				j++
			}
			i = j
		}
	}
	return i
}

// unescape expands the backslashes of a text.
func unescape(s string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	var out strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			out.WriteByte(s[i])
			continue
		}
		i++
		switch b := s[i]; {
		case strings.IndexByte("abfnrtv", b) >= 0:
			out.WriteByte("\a\b\f\n\r\t\v"[strings.IndexByte("abfnrtv", b)])
		case b == '"' || b == '\\' || b == '/':
			out.WriteByte(b)
		case b == '\n': // the text goes on in the next line
		case b >= '0' && b <= '7':
			n := 0
			for k := 0; k < 3 && i < len(s) && s[i] >= '0' && s[i] <= '7'; k++ {
				n = n*8 + int(s[i]-'0')
				i++
			}
			i--
			out.WriteByte(byte(n))
		default:
			out.WriteByte('\\')
			out.WriteByte(b)
		}
	}
	return out.String()
}
