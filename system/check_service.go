package system

import (
	"errors"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"bantam/lifecycle"
	"bantam/system/syntax"
)

// consolePrefix starts the names of the consoles that init runs by itself.
const consolePrefix = "console"

// A command of Bantam has a handful of threads before it does anything, and no
// kernel numbers more tasks than that.
const leastTasks, mostTasks = 16, 4 << 20

func (r *reader) checkServices(users []string) {
	names := sortedKeys(r.system.Services)
	services := append(names[:len(names):len(names)], NetworkService, TimeService)
	for _, name := range names {
		n, v := r.root.Get("service", name), r.system.Services[name]
		if n.Kind != syntax.TableKind {
			continue
		}
		at := syntax.Join("service", name)
		r.checkName(n, "service", name)
		if nameable(name) && !MayBeService(name) {
			r.failKey(n, "choose another name", "%s: the name is taken by the system itself", at)
		}
		r.checkCommand(n, at, v.Command)
		r.checkUserOf(n.Get("user"), at+".user", v.User, users)
		r.checkCapabilities(n.Get("capabilities"), at+".capabilities", v.Capabilities)
		if tasks := n.Get("tasks"); ok(tasks) && (v.Tasks < leastTasks || v.Tasks > mostTasks) {
			r.fail(tasks, "", "%s.tasks: %d is not between %d and %d", at, v.Tasks, leastTasks, mostTasks)
		}
		if d := n.Get("dir"); ok(d) && !strings.HasPrefix(v.Dir, "/") {
			r.fail(d, "write "+syntax.Quote(path.Join("/", v.Dir)), "%s.dir: %q does not start with /", at, v.Dir)
		}
		r.checkEnv(n.Get("env"), at+".env")
		r.checkReady(n, at, v)
		r.checkSignal(n.Get("stop_signal"), at+".stop_signal", v.StopSignal)
		r.checkSignal(n.Get("reload_signal"), at+".reload_signal", v.ReloadSignal)
		r.checkDuration(n.Get("start_timeout"), at+".start_timeout", v.StartTimeout, time.Hour)
		r.checkDuration(n.Get("stop_timeout"), at+".stop_timeout", v.StopTimeout, time.Hour)
		r.checkReferences(n.Get("needs"), name, at+".needs", v.Needs, services)
		r.checkReferences(n.Get("wants"), name, at+".wants", v.Wants, services)
		r.checkReferences(n.Get("after"), name, at+".after", v.After, services)
	}
	r.checkCycles()
}

// checkName makes sure that a name can be a directory's and a word in a command.
func (r *reader) checkName(n *syntax.Node, table, name string) {
	if !nameable(name) {
		r.failKey(n, "use letters, digits and _ - . @, starting with a letter or digit, at most 64", "%s: %q is not a name for a %s", syntax.Join(table, name), name, table)
	}
}

func nameable(name string) bool {
	return name != "" && len(name) <= 64 && consists(name, "_-.@") && strings.IndexByte(".-@", name[0]) < 0
}

// MayBeService reports whether [service.NAME] would be accepted: nothing else is
// suggested or offered.
func MayBeService(name string) bool {
	return nameable(name) && !IsOwnService(name) && name != ServeService && !IsSession(name) && !strings.HasPrefix(name, consolePrefix)
}

func (r *reader) checkCommand(n *syntax.Node, at string, command []string) {
	list := n.Get("command")
	const example = `command = ["sh", "-c", "..."]`
	switch {
	case n.Kind != syntax.TableKind || onlyDotted(n) || reported(list):
	case list == nil:
		r.failAt(n, n.Key, "add "+example, "%s: command is missing", at)
	case len(command) == 0 || command[0] == "":
		r.fail(list, "write e.g. "+example, "%s.command: there is no program", at)
	case strings.Contains(command[0], "/") && command[0][0] != '/':
		r.fail(list.Item(0), "write the whole path, starting with /", "%s.command: %q depends on a working directory", at, command[0])
	case len(command) == 1 && strings.ContainsAny(command[0], " \t\n"):
		r.fail(list.Item(0), "write command = "+listOf(wordsOf(at+".command", command[0])), "%s.command: %q is one word; each argument is a string of its own", at, command[0])
	}
}

func (r *reader) checkEnv(n *syntax.Node, at string) {
	for _, name := range n.Keys() {
		valid := name != "" && consists(name, "_") && (name[0] < '0' || name[0] > '9')
		if kid := n.Kids[name]; !valid && !kid.Bad {
			r.failKey(kid, "use letters, digits and _, not starting with a digit", "%s: %q is not a name for a variable", at, name)
		}
	}
}

func (r *reader) checkReady(n *syntax.Node, at string, v Service) {
	ready := n.Get("ready")
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
				suggestion = "write " + syntax.Quote(lifecycle.ReadyTCP+strconv.FormatUint(p, 10))
			}
			r.fail(ready, suggestion, "%s.ready: %q is none of %s", at, v.Ready, oneOf(values))
		}
	}
	if restart := n.Get("restart"); ok(restart) && !reported(ready) && v.Ready == lifecycle.ReadyExited && v.Restart == lifecycle.RestartAlways {
		r.fail(restart, `write "on-failure" or "never"`, "%s.restart: a one-shot (ready = \"exited\") that always restarts is never done", at)
	}
}

// SignalNames may be named, without SIG. STOP and those that the kernel
// sends for faults of the program ask nothing of it.
var SignalNames = []string{"TERM", "HUP", "INT", "QUIT", "KILL", "USR1", "USR2", "ALRM", "CONT", "WINCH"}

func (r *reader) checkSignal(n *syntax.Node, at, name string) {
	if !ok(n) || slices.Contains(SignalNames, name) {
		return
	}
	suggestion := didYouMean(strings.TrimPrefix(strings.ToUpper(name), "SIG"), SignalNames)
	if suggestion == "" {
		suggestion = "write " + oneOf(SignalNames)
	}
	r.fail(n, suggestion, "%s: %q is not a signal", at, name)
}

// checkReferences is of the names that the service of owner waits for.
func (r *reader) checkReferences(list *syntax.Node, owner, at string, names, known []string) {
	for i, name := range names {
		n := list.Item(i)
		if !ok(n) || IsOwnService(name) || r.root.Get("service", name) != nil {
			continue
		}
		suggestion := ""
		if near := r.near(name, known); near != "" && !r.waitsFor(near, owner) { // or the two would wait for each other
			suggestion = "did you mean " + syntax.Quote(near) + "?"
		}
		switch {
		case suggestion != "":
		case MayBeService(name):
			suggestion = "add [" + syntax.Join("service", name) + "], or remove it here"
		default:
			suggestion = "remove it here; no service can have that name"
		}
		r.fail(n, suggestion, "%s: there is no service %q", at, name)
	}
}
