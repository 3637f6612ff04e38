package deploy

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"bantam/signature"
	"bantam/switcher"
	"bantam/system"
)

// Wanted is what shall be deployed, as far as it is known before it is built.
type Wanted struct {
	Board  string               // "": the machine's
	System *system.System       // nil: it is built already, and the machine looks at it
	Key    *signature.PublicKey // that signs it; nil: none
	Then   string               // where the machine is to be reached afterwards; "": where it is now
}

// Refuse says why a machine cannot be deployed to, nil if nothing speaks against it.
func (m *Machine) Refuse(w Wanted) error {
	switch {
	case w.Board != "" && w.Board != m.Board:
		return fmt.Errorf("%s is board %s, not %s", m.Name(), m.Board, w.Board)
	case !m.Lasting:
		return fmt.Errorf("%s has no state volume (%s): the next boot would have forgotten what it is given", m.Name(), m.Storage)
	case w.System == nil:
		return nil
	}
	if m.Running != nil {
		if err := refuseKey(m.Running.Trust.PublicKeys(), w.Key); err != nil {
			return fmt.Errorf("%s %w", m.Name(), err)
		}
	}
	return m.refuseLogin(w)
}

// refuseKey says why a machine that trusts these keys does not take what a key has signed.
func refuseKey(trusted []signature.PublicKey, key *signature.PublicKey) error {
	if len(trusted) == 0 || key != nil && slices.ContainsFunc(trusted, func(t signature.PublicKey) bool { return t.Line() == key.Line() }) {
		return nil
	}
	var names []string
	for _, k := range trusted {
		names = append(names, k.String())
	}
	wants := "takes only what is signed by " + strings.Join(names, " or ")
	if key == nil {
		return errors.New(wants + ": --key FILE signs it with that private key")
	}
	return fmt.Errorf("%s, and --key is %s", wants, key)
}

// refuseLogin says why nobody could come in to confirm.
func (m *Machine) refuseLogin(w Wanted) error {
	users := w.System.LogIns()
	if !slices.Contains(users, m.User) && w.Then == "" {
		others := "nobody"
		if len(users) > 0 {
			others = strings.Join(users, ", ")
		}
		return fmt.Errorf("with this system.toml %s could not log in any more, only %s, and so nobody would confirm it: [user.%[1]s] authorized_keys; or --then USER@HOST", m.User, others)
	}
	if m.Running != nil && m.Running.SSH.Port != w.System.SSH.Port && w.Then == "" {
		return fmt.Errorf("with this system.toml SSH is at port %d, no longer at %d: say where the machine is to be reached then, e.g. --then ssh://%s@HOST:%[1]d", w.System.SSH.Port, m.Running.SSH.Port, m.User)
	}
	return nil
}

// Runs says whether the machine is already as a switch to what was pushed would leave it.
func (m *Machine) Runs(p Pushed, v Preview) bool {
	return m.Generation == p.Number && m.Default == p.Number && m.State == switcher.StateGood && m.Tries == 0 && m.Busy == "" && len(v.Steps) == 0
}

// stage is how far a trial is.
type stage int

const (
	underWay   stage = iota
	confirming       // it waits for somebody who says that he can come in
	proven           // it runs, and the next boot runs it
	wentBack
)

// stageOf says from a machine's status how far the trial of a generation is. ahead: it has to reboot for it, and has not yet done so.
func stageOf(s Status, generation int, ahead bool) stage {
	here := s.Generation == generation
	switch {
	case ahead, s.Generation == 0 && !s.Confirms, s.Tries == generation && s.Busy == "":
		return underWay
	case s.Confirms && (here || s.Generation == 0):
		return confirming
	case s.Busy != "":
		return underWay
	case here && s.State == switcher.StateGood && s.Default == generation:
		return proven
	case here: // the record is about to be written, or a way back to begin
		return underWay
	}
	return wentBack
}
