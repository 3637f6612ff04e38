package editors

import "strings"

// An Editor is a program and the keys that a person would use there.
type Editor struct {
	Name    string
	Program string // in PATH, or a path
	Package string // Debian's
	Args    []string

	Insert, Command []string // to where letters become text, and back; for those with modes
	Down, Right     string
	PageDown        string
	DeleteLine      []string
	Find, FindEnd   []string // around what is searched for
	Append          []string // to the end of the line, ready for text
	SaveQuit        []string
	Abandon         []string // leave, whatever was changed
}

// Keys that most have.
const (
	down  = "\x1b[B"
	right = "\x1b[C"
	enter = "\r"
	esc   = "\x1b"
)

// Ours is the editor of the device binary.
func Ours(device string) Editor {
	return Editor{Name: "edit", Program: device, Args: []string{"edit"},
		Down: down, Right: right, PageDown: "\x1b[6~", DeleteLine: []string{ctrl('K')},
		Find: []string{ctrl('F')}, FindEnd: []string{enter}, Append: []string{ctrl('E')},
		SaveQuit: []string{ctrl('S'), ctrl('Q')}, Abandon: []string{ctrl('Q'), "n"}}
}

// Peers are Debian's editors with Debian's settings: what a user meets who has
// installed the package and configured nothing.
func Peers() []Editor {
	vi := Editor{Insert: []string{"i"}, Command: []string{esc}, Down: "j", Right: "l", PageDown: ctrl('F'), DeleteLine: []string{"d", "d"},
		Find: []string{"/"}, FindEnd: []string{enter}, Append: []string{"A"},
		SaveQuit: append([]string{esc}, letters(":wq\r")...), Abandon: append([]string{esc}, letters(":q!\r")...)}
	nano := Editor{Down: down, Right: right, PageDown: ctrl('V'), DeleteLine: []string{ctrl('K')},
		Find: []string{ctrl('W')}, FindEnd: []string{enter}, Append: []string{ctrl('E')},
		SaveQuit: []string{ctrl('S'), ctrl('X')}, Abandon: []string{ctrl('X'), "n"}}
	called := func(e Editor, name, debian string, program ...string) Editor {
		e.Name, e.Package, e.Program, e.Args = name, debian, program[0], program[1:]
		return e
	}
	return []Editor{
		called(nano, "nano", "nano", "nano"),
		called(nano, "nano -I", "nano", "nano", "--ignorercfiles"),
		called(vi, "vim.tiny", "vim-tiny", "vim.tiny", "-u", "/etc/vim/vimrc.tiny"),
		called(vi, "nvi", "nvi", "nvi"),
		called(vi, "busybox vi", "busybox-static", "busybox", "vi"),
		{Name: "mg", Program: "mg", Package: "mg",
			Down: down, Right: right, PageDown: ctrl('V'), DeleteLine: []string{ctrl('K'), ctrl('K')},
			Find: []string{ctrl('S')}, FindEnd: []string{enter}, Append: []string{ctrl('E')},
			SaveQuit: []string{ctrl('X'), ctrl('S'), ctrl('X'), ctrl('C')}, Abandon: append([]string{ctrl('X'), ctrl('C')}, letters("nyes\r")...)},
		{Name: "ne", Program: "ne", Package: "ne",
			Down: down, Right: right, PageDown: ctrl('N'), DeleteLine: []string{ctrl('Y')},
			Find: []string{ctrl('F')}, FindEnd: []string{enter}, Append: []string{ctrl('E')},
			SaveQuit: []string{ctrl('S'), ctrl('Q')}, Abandon: []string{ctrl('Q'), "y"}},
		{Name: "joe", Program: "joe", Package: "joe",
			Down: down, Right: right, PageDown: ctrl('V'), DeleteLine: []string{ctrl('Y')},
			Find: []string{ctrl('K'), "f"}, FindEnd: []string{enter, enter}, Append: []string{ctrl('E')},
			SaveQuit: []string{ctrl('K'), "x"}, Abandon: []string{ctrl('C'), "y"}},
		{Name: "micro", Program: "micro", Package: "micro",
			Down: down, Right: right, PageDown: "\x1b[6~", DeleteLine: []string{ctrl('K')},
			Find: []string{ctrl('F')}, FindEnd: []string{enter}, Append: []string{"\x1b[4~"},
			SaveQuit: []string{ctrl('S'), ctrl('Q')}, Abandon: []string{ctrl('Q'), "n"}},
	}
}

// letters are the keys of s.
func letters(s string) []string { return strings.Split(s, "") }

// ctrl is the key with Ctrl held down.
func ctrl(letter byte) string { return string(rune(letter & 0x1f)) }
