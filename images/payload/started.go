package payload

import (
	"context"
	"maps"
	"path"
	"slices"

	"bantam/system"
	"bantam/system/syntax"
)

// What services and checks start must be there: what is in no layer, no file and none of Bantam's commands is found out on the
// device at its first boot, by whoever sits there.

// command is one that a system.toml has.
type command struct {
	key   string // e.g. service.web.command
	argv  []string
	path  string // PATH
	after bool   // others may make its program before it is started
}

func (p *present) commands() (list []command) {
	for _, name := range slices.Sorted(maps.Keys(p.System.Services)) {
		s := p.System.Services[name]
		c := command{syntax.Join("service", name) + ".command", s.Command, system.SearchPath, false}
		if value, ok := s.Env["PATH"]; ok {
			c.path = value.Text
		}
		for _, other := range slices.Concat(s.Needs, s.Wants, s.After) {
			c.after = c.after || !system.IsOwnService(other)
		}
		list = append(list, c)
	}
	for _, name := range slices.Sorted(maps.Keys(p.System.Checks)) {
		list = append(list, command{syntax.Join("check", name) + ".command", p.System.Checks[name].Command, system.SearchPath, false})
	}
	return list
}

// judge finds commands that can never be started, and what is to be known of others.
func (p *present) judge() (faults, remarks []system.Problem) {
	for _, c := range p.commands() {
		if len(c.argv) == 0 {
			continue
		}
		program, key := c.argv[0], c.key+"[0]"
		is, file := p.find(program, c.path)
		if is != absent && file == "" {
			continue // it may be anywhere
		}
		if is == absent {
			problem := p.problem(key, p.instead(program), "%s: nothing brings %s", c.key, program)
			if c.after {
				remarks = append(remarks, problem)
			} else {
				faults = append(faults, problem)
			}
			continue
		}
		switch is, fault, suggestion := p.look(file); {
		case fault != "" && is == there:
			faults = append(faults, p.problem(key, suggestion, "%s: %s", c.key, fault))
		case fault != "" && !c.after:
			remarks = append(remarks, p.problem(key, suggestion, "%s: %s", c.key, fault))
		}
		if name := path.Base(file); path.Dir(file) == "/bin" && system.IsOwnCommand(name) {
			if other := p.theirs(name); other != "" {
				remarks = append(remarks, p.problem(key, "", "%s: %s is Bantam's own; the one of the layers is %s", c.key, program, other))
			}
		}
	}
	remarks = append(remarks, p.localeRemarks()...)
	for _, name := range slices.Sorted(maps.Keys(p.System.Programs)) {
		key := syntax.Join("program", name)
		if _, fault, suggestion := p.look("/usr/bin/" + name); fault != "" {
			remarks = append(remarks, p.problem(key, suggestion, "%s: %s", key, fault))
		}
		if system.IsOwnCommand(name) {
			remarks = append(remarks, p.problem(key, "", "%s: %s", key, hidden([]string{"usr/bin/" + name})))
		}
	}
	return faults, remarks
}

// theirs is the path of a program of the layers that has the name of a command of Bantam's; "" if there is none.
func (p *present) theirs(name string) string {
	for _, dir := range programFolders {
		if p.tree.Library("/"+dir+"/"+name, nil, nil) != nil {
			return "/" + dir + "/" + name
		}
	}
	return ""
}

// programFolders are those in which commands are looked for, with merged /usr.
var programFolders = []string{"usr/sbin", "usr/bin"}

// CommandFaults finds what services and checks of a system.toml start and what can never be there, as far as this host knows: it
// fetches nothing. remarks are of those that are not as they look. r needs no kernel.
func CommandFaults(ctx context.Context, r Request) (faults, remarks []system.Problem) {
	faults, remarks = r.known(ctx).judge()
	for _, root := range r.System.Packages {
		c, _ := r.knownClosure(root)
		for i := 0; c != nil && i < len(c.wholes); i++ {
			contents, err := c.load(c.wholes[i])
			if err != nil {
				continue
			}
			if programs := contents.hiddenPrograms(); len(programs) > 0 {
				remarks = append(remarks, r.problem(r.packageKey(root), "", "package %s: %s", c.wholes[i], hidden(programs)))
			}
		}
	}
	for i := range remarks {
		remarks[i].Message = "remark: " + remarks[i].Message
	}
	return faults, remarks
}
