package shell

import (
	"slices"

	"bantam/init/applet"
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
		d := editDistance(name, candidate)
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

// editDistance counts insertions, deletions, replacements and swaps of
// neighbours between two short words.
func editDistance(a, b string) int {
	rows := [3][]int{}
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
	}
	for j := range rows[1] {
		rows[1][j] = j
	}
	for i := 1; i <= len(a); i++ {
		before, last, row := rows[(i-1)%3], rows[i%3], rows[(i+1)%3]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
	}
	return rows[(len(a)+1)%3][len(b)]
}
