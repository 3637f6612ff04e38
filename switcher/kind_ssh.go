package switcher

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"bantam/system"
)

// KindSSH is who may log in over the network, and where the machine listens for them.
const KindSSH Kind = "ssh"

type sshKind struct{ unchecked }

type sshMachine interface {
	// SSH is what SSHItems says of the system that was set last, and how many are logged in, by user and fingerprint of a key, e.g. "anna SHA256:...".
	SSH() (Items, map[string]int, error)
	// SetSSH listens for the users of sys and nobody else. Whoever is logged in with a key that opens his account no more has to leave.
	SetSSH(sys *system.System) error
}

type sshState struct {
	items    Items
	loggedIn map[string]int
}

func (m *bounded) SSH() (Items, map[string]int, error) {
	s, err := named(m, answerLimit, "look who is logged in", func() (sshState, error) {
		items, loggedIn, err := m.Machine.SSH()
		return sshState{items, loggedIn}, err
	})
	return s.items, s.loggedIn, err
}

func (m *bounded) SetSSH(sys *system.System) error {
	return tell(m, answerLimit, "listen for SSH", func() error { return m.Machine.SetSSH(sys) })
}

func (sshKind) name() Kind { return KindSSH }

// sshListener is the item that is no user.
const sshListener = "[ssh]"

// SSHItems are where a system listens, and of each user who may log in what tells that account from another.
func SSHItems(sys *system.System) Items {
	items := Items{}
	for _, name := range sys.LogIns() {
		u := sys.Users[name]
		words := []string{fmt.Sprintf("%d:%d", u.UID, u.GID), fmt.Sprint(sys.GroupsOf(name)), u.Home, u.Shell}
		for _, line := range u.AuthorizedKeys {
			words = append(words, system.KeyFingerprint(line))
		}
		items[name] = strings.Join(words, " ")
	}
	if len(items) > 0 {
		at := fmt.Sprintf("port %d", sys.SSH.Port)
		if len(sys.SSH.Addresses) > 0 {
			at += " of " + strings.Join(sys.SSH.Addresses, ", ")
		}
		if sys.SSH.Forward {
			at += ", with forwarding"
		}
		items[sshListener] = at
	}
	return items
}

func (sshKind) desired(_ Machine, d *Desired) (Items, error) { return SSHItems(d.System), nil }

func (sshKind) observe(m Machine, o *Observed, _ Desired) (items Items, err error) {
	items, o.LoggedIn, err = m.SSH()
	return items, err
}

func (sshKind) plan(p *planner) {
	if p.to.System == nil {
		return
	}
	have, want := p.from.Items[KindSSH], p.to.Items[KindSSH]
	for _, name := range bothKeys(have, want) {
		if have[name] == want[name] {
			continue
		}
		s := Step{Action: ActionSet, Kind: KindSSH, Name: name}
		if want[name] == "" {
			s.Action = ActionRemove
		}
		if name == sshListener {
			s.Name = "ssh"
			s.Reason = p.reason("ssh")
			if have[name] == "" {
				s.Reason = "somebody may log in"
			} else if want[name] == "" {
				s.Reason = "nobody may log in"
			}
			s.Text = "listen for SSH at " + want[name]
			if want[name] == "" {
				s.Text = "listen for SSH no more"
			}
		} else {
			s.Reason = p.reason(keyPath("user", name), "ssh.users")
			s.Text = fmt.Sprintf("%s the SSH login of %s", s.Action, name)
			if n := p.leaving(name, want[name]); n > 0 {
				s.Text += fmt.Sprintf(", which ends %s", count(n, "connection", "connections"))
			}
		}
		if s.Reason == "" {
			s.Reason = "it is " + orNone(have[name])
		}
		p.step(s)
	}
}

// leaving is how many of a user's connections have keys that open the account no more.
func (p *planner) leaving(user, account string) (n int) {
	words := strings.Fields(account)
	for who, logins := range p.from.LoggedIn {
		name, key, _ := strings.Cut(who, " ")
		if name == user && !slices.Contains(words, key) {
			n += logins
		}
	}
	return n
}

func (sshKind) joint(_, _ Action) bool { return true } // it is one configuration

func (sshKind) apply(_ context.Context, o *operation, batch []Step, to target) error {
	return failed(batch[0], o.s.machine.SetSSH(to.system))
}
