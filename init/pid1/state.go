package pid1

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"bantam/atomicfile"
	"bantam/init/filetree"
	"bantam/init/supervise"
	"bantam/switcher"
	"bantam/system"
)

// The folders of services that last lie beside each other in one folder of the state volume, each under its path with
// colons for slashes, so that none is in another whatever generations call theirs. Each is a mount of its own at its
// path; a program sees a real folder, and reaches from there nothing else of the volume.

// foldersPath is where they lie. Only root enters it.
const foldersPath = statePath + "/services"

const (
	// between owns a folder while what is in it is given to another user. No system can have that number, so
	// whatever interrupts that, the next look finds that it has to be done again.
	between = 65535
	// removedPrefix begins the names of folders that are being removed.
	removedPrefix = ".removed-"
)

// stateFolders are those of a machine.
type stateFolders struct {
	dir string // e.g. /state/services
	// run runs a command as root and returns when it has ended well.
	run func(ctx context.Context, argv ...string) error

	changing sync.Mutex // one change at a time

	mu      sync.Mutex
	mounted map[string]bool // by path
}

// kept says whether the folder is at its path. It asks no disk.
func (s *stateFolders) kept(folder string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mounted[folder]
}

func (s *stateFolders) note(folder string, mounted bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mounted == nil {
		s.mounted = map[string]bool{}
	}
	s.mounted[folder] = mounted
}

// folderName is what a folder that lasts is called on the volume, e.g. var:lib:web.
func folderName(folder string) string { return strings.ReplaceAll(folder[1:], "/", ":") }

// folderPath is the path of the folder that is called so.
func folderPath(name string) string { return "/" + strings.ReplaceAll(name, ":", "/") }

// atPath opens the folder at a path; no link on the way is followed.
func atPath(folder string, make bool) (filetree.Dir, error) {
	return filetree.FolderOf(folder+"/.", make)
}

// StateFolder says what is at path.
func (m *Machine) StateFolder(folder string) (string, error) {
	target, err := atPath(folder, false)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer target.Close()
	here, err := target.Info()
	if err != nil {
		return "", err
	}
	if same, err := m.state.isAt(folder, here); err != nil {
		return "", err
	} else if same {
		st := here.Sys().(*syscall.Stat_t)
		return switcher.StateFolderOf(int(st.Uid), int(st.Gid)), nil
	}
	above, err := target.Stat("..")
	if err != nil {
		return "", err
	}
	if above.ID().Device != here.ID().Device {
		return " another file system", nil
	}
	names, err := target.Names()
	if len(names) > 0 && err == nil {
		return switcher.StateInMemory, nil
	}
	return "", err
}

// isAt says whether what was found at the path is the folder that lasts.
func (s *stateFolders) isAt(folder string, found *filetree.Info) (bool, error) {
	source, err := filetree.Here.Folder(path.Join(s.dir, folderName(folder)), false)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, &fs.PathError{Op: "open", Path: path.Join(s.dir, folderName(folder)), Err: err}
	}
	defer source.Close()
	info, err := source.Info()
	return err == nil && info.ID() == found.ID(), err
}

// KeepState makes the folder, gives it to its user and mounts it at path.
func (m *Machine) KeepState(ctx context.Context, folder string, uid, gid int) error {
	s := m.state
	s.changing.Lock()
	defer s.changing.Unlock()
	s.note(folder, false)
	target, err := atPath(folder, true)
	if err != nil {
		return err
	}
	defer target.Close()
	source, err := s.make(folderName(folder), uid, gid)
	if err != nil {
		return err
	}
	defer source.Close()
	if err := s.give(ctx, source, folderName(folder), uid, gid); err != nil {
		return err
	}
	from, err := source.Info()
	if err != nil {
		return err
	}
	to, err := target.Info()
	if err != nil {
		return err
	}
	if from.ID() != to.ID() { // else it is there already
		if err := unix.Mount(source.Path(""), target.Path(""), "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("mount %s at %s: %w", path.Join(s.dir, folderName(folder)), folder, err)
		}
	}
	s.note(folder, true)
	return nil
}

// stateMode is what a folder of a user is made with. A service that runs as root may have processes of other users, to whom it gives
// folders in its own, as nginx does: they get through it.
func stateMode(uid int) uint32 {
	if uid == 0 {
		return 0o711
	}
	return 0o700
}

// make opens a folder on the volume, which it makes if need be.
func (s *stateFolders) make(name string, uid, gid int) (filetree.Dir, error) {
	if err := filetree.Here.Mkdir(s.dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return -1, fmt.Errorf("mkdir %s: %w", s.dir, err)
	}
	dir, err := filetree.Here.Folder(s.dir, false)
	if err != nil {
		return -1, &fs.PathError{Op: "open", Path: s.dir, Err: err}
	}
	defer dir.Close()
	source, err := dir.Folder(name, false)
	if errors.Is(err, fs.ErrNotExist) {
		if err = dir.Mkdir(name, 0o700); err == nil { // closed until it is its user's
			err = dir.Chown(name, uid, gid)
		}
		if err == nil {
			source, err = dir.Folder(name, false)
		}
		if err == nil { // what a service then syncs in it must not be lost with its name
			err = errors.Join(unix.Fchmod(int(source), stateMode(uid)), atomicfile.OS{}.SyncDir(s.dir), atomicfile.OS{}.SyncDir(path.Dir(s.dir)))
		}
	}
	if err != nil {
		source.Close()
		return -1, &fs.PathError{Op: "make", Path: path.Join(s.dir, name), Err: err}
	}
	return source, nil
}

// give makes all that is in the folder the user's, and itself last. It takes as long as there are files, so a process of
// its own does it, which can be ended.
func (s *stateFolders) give(ctx context.Context, source filetree.Dir, name string, uid, gid int) error {
	owned := func() (bool, error) {
		info, err := source.Info()
		if err != nil {
			return false, err
		}
		st := info.Sys().(*syscall.Stat_t)
		return int(st.Uid) == uid && int(st.Gid) == gid, nil
	}
	if done, err := owned(); done || err != nil {
		return err
	}
	if err := unix.Fchown(int(source), between, between); err != nil {
		return fmt.Errorf("chown %s: %w", path.Join(s.dir, name), err)
	}
	if err := s.run(ctx, "chown", "-R", "-h", fmt.Sprintf("%d:%d", uid, gid), path.Join(s.dir, name)); err != nil {
		return err
	}
	done, err := owned()
	if err == nil && !done {
		err = fmt.Errorf("%s is not %d's after chown", path.Join(s.dir, name), uid)
	}
	return err
}

// LeaveState unmounts the folder. Who has something open in it keeps that.
func (m *Machine) LeaveState(folder string) error {
	s := m.state
	s.changing.Lock()
	defer s.changing.Unlock()
	s.note(folder, false)
	target, err := atPath(folder, false)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer target.Close()
	here, err := target.Info()
	if err != nil {
		return err
	}
	if same, err := s.isAt(folder, here); err != nil || !same {
		return err
	}
	if err := unix.Unmount(target.Path(""), unix.MNT_DETACH); err != nil {
		return fmt.Errorf("unmount %s: %w", folder, err)
	}
	return nil
}

// list gives the paths of all folders that are there, whoever uses them, and their owners' numbers.
func (s *stateFolders) list() (paths []string, owners map[string]int, err error) {
	dir, err := filetree.Here.Folder(s.dir, false)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, &fs.PathError{Op: "open", Path: s.dir, Err: err}
	}
	defer dir.Close()
	names, err := dir.Names()
	owners = map[string]int{}
	for _, name := range names {
		if info, err := dir.Lstat(name); err == nil && info.IsDir() && !strings.HasPrefix(name, ".") {
			paths = append(paths, folderPath(name))
			owners[folderPath(name)] = int(info.Sys().(*syscall.Stat_t).Uid)
		}
	}
	slices.Sort(paths)
	return paths, owners, err
}

var errInUse = errors.New("it is in use")

// remove removes a folder that nobody uses, with all that is in it. It has lost its name before anything of it is gone, so
// that a generation that names it again finds all of it or nothing.
func (s *stateFolders) remove(ctx context.Context, folder string) error {
	s.changing.Lock()
	defer s.changing.Unlock()
	if s.kept(folder) {
		return errInUse
	}
	dir, err := filetree.Here.Folder(s.dir, false)
	if err != nil {
		return &fs.PathError{Op: "open", Path: s.dir, Err: err}
	}
	defer dir.Close()
	gone := fmt.Sprint(removedPrefix, time.Now().UnixNano())
	if err := dir.Rename(folderName(folder), gone); err != nil {
		return fmt.Errorf("remove %s: %w", path.Join(s.dir, folderName(folder)), err)
	}
	if err := (atomicfile.OS{}).SyncDir(s.dir); err != nil {
		return err
	}
	return s.run(ctx, "rm", "-r", "-f", path.Join(s.dir, gone))
}

// removeLeft removes what an interrupted removal left.
func (s *stateFolders) removeLeft(ctx context.Context) error {
	dir, err := filetree.Here.Folder(s.dir, false)
	if err != nil {
		return nil // there are none
	}
	defer dir.Close()
	names, err := dir.Names()
	faults := []error{err}
	for _, name := range names {
		if strings.HasPrefix(name, removedPrefix) {
			faults = append(faults, s.run(ctx, "rm", "-r", "-f", path.Join(s.dir, name)))
		}
	}
	return errors.Join(faults...)
}

// runCommand runs one of Bantam's commands to its end; the error has the last that it said.
func runCommand(sup *supervise.Supervisor) func(ctx context.Context, argv ...string) error {
	return func(ctx context.Context, argv ...string) error {
		status, output, err := sup.RunOnce(ctx, supervise.Definition{Name: argv[0], Argv: argv, Env: environment("root", "/", nil)})
		if err = checkFault(status, output, err); err != nil {
			return fmt.Errorf("%s: %w", argv[0], err)
		}
		return nil
	}
}

// withState is lookup for a service whose folders are there when it starts, whether they are now or not.
func (s *stateFolders) withState(service system.Service, uid, gid int, lookup func(string) (supervise.Fact, error)) func(string) (supervise.Fact, error) {
	return func(name string) (supervise.Fact, error) {
		for _, folder := range service.State {
			below, in := strings.CutPrefix(name+"/", folder+"/")
			_, above := strings.CutPrefix(folder+"/", name+"/")
			if !in && !above {
				continue
			}
			at := name
			if in {
				at = path.Join(s.dir, folderName(folder), below)
			}
			fact, err := lookup(at)
			missing := errors.Is(err, fs.ErrNotExist)
			switch {
			case name == folder && (err == nil || missing):
				if missing {
					fact.Mode = unix.S_IFDIR | stateMode(uid)
				}
				fact.UID, fact.GID = uint32(uid), uint32(gid)
				return fact, nil
			case above && missing:
				return supervise.Fact{Mode: unix.S_IFDIR | 0o755}, nil
			}
			return fact, err
		}
		return lookup(name)
	}
}
