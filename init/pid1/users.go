package pid1

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"bantam/order"
	"bantam/switcher"
	"bantam/system"
)

// WriteUsers writes /etc/passwd, /etc/group and /etc/shadow for root, nobody,
// the network configurator and the users of the system. No account has a password.
func WriteUsers(users map[string]system.User) error {
	passwd, group, shadow := accounts(users)
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

// userStates says of every account what switcher.UserState says, if its line in passwd is as WriteUsers makes it. Of those
// that are always there only what is not as it should be is listed; root stands for the other two files.
func userStates(passwd, group, shadow string) map[string]string {
	const changed = "changed by somebody"
	users := usersIn(passwd)
	wantPasswd, wantGroup, wantShadow := accounts(users)
	states := map[string]string{}
	for name, u := range users {
		states[name] = switcher.UserState(u)
	}
	have, want := strings.SplitAfter(passwd, "\n"), strings.SplitAfter(wantPasswd, "\n")
	for _, lines := range [][2][]string{{have, want}, {want, have}} {
		for _, line := range lines[0] {
			if !slices.Contains(lines[1], line) {
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

// usersIn are the users of a passwd file beside root, nobody and the network configurator, whose numbers no system can give.
func usersIn(passwd string) map[string]system.User {
	users := map[string]system.User{}
	for line := range strings.Lines(passwd) {
		f := strings.Split(line, ":")
		if len(f) < 4 {
			continue
		}
		uid, uidErr := strconv.Atoi(f[2])
		gid, gidErr := strconv.Atoi(f[3])
		if uidErr == nil && gidErr == nil && uid > 0 && uid < netcfgUser {
			users[f[0]] = system.User{UID: uid, GID: gid}
		}
	}
	return users
}

// accounts are the three files' texts, ordered by number. A group has the name of
// its first user; several users may share one.
func accounts(users map[string]system.User) (passwd, group, shadow string) {
	names := order.Sorted(maps.Keys(users), func(a, b string) int {
		return cmp.Or(cmp.Compare(users[a].UID, users[b].UID), cmp.Compare(a, b))
	})
	var p, g, s strings.Builder
	p.WriteString("root:x:0:0:root:/root:/bin/sh\n")
	g.WriteString("root:x:0:\ntty:x:5:\n") // devpts is mounted with gid=5
	s.WriteString("root:*:::::::\n")
	hasGroup := map[int]bool{0: true, 5: true, netcfgUser: true, 65534: true}
	for _, name := range names {
		u := users[name]
		fmt.Fprintf(&p, "%s:x:%d:%d::/var/empty:/bin/false\n", name, u.UID, u.GID)
		fmt.Fprintf(&s, "%s:*:::::::\n", name)
		if !hasGroup[u.GID] {
			hasGroup[u.GID] = true
			fmt.Fprintf(&g, "%s:x:%d:\n", name, u.GID)
		}
	}
	fmt.Fprintf(&p, "netcfg:x:%d:%d:network configurator:/:/bin/false\n", netcfgUser, netcfgUser)
	fmt.Fprintf(&g, "netcfg:x:%d:\n", netcfgUser)
	s.WriteString("netcfg:*:::::::\n")
	p.WriteString("nobody:x:65534:65534:nobody:/var/empty:/bin/false\n")
	g.WriteString("nogroup:x:65534:\n")
	s.WriteString("nobody:*:::::::\n")
	return p.String(), g.String(), s.String()
}
