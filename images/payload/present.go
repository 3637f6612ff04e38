package payload

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"bantam/layer"
	"bantam/system"
	"bantam/system/syntax"
)

// present is what a generation has that can be started.
type present struct {
	Request
	tree    layer.Tree
	envs    map[string]string // what env starts for a script, by the script's path without /
	locales map[string]bool   // folders of /usr/lib/locale, e.g. C.utf8
	whole   bool              // tree has all of the generation; otherwise what it has not may be there all the same
	lists   func(string) bool // tells whether Debian has a package of that name, as far as this host knows
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

// present is what layers and system.toml bring, all of it.
func (r Request) present(ctx context.Context, all []built) *present {
	p := &present{Request: r, envs: make(map[string]string), locales: make(map[string]bool), whole: true, lists: func(name string) bool { return r.Archive.Lists(ctx, name) }}
	for _, b := range all {
		p.tree = append(p.tree, b.Index)
		p.add(b.tree)
	}
	return p
}

// add takes note of what no index says.
func (p *present) add(tree []File) {
	for _, f := range tree {
		if f.Env != "" {
			p.envs[f.Path] = f.Env
		}
		if locale, found := strings.CutPrefix(f.Path, "usr/lib/locale/"); found {
			p.locales[strings.SplitN(locale, "/", 2)[0]] = true
		}
	}
}

// known is what system.toml brings as far as this host knows: with packages that it has read before, and without what folders
// beside system.toml have.
func (r Request) known(ctx context.Context) *present {
	p := r.present(ctx, nil)
	for _, root := range r.System.AllPackages() {
		c, err := r.knownClosure(root)
		p.whole = p.whole && err == nil
		if c == nil {
			continue
		}
		p.tree = append(p.tree, c.tree...)
		for _, part := range c.chosen {
			if contents, err := c.load(part); err == nil {
				p.add(contents.Tree)
			}
		}
	}
	for name := range r.System.Programs {
		p.tree = append(p.tree, layer.Index{{Path: "usr/bin/" + name, Kind: layer.RegularFile, Mode: 0o755}})
	}
	return p
}
