package system

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"bantam/system/syntax"
)

// fileRoots are the folders below which a system may have files. Everywhere else are Bantam's own, the kernel's, or
// what lasts.
var fileRoots = []string{"/etc", "/home", "/opt", "/root", "/srv", "/usr", "/var"}

// ownFiles are made by Bantam itself, of other keys.
var ownFiles = map[string]string{
	"/etc/passwd": "[user.NAME] makes it", "/etc/group": "[user.NAME] and [group.NAME] make it", "/etc/shadow": "[user.NAME] makes it",
	"/etc/hostname": "hostname makes it", "/etc/hosts": "hostname makes it", "/etc/resolv.conf": "[dns] and the network make it",
	"/etc/nsswitch.conf": "it is always the same", "/etc/mtab": "the kernel's mounts are in it", "/var/empty": "it stays empty",
}

// IsOwnFile says whether a file of /etc is made by Bantam itself and by nobody else.
func IsOwnFile(path string) bool { return ownFiles[path] != "" }

// Longest path and name that Linux takes, less what an unfinished file's name adds.
const mostPath, mostName = 1024, 200

// Perm is the mode as the kernel has it.
func (f File) Perm() uint32 {
	mode, _ := strconv.ParseUint(f.Mode, 8, 32)
	return uint32(mode)
}

// IDs are the numbers of a user by the name that system.toml gives it, which was checked when it was read.
func (s *System) IDs(user string) (uid, gid int) {
	switch u, declared := s.Users[user]; {
	case declared:
		return u.UID, u.GID
	case user == "nobody":
		return 65534, 65534
	}
	return 0, 0
}

// FileIDs are the numbers of the user and the group that a file belongs to.
func (s *System) FileIDs(f File) (uid, gid int) {
	uid, gid = s.IDs(f.Owner)
	if f.Group != "" {
		gid = s.GroupIDs()[f.Group]
	}
	return uid, gid
}

func (r *reader) checkFiles(users []string) {
	services := sortedKeys(r.system.Services)
	for _, name := range sortedKeys(r.system.Files) {
		n, f := r.root.Get("file", name), r.system.Files[name]
		if n.Kind != syntax.TableKind {
			continue
		}
		at := syntax.Join("file", name)
		why, suggestion := filePathFault(name)
		for dir := path.Dir(name); why == "" && len(dir) > 1; dir = path.Dir(dir) {
			if _, both := r.system.Files[dir]; both {
				why = "it lies below " + dir + ", which is a file too"
			}
		}
		if why != "" {
			r.failKey(n, suggestion, "%s: %s", at, why)
		}
		switch text, source := n.Get("text"), n.Get("source"); {
		case text == nil && source == nil:
			r.failAt(n, n.Key, "add text = \"...\"", "%s: it has neither text nor source", at)
		case text != nil && ok(source):
			r.fail(source, "leave one of them out", "%s.source: text says already what is in it", at)
		case ok(text) && f.Text.Secret != "" && strings.HasPrefix(name, "/usr/"):
			r.fail(text, "choose another folder, e.g. /etc", "%s.text: what is below /usr is no place for a secret", at)
		case ok(source):
			r.checkBeside(source, at+".source", f.Source)
		}
		if mode := n.Get("mode"); ok(mode) && !isMode(f.Mode) {
			r.fail(mode, "write e.g. \"0640\"", "%s.mode: %q is not an octal number between 0000 and 0777", at, f.Mode)
		}
		r.checkUserOf(n.Get("owner"), at+".owner", f.Owner, users)
		r.checkGroupOf(n.Get("group"), at+".group", f.Group)
		r.checkReferences(n.Get("restarts"), "", at+".restarts", f.Restarts, services)
		r.checkReferences(n.Get("reloads"), "", at+".reloads", f.Reloads, services)
		r.checkNoNetwork(n.Get("restarts"), at+".restarts", f.Restarts)
		r.checkNoNetwork(n.Get("reloads"), at+".reloads", f.Reloads)
		for i, service := range f.Reloads {
			if item := n.Get("reloads").Item(i); ok(item) && slices.Contains(f.Restarts, service) {
				r.fail(item, "leave one of them out", "%s.reloads: %q is restarted by it too", at, service)
			}
		}
	}
}

// checkNoNetwork: the network reads no file.
func (r *reader) checkNoNetwork(list *syntax.Node, at string, services []string) {
	for i, name := range services {
		if item := list.Item(i); ok(item) && IsOwnService(name) {
			r.fail(item, "remove it", "%s: the %s reads no file", at, name)
		}
	}
}

func isMode(text string) bool {
	mode, err := strconv.ParseUint(text, 8, 32)
	return err == nil && mode <= 0o777 && len(text) >= 3 && len(text) <= 4 && text[0] != '+'
}

// filePathFault says why there may be no file of that path, "" if there may.
func filePathFault(name string) (why, suggestion string) {
	if !strings.HasPrefix(name, "/") {
		return "the path of a file starts with /", "write " + syntax.Quote(path.Join("/", name))
	}
	if clean := path.Clean(name); clean != name {
		return "the path has parts that say nothing", "write " + syntax.Quote(clean)
	}
	if len(name) > mostPath || slices.ContainsFunc(strings.Split(name, "/"), func(part string) bool { return len(part) > mostName }) {
		return "the path, or a name in it, is too long", ""
	}
	if strings.ContainsFunc(name, func(c rune) bool { return c < ' ' || c == 0x7f }) {
		return "the path has control characters", ""
	}
	if own := ownFiles[name]; own != "" {
		return "that is Bantam's own: " + own, "remove it"
	}
	if below := path.Dir(name); below == "/var/empty" || strings.HasPrefix(below, "/var/empty/") {
		return "/var/empty stays empty", "choose another folder"
	}
	for _, root := range fileRoots {
		if strings.HasPrefix(name, root+"/") {
			return "", ""
		}
	}
	return "files may be made below " + strings.Join(fileRoots, ", ") + " only", ""
}

// NamedBy says whether a service's command names the path of a file, in a word of its own or in a part of one, as in
// --config=/etc/x.conf.
func NamedBy(s Service, file string) bool {
	return slices.ContainsFunc(s.Command, func(word string) bool {
		for rest := word; ; {
			i := strings.Index(rest, file)
			if i < 0 {
				return false
			}
			after := rest[i+len(file):]
			before := byte(' ')
			if i > 0 {
				before = rest[i-1]
			}
			if !PathByte(before) && (after == "" || !PathByte(after[0])) {
				return true
			}
			rest = rest[i+1:]
		}
	})
}

// PathByte says whether a path goes on with c: /etc/a is not named by /etc/a.conf.
func PathByte(c byte) bool {
	return c == '/' || c == '.' || c == '-' || c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}
