package applet

import (
	"os"
	"os/exec"
	"sort"
	"strconv"
	"strings"
	"syscall"
)

func trueCommand(c *call, args []string) int  { return 0 }
func falseCommand(c *call, args []string) int { return 1 }

func echo(c *call, args []string) int {
	newline, escapes := true, false
	for len(args) > 0 && len(args[0]) > 1 && args[0][0] == '-' && strings.Trim(args[0][1:], "neE") == "" {
		for _, letter := range args[0][1:] {
			switch letter {
			case 'n':
				newline = false
			case 'e':
				escapes = true
			case 'E':
				escapes = false
			}
		}
		args = args[1:]
	}
	text := strings.Join(args, " ")
	if escapes {
		var stop bool
		if text, stop = unescapeEcho(text); stop {
			newline = false
		}
	}
	c.out.WriteString(text)
	if newline {
		c.out.WriteByte('\n')
	}
	return 0
}

// unescapeEcho expands backslashes; \c ends all output.
func unescapeEcho(text string) (out string, stop bool) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' || i+1 == len(text) {
			b.WriteByte(text[i])
			continue
		}
		switch next := text[i+1]; {
		case next == 'c':
			return b.String(), true
		case next == 'e':
			b.WriteByte(0x1b)
			i++
		case next == 'x' && i+2 < len(text) && isHex(text[i+2]):
			end := i + 3
			if end < len(text) && isHex(text[end]) {
				end++
			}
			n, _ := strconv.ParseUint(text[i+2:end], 16, 8)
			b.WriteByte(byte(n))
			i = end - 1
		case next == '0' && i+2 < len(text) && text[i+2] >= '0' && text[i+2] <= '7':
			value, size := unescapeByte("\\" + text[i+2:])
			b.WriteByte(value)
			i += size
		case strings.IndexByte("abfnrtv\\0", next) >= 0:
			value, size := unescapeByte(text[i:])
			b.WriteByte(value)
			i += size - 1
		default:
			b.WriteByte('\\')
		}
	}
	return b.String(), false
}

func isHex(b byte) bool { return isDigit(b) || b|0x20 >= 'a' && b|0x20 <= 'f' }

func yes(c *call, args []string) int {
	line := "y\n"
	if len(args) > 0 {
		line = strings.Join(args, " ") + "\n"
	}
	for {
		if _, err := c.out.WriteString(line); err != nil {
			return 1
		}
	}
}

func seq(c *call, args []string) int {
	// Numbers may be negative, so what follows the options is not given to parseOptions.
	end := 0
	for end < len(args) && (strings.HasPrefix(args[end], "-w") || strings.HasPrefix(args[end], "-s")) {
		if strings.TrimLeft(args[end][1:], "w") == "s" {
			end++ // its argument follows
		}
		end++
	}
	if end < len(args) && args[end] == "--" {
		end++
	}
	end = min(end, len(args))
	opts, _, err := parseOptions("ws:", nil, args[:end])
	if err != nil {
		return c.misuse("%v", err)
	}
	args = args[end:]
	if len(args) < 1 || len(args) > 3 {
		return c.misuse("needs one to three numbers")
	}
	values := []float64{1, 1, 1}
	digits := 0
	for i, text := range args {
		n, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return c.misuse("%q is not a number", text)
		}
		if _, fraction, ok := strings.Cut(text, "."); ok && i < max(1, len(args)-1) {
			digits = max(digits, len(fraction))
		}
		values[i] = n
	}
	first, step, last := 1.0, 1.0, values[len(args)-1]
	if len(args) > 1 {
		first = values[0]
	}
	if len(args) == 3 {
		step = values[1]
	}
	if step == 0 {
		return c.misuse("the step is 0")
	}
	width := 0
	format := func(n float64) string { return strconv.FormatFloat(n, 'f', digits, 64) }
	if opts.has('w') {
		width = max(len(format(first)), len(format(last)))
	}
	separator := opts.value('s', "\n")
	for i := 0; ; i++ {
		n := first + float64(i)*step
		// A little slack, since 0.1 has no exact form.
		if step > 0 && n > last+step/1e6 || step < 0 && n < last+step/1e6 {
			if i > 0 {
				c.printf("\n")
			}
			return 0
		}
		if i > 0 {
			c.out.WriteString(separator)
		}
		text := format(n)
		if pad := width - len(text); pad > 0 {
			sign := ""
			if text[0] == '-' {
				sign, text = "-", text[1:]
			}
			text = sign + strings.Repeat("0", pad) + text
		}
		if _, err := c.out.WriteString(text); err != nil {
			return 1
		}
	}
}

func which(c *call, args []string) int {
	_, names, err := parseOptions("", nil, args)
	if err != nil {
		return c.misuse("%v", err)
	}
	for _, name := range names {
		path, err := exec.LookPath(name)
		if err != nil {
			c.status = 1
			continue
		}
		c.printf("%s\n", path)
	}
	return c.status
}

func env(c *call, args []string) int {
	opts, operands, err := parseOptions("+iu:", map[string]byte{"ignore-environment": 'i', "unset": 'u'}, args)
	if err != nil {
		return c.misuse("%v", err)
	}
	environment := os.Environ()
	if opts.has('i') || len(operands) > 0 && operands[0] == "-" {
		environment = nil
		if len(operands) > 0 && operands[0] == "-" {
			operands = operands[1:]
		}
	}
	remove := func(name string) {
		kept := environment[:0]
		for _, entry := range environment {
			if !strings.HasPrefix(entry, name+"=") {
				kept = append(kept, entry)
			}
		}
		environment = kept
	}
	for _, name := range opts['u'] {
		remove(name)
	}
	for len(operands) > 0 && strings.Contains(operands[0], "=") {
		name, _, _ := strings.Cut(operands[0], "=")
		remove(name)
		environment = append(environment, operands[0])
		operands = operands[1:]
	}
	if len(operands) == 0 {
		for _, entry := range environment {
			c.printf("%s\n", entry)
		}
		return 0
	}
	path, code := c.lookCommand(operands[0])
	if code != 0 {
		return code
	}
	// The command takes our place: who stops or waits for us means it.
	c.out.Flush()
	err = syscall.Exec(path, operands, environment)
	c.fail(operands[0], err)
	return 126
}

func printenv(c *call, args []string) int {
	if len(args) == 0 {
		list := os.Environ()
		sort.Strings(list)
		for _, entry := range list {
			c.printf("%s\n", entry)
		}
		return 0
	}
	for _, name := range args {
		value, ok := os.LookupEnv(name)
		if !ok {
			c.status = 1
			continue
		}
		c.printf("%s\n", value)
	}
	return c.status
}
