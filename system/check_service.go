package system

import (
	"errors"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"bantam/lifecycle"
)

// consolePrefix starts the names of the consoles that init runs by itself.
const consolePrefix = "console"

// A command of Bantam has a handful of threads before it does anything, and no
// kernel numbers more tasks than that.
const leastTasks, mostTasks = 16, 4 << 20

func (r *reader) checkServices(users []string) {
	names := sortedKeys(r.system.Services)
	services := append(names[:len(names):len(names)], NetworkService)
	for _, name := range names {
		n, v := r.root.get("service", name), r.system.Services[name]
		if n.kind != tableKind {
			continue
		}
		at := join("service", name)
		r.checkName(n, "service", name)
		if nameable(name) && !mayBeService(name) {
			r.failKey(n, "choose another name", "%s: the name is taken by the system itself", at)
		}
		r.checkCommand(n, at, v.Command)
		r.checkUserOf(n.get("user"), at, v.User, users)
		r.checkCapabilities(n.get("capabilities"), at+".capabilities", v.Capabilities)
		if tasks := n.get("tasks"); ok(tasks) && (v.Tasks < leastTasks || v.Tasks > mostTasks) {
			r.fail(tasks, "", "%s.tasks: %d is not between %d and %d", at, v.Tasks, leastTasks, mostTasks)
		}
		if d := n.get("dir"); ok(d) && !strings.HasPrefix(v.Dir, "/") {
			r.fail(d, "write "+quote(path.Join("/", v.Dir)), "%s.dir: %q does not start with /", at, v.Dir)
		}
		r.checkEnv(n.get("env"), at+".env")
		r.checkReady(n, at, v)
		r.checkSignal(n.get("stop_signal"), at+".stop_signal", v.StopSignal)
		r.checkSignal(n.get("reload_signal"), at+".reload_signal", v.ReloadSignal)
		r.checkDuration(n.get("start_timeout"), at+".start_timeout", v.StartTimeout, time.Hour)
		r.checkDuration(n.get("stop_timeout"), at+".stop_timeout", v.StopTimeout, time.Hour)
		r.checkReferences(n.get("needs"), name, at+".needs", v.Needs, services)
		r.checkReferences(n.get("wants"), name, at+".wants", v.Wants, services)
		r.checkReferences(n.get("after"), name, at+".after", v.After, services)
	}
	r.checkCycles()
}

// checkName makes sure that a name can be a directory's and a word in a command.
func (r *reader) checkName(n *node, table, name string) {
	if !nameable(name) {
		r.failKey(n, "use letters, digits and _ - . @, starting with a letter or digit, at most 64", "%s: %q is not a name for a %s", join(table, name), name, table)
	}
}

func nameable(name string) bool {
	return name != "" && len(name) <= 64 && consists(name, "_-.@") && strings.IndexByte(".-@", name[0]) < 0
}

// mayBeService reports whether [service.NAME] would be accepted: nothing else is
// suggested or offered.
func mayBeService(name string) bool {
	return nameable(name) && name != NetworkService && !strings.HasPrefix(name, consolePrefix)
}

func (r *reader) checkCommand(n *node, at string, command []string) {
	list := n.get("command")
	const example = `command = ["sh", "-c", "..."]`
	switch {
	case n.kind != tableKind || reported(list):
	case list == nil:
		r.failAt(n, n.key, "add "+example, "%s: command is missing", at)
	case len(command) == 0 || command[0] == "":
		r.fail(list, "write e.g. "+example, "%s.command: there is no program", at)
	case strings.Contains(command[0], "/") && command[0][0] != '/':
		r.fail(list.item(0), "write the whole path, starting with /", "%s.command: %q depends on a working directory", at, command[0])
	case len(command) == 1 && strings.ContainsAny(command[0], " \t\n"):
		r.fail(list.item(0), "write command = "+listOf(wordsOf(at+".command", command[0])), "%s.command: %q is one word; each argument is a string of its own", at, command[0])
	}
}

func (r *reader) checkEnv(n *node, at string) {
	for _, name := range n.keys() {
		valid := name != "" && consists(name, "_") && (name[0] < '0' || name[0] > '9')
		if kid := n.kids[name]; !valid && !kid.bad {
			r.failKey(kid, "use letters, digits and _, not starting with a digit", "%s: %q is not a name for a variable", at, name)
		}
	}
}

func (r *reader) checkReady(n *node, at string, v Service) {
	ready := n.get("ready")
	if ok(ready) {
		_, _, err := lifecycle.ParseReadiness(v.Ready)
		switch {
		case errors.Is(err, lifecycle.ErrPort):
			r.fail(ready, "", "%s.ready: %v", at, err)
		case err != nil:
			var values []string
			for _, way := range lifecycle.Readinesses {
				values = append(values, way.Word)
			}
			suggestion := didYouMean(v.Ready, values)
			if p, err := strconv.ParseUint(strings.TrimPrefix(v.Ready, "tcp:"), 10, 16); err == nil && p > 0 {
				suggestion = "write " + quote(lifecycle.ReadyTCP+strconv.FormatUint(p, 10))
			}
			r.fail(ready, suggestion, "%s.ready: %q is none of %s", at, v.Ready, oneOf(values))
		}
	}
	if restart := n.get("restart"); ok(restart) && !reported(ready) && v.Ready == lifecycle.ReadyExited && v.Restart == lifecycle.RestartAlways {
		r.fail(restart, `write "on-failure" or "never"`, "%s.restart: a one-shot (ready = \"exited\") that always restarts is never done", at)
	}
}

// Signals that may be named, without SIG. STOP and those that the kernel
// sends for faults of the program ask nothing of it.
var signals = []string{"TERM", "HUP", "INT", "QUIT", "KILL", "USR1", "USR2", "ALRM", "CONT", "WINCH"}

func (r *reader) checkSignal(n *node, at, name string) {
	if !ok(n) || slices.Contains(signals, name) {
		return
	}
	suggestion := didYouMean(strings.TrimPrefix(strings.ToUpper(name), "SIG"), signals)
	if suggestion == "" {
		suggestion = "write " + oneOf(signals)
	}
	r.fail(n, suggestion, "%s: %q is not a signal", at, name)
}

// checkReferences is of the names that the service of owner waits for.
func (r *reader) checkReferences(list *node, owner, at string, names, known []string) {
	for i, name := range names {
		n := list.item(i)
		if !ok(n) || name == NetworkService || r.root.get("service", name) != nil {
			continue
		}
		suggestion := ""
		if near := r.near(name, known); near != "" && !r.waitsFor(near, owner) { // or the two would wait for each other
			suggestion = "did you mean " + quote(near) + "?"
		}
		switch {
		case suggestion != "":
		case mayBeService(name):
			suggestion = "add [" + join("service", name) + "], or remove it here"
		default:
			suggestion = "remove it here; no service can have that name"
		}
		r.fail(n, suggestion, "%s: there is no service %q", at, name)
	}
}
