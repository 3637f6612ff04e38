package shell

import (
	"slices"

	"bantam/init/applet"
	"bantam/spelling"
)

// habits are commands of other systems and what does their work here.
var habits = map[string]string{
	"vi": "edit", "vim": "edit", "nano": "edit",
	"ifconfig": "ip", "curl": "wget", "bash": "sh", "htop": "top",
	"journalctl": "bantam log", "logread": "bantam log", "systemctl": "bantam service", "shutdown": "poweroff",
}

// packagers are package managers of other systems.
var packagers = []string{"apk", "apt", "apt-get", "dpkg", "opkg"}

// suggestion is what to type instead of a command that is not there, after a semicolon, or "".
func suggestion(name string) string {
	if own, ok := habits[name]; ok {
		return "; use " + own
	}
	if slices.Contains(packagers, name) {
		return "; there are no packages yet"
	}
	candidates := applet.Names()
	for own := range builtins {
		candidates = append(candidates, own)
	}
	candidates = append(candidates, "bantam", "edit", "halt", "poweroff", "reboot", "view")
	slices.Sort(candidates)
	best, distance := "", len(name)
	for _, candidate := range candidates {
		longer := max(len(name), len(candidate))
		d := spelling.Distance(name, candidate)
		// One letter more, less or other in three makes too many words; letters that changed places do not.
		if d < distance && (longer > 3 && d <= longer/3 || d == 1 && sameLetters(name, candidate)) {
			best, distance = candidate, d
		}
	}
	if best == "" {
		return ""
	}
	return "; did you mean " + best + "?"
}

func sameLetters(a, b string) bool {
	x, y := []byte(a), []byte(b)
	slices.Sort(x)
	slices.Sort(y)
	return string(x) == string(y)
}
