package applet

import (
	"slices"
	"strings"

	"bantam/init/kmod"
)

// Flags are the options of a command as its usage line has them, for completion:
// "-l" and "-a" of "[-la]", "-o" of "[-o FILE]", "--bind" of "[--bind]".
func Flags(name string) []string {
	var flags []string
	for _, word := range strings.FieldsFunc(table[name].usage, func(r rune) bool { return strings.ContainsRune("[]| ", r) }) {
		letters, isFlag := strings.CutPrefix(word, "-")
		switch {
		case !isFlag || letters == "" || letters == "SIGNAL":
		case letters[0] == '-' || name == "find" || word == "-br":
			flags = append(flags, strings.TrimRight(word, ";."))
		default:
			for _, letter := range letters {
				flags = append(flags, "-"+string(letter))
			}
		}
	}
	slices.Sort(flags)
	return slices.Compact(flags)
}

// Modules are the kernel modules that modprobe could load.
func Modules() []string {
	index, err := kmod.Open()
	if err != nil {
		return nil
	}
	return index.Names()
}

// LoadedModules are those that rmmod could remove.
func LoadedModules() []string {
	list, _ := kmod.List()
	var names []string
	for _, m := range list {
		names = append(names, m.Name)
	}
	slices.Sort(names)
	return names
}

// Users are the names in /etc/passwd.
func Users() []string {
	var names []string
	for _, name := range readNames("/etc/passwd") {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
