package switcher

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"

	"bantam/system"
)

// KindUser is the accounts: users and their groups.
const KindUser Kind = "user"

type userKind struct{ unchecked }

type userMachine interface {
	// Users are the accounts that the machine has now, named as Accounts does and each with what that says of it, or with
	// other words if somebody has changed it. Of system.AlwaysUsers only those are listed that somebody has changed, or
	// that a system says something of.
	Users() (map[string]string, error)
	// SetUsers makes the system's all the accounts beside those that are always there.
	SetUsers(sys *system.System) error
}

func (m *bounded) Users() (map[string]string, error) {
	return named(m, answerLimit, "read the users", m.Machine.Users)
}

func (m *bounded) SetUsers(sys *system.System) error {
	return tell(m, answerLimit, "set the users", func() error { return m.Machine.SetUsers(sys) })
}

func (userKind) name() Kind { return KindUser }

// Accounts are a system's users by name, and those of its groups that are more than the number of a user, each as "group NAME", with
// what tells it from another of its name.
func Accounts(sys *system.System) map[string]string {
	items := map[string]string{}
	for name, u := range sys.Users {
		if name == "root" && u.Password == "" && u.Shell == system.RootShell {
			continue // he is always there
		}
		items[name] = userState(u)
	}
	users := system.System{Users: sys.Users}
	implied := users.GroupIDs()
	for name, gid := range sys.GroupIDs() {
		if other, known := implied[name]; !known || other != gid {
			items[groupPrefix+name] = fmt.Sprint(gid)
		}
	}
	return items
}

const groupPrefix = "group "

// userState is what tells an account from another of its name, but for its keys, which are of KindSSH; of a password it has a digest.
func userState(u system.User) string {
	text := fmt.Sprintf("%d:%d", u.UID, u.GID)
	if len(u.Groups) > 0 {
		text += " in " + strings.Join(slices.Sorted(slices.Values(u.Groups)), ", ")
	}
	if u.Home != "/var/empty" || u.Shell != "/bin/false" {
		text += " " + u.Home + " " + u.Shell
	}
	if u.Password != "" {
		text += fmt.Sprintf(" %.4x", sha256.Sum256([]byte(u.Password)))
	}
	return text
}

func (userKind) desired(_ Machine, d *Desired) (Items, error) {
	return Accounts(d.System), nil
}

func (userKind) observe(m Machine, _ *Observed, _ Desired) (Items, error) {
	users, err := m.Users()
	return users, err
}

func (userKind) plan(p *planner) {
	if p.to.System == nil {
		return
	}
	have, want := p.from.Items[KindUser], p.to.Items[KindUser]
	for _, name := range bothKeys(have, want) {
		key, who := keyPath("user", name), "user "+name
		if group, is := strings.CutPrefix(name, groupPrefix); is {
			key, who = keyPath("group", group), name
		}
		s := Step{Action: ActionSet, Kind: KindUser, Name: name, Reason: p.reason(key)}
		switch {
		case have[name] == want[name]:
			continue
		case want[name] == "" && !slices.Contains(system.AlwaysUsers, name):
			s.Action = ActionRemove
		}
		if s.Reason == "" {
			s.Reason = fmt.Sprintf("%s is %s", key, orNone(have[name]))
		}
		s.Text = fmt.Sprintf("%s %s", s.Action, who)
		p.step(s)
	}
}

func orNone(text string) string {
	if text == "" {
		return "not there"
	}
	return text
}

func (userKind) joint(_, _ Action) bool { return true } // all of them are one file

func (userKind) apply(_ context.Context, o *operation, batch []Step, to target) error {
	return failed(batch[0], o.s.machine.SetUsers(to.system))
}
