package system

import "strconv"

func (r *reader) checkUsers() {
	owner := make(map[int]string)
	for _, name := range r.root.get("user").keys() {
		n, u := r.root.get("user", name), r.system.Users[name]
		if n.kind != tableKind {
			continue
		}
		at := join("user", name)
		first := byte('0')
		if name != "" {
			first = name[0]
		}
		switch {
		case name == "root" || name == "nobody" || name == "netcfg":
			r.failKey(n, "remove it", "%s: the user %s is always there", at, name)
		case len(name) > 31 || !consists(name, "_-") || first == '-' || first >= '0' && first <= '9':
			r.failKey(n, "use letters, digits, _ and -, starting with a letter, at most 31", "%s: %q is not a name for a user", at, name)
		}
		uid := n.get("uid")
		if uid == nil {
			r.failAt(n, n.key, "add e.g. uid = "+strconv.Itoa(r.freeUID()), "%s: uid is missing", at)
			continue
		}
		r.checkID(uid, at+".uid", u.UID)
		r.checkID(n.get("gid"), at+".gid", u.GID)
		if !uid.bad {
			if other := owner[u.UID]; other != "" {
				r.fail(uid, "write e.g. "+strconv.Itoa(r.freeUID()), "%s.uid: %d is already the uid of %s", at, u.UID, other)
			} else {
				owner[u.UID] = name
			}
		}
	}
}

func (r *reader) checkID(n *node, at string, id int) {
	if ok(n) && (id < 1 || id > 65532 || n.num < 1) {
		r.fail(n, "", "%s: %d is not between 1 and 65532", at, n.num)
	}
}

// freeUID is a number that no user has, from 1000 on.
func (r *reader) freeUID() int {
	used := make(map[int]bool)
	for _, u := range r.system.Users {
		used[u.UID] = true
	}
	uid := 1000
	for used[uid] {
		uid++
	}
	return uid
}

func (r *reader) checkUserOf(n *node, at, user string) {
	if !ok(n) || user == "root" || user == "nobody" || r.root.get("user", user) != nil {
		return
	}
	known := append(sortedKeys(r.system.Users), "nobody", "root")
	suggestion := didYouMean(user, known)
	if suggestion == "" {
		suggestion = "add [" + join("user", user) + "] with a uid"
	}
	r.fail(n, suggestion, "%s.user: there is no user %q", at, user)
}
