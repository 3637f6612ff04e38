package payload

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"bantam/system"
)

// unit is what of a systemd service says how to run it: systemd.service(5), systemd.exec(5).
type unit struct {
	name    string              // e.g. mosquitto
	section map[string][]string // values of [Service] by key
	wanted  bool                // something starts it at boot; others are started by timers, sockets and their kin
}

// parseUnit reads a unit file: systemd.syntax(7). An empty value forgets the earlier ones.
func parseUnit(name, text string) unit {
	u := unit{name: name, section: make(map[string][]string)}
	section := ""
	for _, line := range strings.Split(strings.ReplaceAll(text, "\\\n", " "), "\n") {
		line = strings.TrimSpace(line)
		key, value, isSetting := strings.Cut(line, "=")
		switch {
		case strings.HasPrefix(line, "#"), strings.HasPrefix(line, ";"):
		case strings.HasPrefix(line, "["):
			section = line
		case section == "[Install]":
			u.wanted = u.wanted || key == "WantedBy" || key == "RequiredBy"
		case section != "[Service]" || !isSetting:
		case strings.TrimSpace(value) == "":
			u.section[strings.TrimSpace(key)] = nil
			if strings.HasPrefix(key, "CapabilityBoundingSet") {
				u.section["CapabilityBoundingSet"] = []string{""} // none at all
			}
		default:
			key = strings.TrimSpace(key)
			u.section[key] = append(u.section[key], strings.TrimSpace(value))
		}
	}
	return u
}

func (u unit) last(key string) string {
	if values := u.section[key]; len(values) > 0 {
		return values[len(values)-1]
	}
	return ""
}

// isService tells whether the unit is one of a machine, under one name: it keeps a program running, or what that has done.
func (u unit) isService() bool {
	return u.wanted && u.last("ExecStart") != "" && !strings.HasSuffix(u.name, "@") &&
		(u.last("Type") != "oneshot" || u.keepsEffect() && len(u.section["ExecStart"]) == 1)
}

// keepsEffect tells whether the unit counts as running when its program has ended, as one that sets up a firewall.
func (u unit) keepsEffect() bool {
	return slices.Contains([]string{"yes", "true", "on", "1"}, u.last("RemainAfterExit"))
}

// service is the [service] that runs the unit's program. known are users that the package makes.
func (u unit) service(known []string) serviceWish {
	s := serviceWish{Name: u.name}
	exec := u.last("ExecStart")
	prefix := exec[:len(exec)-len(strings.TrimLeft(exec, "@-:+!|"))]
	words := splitWords(exec[len(prefix):])
	if strings.Contains(prefix, "@") && len(words) > 1 {
		words = slices.Delete(words, 1, 2) // its name for ps
	}
	for i, word := range words {
		plain, lost := u.expand(word)
		switch {
		case lost:
			s.Lost = append(s.Lost, word)
		case i == 0 && strings.HasPrefix(plain, "/bin/"): // Bantam's
			s.Command = append(s.Command, "/usr"+plain)
		default:
			s.Command = append(s.Command, plain)
		}
	}
	if s.Forks = u.last("Type") == "forking" && len(s.Command) > 0; s.Forks {
		if stays, known := stay(s.Command); known {
			s.Command, s.Forks = stays, false
		}
	}
	s.User = u.last("User")
	privileged := strings.ContainsAny(prefix, "+!")
	switch {
	case privileged:
		s.User = "" // it starts as root, and changes to that user itself
	case u.last("DynamicUser") == "yes" && s.User == "":
		s.User = u.name
	case s.User == "" && slices.Contains(known, u.name):
		s.User = u.name
	}
	if s.User == "root" || !userName.MatchString(s.User) {
		s.User = ""
	}
	switch program := path.Base(slices.Concat(s.Command, []string{""})[0]); {
	case u.last("Type") == "oneshot":
		s.Ready = "exited"
	case listens[program] != 0:
		s.Ready = "tcp/" + strconv.Itoa(listens[program])
	}
	if strings.Contains(prefix, "!") {
		s.Becomes = u.last("User")
	}
	s.Capabilities = u.capabilities(s.User != "")
	for key, dir := range map[string]string{"StateDirectory": "/var/lib", "CacheDirectory": "/var/cache", "LogsDirectory": "/var/log"} {
		s.State = append(s.State, u.folders(key, dir)...)
	}
	s.Run = u.folders("RuntimeDirectory", "/run")
	for _, dir := range u.written() {
		into := &s.State
		if strings.HasPrefix(dir, "/run/") {
			into = &s.Run
		}
		if !slices.Contains(*into, dir) {
			*into = append(*into, dir)
		}
	}
	slices.Sort(s.State)
	for _, before := range u.section["ExecStartPre"] {
		words := splitWords(strings.TrimLeft(before, "@-:+!|"))
		if len(words) < 2 || path.Base(words[0]) != "mkdir" && path.Base(words[0]) != "install" {
			continue
		}
		if dir := words[len(words)-1]; strings.HasPrefix(dir, "/run/") && !strings.ContainsAny(dir, "$%") && !slices.Contains(s.Run, dir) {
			s.Run = append(s.Run, dir)
		}
	}
	return s
}

// written are the folders of services that a unit with a read-only system lets its program write to, whoever makes them.
func (u unit) written() (list []string) {
	for _, line := range slices.Concat(u.section["ReadWritePaths"], u.section["ReadWriteDirectories"]) {
		for _, dir := range splitWords(line) {
			dir = path.Clean(strings.Replace(strings.TrimLeft(dir, "-+"), "/var/run/", "/run/", 1))
			for _, parent := range []string{"/run", "/var/cache", "/var/lib", "/var/log", "/var/spool"} {
				if strings.HasPrefix(dir, parent+"/") && !strings.ContainsAny(dir, "%$") {
					list = append(list, dir)
				}
			}
		}
	}
	return list
}

func (u unit) folders(key, parent string) (list []string) {
	for _, value := range u.section[key] {
		for _, name := range strings.Fields(value) {
			name, _, _ = strings.Cut(name, ":")
			if !strings.ContainsAny(name, "%$") {
				list = append(list, path.Join(parent, name))
			}
		}
	}
	return list
}

// expand puts in the values of variables and specifiers. lost tells that the word has one whose value is not known here:
// those in files are of the machine's administrator.
func (u unit) expand(word string) (plain string, lost bool) {
	values := []string{"%%", "%", "%t", "/run", "%S", "/var/lib", "%C", "/var/cache", "%L", "/var/log", "%E", "/etc", "%n", u.name + ".service", "%N", u.name, "%p", u.name}
	for _, line := range u.section["Environment"] {
		for _, assignment := range splitWords(line) {
			name, value, _ := strings.Cut(assignment, "=")
			values = append(values, "${"+name+"}", value, "$"+name, value)
		}
	}
	plain = strings.NewReplacer(values...).Replace(word)
	return plain, strings.Contains(plain, "$") || strings.Contains(strings.ReplaceAll(word, "%%", ""), "%") && plain == word
}

// capabilities are those that a service keeps: nil is what it has by itself.
func (u unit) capabilities(hasUser bool) []string {
	key := "CapabilityBoundingSet"
	if hasUser {
		key = "AmbientCapabilities" // of the others it gets none
	}
	if len(u.section[key]) == 0 {
		return nil
	}
	kept := []string{}
	for i, line := range u.section[key] {
		line, without := strings.CutPrefix(line, "~")
		if without && i == 0 {
			kept = slices.Clone(system.CapabilityNames)
		}
		for _, name := range strings.Fields(strings.ToLower(line)) {
			name = strings.TrimPrefix(name, "cap_")
			switch at := slices.Index(kept, name); {
			case without && at >= 0:
				kept = slices.Delete(kept, at, at+1)
			case !without && at < 0 && slices.Contains(system.CapabilityNames, name):
				kept = append(kept, name)
			}
		}
	}
	return kept
}

// splitWords splits a command line at blanks outside of quotes, as systemd and shells do for what stands in unit files and
// maintainer scripts.
func splitWords(text string) (words []string) {
	var word strings.Builder
	quote, begun := rune(0), false
	escaped := false
	for _, c := range text {
		switch {
		case escaped:
			word.WriteRune(c)
			escaped = false
		case c == '\\' && quote != '\'':
			escaped, begun = true, true
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(c)
		case c == '"' || c == '\'':
			quote, begun = c, true
		case c == ' ' || c == '\t' || c == '\n':
			if begun {
				words = append(words, word.String())
			}
			word.Reset()
			begun = false
		default:
			word.WriteRune(c)
			begun = true
		}
	}
	if begun {
		words = append(words, word.String())
	}
	return words
}
