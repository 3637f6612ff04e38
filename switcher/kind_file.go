package switcher

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"bantam/lifecycle"
	"bantam/system"
)

// KindFile is the files of a system. They lie in memory, and each boot and each switch makes them what the system says.
const KindFile Kind = "file"

type fileKind struct{ separate }

type fileMachine interface {
	// FileState is what FileState says of the file at path; "" if there is none, and words with a blank at the
	// beginning if something else than a file is there, e.g. " a folder".
	FileState(path string) (string, error)
	// WriteFile replaces what is at path, making the folders above, which belong to root.
	WriteFile(path string, data []byte, mode uint32, uid, gid int) error
	// RemoveFile removes it; one that is not there is no error. Folders stay.
	RemoveFile(path string) error
}

func (m *bounded) FileState(path string) (string, error) {
	return named(m, answerLimit, "look at "+path, func() (string, error) { return m.Machine.FileState(path) })
}

func (m *bounded) WriteFile(path string, data []byte, mode uint32, uid, gid int) error {
	return tell(m, answerLimit, "write "+path, func() error { return m.Machine.WriteFile(path, data, mode, uid, gid) })
}

func (m *bounded) RemoveFile(path string) error {
	return tell(m, answerLimit, "remove "+path, func() error { return m.Machine.RemoveFile(path) })
}

// FileState is what tells a file from another at its path: e.g. "0644 0:0 " and the digest of its bytes.
func FileState(mode uint32, uid, gid int, data io.Reader) (string, error) {
	sum := sha256.New()
	_, err := io.Copy(sum, data)
	return fmt.Sprintf("%04o %d:%d %x", mode, uid, gid, sum.Sum(nil)), err
}

func (fileKind) name() Kind { return KindFile }

func (fileKind) desired(_ Machine, d *Desired) (Items, error) {
	sys, items := d.System, Items{}
	for path, f := range sys.Files {
		uid, gid := sys.IDs(f.Owner)
		state, err := FileState(f.Perm(), uid, gid, strings.NewReader(f.Text))
		if err != nil {
			return nil, err
		}
		items[path] = state
	}
	return items, nil
}

func (fileKind) observe(m Machine, o *Observed, to Desired) (Items, error) {
	paths, items := Items{}, Items{}
	maps.Copy(paths, to.Items[KindFile])
	for path := range orEmpty(o.System).Files {
		paths[path] = ""
	}
	var faults []error
	for _, path := range sortedKeys(paths) {
		state, err := m.FileState(path)
		if err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", keyPath("file", path), err))
		} else if state != "" {
			items[path] = state
		}
	}
	return items, errors.Join(faults...)
}

func (fileKind) plan(p *planner) {
	if p.to.System == nil {
		return // they are gone with the memory that they lie in
	}
	have, want := p.from.Items[KindFile], p.to.Items[KindFile]
	for _, path := range bothKeys(have, want) {
		s := Step{Action: ActionSet, Kind: KindFile, Name: path, Text: "write file " + path, Reason: p.reason(keyPath("file", path))}
		_, wanted := want[path]
		switch {
		case have[path] == want[path]:
			continue
		case !wanted:
			s.Action, s.Text = ActionRemove, "remove file "+path
		case s.Reason == "":
			s.Reason = p.changedFile(path)
		}
		p.step(s)
	}
}

// changedFile says what is wrong with a file that the system goes on having as it is; "" if nothing is.
func (p *planner) changedFile(path string) string {
	have, is := p.from.Items[KindFile][path]
	switch {
	case have == p.to.Items[KindFile][path]:
		return ""
	case !is:
		return "it is not there"
	}
	return "somebody has changed it"
}

// check finds what a file cannot replace.
func (fileKind) check(c *precheck) (faults []error, notes []string) {
	for _, path := range sortedKeys(c.to.system.Files) {
		if something, other := strings.CutPrefix(c.observed.Items[KindFile][path], " "); other {
			faults = append(faults, fmt.Errorf("%s: this machine has %s there", keyPath("file", path), something))
		}
	}
	return faults, nil
}

func (fileKind) apply(_ context.Context, o *operation, batch []Step, to target) error {
	step := batch[0]
	if step.Action == ActionRemove {
		return failed(step, o.s.machine.RemoveFile(step.Name))
	}
	f := to.system.Files[step.Name]
	uid, gid := to.system.IDs(f.Owner)
	return failed(step, o.s.machine.WriteFile(step.Name, []byte(f.Text), f.Perm(), uid, gid))
}

// withFiles adds to the fingerprints of services what their files are: one whose command names a file, or that the file
// lists in restarts, is restarted when that changes, and one that it lists in reloads is told to reload.
func withFiles(sys *system.System, prints, files Items) Items {
	all := Items{}
	for name, print := range prints {
		restarts, reloads := filesOf(sys, name)
		all[name] = lifecycle.WithFiles(print, statesOf(files, restarts), statesOf(files, reloads))
	}
	return all
}

// filesOf lists the files for whose change a service is restarted, and those for which it is told to reload.
func filesOf(sys *system.System, service string) (restarts, reloads []string) {
	for _, path := range sortedKeys(sys.Files) {
		f := sys.Files[path]
		switch {
		case slices.Contains(f.Reloads, service):
			reloads = append(reloads, path)
		case slices.Contains(f.Restarts, service), system.NamedBy(sys.Services[service], path):
			restarts = append(restarts, path)
		}
	}
	return restarts, reloads
}

func statesOf(files Items, paths []string) string {
	text := ""
	for _, path := range paths {
		text += path + " " + files[path] + "\n"
	}
	return text
}
