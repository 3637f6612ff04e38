package switcher

import (
	"errors"
	"strings"
	"testing"

	"bantam/system"
)

const (
	aKey     = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB8hNVQVwSZFYUyROg7Y+Jq8pJ5rL7hR8dXJ3kO0uTqH anna@laptop"
	otherKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIDLuYxCAW8JjdQ6H1JWVwr0VMNpZ1QkZpo6rNQ0WUJ1 anna@desk"
)

func sshText(keys, more string) string {
	return "[user.anna]\nuid = 1000\nauthorized_keys = [" + keys + "]\n[user.bob]\nuid = 1001\nauthorized_keys = ['" + aKey + "']\n[ssh]\n" + more
}

func TestWhoLogsInIsSetAsTheSystemSays(t *testing.T) {
	both := "'" + aKey + "', '" + otherKey + "'"
	for _, c := range []struct{ name, text, want string }{
		{"nothing", sshText(both, ""), "nothing to do on the running machine\n"},
		{"another port", sshText(both, "port = 2222\n"), "  listen for SSH at port 2222  ssh.port: 22 -> 2222\n"},
		{"an address", sshText(both, "addresses = ['192.0.2.1']\nforward = true\n"),
			"  listen for SSH at port 22 of 192.0.2.1, with forwarding  ssh.addresses: (not set) -> [\"192.0.2.1\"]; ssh.forward: false -> true\n"},
		{"one user", sshText(both, "users = ['bob']\n"), "  remove the SSH login of anna, which ends 3 connections  ssh.users: (not set) -> [\"bob\"]\n"},
		{"nobody", "[user.anna]\nuid = 1000\nhome = '/home/anna'\nshell = '/bin/sh'\n", `  remove user bob ...
  listen for SSH no more ...
  remove the SSH login of anna, which ends 3 connections ...
  remove the SSH login of bob ...
`},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, m, _ := bootedMachine(t)
			wantExit(t, switchTo(t, s, VerbSwitch, sshText(both, "")), ExitGood)
			m.loggedIn = map[string]int{
				"anna " + system.KeyFingerprint(aKey):     1,
				"anna " + system.KeyFingerprint(otherKey): 2,
			}
			p, err := s.Plan(Request{Verb: VerbSwitch, Text: []byte(c.text)})
			if err != nil || len(p.Problems) > 0 {
				t.Fatalf("%v %q", err, p.Problems)
			}
			if got := spaced(p.Plan.String()); !strings.Contains(c.want, "...") && got != spaced(c.want) {
				t.Errorf("got\n%swant\n%s", got, spaced(c.want))
			}
			for line := range strings.Lines(c.want) {
				if step, _, open := strings.Cut(line, " ..."); open && !strings.Contains(spaced(p.Plan.String()), spaced(step)) {
					t.Errorf("got\n%s\nwithout %s", p.Plan, step)
				}
			}
			if c.name == "nothing" {
				return
			}
			wantExit(t, switchTo(t, s, VerbSwitch, c.text), ExitGood)
			if p, err := s.Plan(Request{Verb: VerbSwitch, Text: []byte(c.text)}); err != nil || len(p.Plan.Steps) > 0 {
				t.Errorf("afterwards: %v\n%s", err, p.Plan)
			}
			wantExit(t, s.Switch(t.Context(), Request{Verb: VerbRollback}, nil), ExitGood)
			if got := strings.Join(m.ssh.LogIns(), " "); got != "anna bob" {
				t.Errorf("back again: %s", got)
			}
		})
	}
}

func TestAKeyThatGoesEndsItsConnectionsAlone(t *testing.T) {
	s, m, _ := bootedMachine(t)
	wantExit(t, switchTo(t, s, VerbSwitch, sshText("'"+aKey+"', '"+otherKey+"'", "")), ExitGood)
	m.loggedIn = map[string]int{"anna " + system.KeyFingerprint(aKey): 1, "anna " + system.KeyFingerprint(otherKey): 1, "bob " + system.KeyFingerprint(otherKey): 1}
	p, err := s.Plan(Request{Verb: VerbSwitch, Text: []byte(sshText("'"+aKey+"'", ""))})
	if err != nil || !strings.Contains(p.Plan.String(), "set the SSH login of anna, which ends 1 connection ") {
		t.Errorf("%v\n%s", err, p.Plan)
	}
}

func TestAPortThatIsTakenLeadsBack(t *testing.T) {
	s, m, _ := bootedMachine(t)
	wantExit(t, switchTo(t, s, VerbSwitch, sshText("'"+aKey+"'", "")), ExitGood)
	m.fail = func(call string) error {
		if strings.HasPrefix(call, "ssh ") && m.system.SSH.Port == 80 {
			return errors.New("listen for SSH: address already in use")
		}
		return nil
	}
	r := switchTo(t, s, VerbSwitch, sshText("'"+aKey+"'", "port = 80\n"))
	wantExit(t, r, ExitReverted)
	if !strings.Contains(r.Reason, "already in use") || m.ssh.SSH.Port != 22 {
		t.Errorf("%s; port %d", r.Reason, m.ssh.SSH.Port)
	}
}
