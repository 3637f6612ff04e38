package control

import (
	"fmt"
	"io"
	"os"
	"strings"

	"bantam/spelling"
)

// Version of the program, set by main.
var Version = "unknown"

// verb is one word after `bantam`.
type verb struct {
	name    string
	usage   string // what follows the name
	purpose string // one line
	help    string // the rest of `bantam help NAME`
	run     func(c *client, args []string) int
}

// call is how it is typed, e.g. rollback or switch [FILE].
func (v verb) call() string { return strings.TrimSpace(v.name + " " + v.usage) }

// client is one run of a verb.
type client struct {
	verb        verb
	out, errOut io.Writer
	socket      string
	scripted    bool // nobody reads along who could be asked: --json
	state       string
}

// verbs is in the order in which people meet them.
var verbs []verb

const importUsage = "\nIMPORT: [--ca FILE] [--downgrade] [--insecure] REF"

func init() {
	verbs = []verb{
		{"status", "[--json]", "what runs: generation, network, services", statusHelp, runStatus},
		{"net", "[--json] | status | why [WHAT] | routes | plan | renew PORT\n  | firewall [--json] | leases [--json] | clients [--json] | dns [--json]", "what the network has, and why; ask for a lease anew; firewall; leases given away; DNS", netHelp, runNet},
		{"time", "[--json] | step", "the clock, and what time servers say; set it now", timeHelp, runTime},
		{"edit", "[FILE[:LINE]]...", "change the draft of system.toml, or any files", editHelp, runEdit},
		{"view", "[FILE[:LINE]]...", "look at files, or at what a pipe gives", viewHelp, runView},
		{"check", "[--json] [FILE]", "find all faults in the draft or in FILE", checkHelp, runCheck},
		{"show", "[NUMBER]", "the system.toml of what runs, or of a generation", showHelp, runShow},
		{"diff", "[A [B]]", "what the draft changes; or generation A against B", diffHelp, runDiff},
		{"plan", "[--json] [FILE | NUMBER]", "what a switch to the draft would do", planHelp, runPlan},
		{"switch", "[--confirm TIME] [--no-rollback|--reboot] [--json] [FILE|N|IMPORT] | --abort" + importUsage, "make the draft the running system, prove it, keep it", switchHelp, runSwitch},
		{"test", "[--confirm TIME] [--no-rollback] [--json] [FILE|N|IMPORT]" + importUsage, "as switch, but the next boot runs what it would have run", testHelp, runSwitch},
		{"boot", "[--confirm TIME] [--json] [FILE|N|IMPORT]" + importUsage, "try the draft at the next boot, change nothing now", bootHelp, runSwitch},
		{"confirm", "", "keep what --confirm is waiting to take back", confirmHelp, runSimple},
		{"rollback", "[--confirm TIME] [--reboot] [--json] [--yes] [NUMBER | --to-good]", "go back to what ran before, or to a generation", rollbackHelp, runRollback},
		{"generations", "[--json] | show [N] | pin|unpin N | label N TEXT | delete N...",
			"list the generations, look at one, keep, name or delete some", generationsHelp, runGenerations},
		{"import", "[--check] [--downgrade] [--insecure] [--ca FILE] [--json] FILE|URL|REF|-", "bring a generation from a file, a web server or a registry", importHelp, runImport},
		{"flash", "[--test] [--yes] [--force] [--downgrade] [--insecure] [--ca FILE] [--json]\n  [--keep-settings] [--wipe [--keep PATH]...] [--leave-bantam] FIRMWARE|URL|REF|- | --back", "check a firmware, bring it to this machine, start it, with the way back", flashHelp, runFlash},
		{"export", "[--partial] NUMBER FILE | NUMBER -", "write a generation to a file, to be carried elsewhere", exportHelp, runExport},
		{"menu", "", "choose a generation from the boot menu's list, until the next boot", menuHelp, runMenu},
		{"gc", "[--dry-run] [--json]", "remove old generations now", gcHelp, runGC},
		{"draft", "discard", "throw the draft away: it is the running system again", draftHelp, runDraft},
		{"service", "list [--json] | start|stop|restart NAME...", "look at services, start and stop them", serviceHelp, runService},
		{"log", "[-f] [-n LINES] [SERVICE]", "what services said", logHelp, runLog},
		{"state", "[--json] | renew [--yes] [--reboot] | keep | remove [--yes] PATH", "where the state is kept, and whose; make it anew", stateHelp, runState},
		{"secret", "list [--json] | set NAME | remove [--yes] NAME", "passwords and keys that no generation holds", secretHelp, runSecret},
		{"password", "", "make the hash of a password, for a [user.NAME]", passwordHelp, runPassword},
		{"reboot", "", "stop everything and start again", endHelp, runEnd},
		{"poweroff", "", "stop everything and switch off", endHelp, runEnd},
		{"halt", "", "stop everything and stand still", endHelp, runEnd},
		{"version", "", "the version of this program", "", runVersion},
		{"help", "[VERB | TOPIC]", "this list, more about a verb, or a page to read", "", runHelp},
	}
	verbs = append(verbs, installs...)
}

// Names are the words that may follow `bantam`.
func Names() []string {
	var names []string
	for _, v := range verbs {
		names = append(names, v.name)
	}
	return names
}

// Main runs `bantam args...` and returns its exit code.
func Main(args []string) int { return run(args, os.Stdout, os.Stderr, Socket) }

func run(args []string, out, errOut io.Writer, socket string) int {
	c := &client{out: out, errOut: errOut, socket: socket, state: statePath}
	if len(args) == 0 {
		c.out = errOut
		c.listHelp()
		return ExitUsage
	}
	name := args[0]
	if name == "-h" || name == "--help" {
		name = "help"
	}
	for _, v := range verbs {
		if v.name != name {
			continue
		}
		c.verb = v
		for _, a := range args[1:] {
			if a == "--help" || a == "-h" {
				return runHelp(c, []string{name})
			}
		}
		return v.run(c, args[1:])
	}
	fmt.Fprintf(errOut, "bantam: no verb %q%s; `bantam help` lists them\n", name, meant(name, Names()))
	return ExitUsage
}

// meant suggests the nearest name for a misspelt one.
func meant(name string, names []string) string {
	if best := spelling.Nearest(name, names); best != "" {
		return fmt.Sprintf("; did you mean %q", best)
	}
	return ""
}

// fail prints why the verb did nothing.
func (c *client) fail(err error) int {
	fmt.Fprintf(c.errOut, "bantam %s: %s\n", c.verb.name, visible(err.Error()))
	return ExitError
}

// misuse prints how the verb is used.
func (c *client) misuse(format string, args ...any) int {
	fmt.Fprintf(c.errOut, "bantam %s: %s\nusage: bantam %s\n", c.verb.name, fmt.Sprintf(format, args...), c.verb.call())
	return ExitUsage
}

// options takes the flags out of args: those in with take a value, the others do not.
func (c *client) options(args []string, with, without string) (flags map[string]string, rest []string, code int) {
	flags = map[string]string{}
	has := func(list, f string) bool {
		for _, w := range strings.Fields(list) {
			if w == f {
				return true
			}
		}
		return false
	}
	for i := 0; i < len(args); i++ {
		a := args[i]
		if a == "--" {
			return flags, append(rest, args[i+1:]...), 0
		}
		if !strings.HasPrefix(a, "-") || a == "-" {
			rest = append(rest, a)
			continue
		}
		name, value, given := strings.Cut(a, "=")
		switch {
		case has(without, name) && !given:
			flags[name] = "yes"
		case has(with, name) && given:
			flags[name] = value
		case has(with, name) && i+1 < len(args):
			i++
			flags[name] = args[i]
		case has(with, name):
			return nil, nil, c.misuse("%s wants a value", name)
		default:
			return nil, nil, c.misuse("unknown option %s", a)
		}
	}
	return flags, rest, 0
}

func runVersion(c *client, args []string) int {
	if len(args) > 0 {
		return c.misuse("%q is too much", args[0])
	}
	fmt.Fprintf(c.out, "bantam %s\n", Version)
	return ExitGood
}
