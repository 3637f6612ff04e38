package applet

import (
	"fmt"
	"strconv"
	"strings"
)

// options are the parsed options of one command line: letter to arguments,
// "" for an option that takes none.
type options map[byte][]string

func (o options) has(letter byte) bool { return o[letter] != nil }

// value is the last argument given to letter, or other.
func (o options) value(letter byte, other string) string {
	if v := o[letter]; v != nil {
		return v[len(v)-1]
	}
	return other
}

// number is the last argument of letter as a whole number, or other.
func (o options) number(letter byte, other int) (int, error) {
	v := o[letter]
	if v == nil {
		return other, nil
	}
	n, err := strconv.Atoi(v[len(v)-1])
	if err != nil {
		return 0, fmt.Errorf("-%c: %q is not a number", letter, v[len(v)-1])
	}
	return n, nil
}

// parseOptions splits args into options and operands.
//
// spec lists the letters, one followed by ':' takes an argument; a leading '+'
// ends the options at the first operand, for commands that run other commands.
// long maps long names to letters: "recursive" to 'r'. A lone "-" is an operand.
func parseOptions(spec string, long map[string]byte, args []string) (options, []string, error) {
	stopAtOperand := strings.HasPrefix(spec, "+")
	spec = strings.TrimPrefix(spec, "+")
	opts := options{}
	var operands []string
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		switch {
		case arg == "--":
			return opts, append(operands, args...), nil
		case strings.HasPrefix(arg, "--"):
			name, value, given := strings.Cut(arg[2:], "=")
			letter, ok := long[name]
			if !ok {
				return nil, nil, fmt.Errorf("unknown option --%s", name)
			}
			takes := takesArgument(spec, letter)
			switch {
			case given && !takes:
				return nil, nil, fmt.Errorf("--%s takes no argument", name)
			case takes && !given:
				if len(args) == 0 {
					return nil, nil, fmt.Errorf("--%s needs an argument", name)
				}
				value, args = args[0], args[1:]
			}
			opts[letter] = append(opts[letter], value)
		case len(arg) > 1 && arg[0] == '-':
			for rest := arg[1:]; rest != ""; {
				letter := rest[0]
				rest = rest[1:]
				if letter == ':' || letter == '+' || strings.IndexByte(spec, letter) < 0 {
					return nil, nil, fmt.Errorf("unknown option -%c", letter)
				}
				if !takesArgument(spec, letter) {
					opts[letter] = append(opts[letter], "")
					continue
				}
				if rest == "" {
					if len(args) == 0 {
						return nil, nil, fmt.Errorf("-%c needs an argument", letter)
					}
					rest, args = args[0], args[1:]
				}
				opts[letter] = append(opts[letter], rest)
				rest = ""
			}
		default:
			if stopAtOperand {
				return opts, append([]string{arg}, args...), nil
			}
			operands = append(operands, arg)
		}
	}
	return opts, operands, nil
}

func takesArgument(spec string, letter byte) bool {
	i := strings.IndexByte(spec, letter)
	return i >= 0 && i+1 < len(spec) && spec[i+1] == ':'
}
