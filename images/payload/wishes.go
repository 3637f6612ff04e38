package payload

import (
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"bantam/system"
)

// wishes are lines of system.toml that a package wants: what its maintainer scripts, systemd, systemd-sysusers and
// systemd-tmpfiles would have done elsewhere.
type wishes struct {
	Users    []userWish
	Services []serviceWish
	States   []stateWish // of services that are there
}

// stateWish are folders that a service of system.toml does not keep.
type stateWish struct {
	Service string
	Folders []string
}

// serviceWish is a [service].
type serviceWish struct {
	Name         string
	Command      []string
	User         string   // "" is root
	Becomes      string   // user that it changes to by itself, if that is known
	Ready        string   // when it is, if that is more than to run
	Capabilities []string // nil is what it has by itself
	State        []string // folders that last
	Run          []string // folders below /run
	Forks        bool     // it goes into the background
	Lost         []string // words of its command whose value is known only to systemd
}

// wishes collects them of a package.
func (c *contents) wishes() wishes {
	w := wishes{Users: c.users()}
	var known []string
	for _, u := range w.Users {
		known = append(known, u.Name)
	}
	folders, run := slices.Clone(c.Folders), []string(nil)
	for _, file := range slices.Sorted(maps.Keys(c.Aside)) {
		if path.Dir(file) != "usr/lib/tmpfiles.d" {
			continue
		}
		for line := range strings.Lines(c.Aside[file]) {
			words := splitWords(line)
			if len(words) < 2 || strings.Trim(words[0], "dDvqQ!-+=~^$") != "" || strings.Contains(words[1], "%") {
				continue
			}
			switch dir := strings.Replace(words[1], "/var/run/", "/run/", 1); {
			case strings.HasPrefix(dir, "/run/"):
				run = append(run, dir)
			case strings.HasPrefix(dir, "/var/"):
				folders = append(folders, dir)
			}
		}
	}
	for _, file := range slices.Sorted(maps.Keys(c.Aside)) {
		name, isUnit := strings.CutSuffix(path.Base(file), ".service")
		u := parseUnit(name, c.Aside[file])
		if !isUnit || !u.isService() || u.last("Type") == "oneshot" && c.leavesOff(u.name) {
			continue
		}
		s := u.service(known)
		if len(s.Command) == 0 {
			continue // only systemd knows it
		}
		if s.User != "" && !slices.Contains(known, s.User) {
			known, w.Users = append(known, s.User), append(w.Users, userWish{s.User, staticUsers[s.User]})
		}
		w.Services = append(w.Services, s)
	}
	if len(w.Services) > 0 { // which of several uses a folder is not written anywhere
		first := &w.Services[0]
		first.State, first.Run = tidy(slices.Concat(first.State, folders)), tidy(slices.Concat(first.Run, run))
	}
	return w
}

// leavesOff tells whether the package's script leaves a service to who wants it, as debhelper's "--no-enable" has it: it enables only
// what somebody has enabled before.
func (c *contents) leavesOff(service string) bool {
	return strings.Contains(c.Scripts["postinst"], "deb-systemd-helper debian-installed '"+service+".service'")
}

// plainFolder is one that means itself to a shell, too.
var plainFolder = regexp.MustCompile(`^/[A-Za-z0-9._/@:+-]+$`)

// tidy sorts folders, and leaves out those that lie below another, that every machine has, or whose names are odd.
func tidy(folders []string) (list []string) {
	slices.Sort(folders)
	for _, dir := range folders {
		dir = path.Clean(dir)
		if !plainFolder.MatchString(dir) || strings.Count(dir, "/") < 2 || strings.HasPrefix(dir, "/var/") && strings.Count(dir, "/") < 3 {
			continue
		}
		if n := len(list); n > 0 && (list[n-1] == dir || strings.HasPrefix(dir, list[n-1]+"/")) {
			continue
		}
		list = append(list, dir)
	}
	return list
}

// lacking are the wishes that a system.toml does not fulfil. A service is one by whatever name that runs its program; if it
// keeps any folder, its owner has thought of that.
func (w wishes) lacking(sys *system.System) (less wishes) {
	for _, u := range w.Users {
		if _, ok := sys.Users[u.Name]; !ok {
			less.Users = append(less.Users, u)
		}
	}
	for _, s := range w.Services {
		name := running(sys, path.Base(s.Command[0]))
		kept := slices.DeleteFunc(slices.Clone(s.State), func(dir string) bool {
			return !strings.HasPrefix(dir, "/var/lib/") && !strings.HasPrefix(dir, "/var/spool/")
		})
		switch {
		case name == "":
			less.Services = append(less.Services, s)
		case len(kept) > 0 && len(sys.Services[name].State) == 0:
			less.States = append(less.States, stateWish{name, kept})
		}
	}
	return less
}

// running is the service whose command has a program, by name or by path, also behind a shell; "" if there is none.
func running(sys *system.System, program string) string {
	for _, name := range slices.Sorted(maps.Keys(sys.Services)) {
		for _, word := range sys.Services[name].Command {
			if slices.ContainsFunc(strings.Fields(word), func(w string) bool { return path.Base(w) == program }) {
				return name
			}
		}
	}
	return ""
}

func (w wishes) none() bool { return len(w.Users)+len(w.Services)+len(w.States) == 0 }

// wishes is a note of what packages want and system.toml does not say.
func (r Request) wishes(all []*carried) (notes []string) {
	var together wishes
	var wanting []string
	for _, p := range all {
		if w := p.wishes().lacking(r.System); p.Whole && p.Part == p.Package && !w.none() {
			together, wanting = together.and(w), append(wanting, p.Package)
		}
	}
	if together.none() {
		return nil
	}
	return []string{fmt.Sprintf("for %s %s wants %s; to paste and to change:\n\n%s", strings.Join(wanting, ", "), r.File, together.names(), together.lines(r.System))}
}

// Wants tells what the packages of a system.toml want that it does not say, as remarks at their names, and as lines to paste. It
// fetches nothing: of packages that this host has not read yet it knows nothing. r needs no kernel.
func Wants(r Request) (remarks []system.Problem, lines string) {
	wanted := make(map[string]wishes) // by package
	for _, root := range r.System.Packages {
		c, _ := r.knownClosure(root)
		if c == nil {
			continue
		}
		var ofRoot wishes
		for _, name := range c.wholes {
			contents, err := c.load(name)
			if err != nil {
				continue // not read yet
			}
			wanted[name] = contents.wishes().lacking(r.System)
			ofRoot = ofRoot.and(wanted[name])
		}
		if !ofRoot.none() {
			remarks = append(remarks, r.problem(r.packageKey(root), "lines to paste stand below", "remark: package %s wants %s", root, ofRoot.names()))
		}
	}
	var all wishes
	for _, name := range slices.Sorted(maps.Keys(wanted)) { // in the order of a build, which gives numbers to users
		all = all.and(wanted[name])
	}
	return remarks, all.lines(r.System)
}

// and joins wishes; what both have is there once.
func (w wishes) and(other wishes) wishes {
	for _, u := range other.Users {
		if !slices.ContainsFunc(w.Users, func(have userWish) bool { return have.Name == u.Name }) {
			w.Users = append(w.Users, u)
		}
	}
	for _, s := range other.Services {
		if !slices.ContainsFunc(w.Services, func(have serviceWish) bool { return have.Name == s.Name }) {
			w.Services = append(w.Services, s)
		}
	}
	w.States = append(w.States, other.States...)
	return w
}
