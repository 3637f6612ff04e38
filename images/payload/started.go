package payload

import (
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"bantam/layer"
	"bantam/spelling"
	"bantam/system"
	"bantam/system/syntax"
)

// What services and checks start must be there: what is in no layer, no file and none of Bantam's commands is found out on the
// device at its first boot, by whoever sits there.

// present is what a generation has that can be started.
type present struct {
	Request
	tree  layer.Tree
	envs  map[string]string // what env starts for a script, by the script's path without /
	whole bool              // tree has all of the generation; otherwise what it has not may be there all the same
	lists func(string) bool // tells whether Debian has a package of that name, as far as this host knows
}

// presence is what is known of a path.
type presence int

const (
	absent  presence = iota // it can never be there
	unknown                 // it is not of the generation, or of a part that is not known here
	there
)

// elsewhere are folders whose files no generation decides.
var elsewhere = []string{"/state", "/run", "/tmp", "/mnt", "/dev", "/proc", "/sys"}

// changeable are those that a generation fills in memory: a service may add to them.
var changeable = []string{"/etc", "/home", "/opt", "/root", "/srv", "/var"}

func isBelow(file string, folders []string) bool {
	return slices.ContainsFunc(folders, func(dir string) bool { return strings.HasPrefix(file, dir+"/") })
}

// look says whether a program is there, and why it cannot be started all the same.
func (p *present) look(file string) (is presence, fault, suggestion string) {
	file = path.Clean(file)
	dir, _ := path.Split(file)
	if dir == "/bin/" && isOwn(file) {
		return there, "", ""
	}
	if f, ok := p.System.Files[file]; ok && f.Source == "" {
		if f.Perm()&0o111 == 0 {
			return there, fmt.Sprintf("%s has mode %04o, with which nobody may start it", syntax.Join("file", file), f.Perm()), `give it mode = "0755"`
		}
		return p.interpreted(scriptOf([]byte(f.Text.Text)))
	}
	if e := p.tree.Library(file, nil, nil); e != nil {
		if e.Kind == layer.RegularFile && e.Mode&0o111 == 0 {
			return there, fmt.Sprintf("%s has mode %04o, with which nobody may start it", file, e.Mode), "name a program"
		}
		if e.Kind == layer.Folder {
			return there, file + " is a folder", "name a program"
		}
		if len(e.Needs) == 0 {
			return p.interpreted(e.Interpreter, p.envs[e.Path])
		}
		return there, "", ""
	}
	switch {
	case isOwn(file):
		return there, "", ""
	case !p.whole, isBelow(file, elsewhere), p.inSource(file), slices.ContainsFunc(p.stateFolders(), func(dir string) bool { return isBelow(file, []string{dir}) }):
		return unknown, "", ""
	case isBelow(file, changeable):
		return unknown, "no [file] and no layer brings " + file, "write it as a [file], if no other service makes it"
	}
	return absent, "", ""
}

// inSource tells whether a file lies in what comes from beside system.toml. What that has is known only when it has been read.
func (p *present) inSource(file string) bool {
	for name, f := range p.System.Files {
		if f.Source != "" && (file == name || strings.HasPrefix(file, name+"/")) {
			return !slices.ContainsFunc(p.tree, func(x layer.Index) bool { return x.Find(name[1:]) != nil })
		}
	}
	return false
}

func (p *present) stateFolders() (folders []string) {
	for _, s := range p.System.Services {
		folders = append(folders, s.State...)
	}
	return folders
}

// interpreted says of a script whether what runs it is there. The dynamic loader of a program is the business of those who
// look for its libraries.
func (p *present) interpreted(interpreter, env string) (is presence, fault, suggestion string) {
	for _, program := range []string{interpreter, env} {
		if program == "" || strings.HasPrefix(path.Base(program), "ld-") {
			continue
		}
		if is, _ := p.find(program, system.SearchPath); is == absent {
			return there, fmt.Sprintf("it is a script for %s, which nothing brings", program), p.instead(program)
		}
	}
	return there, "", ""
}

// find is look for a command as people write it: what has no slash is looked for in the folders of a PATH.
func (p *present) find(command, folders string) (is presence, file string) {
	if strings.Contains(command, "/") {
		is, _, _ = p.look(command)
		return is, command
	}
	for _, dir := range strings.Split(folders, ":") {
		file := path.Join("/", dir, command)
		switch at, _, _ := p.look(file); {
		case at == there:
			return there, file
		case at == unknown:
			is = unknown
		}
	}
	return is, ""
}

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
			c.after = c.after || other != system.NetworkService
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

// hidden says which programs, by their paths in a layer, are not the ones that their names mean.
func hidden(programs []string) string {
	if len(programs) == 1 {
		return fmt.Sprintf("%s is a command of Bantam's own, also as /bin/%[1]s; this one is /%s", path.Base(programs[0]), programs[0])
	}
	var names []string
	for _, file := range programs[:min(len(programs), 3)] {
		names = append(names, path.Base(file))
	}
	shown := strings.Join(names, ", ")
	if more := len(programs) - len(names); more > 0 {
		shown += fmt.Sprintf(" and %d more", more)
	}
	return fmt.Sprintf("%s are commands of Bantam's own, also in /bin; these are /%s and its like", shown, programs[0])
}

// hiddenPrograms are those of a package that have the name of a command of Bantam's.
func (c *contents) hiddenPrograms() (paths []string) {
	for _, f := range c.Tree {
		if f.Kind != layer.Folder && slices.Contains(programFolders, path.Dir(f.Path)) && system.IsOwnCommand(path.Base(f.Path)) {
			paths = append(paths, f.Path)
		}
	}
	return paths
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

// instead suggests what to write for a program that is not there: one of its name in another folder, the package of Debian
// that brings it, or a name that is near.
func (p *present) instead(program string) string {
	name := path.Base(program)
	names := system.OwnCommands()
	if slices.Contains(names, name) {
		return "did you mean " + syntax.Quote(name) + "?"
	}
	paths := make(map[string]string)
	for _, index := range p.tree {
		for _, e := range index {
			if e.Kind != layer.Folder && (e.Kind == layer.Link || e.Mode&0o111 != 0) && slices.Contains(programFolders, path.Dir(e.Path)) {
				paths[path.Base(e.Path)] = "/" + e.Path
			}
		}
	}
	if at := paths[name]; at != "" {
		return "did you mean " + syntax.Quote(at) + "?"
	}
	if owner := p.packageOf(name); owner != "" && !slices.Contains(p.System.Packages, owner) {
		return "package " + owner + " of Debian may have it: add " + syntax.Quote(owner) + " to packages"
	}
	names = append(names, slices.Sorted(maps.Keys(paths))...)
	if near := spelling.Nearest(name, names); near != "" {
		if at := paths[near]; at != "" && strings.Contains(program, "/") {
			near = at
		}
		return "did you mean " + syntax.Quote(near) + "?"
	}
	return "add the package that has it to packages, or the program itself as " + "[" + syntax.Join("program", name) + "]"
}

// owners are packages of programs that have another name.
var owners = map[string]string{
	"bgpd": "frr", "chronyc": "chrony", "chronyd": "chrony", "dnsmasq": "dnsmasq-base", "gpioget": "gpiod", "gpiomon": "gpiod", "gpioset": "gpiod", "i2cdetect": "i2c-tools",
	"i2cget": "i2c-tools", "i2cset": "i2c-tools", "ip6tables": "iptables", "mosquitto_pub": "mosquitto-clients", "mosquitto_sub": "mosquitto-clients", "named": "bind9",
	"nft": "nftables", "nginx": "nginx-light", "nmbd": "samba", "node": "nodejs", "perl": "perl-base", "pppd": "ppp", "python3": "python3-minimal", "smbd": "samba",
	"sshd": "openssh-server", "tc": "iproute2", "wg": "wireguard-tools", "wpa_supplicant": "wpasupplicant",
}

// packageOf is the package that most likely has a program; "" if none is known.
func (p *present) packageOf(name string) string {
	if owner := owners[name]; owner != "" {
		return owner
	}
	if p.lists(name) {
		return name
	}
	return ""
}

// present is what layers and system.toml bring, all of it.
func (r Request) present(ctx context.Context, all []built) *present {
	p := &present{Request: r, envs: make(map[string]string), whole: true, lists: func(name string) bool { return r.Archive.Lists(ctx, name) }}
	for _, b := range all {
		p.tree = append(p.tree, b.Index)
		p.addEnvs(b.tree)
	}
	return p
}

func (p *present) addEnvs(tree []File) {
	for _, f := range tree {
		if f.Env != "" {
			p.envs[f.Path] = f.Env
		}
	}
}

// known is what system.toml brings as far as this host knows: with packages that it has read before, and without what folders
// beside system.toml have.
func (r Request) known(ctx context.Context) *present {
	p := r.present(ctx, nil)
	for _, root := range r.System.Packages {
		c, err := r.knownClosure(root)
		p.whole = p.whole && err == nil
		if c == nil {
			continue
		}
		p.tree = append(p.tree, c.tree...)
		for _, part := range c.chosen {
			if contents, err := c.load(part); err == nil {
				p.addEnvs(contents.Tree)
			}
		}
	}
	for name := range r.System.Programs {
		p.tree = append(p.tree, layer.Index{{Path: "usr/bin/" + name, Kind: layer.RegularFile, Mode: 0o755}})
	}
	return p
}

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
