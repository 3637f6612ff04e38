package switcher

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"bantam/layer"
	"bantam/lifecycle"
	"bantam/system"
	"bantam/zone"
)

// KindFile is the files of a system. They lie in memory, and each boot and each switch makes them what the system says.
const KindFile Kind = "file"

type fileKind struct{}

type fileMachine interface {
	// FileState is what FileState says of the file at path; "" if there is none, and words with a blank at the
	// beginning if something else than a file or a link is there, e.g. " a folder".
	FileState(path string) (string, error)
	// EtcPaths lists all files and links below /etc but those that Bantam makes of other keys.
	EtcPaths() ([]string, error)
	// WriteFile replaces what is at path, making the folders above, which belong to root.
	WriteFile(path string, data []byte, mode uint32, uid, gid int) error
	// WriteLink replaces it by a symbolic link, MakeFolder makes a folder of root, 0755, unless there is one.
	WriteLink(path, target string) error
	MakeFolder(path string) error
	// RemoveFile removes it; one that is not there is no error. Folders stay.
	RemoveFile(path string) error
}

func (m *bounded) FileState(path string) (string, error) {
	return named(m, answerLimit, "look at "+path, func() (string, error) { return m.Machine.FileState(path) })
}

func (m *bounded) EtcPaths() ([]string, error) {
	return named(m, answerLimit, "list /etc", m.Machine.EtcPaths)
}

func (m *bounded) WriteFile(path string, data []byte, mode uint32, uid, gid int) error {
	return tell(m, answerLimit, "write "+path, func() error { return m.Machine.WriteFile(path, data, mode, uid, gid) })
}

func (m *bounded) WriteLink(path, target string) error {
	return tell(m, answerLimit, "write "+path, func() error { return m.Machine.WriteLink(path, target) })
}

func (m *bounded) MakeFolder(path string) error {
	return tell(m, answerLimit, "make "+path, func() error { return m.Machine.MakeFolder(path) })
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

// stateOf is a file's state as an item: a digest of a secret's value would tell who tries values.
func stateOf(f system.File, state string) string {
	if f.Text.Secret == "" || strings.HasPrefix(state, " ") {
		return state
	}
	return Keyed([]byte(state))
}

func (fileKind) name() Kind { return KindFile }

// desired are the files of the system, and what its layers have below /etc where none of the system's, nor one of Bantam's
// own, is there. What lies below /usr, and what sources show elsewhere, is of the tree.
func (fileKind) desired(m Machine, d *Desired) (Items, error) {
	sys, items := d.System, Items{}
	for file, e := range etcOf(d.Layers) {
		if !system.IsOwnFile(file) {
			items[file] = entryState(e)
		}
	}
	for path, f := range sys.Files {
		if f.Source != "" || below(path, "/usr") {
			continue
		}
		uid, gid := sys.FileIDs(f)
		content, err := contentOf(m, f)
		if err != nil {
			items[path] = "cannot be made: " + err.Error() // which a step will tell
			continue
		}
		state, err := FileState(f.Perm(), uid, gid, bytes.NewReader(content))
		if err != nil {
			return nil, err
		}
		items[path] = stateOf(f, state)
	}
	if content := localtime(sys); content != nil {
		state, err := FileState(0o644, 0, 0, bytes.NewReader(content))
		if err != nil {
			return nil, err
		}
		items[system.LocaltimePath] = state
	}
	return items, nil
}

// localtime is the file that tells programs the time zone of a system; nil: it has none, and they take UTC.
func localtime(sys *system.System) []byte {
	if z := sys.Time.Zone; z != "" && z != zone.UTC {
		return zone.File(zone.Rule(z))
	}
	return nil
}

// etcOf lists what layers have below /etc, by path.
func etcOf(layers []indexed) map[string]*layer.Entry {
	all := map[string]*layer.Entry{}
	for _, l := range layers {
		for i, e := range l.index {
			if file := "/" + e.Path; below(file, "/etc") && all[file] == nil {
				all[file] = &l.index[i]
			}
		}
	}
	return all
}

// aFolder is the state of a folder, whoever it belongs to.
const aFolder = " a folder"

// entryState is what FileState says of a file of a layer.
func entryState(e *layer.Entry) string {
	switch e.Kind {
	case layer.Folder:
		return aFolder
	case layer.Link:
		return LinkState(e.Link)
	}
	return fmt.Sprintf("%04o %d:%d %s", e.Mode, e.UID, e.GID, e.SHA256)
}

// LinkState is what FileState says of a symbolic link.
func LinkState(target string) string { return "link " + target }

func (fileKind) observe(m Machine, o *Observed, to Desired) (Items, error) {
	paths, items := Items{}, Items{}
	maps.Copy(paths, to.Items[KindFile])
	for path, f := range orEmpty(o.System).Files {
		if f.Source == "" && !below(path, "/usr") {
			paths[path] = ""
		}
	}
	for path := range etcOf(o.Layers) {
		if !system.IsOwnFile(path) {
			paths[path] = ""
		}
	}
	strays, err := m.EtcPaths()
	faults := []error{err}
	for _, path := range strays {
		paths[path] = ""
	}
	for _, path := range sortedKeys(paths) {
		state, err := m.FileState(path)
		if err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", keyPath("file", path), err))
		} else if state != "" {
			items[path] = stateOf(orEmpty(to.System).Files[path], state)
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
		s := Step{Action: ActionSet, Kind: KindFile, Name: path, Text: "write file " + path, Reason: p.reason(keyPath("file", path), keyPath("user", p.toSystem.Files[path].Owner), keyPath("group", p.toSystem.Files[path].Group))}
		if path == system.LocaltimePath && s.Reason == "" {
			s.Reason = p.reason("time.zone")
		}
		s.Reason = cmp.Or(s.Reason, p.layerReason(path))
		_, wanted := want[path]
		switch {
		case have[path] == want[path], !wanted && have[path] == aFolder: // which somebody may have something in
			continue
		case want[path] == aFolder:
			s.Text = "make folder " + path
		case !wanted:
			s.Action, s.Text = ActionRemove, "remove file "+path
			if _, ours := p.fromSystem.Files[path]; s.Reason == "" && !ours && etcOf(p.from.Layers)[path] == nil {
				s.Reason = "somebody has made it, and no generation knows of it"
			}
		case s.Reason == "":
			s.Reason = p.changedFile(path)
		}
		p.step(s)
	}
}

// layerReason says what layers have to do with the change of a file; "" if nothing.
func (p *planner) layerReason(path string) string {
	was, before := entryAt(p.from.Layers, path)
	is, after := entryAt(p.to.Layers, path)
	if hides(p.fromSystem, path) {
		was = nil
	}
	if hides(p.toSystem, path) {
		return ""
	}
	switch {
	case was == nil && is == nil:
		return ""
	case is == nil:
		return spokenLayer(before.LayerName()) + " had it"
	case was == nil:
		return spokenLayer(after.LayerName()) + " has it"
	case entryState(was) == entryState(is):
		return ""
	case after.LayerName() == filesPayload:
		return "what is beside system.toml has changed"
	}
	return spokenLayer(after.LayerName()) + versionIn(p.to.Layers, after.LayerName()) + " has another"
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
	if why := p.changedSecrets(func(use system.SecretUse) bool { return use.File == path }); why != "" {
		return why
	}
	return "somebody has changed it"
}

// changedBelow is changedFile for all that a source brings.
func (p *planner) changedBelow(path string) string {
	if why := p.changedFile(path); why != "" || p.toSystem.Files[path].Source == "" {
		return why
	}
	for _, file := range sortedKeys(p.to.Items[KindFile]) {
		if below(file, path) && p.changedFile(file) != "" {
			return file + ": " + p.changedFile(file)
		}
	}
	return ""
}

// mostHandChanges bounds what a status says of them.
const mostHandChanges = 20

// HandChanges says which files are not what the generation that runs has made them, and which below /etc are nobody's. The
// next switch makes them what they were.
func (s *Switcher) HandChanges() ([]string, error) {
	s.mu.Lock()
	want, busy, sys := s.placed, s.busy != nil, orEmpty(s.current.system)
	s.mu.Unlock()
	files := sys.Files
	if busy || want == nil {
		return nil, nil // what changes is not by hand
	}
	strays, err := s.machine.EtcPaths()
	if err != nil {
		return nil, err
	}
	users, err := s.machine.Users()
	if err != nil {
		return nil, err
	}
	var changes, accounts []string
	for _, name := range bothKeys(users, Accounts(sys)) {
		if users[name] != Accounts(sys)[name] {
			accounts = append(accounts, name)
		}
	}
	if n := len(accounts); n > 0 {
		if n > 3 {
			accounts = append(accounts[:3], fmt.Sprintf("%d more", n-3))
		}
		changes = append(changes, "somebody has changed /etc/passwd, group or shadow ("+strings.Join(accounts, ", ")+"); the next switch makes them what they were")
	}
	for _, path := range strays {
		if want[path] == "" {
			changes = append(changes, path+" is nobody's; the next switch removes it")
		}
	}
	for _, path := range sortedKeys(want) {
		switch have, err := s.machine.FileState(path); {
		case err != nil:
			changes = append(changes, err.Error())
		case have == "":
			changes = append(changes, path+" is gone; the next switch makes it again")
		case stateOf(files[path], have) != want[path]:
			changes = append(changes, "somebody has changed "+path+"; the next switch makes it what it was")
		}
	}
	if n := len(changes); n > mostHandChanges {
		changes = append(changes[:mostHandChanges], fmt.Sprintf("and %d more files", n-mostHandChanges))
	}
	return changes, nil
}

// check finds what a file cannot replace.
func (fileKind) check(c *precheck) (faults []error, notes []string) {
	for _, path := range sortedKeys(c.to.system.Files) {
		if something, other := strings.CutPrefix(c.observed.Items[KindFile][path], " "); other && c.to.system.Files[path].Source == "" {
			faults = append(faults, fmt.Errorf("%s: this machine has %s there", keyPath("file", path), something))
		}
	}
	return faults, nil
}

// joint: each is told and journaled together with the others.
func (fileKind) joint(before, action Action) bool { return before == action }

func (fileKind) apply(_ context.Context, o *operation, batch []Step, to target) error {
	var faults []error
	for _, step := range batch { // one that fails keeps none of the others from being made
		faults = append(faults, failed(step, o.applyFile(step, to.system)))
	}
	return errors.Join(faults...)
}

func (o *operation) applyFile(step Step, sys *system.System) error {
	m, path := o.s.machine, step.Name
	if step.Action == ActionRemove {
		return m.RemoveFile(path)
	}
	if f, ours := sys.Files[path]; ours && f.Source == "" {
		uid, gid := sys.FileIDs(f)
		content, err := contentOf(m, f)
		if err != nil {
			return err
		}
		return m.WriteFile(path, content, f.Perm(), uid, gid)
	}
	if content := localtime(sys); content != nil && path == system.LocaltimePath {
		return m.WriteFile(path, content, 0o644, 0, 0)
	}
	e, l := entryAt(o.desired.Layers, path)
	switch {
	case e == nil:
		return errors.New("no layer has it")
	case e.Kind == layer.Folder:
		return m.MakeFolder(path)
	case e.Kind == layer.Link:
		return m.WriteLink(path, e.Link)
	}
	data, err := m.LayerFile(l, e.Path)
	if err != nil {
		return err
	}
	return m.WriteFile(path, data, e.Mode, e.UID, e.GID)
}

// withFiles adds to the fingerprints of services what their files are: one whose command names a file, or that the file
// lists in restarts, is restarted when that changes, and one that it lists in reloads is told to reload. What the tree
// has for a service counts as if its command named it.
func (d *Desired) withFiles(prints Items) Items {
	files := maps.Clone(d.Items[KindFile])
	maps.Copy(files, d.Items[KindTree])
	for path, f := range d.System.Files {
		if e, _ := entryAt(d.Layers, path); e != nil && f.Source != "" {
			files[path] = entryState(e) + e.SHA256 // of a folder with all that is in it
		}
	}
	all := Items{}
	for name, print := range prints {
		restarts, reloads := filesOf(d.System, name)
		used, _ := d.uses(name, print)
		all[name] = lifecycle.WithFiles(print, statesOf(files, restarts)+statesOf(used, sortedKeys(used)), statesOf(files, reloads))
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
