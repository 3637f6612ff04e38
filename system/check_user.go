package system

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"bantam/system/syntax"
)

// Values of User.HomeIn.
const (
	HomeInMemory = "memory"
	HomeInState  = "state"
)

// noHome is the home of who has none.
const noHome = "/var/empty"

func (r *reader) checkUsers() {
	owner, homes := make(map[int]string), make(map[string]string)
	free := strconv.Itoa(FreeUID(r.root))
	for _, name := range r.root.Get("user").Keys() {
		n, u := r.root.Get("user", name), r.system.Users[name]
		if n.Kind != syntax.TableKind {
			continue
		}
		at := syntax.Join("user", name)
		if name == "root" {
			r.checkRoot(n)
			r.checkSession(n, at, u)
			continue
		}
		switch {
		case slices.Contains(AlwaysUsers, name):
			r.failKey(n, "remove it", "%s: the user %s is always there", at, name)
		case !MayBeUser(name):
			r.failKey(n, "use letters, digits, _ and -, starting with a letter, at most 31", "%s: %q is not a name for a user", at, name)
		}
		uid := n.Get("uid")
		if uid == nil {
			if !onlyDotted(n) {
				r.failAt(n, n.Key, "add e.g. uid = "+free, "%s: uid is missing", at)
			}
			continue
		}
		r.checkID(uid, at+".uid", u.UID)
		r.checkID(n.Get("gid"), at+".gid", u.GID)
		if !uid.Bad {
			if other := owner[u.UID]; other != "" {
				r.fail(uid, "write e.g. "+free, "%s.uid: %d is already the uid of %s", at, u.UID, other)
			} else {
				owner[u.UID] = name
			}
		}
		if own, _ := r.system.groupID(name); u.GID == OperatorGID && own != OperatorGID {
			r.fail(cmp.Or(n.Get("gid"), uid), "choose another number; its users are those that have operator in their groups", "%s: %d is the gid of operator", at, u.GID)
		}
		groups := n.Get("groups")
		for i, group := range u.Groups {
			if slices.Index(u.Groups, group) < i && ok(groups.Item(i)) {
				r.fail(groups.Item(i), "remove it", "%s.groups: %q is there twice", at, group)
			}
			r.checkGroupOf(groups.Item(i), at+".groups", group)
		}
		r.checkHome(n, at, name, u, homes)
		r.checkSession(n, at, u)
	}
}

// checkRoot is of what cannot be said of root.
func (r *reader) checkRoot(n *syntax.Node) {
	for _, key := range []string{"uid", "gid", "groups", "home", "home_in"} {
		if kid := n.Get(key); kid != nil {
			r.failKey(kid, "remove it", "user.root.%s: root's is always the same", key)
		}
	}
}

// checkHome is of the home of a user; homes are those of others, by path.
func (r *reader) checkHome(n *syntax.Node, at, name string, u User, homes map[string]string) {
	home := n.Get("home")
	if u.Home == noHome {
		if ok(home) && (u.LogsIn() || u.HomeIn == HomeInState) {
			r.fail(home, "write \"/home/"+name+"\", or remove the line", "%s.home: who logs in needs a folder of its own, and %s stays empty", at, noHome)
		}
		return
	}
	where := cmp.Or(home, n)
	if why, suggestion := statePathFault(u.Home); ok(home) && why != "" {
		r.fail(home, suggestion, "%s.home: %q: %s", at, u.Home, why)
	} else if other := homes[u.Home]; other != "" && !where.Bad {
		r.fail(where, "choose another folder", "%s.home: %s is already the home of %s", at, u.Home, other)
	}
	homes[u.Home] = name
}

// checkSession is of what lets a person in.
func (r *reader) checkSession(n *syntax.Node, at string, u User) {
	if shell := n.Get("shell"); ok(shell) && !strings.HasPrefix(u.Shell, "/") {
		r.fail(shell, "write the whole path, e.g. \"/bin/sh\"", "%s.shell: %q does not start with /", at, u.Shell)
	} else if ok(shell) && strings.ContainsFunc(u.Shell, func(c rune) bool { return c <= ' ' || c == ':' || c == 0x7f }) {
		r.fail(shell, "write the path of a program, without arguments", "%s.shell: %q has blanks, colons or control characters", at, u.Shell)
	}
	list := n.Get("authorized_keys")
	for i, line := range u.AuthorizedKeys {
		key := list.Item(i)
		if !ok(key) {
			continue
		}
		same := func(other string) bool { return keyOf(other) == keyOf(line) }
		if why, suggestion := keyFault(line); why != "" {
			r.fail(key, suggestion, "%s.authorized_keys: %s", at, why)
		} else if slices.IndexFunc(u.AuthorizedKeys, same) < i {
			r.fail(key, "remove it", "%s.authorized_keys: the key is there twice", at)
		}
	}
	if password := n.Get("password"); ok(password) {
		if why, suggestion := passwordFault(u.Password); why != "" {
			r.fail(password, suggestion, "%s.password: %s", at, why)
		}
	}
}

// AlwaysUsers are there without a [user.NAME].
var AlwaysUsers = []string{"root", "nobody", "netcfg"}

// MayBeUser reports whether [user.NAME] would be accepted.
func MayBeUser(name string) bool {
	return accountName(name) && !slices.Contains(AlwaysUsers, name)
}

// accountName reports whether a user or a group may have the name, as far as its letters go.
func accountName(name string) bool {
	return name != "" && len(name) <= 31 && consists(name, "_-") && name[0] != '-' && (name[0] < '0' || name[0] > '9')
}

func (r *reader) checkID(n *syntax.Node, at string, id int) {
	if ok(n) && (id < 1 || id > 65532 || n.Num < 1) {
		r.fail(n, "", "%s: %d is not between 1 and 65532", at, n.Num)
	}
}

// FreeUID is a number that no user of the file has, from 1000 on.
func FreeUID(root *syntax.Node) int {
	used := make(map[int64]bool)
	for _, name := range root.Get("user").Keys() {
		if uid := root.Get("user", name, "uid"); uid != nil {
			used[uid.Num] = true
		}
	}
	uid := 1000
	for used[int64(uid)] {
		uid++
	}
	return uid
}

func (r *reader) checkUserOf(n *syntax.Node, at, user string, known []string) {
	if !ok(n) || user == "root" || user == "nobody" || r.root.Get("user", user) != nil {
		return
	}
	suggestion := ""
	switch near := r.near(user, known); {
	case near != "":
		suggestion = "did you mean " + syntax.Quote(near) + "?"
	case MayBeUser(user):
		suggestion = "add [" + syntax.Join("user", user) + "] with a uid"
	default:
		suggestion = "write \"nobody\", or the name of a [user.NAME]"
	}
	r.fail(n, suggestion, "%s: there is no user %q", at, user)
}
