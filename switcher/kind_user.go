package switcher

import (
	"context"
	"fmt"
	"slices"

	"bantam/system"
)

// KindUser is the accounts of services.
const KindUser Kind = "user"

type userKind struct{ unchecked }

type userMachine interface {
	// Users are the accounts that the machine has now, each with what UserState says of it, or with other words if
	// somebody has changed it. Of system.AlwaysUsers only those are listed that somebody has changed.
	Users() (map[string]string, error)
	// SetUsers makes these all the users beside root and nobody.
	SetUsers(users map[string]system.User) error
}

func (m *bounded) Users() (map[string]string, error) {
	return named(m, answerLimit, "read the users", m.Machine.Users)
}

func (m *bounded) SetUsers(users map[string]system.User) error {
	return tell(m, answerLimit, "set the users", func() error { return m.Machine.SetUsers(users) })
}

func (userKind) name() Kind { return KindUser }

func userItems(users map[string]system.User) Items {
	items := Items{}
	for name, u := range users {
		items[name] = UserState(u)
	}
	return items
}

// UserState is what tells an account from another of its name.
func UserState(u system.User) string { return fmt.Sprintf("%d:%d", u.UID, u.GID) }

func (userKind) desired(_ Machine, d *Desired) (Items, error) {
	return userItems(d.System.Users), nil
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
		s := Step{Action: ActionSet, Kind: KindUser, Name: name, Reason: p.reason(keyPath("user", name))}
		switch {
		case have[name] == want[name]:
			continue
		case want[name] == "" && !slices.Contains(system.AlwaysUsers, name):
			s.Action = ActionRemove
		}
		if s.Reason == "" {
			s.Reason = fmt.Sprintf("%s is %s", keyPath("user", name), orNone(have[name]))
		}
		s.Text = fmt.Sprintf("%s user %s", s.Action, name)
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
	return failed(batch[0], o.s.machine.SetUsers(to.system.Users))
}
