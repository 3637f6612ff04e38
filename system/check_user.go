package system

import (
	"slices"
	"strconv"
)

func (r *reader) checkUsers() {
	owner := make(map[int]string)
	free := strconv.Itoa(freeUID(r.root))
	for _, name := range r.root.get("user").keys() {
		n, u := r.root.get("user", name), r.system.Users[name]
		if n.kind != tableKind {
			continue
		}
		at := join("user", name)
		switch {
		case slices.Contains(alwaysUsers, name):
			r.failKey(n, "remove it", "%s: the user %s is always there", at, name)
		case !mayBeUser(name):
			r.failKey(n, "use letters, digits, _ and -, starting with a letter, at most 31", "%s: %q is not a name for a user", at, name)
		}
		uid := n.get("uid")
		if uid == nil {
			r.failAt(n, n.key, "add e.g. uid = "+free, "%s: uid is missing", at)
			continue
		}
		r.checkID(uid, at+".uid", u.UID)
		r.checkID(n.get("gid"), at+".gid", u.GID)
		if !uid.bad {
			if other := owner[u.UID]; other != "" {
				r.fail(uid, "write e.g. "+free, "%s.uid: %d is already the uid of %s", at, u.UID, other)
			} else {
				owner[u.UID] = name
			}
		}
	}
}

// alwaysUsers are there without a [user.NAME].
var alwaysUsers = []string{"root", "nobody", "netcfg"}

// mayBeUser reports whether [user.NAME] would be accepted.
func mayBeUser(name string) bool {
	if name == "" || len(name) > 31 || !consists(name, "_-") || name[0] == '-' || name[0] >= '0' && name[0] <= '9' {
		return false
	}
	return !slices.Contains(alwaysUsers, name)
}

func (r *reader) checkID(n *node, at string, id int) {
	if ok(n) && (id < 1 || id > 65532 || n.num < 1) {
		r.fail(n, "", "%s: %d is not between 1 and 65532", at, n.num)
	}
}

// freeUID is a number that no user of the file has, from 1000 on.
func freeUID(root *node) int {
	used := make(map[int64]bool)
	for _, name := range root.get("user").keys() {
		if uid := root.get("user", name, "uid"); uid != nil {
			used[uid.num] = true
		}
	}
	uid := 1000
	for used[int64(uid)] {
		uid++
	}
	return uid
}

func (r *reader) checkUserOf(n *node, at, user string, known []string) {
	if !ok(n) || user == "root" || user == "nobody" || r.root.get("user", user) != nil {
		return
	}
	suggestion := ""
	switch near := r.near(user, known); {
	case near != "":
		suggestion = "did you mean " + quote(near) + "?"
	case mayBeUser(user):
		suggestion = "add [" + join("user", user) + "] with a uid"
	default:
		suggestion = "write \"nobody\", or the name of a [user.NAME]"
	}
	r.fail(n, suggestion, "%s.user: there is no user %q", at, user)
}
