package switcher

import (
	"context"
	"fmt"
	"strings"
)

// KindHome is the homes of users that lie in memory; those that last are of KindState. A home that no user has any more stays
// until the next boot.
const KindHome Kind = "home"

type homeKind struct{ separate }

type homeMachine interface {
	// Home is what StateFolderOf says of the folder in memory at path; "" if there is none, HomeLasts if one of the
	// state volume is there, and words with a blank at the beginning if something else is, e.g. " a file".
	Home(path string) (string, error)
	// MakeHome makes the folder at path, and gives it to the user, with what another user has left in it.
	MakeHome(ctx context.Context, path string, uid, gid int) error
}

// HomeLasts is a folder of the state volume at the place of a home.
const HomeLasts = "lasting"

func (m *bounded) Home(path string) (string, error) {
	return named(m, answerLimit, "look at "+path, func() (string, error) { return m.Machine.Home(path) })
}

func (m *bounded) MakeHome(ctx context.Context, path string, uid, gid int) error {
	return finish(ctx, m, "make "+path, func() error { return m.Machine.MakeHome(ctx, path, uid, gid) })
}

func (homeKind) name() Kind { return KindHome }

func (homeKind) desired(_ Machine, d *Desired) (Items, error) {
	items := Items{}
	for path, user := range d.System.Homes() {
		items[path] = StateFolderOf(d.System.IDs(user))
	}
	return items, nil
}

func (homeKind) observe(m Machine, _ *Observed, to Desired) (Items, error) {
	items := Items{}
	for path := range to.Items[KindHome] {
		state, err := m.Home(path)
		if err != nil {
			return nil, fmt.Errorf("home %s: %w", path, err)
		}
		items[path] = state
	}
	return items, nil
}

func (homeKind) plan(p *planner) {
	if p.to.System == nil {
		return // it is gone with the memory that it lies in
	}
	have, want, users := p.from.Items[KindHome], p.to.Items[KindHome], p.toSystem.Homes()
	for _, path := range sortedKeys(want) {
		if have[path] == want[path] {
			continue
		}
		s := Step{Action: ActionSet, Kind: KindHome, Name: path, Text: "make home " + path, Reason: p.reason(keyPath("user", users[path]))}
		if strings.Contains(have[path], ":") {
			s.Text = fmt.Sprintf("give home %s to %s", path, users[path])
		}
		if s.Reason == "" {
			s.Reason = "it is not there"
			if have[path] != "" {
				s.Reason = "its owner is " + have[path]
			}
		}
		p.step(s)
	}
}

// check finds what is in the way of a home.
func (homeKind) check(c *precheck) (faults []error, notes []string) {
	if c.verb == VerbBoot {
		return nil, nil
	}
	for _, path := range sortedKeys(c.to.system.Homes()) {
		if something, other := strings.CutPrefix(c.observed.Items[KindHome][path], " "); other {
			faults = append(faults, fmt.Errorf("home %s: this machine has %s there", path, something))
		}
	}
	return faults, notes
}

func (homeKind) apply(ctx context.Context, o *operation, batch []Step, to target) error {
	step := batch[0]
	uid, gid := to.system.IDs(to.system.Homes()[step.Name])
	return failed(step, o.s.machine.MakeHome(ctx, step.Name, uid, gid))
}
