package http1

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"bantam/printable"
)

// Bounds of what a server may say before its body.
const (
	maxHead    = 64 << 10 // bytes of the heads of one answer, interim ones among them
	maxFields  = 200
	maxInterim = 8
)

var errHeadTooLong = fmt.Errorf("the head of the answer has more than %d bytes", maxHead)

// readAnswer reads the head of an answer to a request with this method (RFC 9112); its body reads on from r. keep says
// whether the connection can be used again once the body has been read.
func readAnswer(r *bufio.Reader, method string) (a *Response, keep bool, err error) {
	lines := lineReader{r: r, left: maxHead}
	for range maxInterim {
		if a, keep, err = readHead(&lines); err != nil {
			return nil, false, err
		}
		if a.Status >= 200 {
			keep, err = a.frame(r, method, keep)
			return a, keep, err
		}
		if a.Status == 101 { // another protocol, which nobody asked for
			break
		}
	}
	return nil, false, errors.New("the server does not come to its answer")
}

// readHead reads status line and fields. keep is what they say of the connection.
func readHead(lines *lineReader) (a *Response, keep bool, err error) {
	status, err := lines.next()
	if err != nil {
		return nil, false, err
	}
	version, rest, _ := strings.Cut(status, " ")
	code, reason, _ := strings.Cut(rest, " ")
	number, err := strconv.ParseUint(code, 10, 16)
	if err != nil || number < 100 || len(code) != 3 || version != "HTTP/1.1" && version != "HTTP/1.0" {
		return nil, false, fmt.Errorf("the server does not speak HTTP/1: %.60q", status)
	}
	a = &Response{Status: int(number), Reason: printable.Line(fmt.Sprintf("%.60s", reason)), Length: -1}
	keep = version == "HTTP/1.1"
	for {
		line, err := lines.next()
		if err != nil {
			return nil, false, err
		}
		if line == "" {
			break
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok || name == "" || strings.ContainsFunc(name, notOfToken) {
			return nil, false, fmt.Errorf("the server sends a bad field: %.60q", line)
		}
		if len(a.Fields) == maxFields {
			return nil, false, fmt.Errorf("the head of the answer has more than %d fields", maxFields)
		}
		a.Fields = append(a.Fields, Field{name, strings.Trim(value, " \t")})
	}
	for _, value := range a.All("Connection") {
		if hasWord(value, "close") {
			keep = false
		}
	}
	return a, keep, nil
}

// frame finds where the body ends (RFC 9112 section 6.3). What is ambiguous is refused: honest servers never are.
func (a *Response) frame(r *bufio.Reader, method string, keep bool) (bool, error) {
	codings, lengths := a.All("Transfer-Encoding"), a.All("Content-Length")
	for i, text := range lengths {
		n, err := strconv.ParseUint(text, 10, 63)
		if err != nil || i > 0 && int64(n) != a.Length || len(codings) > 0 {
			return false, fmt.Errorf("the server sends a bad length: %.60q", strings.Join(append(lengths, codings...), ", "))
		}
		a.Length = int64(n)
	}
	switch {
	case method == "HEAD" || a.Status == 204 || a.Status == 304:
		a.in = &exactly{r: r}
	case len(codings) > 0:
		if len(codings) > 1 || !strings.EqualFold(codings[0], "chunked") {
			return false, fmt.Errorf("the server sends the encoding %.40q, which was not asked for", strings.Join(codings, ", "))
		}
		a.in = &chunks{r: r}
	case a.Length >= 0:
		a.in = &exactly{r: r, left: a.Length}
	default:
		a.in, keep = r, false
	}
	return keep, nil
}

// plain says why a body is not what was asked for.
func (a *Response) plain() error {
	if text := a.Field("Content-Encoding"); text != "" && !strings.EqualFold(text, "identity") {
		return fmt.Errorf("the server sends the encoding %.40q, which was not asked for", text)
	}
	return nil
}

// lineReader reads lines that end with a line feed, a carriage return before it or not.
type lineReader struct {
	r    *bufio.Reader
	left int
}

func (l *lineReader) next() (string, error) {
	var text []byte
	for {
		part, err := l.r.ReadSlice('\n')
		if l.left -= len(part); l.left < 0 {
			return "", errHeadTooLong
		}
		text = append(text, part...)
		if err == bufio.ErrBufferFull {
			continue
		}
		if err == io.EOF {
			err = errEarly
		}
		if err != nil {
			return "", err
		}
		text = bytes.TrimSuffix(text[:len(text)-1], []byte("\r"))
		if bytes.ContainsAny(text, "\x00\r") {
			return "", fmt.Errorf("the server sends a bad line: %.60q", text)
		}
		return string(text), nil
	}
}

func notOfToken(c rune) bool {
	return !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("!#$%&'*+-.^_`|~", c))
}

// hasWord says whether a list with commas has a word.
func hasWord(list, word string) bool {
	for one := range strings.SplitSeq(list, ",") {
		if strings.EqualFold(strings.TrimSpace(one), word) {
			return true
		}
	}
	return false
}
