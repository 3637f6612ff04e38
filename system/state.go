package system

import (
	"path"
	"slices"
	"strings"

	"bantam/system/syntax"
)

// stateRoots are the folders below which a service may have folders that last.
var stateRoots = []string{"/home", "/opt", "/root", "/srv", "/var"}

// forgetful are folders of Bantam's own that no service can have.
var forgetful = map[string]string{
	"/var/empty": "it stays empty", "/var/lib": "the folders of all services lie there", "/var/run": "it is a link to /run, which forgets",
	"/var/lock": "it is a link to /run/lock, which forgets", "/var/tmp": "it is a link to /tmp, which forgets",
}

// mostState is how long the path of a folder that lasts may be: it is one name on the state volume.
const mostState = 200

// StateUsers says for each folder that lasts which user it belongs to.
func (s *System) StateUsers() map[string]string {
	users := map[string]string{}
	for _, service := range s.Services {
		for _, folder := range service.State {
			users[folder] = service.User
		}
	}
	for name, u := range s.Users {
		if u.HomeIn == HomeInState {
			users[u.Home] = name
		}
	}
	return users
}

// Homes says for each home that lies in memory which user it belongs to. That of root is always there.
func (s *System) Homes() map[string]string {
	users, lasting := map[string]string{}, s.StateUsers()
	for name, u := range s.Users {
		if _, lasts := lasting[u.Home]; !lasts && u.Home != noHome && name != "root" {
			users[u.Home] = name
		}
	}
	return users
}

// checkState is of the folders that last of all services.
func (r *reader) checkState() {
	type owner struct{ service, user string }
	owners := map[string]owner{}
	files := sortedKeys(r.system.Files)
	for _, name := range sortedKeys(r.system.Services) {
		v := r.system.Services[name]
		list := r.root.Get("service", name, "state")
		at := syntax.Join("service", name) + ".state"
		for i, folder := range v.State {
			n := list.Item(i)
			if !ok(n) {
				continue
			}
			why, suggestion := statePathFault(folder)
			other, shared := owners[folder]
			switch {
			case why != "":
			case slices.Index(v.State, folder) < i:
				why, suggestion = "it is there twice", "remove it"
			case shared && other.user != v.User:
				why = "service " + other.service + " has it too, as user " + other.user
				suggestion = "one folder has one user"
			}
			for _, file := range files {
				if why == "" && (inOrAt(file, folder) || inOrAt(folder, file)) {
					why, suggestion = syntax.Join("file", file)+" would be in its place, or in it", "choose another folder"
				}
			}
			for _, above := range sortedKeys(owners) {
				if why == "" && above != folder && (inOrAt(folder, above) || inOrAt(above, folder)) {
					why, suggestion = "it and "+above+" of service "+owners[above].service+" lie in one another", "choose another folder"
				}
			}
			if why != "" {
				r.fail(n, suggestion, "%s: %q: %s", at, folder, why)
				continue
			}
			owners[folder] = owner{name, v.User}
		}
	}
	for _, name := range sortedKeys(r.system.Users) {
		u, n := r.system.Users[name], r.root.Get("user", name)
		at := n.Get("home")
		if at == nil {
			at = n.Get("home_in")
		}
		if at == nil {
			at = n
		}
		if n.Bad || badBelow(n) || u.Home == noHome || name == "root" {
			continue
		}
		fault := func(suggestion, format string, args ...any) {
			r.fail(at, suggestion, "%s: "+format, append([]any{syntax.Join("user", name) + ".home"}, args...)...)
		}
		for _, folder := range sortedKeys(owners) {
			o := owners[folder]
			switch {
			case u.Home == folder && o.user != name:
				fault("choose another folder", "%q is a folder of service %s, which runs as %s", folder, o.service, o.user)
			case u.Home != folder && (inOrAt(u.Home, folder) || inOrAt(folder, u.Home)) && u.HomeIn == HomeInState:
				fault("choose another folder", "%q and %s of service %s lie in one another", u.Home, folder, o.service)
			}
		}
		for _, file := range files {
			if u.HomeIn == HomeInState && (inOrAt(file, u.Home) || inOrAt(u.Home, file)) {
				fault("let it be in memory, or choose another folder", "%s would be in its place, or in it", syntax.Join("file", file))
			} else if file == u.Home {
				fault("choose another folder", "that is a file, %s", syntax.Join("file", file))
			}
		}
	}
}

// inOrAt says whether a path is a folder, or in it.
func inOrAt(name, folder string) bool { return name == folder || strings.HasPrefix(name, folder+"/") }

// statePathFault says why no folder of that path can last, "" if one can.
func statePathFault(name string) (why, suggestion string) {
	if !strings.HasPrefix(name, "/") {
		return "the path of a folder starts with /", "write " + syntax.Quote(path.Join("/", name))
	}
	if clean := path.Clean(name); clean != name {
		return "the path has parts that say nothing", "write " + syntax.Quote(clean)
	}
	if len(name) > mostState {
		return "the path is too long", ""
	}
	if strings.ContainsFunc(name, func(c rune) bool { return c < ' ' || c == 0x7f || c == ':' }) {
		return "the path has a colon or control characters", ""
	}
	for own, why := range forgetful {
		if name == own || own != "/var/lib" && inOrAt(name, own) {
			return own + " is Bantam's own: " + why, "choose a folder like /var/lib/NAME"
		}
	}
	for _, root := range stateRoots {
		if strings.HasPrefix(name, root+"/") {
			return "", ""
		}
		if name == root {
			return "it is not that of one user", "choose a folder in it"
		}
	}
	return "folders last below " + strings.Join(stateRoots, ", ") + " only", "write e.g. \"/var/lib/" + path.Base(name) + "\""
}
