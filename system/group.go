package system

import (
	"slices"
	"strconv"

	"bantam/system/syntax"
)

// OperatorGID is the number of the group operator, whose users may change the machine by bantam's verbs. A system
// cannot give it to another.
const OperatorGID = 65532

// AlwaysGroups are there without a [group.NAME], by name. Those of the devices have the numbers that Debian's have.
var AlwaysGroups = map[string]int{"root": 0, "tty": 5, "operator": OperatorGID, "netcfg": 65533, "nogroup": 65534}

// joinable are those of them that a user may be in.
var joinable = []string{"operator", "tty"}

// groupID is the number of a group that the file or Bantam itself names, not of those that users have for themselves.
func (s *System) groupID(name string) (gid int, known bool) {
	if g, declared := s.Groups[name]; declared {
		return g.GID, true
	}
	if gid, known = AlwaysGroups[name]; known {
		return gid, true
	}
	return 0, false
}

// GroupIDs are the numbers of all groups by name. A group that is only the gid of users has the name of the first of them, by
// number.
func (s *System) GroupIDs() map[string]int {
	all, named := map[string]int{}, map[int]bool{}
	for name, gid := range AlwaysGroups {
		all[name], named[gid] = gid, true
	}
	for name, g := range s.Groups {
		all[name], named[g.GID] = g.GID, true
	}
	first := map[int]string{} // user of each gid without a name
	for name, u := range s.Users {
		if _, taken := all[name]; taken || named[u.GID] {
			continue
		}
		if other, has := first[u.GID]; !has || u.UID < s.Users[other].UID || u.UID == s.Users[other].UID && name < other {
			first[u.GID] = name
		}
	}
	for gid, name := range first {
		all[name] = gid
	}
	return all
}

// GroupsOf are the numbers of the further groups of a user, sorted, each once.
func (s *System) GroupsOf(user string) []uint32 {
	var gids []uint32
	ids := s.GroupIDs()
	for _, name := range s.Users[user].Groups {
		gids = append(gids, uint32(ids[name]))
	}
	slices.Sort(gids)
	return slices.Compact(gids)
}

func (r *reader) checkGroups() {
	owner := make(map[int]string)
	for _, name := range sortedKeys(AlwaysGroups) {
		owner[AlwaysGroups[name]] = name
	}
	for _, name := range r.root.Get("group").Keys() {
		n, g := r.root.Get("group", name), r.system.Groups[name]
		if n.Kind != syntax.TableKind {
			continue
		}
		at := syntax.Join("group", name)
		if _, always := AlwaysGroups[name]; always {
			r.failKey(n, "remove it", "%s: the group %s is always there", at, name)
		} else if !accountName(name) {
			r.failKey(n, "use letters, digits, _ and -, starting with a letter, at most 31", "%s: %q is not a name for a group", at, name)
		}
		gid := n.Get("gid")
		if gid == nil {
			if !onlyDotted(n) {
				r.failAt(n, n.Key, "add e.g. gid = "+strconv.Itoa(r.freeGID()), "%s: gid is missing", at)
			}
			continue
		}
		r.checkID(gid, at+".gid", g.GID)
		if !ok(gid) {
			continue
		}
		if other := owner[g.GID]; other != "" && other != name {
			r.fail(gid, "write e.g. "+strconv.Itoa(r.freeGID()), "%s.gid: %d is already the gid of %s", at, g.GID, other)
		} else {
			owner[g.GID] = name
		}
	}
}

// freeGID is a number that no group has, from 2000 on.
func (r *reader) freeGID() int {
	used := make(map[int]bool)
	for _, gid := range r.system.GroupIDs() {
		used[gid] = true
	}
	gid := 2000
	for used[gid] {
		gid++
	}
	return gid
}

// checkGroupOf is of a place that names a group.
func (r *reader) checkGroupOf(n *syntax.Node, at, group string) {
	if !ok(n) || r.root.Get("group", group) != nil || slices.Contains(joinable, group) {
		return
	}
	known := slices.DeleteFunc(sortedKeys(r.system.GroupIDs()), func(name string) bool {
		_, always := AlwaysGroups[name]
		return always && !slices.Contains(joinable, name)
	})
	if slices.Contains(known, group) {
		return
	}
	if _, always := AlwaysGroups[group]; always {
		r.fail(n, "choose another group", "%s: nobody else is in the group %q", at, group)
		return
	}
	suggestion := ""
	switch near := r.near(group, known); {
	case near != "":
		suggestion = "did you mean " + syntax.Quote(near) + "?"
	case accountName(group):
		suggestion = "add [" + syntax.Join("group", group) + "] with a gid"
	default:
		suggestion = "write the name of a [group.NAME]"
	}
	r.fail(n, suggestion, "%s: there is no group %q", at, group)
}
