package system

import (
	"slices"
	"strconv"

	"bantam/system/syntax"
)

func (r *reader) checkUsers() {
	owner := make(map[int]string)
	free := strconv.Itoa(FreeUID(r.root))
	for _, name := range r.root.Get("user").Keys() {
		n, u := r.root.Get("user", name), r.system.Users[name]
		if n.Kind != syntax.TableKind {
			continue
		}
		at := syntax.Join("user", name)
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
	}
}

// AlwaysUsers are there without a [user.NAME].
var AlwaysUsers = []string{"root", "nobody", "netcfg"}

// MayBeUser reports whether [user.NAME] would be accepted.
func MayBeUser(name string) bool {
	if name == "" || len(name) > 31 || !consists(name, "_-") || name[0] == '-' || name[0] >= '0' && name[0] <= '9' {
		return false
	}
	return !slices.Contains(AlwaysUsers, name)
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
