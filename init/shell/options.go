package shell

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// option is one of those of set.
type option int

const (
	allexport option = iota
	errexit
	errtrace
	noclobber
	noexec
	noglob
	nounset
	pipefail
	verbose
	xtrace
	monitor
	notify
	optionCount
)

type options [optionCount]bool

// optionNames are in the order of the constants. A letter of 0 is none.
var optionNames = [optionCount]struct {
	letter byte
	name   string
}{{'a', "allexport"}, {'e', "errexit"}, {'E', "errtrace"}, {'C', "noclobber"}, {'n', "noexec"}, {'f', "noglob"}, {'u', "nounset"},
	{0, "pipefail"}, {'v', "verbose"}, {'x', "xtrace"}, {'m', "monitor"}, {'b', "notify"}}

// letters is $-.
func (o options) letters(interactive bool) string {
	var list []byte
	for i, on := range o {
		if on && optionNames[i].letter != 0 {
			list = append(list, optionNames[i].letter)
		}
	}
	if interactive {
		list = append(list, 'i')
	}
	slices.Sort(list)
	return string(list)
}

func (o *options) set(letter byte, on bool) bool {
	for i, known := range optionNames {
		if known.letter == letter && letter != 0 {
			o[i] = on
			return true
		}
	}
	return letter == 'h' // remembering where commands are is not observable here
}

func (o *options) setName(name string, on bool) bool {
	for i, known := range optionNames {
		if known.name == name {
			o[i] = on
			return true
		}
	}
	return slices.Contains([]string{"emacs", "vi", "posix", "nolog", "ignoreeof", "hashall", "functrace"}, name) && (!on || name != "vi")
}

// parse takes the options that set or sh begin with, all or none of them. given tells
// whether operands follow that replace the parameters.
func (o *options) parse(args []string) (operands []string, given bool, list string, err error) {
	next := *o
	for len(args) > 0 {
		arg := args[0]
		if arg == "--" {
			*o = next
			return args[1:], true, list, nil
		}
		if arg == "-" { // an old way to say +xv --
			next[xtrace], next[verbose] = false, false
			*o = next
			return args[1:], len(args) > 1, list, nil
		}
		if len(arg) < 2 || arg[0] != '-' && arg[0] != '+' {
			break
		}
		args = args[1:]
		on := arg[0] == '-'
		for _, letter := range []byte(arg[1:]) {
			switch {
			case letter == 'o' && len(args) == 0:
				list = arg[:1]
			case letter == 'o':
				if !next.setName(args[0], on) {
					return nil, false, "", fmt.Errorf("unknown option %co %s", arg[0], args[0])
				}
				args = args[1:]
			case !next.set(letter, on):
				return nil, false, "", fmt.Errorf("unknown option %c%c", arg[0], letter)
			}
		}
	}
	*o = next
	return args, len(args) > 0, list, nil
}

// listing is what set -o and set +o print.
func (o options) listing(commands bool) string {
	var out strings.Builder
	for i, known := range optionNames {
		switch {
		case commands && o[i]:
			fmt.Fprintf(&out, "set -o %s\n", known.name)
		case commands:
			fmt.Fprintf(&out, "set +o %s\n", known.name)
		case o[i]:
			fmt.Fprintf(&out, "%-15s on\n", known.name)
		default:
			fmt.Fprintf(&out, "%-15s off\n", known.name)
		}
	}
	return out.String()
}

var errUnknownOption = errors.New("unknown option")

// letterOptions splits the single-letter options of a builtin from its operands.
// known lists the letters; the last of each stands.
func letterOptions(args []string, known string) (given string, operands []string, err error) {
	for len(args) > 0 && len(args[0]) > 1 && args[0][0] == '-' {
		arg := args[0]
		args = args[1:]
		if arg == "--" {
			break
		}
		for _, letter := range []byte(arg[1:]) {
			if strings.IndexByte(known, letter) < 0 {
				return "", nil, fmt.Errorf("%w -%c", errUnknownOption, letter)
			}
			given += string(letter)
		}
	}
	return given, args, nil
}
