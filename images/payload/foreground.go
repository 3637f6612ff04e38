package payload

import (
	"path"
	"slices"
)

// foreground is how a program that its unit lets go into the background stays instead, as a service must: what is left out of its
// command, and what is added. The options are from the manuals of Debian 12.
type foreground struct {
	drop     []string // options
	dropNext []string // options with a value
	add      []string
}

// foregrounds are those of programs by name: Type=forking is said by few units.
var foregrounds = map[string]foreground{
	"chronyd": {add: []string{"-d"}}, // -n would be enough, but leaves what it says to a syslog that there is not
	"hostapd": {drop: []string{"-B"}, dropNext: []string{"-P"}},
	"nginx":   {dropNext: []string{"-g"}, add: []string{"-g", "daemon off;"}},
	"proftpd": {add: []string{"--nodaemon"}},
	"radvd":   {add: []string{"--nodaemon"}},
}

// listens are the TCP ports of programs that are ready once they listen, as their packages in Debian 12 configure them. A program that
// listens on nothing before somebody writes what, as nginx, is not among them: a service would never be ready.
var listens = map[string]int{"mosquitto": 1883, "prometheus-node-exporter": 9100, "redis-server": 6379}

// stay makes a command one that stays; ok is false for a program of which that is not known.
func stay(command []string) (stays []string, ok bool) {
	how, ok := foregrounds[path.Base(command[0])]
	for i := 0; i < len(command) && ok; i++ {
		switch {
		case slices.Contains(how.dropNext, command[i]):
			i++
		case !slices.Contains(how.drop, command[i]):
			stays = append(stays, command[i])
		}
	}
	return append(stays, how.add...), ok
}
