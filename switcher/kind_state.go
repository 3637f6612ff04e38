package switcher

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"bantam/system"
)

// KindState is the folders of services that last. A generation says which there are and whose; what is in them belongs to
// no generation: every switch, rollback and new image finds it as it is.
const KindState Kind = "state"

type stateKind struct{ separate }

type stateMachine interface {
	// StateFolder is what StateFolderOf says of the folder that lasts at path; "" if there is none, StateInMemory
	// if another folder, with something in it, is there, and words with a blank at the beginning if
	// something is there that is in the way, e.g. " a file".
	StateFolder(path string) (string, error)
	// KeepState makes that folder and all in it the user's, and puts it at path. Where it ends early, the next
	// look at it says so, also after a power cut.
	KeepState(ctx context.Context, path string, uid, gid int) error
	// LeaveState takes the folder away from path; what is in it stays on the state volume.
	LeaveState(path string) error
}

// StateInMemory is a folder that is hidden by the one that lasts.
const StateInMemory = "in memory"

// StateFolderOf is what tells a folder from another at its path.
func StateFolderOf(uid, gid int) string { return fmt.Sprintf("%d:%d", uid, gid) }

// ownerLimit is how long a step may take to give all that is in a folder to a user, beside stepLimit.
const ownerLimit = time.Minute

func (m *bounded) StateFolder(path string) (string, error) {
	return named(m, answerLimit, "look at "+path, func() (string, error) { return m.Machine.StateFolder(path) })
}

func (m *bounded) KeepState(ctx context.Context, path string, uid, gid int) error {
	return finish(ctx, m, "keep "+path, func() error { return m.Machine.KeepState(ctx, path, uid, gid) })
}

func (m *bounded) LeaveState(path string) error {
	return tell(m, answerLimit, "unmount "+path, func() error { return m.Machine.LeaveState(path) })
}

func (stateKind) name() Kind { return KindState }

func (stateKind) desired(_ Machine, d *Desired) (Items, error) {
	items := Items{}
	for path, user := range d.System.StateUsers() {
		items[path] = StateFolderOf(d.System.IDs(user))
	}
	return items, nil
}

// observe looks where the running system or the next one has a folder.
func (stateKind) observe(m Machine, o *Observed, to Desired) (Items, error) {
	running, next := orEmpty(o.System).StateUsers(), to.Items[KindState]
	items := Items{}
	var faults []error
	for _, path := range bothKeys(running, next) {
		state, err := m.StateFolder(path)
		_, wanted := next[path]
		switch {
		case err != nil:
			faults = append(faults, fmt.Errorf("state %s: %w", path, err))
		case wanted || state != StateInMemory && !strings.HasPrefix(state, " "): // else it is not ours
			items[path] = state
		}
	}
	return items, errors.Join(faults...)
}

func (stateKind) plan(p *planner) {
	if p.to.System == nil {
		return // the end of the machine unmounts all
	}
	have, want := p.from.Items[KindState], p.to.Items[KindState]
	for _, path := range bothKeys(have, want) {
		was, is := have[path], want[path]
		if was == is {
			continue
		}
		s := Step{Action: ActionSet, Kind: KindState, Name: path, Reason: p.stateReason(path)}
		switch {
		case is == "":
			s.Action, s.Text = ActionRemove, "unmount state "+path
			whose := ""
			if user := p.fromSystem.StateUsers()[path]; user != "" && user != "root" && user != "nobody" {
				if _, stays := p.toSystem.Users[user]; !stays {
					whose = fmt.Sprintf(", files of uid %d,", p.fromSystem.Users[user].UID)
				}
			}
			p.note("what is in %s%s stays on the state volume; `bantam state remove %s` removes it", path, whose, path)
		case was == "" || was == StateInMemory:
			s.Text = "mount state " + path
		default:
			s.Text = fmt.Sprintf("give state %s to %s", path, p.toSystem.StateUsers()[path])
			if s.Reason == "" {
				s.Reason = "its owner is " + was
			}
		}
		if s.Reason == "" {
			s.Reason = "it is not there"
		}
		p.step(s)
	}
}

// stateReason says which keys of services, or of their user, have changed.
func (p *planner) stateReason(path string) string {
	var prefixes []string
	for _, sys := range []*system.System{p.toSystem, p.fromSystem} {
		for _, name := range sortedKeys(sys.Users) {
			if u := sys.Users[name]; u.Home == path && u.HomeIn == system.HomeInState && !slices.Contains(prefixes, keyPath("user", name)) {
				prefixes = append(prefixes, keyPath("user", name))
			}
		}
		for _, name := range sortedKeys(sys.Services) {
			service := sys.Services[name]
			if !slices.Contains(service.State, path) {
				continue
			}
			for _, key := range []string{keyPath("service", name) + ".state", keyPath("service", name) + ".user", keyPath("user", service.User)} {
				if !slices.Contains(prefixes, key) {
					prefixes = append(prefixes, key)
				}
			}
		}
	}
	return p.reason(prefixes...)
}

// check finds what is in the way of a folder, and tells what is hidden by one, or forgotten. What is there in memory is
// gone at the next boot.
func (stateKind) check(c *precheck) (faults []error, notes []string) {
	if c.verb == VerbBoot {
		return nil, nil
	}
	for _, path := range sortedKeys(c.to.system.StateUsers()) {
		state := c.observed.Items[KindState][path]
		if something, other := strings.CutPrefix(state, " "); other {
			faults = append(faults, fmt.Errorf("state %s: this machine has %s there", path, something))
		}
		if state == StateInMemory {
			notes = append(notes, fmt.Sprintf("state %s: what is there now lies in memory, and is hidden by the folder that lasts", path))
		}
		if _, had := orEmpty(c.from.system).StateUsers()[path]; c.forgets && !had {
			notes = append(notes, fmt.Sprintf("state %s lasts until the next boot only: there is no state volume", path))
		}
	}
	return faults, notes
}

func (stateKind) apply(ctx context.Context, o *operation, batch []Step, to target) error {
	step := batch[0]
	if step.Action == ActionRemove {
		return failed(step, o.s.machine.LeaveState(step.Name))
	}
	uid, gid := to.system.IDs(to.system.StateUsers()[step.Name])
	return failed(step, o.s.machine.KeepState(ctx, step.Name, uid, gid))
}
