package kmod

import "strings"

// Options are what a person may say about modules beforehand.
type Options struct {
	// Params are given to a module whenever it is inserted, e.g. "bonding": "max_bonds=0".
	Params map[string]string
	// Blacklist names modules that no alias loads; by name they still can be.
	Blacklist map[string]bool
}

// DefaultOptions keep modules from making devices that nobody asked for.
func DefaultOptions() Options {
	return Options{
		Params: map[string]string{
			"bonding": "max_bonds=0",
			"dummy":   "numdummies=0",
			"ifb":     "numifbs=0",
		},
		Blacklist: map[string]bool{},
	}
}

// AddCmdline takes up the words of a kernel command line that modprobe knows:
// modprobe.blacklist=NAME,NAME and MODULE.PARAMETER=VALUE.
func (o *Options) AddCmdline(words []string) {
	for _, word := range words {
		key, value, _ := strings.Cut(word, "=")
		module, param, ok := strings.Cut(key, ".")
		switch {
		case !ok || module == "" || param == "":
		case module == "modprobe" && param == "blacklist":
			for name := range strings.SplitSeq(value, ",") {
				o.Blacklist[Name(name)] = true
			}
		default:
			name := Name(module)
			o.Params[name] = join(o.Params[name], quoted(param, word))
		}
	}
}

// quoted is one parameter as the kernel's parser wants it.
func quoted(param, word string) string {
	_, value, ok := strings.Cut(word, "=")
	switch {
	case !ok:
		return param
	case strings.ContainsAny(value, " \t"):
		return param + `="` + value + `"`
	}
	return param + "=" + value
}

func join(a, b string) string { return strings.TrimSpace(a + " " + b) }
