package pid1

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"bantam/init/session"
	"bantam/order"
	"bantam/switcher"
	"bantam/system"
)

// WriteUsers writes /etc/passwd, /etc/group and /etc/shadow for root, nobody,
// the network configurator and the users of the system.
func WriteUsers(sys *system.System) error {
	passwd, group, shadow := accounts(sys)
	for _, file := range []File{
		{"/etc/passwd", 0o644, passwd},
		{"/etc/group", 0o644, group},
		{"/etc/shadow", 0o600, shadow},
	} {
		if err := file.Create(); err != nil {
			return err
		}
	}
	return nil
}

// userStates says of every account what switcher.Accounts says, if its line in passwd is as WriteUsers makes it. Of those
// that are always there only what is not as it should be is listed; root stands for the other two files.
func userStates(passwd, group, shadow string) map[string]string {
	const changed = "changed by somebody"
	have := accountsIn(passwd, group, shadow)
	wantPasswd, wantGroup, wantShadow := accounts(have)
	states := switcher.Accounts(have)
	lines, want := strings.SplitAfter(passwd, "\n"), strings.SplitAfter(wantPasswd, "\n")
	for _, sides := range [][2][]string{{lines, want}, {want, lines}} {
		for _, line := range sides[0] {
			if !slices.Contains(sides[1], line) {
				name, _, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
				states[name] = changed
			}
		}
	}
	if group != wantGroup || shadow != wantShadow {
		states["root"] = changed
	}
	return states
}

// accountsIn are a system's users and groups as they are in the files, without those that are always there, whose numbers no system
// can give. Of root it has what can be said of him.
func accountsIn(passwd, group, shadow string) *system.System {
	sys := &system.System{Users: map[string]system.User{}, Groups: map[string]system.Group{}}
	passwords, members := map[string]string{}, map[string][]string{}
	for f := range session.Fields(shadow, 2) {
		if f[1] != noPassword {
			passwords[f[0]] = f[1]
		}
	}
	for f := range session.Fields(group, 4) {
		if gid, err := strconv.Atoi(f[2]); err == nil && system.AlwaysGroups[f[0]] == 0 && f[0] != "root" {
			sys.Groups[f[0]] = system.Group{GID: gid}
		}
		for name := range strings.SplitSeq(f[3], ",") {
			if name != "" {
				members[name] = append(members[name], f[0])
			}
		}
	}
	for f := range session.Fields(passwd, 7) {
		uid, uidErr := strconv.Atoi(f[2])
		gid, gidErr := strconv.Atoi(f[3])
		u := system.User{UID: uid, GID: gid, Groups: members[f[0]], Home: f[5], Shell: f[6], Password: passwords[f[0]]}
		if f[0] == "root" && (u.LogsIn() || u.Shell != system.RootShell) || uidErr == nil && gidErr == nil && uid > 0 && uid < netcfgUser {
			sys.Users[f[0]] = u
		}
	}
	return sys
}

// noPassword is in shadow; nothing that is typed has that hash.
const noPassword = "*"

// accounts are the three files' texts, ordered by number. Only who is given a password has one.
func accounts(sys *system.System) (passwd, group, shadow string) {
	users := sys.Users
	names := order.Sorted(maps.Keys(users), func(a, b string) int {
		return cmp.Or(cmp.Compare(users[a].UID, users[b].UID), cmp.Compare(a, b))
	})
	var p, g, s strings.Builder
	password := func(name string) { fmt.Fprintf(&s, "%s:%s:::::::\n", name, cmp.Or(users[name].Password, noPassword)) }
	fmt.Fprintf(&p, "root:x:0:0:root:/root:%s\n", cmp.Or(users["root"].Shell, system.RootShell))
	password("root")
	members := map[string][]string{}
	for _, name := range names {
		if name == "root" {
			continue
		}
		u := users[name]
		fmt.Fprintf(&p, "%s:x:%d:%d::%s:%s\n", name, u.UID, u.GID, u.Home, u.Shell)
		password(name)
		for _, group := range u.Groups {
			members[group] = append(members[group], name)
		}
	}
	ids := sys.GroupIDs()
	for _, name := range order.Sorted(maps.Keys(ids), func(a, b string) int { return cmp.Or(cmp.Compare(ids[a], ids[b]), cmp.Compare(a, b)) }) {
		fmt.Fprintf(&g, "%s:x:%d:%s\n", name, ids[name], strings.Join(members[name], ","))
	}
	fmt.Fprintf(&p, "netcfg:x:%d:%d:network configurator:/:/bin/false\n", netcfgUser, netcfgUser)
	password("netcfg")
	p.WriteString("nobody:x:65534:65534:nobody:/var/empty:/bin/false\n")
	password("nobody")
	return p.String(), g.String(), s.String()
}
