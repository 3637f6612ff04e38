package applet

import (
	"errors"
	"io"
	"strings"
)

func xargs(c *call, args []string) int {
	opts, command, err := parseOptions("+0rtn:I:L:d:", map[string]byte{"null": '0', "no-run-if-empty": 'r'}, args)
	if err != nil {
		return c.misuse("%v", err)
	}
	if len(command) == 0 {
		command = []string{"echo"}
	}
	perRun, err := opts.number('n', 0)
	if err != nil || perRun < 0 {
		return c.misuse("-n needs a positive number")
	}
	text, err := io.ReadAll(c.in)
	if err != nil {
		return c.fail("-", err)
	}
	c.in = strings.NewReader("") // the list is not for the commands
	var items []string
	switch {
	case opts.has('0'):
		items = splitEnded(string(text), "\x00")
	case opts.has('d'):
		b, _ := unescapeByte(opts.value('d', "\n") + " ")
		items = splitEnded(string(text), string(b))
	case opts.has('I') || opts.has('L'):
		for _, line := range splitEnded(string(text), "\n") {
			if line = strings.TrimLeft(line, " \t"); line != "" {
				items = append(items, line)
			}
		}
		if opts.has('L') {
			if perRun, err = opts.number('L', 1); err != nil {
				return c.misuse("%v", err)
			}
		}
	default:
		if items, err = splitQuoted(string(text)); err != nil {
			return c.misuse("%v", err)
		}
	}
	result := 0
	run := func(args []string) bool {
		if opts.has('t') {
			c.warn("%s", strings.Join(args, " "))
		}
		switch code := c.execute(args, nil); {
		case code == 0:
		case code >= 126 || code == 255:
			result = max(result, code)
			return false // it makes no sense to go on
		default:
			result = 123
		}
		return true
	}
	if mark := opts.value('I', ""); mark != "" {
		for _, item := range items {
			args := make([]string, len(command))
			for i, arg := range command {
				args[i] = strings.ReplaceAll(arg, mark, item)
			}
			if !run(args) {
				break
			}
		}
		return result
	}
	if len(items) == 0 {
		if !opts.has('r') {
			run(command)
		}
		return result
	}
	for len(items) > 0 {
		n, bytes := 0, 0
		for n < len(items) && (perRun == 0 || n < perRun) && (n == 0 || bytes+len(items[n]) < argumentBytes) {
			bytes += len(items[n]) + 9
			n++
		}
		if !run(append(append([]string(nil), command...), items[:n]...)) {
			break
		}
		items = items[n:]
	}
	return result
}

func splitEnded(text, end string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(text, end), end)
}

// splitQuoted splits at blanks; quotes and backslashes protect them.
func splitQuoted(text string) ([]string, error) {
	var items []string
	var word strings.Builder
	inWord := false
	for i := 0; i < len(text); i++ {
		switch b := text[i]; {
		case b == '\'' || b == '"':
			end := strings.IndexByte(text[i+1:], b)
			if end < 0 {
				return nil, errors.New("unmatched quote in the input; use -0")
			}
			word.WriteString(text[i+1 : i+1+end])
			i += 1 + end
			inWord = true
		case b == '\\' && i+1 < len(text):
			i++
			word.WriteByte(text[i])
			inWord = true
		case b == ' ' || b == '\t' || b == '\n':
			if inWord {
				items = append(items, word.String())
				word.Reset()
			}
			inWord = false
		default:
			word.WriteByte(b)
			inWord = true
		}
	}
	if inWord {
		items = append(items, word.String())
	}
	return items, nil
}
