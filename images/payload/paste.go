package payload

import (
	"fmt"
	"strings"

	"bantam/printable"
	"bantam/system"
	"bantam/system/syntax"
)

// names are the tables that it wants, e.g. [user.mosquitto] and [service.mosquitto].
func (w wishes) names() string {
	var names []string
	for _, u := range w.Users {
		names = append(names, "["+syntax.Join("user", u.Name)+"]")
	}
	for _, s := range w.Services {
		names = append(names, "["+syntax.Join("service", s.Name)+"]")
	}
	for _, state := range w.States {
		names = append(names, syntax.Join("service", state.Service)+".state")
	}
	if n := len(names); n > 1 {
		return strings.Join(names[:n-1], ", ") + " and " + names[n-1]
	}
	return strings.Join(names, "")
}

// lines are what to paste into a system.toml. Users get numbers that it has not given to others.
func (w wishes) lines(sys *system.System) string {
	var b strings.Builder
	taken := make(map[int]bool)
	for _, u := range sys.Users {
		taken[u.UID] = true
	}
	for _, u := range w.Users {
		uid := u.UID
		for next := 100; uid == 0 || taken[uid]; next++ { // where Debian's own begin
			uid = next
		}
		taken[uid] = true
		fmt.Fprintf(&b, "[%s]\nuid = %d\n\n", syntax.Join("user", u.Name), uid)
	}
	for _, s := range w.Services {
		b.WriteString(s.lines() + "\n")
	}
	for _, state := range w.States {
		fmt.Fprintf(&b, "# in [%s]\nstate = %s\n\n", syntax.Join("service", state.Service), list(state.Folders))
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func (s serviceWish) lines() string {
	var b strings.Builder
	prepare := s.Name + "-folders"
	if len(s.Run) > 0 {
		var commands []string
		for _, dir := range s.Run {
			commands = append(commands, "mkdir -p "+dir)
			if s.User != "" {
				commands = append(commands, "chown "+s.User+" "+dir)
			}
		}
		fmt.Fprintf(&b, "[%s]\ncommand = %s\nuser = \"root\"\nready = \"exited\"\n\n", syntax.Join("service", prepare), list([]string{"sh", "-c", strings.Join(commands, " && ")}))
	}
	fmt.Fprintf(&b, "[%s]\n", syntax.Join("service", s.Name))
	fmt.Fprintf(&b, "command = %s\n", list(s.Command))
	if len(s.Lost) > 0 {
		fmt.Fprintf(&b, "# systemd would add: %s\n", printable.Escape(strings.Join(s.Lost, " ")))
	}
	if s.Forks {
		b.WriteString("# it goes into the background, and a service stays: it needs the option that keeps it\n")
	}
	switch {
	case s.User != "":
		fmt.Fprintf(&b, "user = %s\n", syntax.Quote(s.User))
	case s.Becomes != "":
		fmt.Fprintf(&b, "user = \"root\" # it becomes %s by itself\n", printable.Escape(s.Becomes))
	default:
		b.WriteString("user = \"root\" # its unit names no other\n")
	}
	if s.Capabilities != nil {
		fmt.Fprintf(&b, "capabilities = %s\n", list(s.Capabilities))
	}
	if len(s.State) > 0 {
		fmt.Fprintf(&b, "state = %s\n", list(s.State))
	}
	if len(s.Run) > 0 {
		fmt.Fprintf(&b, "needs = %s\n", list([]string{prepare}))
	}
	if s.Ready != "" {
		fmt.Fprintf(&b, "ready = %s\n", syntax.Quote(s.Ready))
	}
	return b.String()
}

// list is an array of strings in TOML.
func list(words []string) string {
	quoted := make([]string, len(words))
	for i, word := range words {
		quoted[i] = syntax.Quote(word)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}
