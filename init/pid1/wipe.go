package pid1

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"bantam/init/filetree"
	"bantam/switcher"
)

// wipe throws away what the machine keeps, where a flash has asked for that and its kernel has been started. It comes before anything of it
// is read. What a power cut leaves of it the next boot throws away.
func (p *initProcess) wipe() {
	if !p.lasting() || p.image.Board == "" {
		return
	}
	due, err := switcher.DueWipe(statePath, p.image.Generation)
	if err != nil {
		p.notes.add("state: what was to be wiped: %v", err)
	}
	if due == nil {
		return
	}
	if err = wipeBelow(statePath, "", due.Stays); err == nil {
		err = due.Done()
	}
	if err != nil {
		p.notes.add("state: what was to be wiped is not all gone, the next boot goes on: %v", err)
		return
	}
	left := "its generations are there: `bantam generations`"
	if due.All {
		left = "what was to be kept is there"
	}
	p.notes.add("state: what this machine kept was thrown away, as the flash was told to; %s", left)
}

// wipeBelow removes what does not stay of a folder; inside is its path below dir. stays says of such a path whether it does, or something
// below it.
func wipeBelow(dir, inside string, stays func(string) (it, below bool)) error {
	names, err := os.ReadDir(filepath.Join(dir, inside))
	faults := []error{err}
	for _, e := range names {
		at := path.Join(inside, e.Name())
		switch it, below := stays(at); {
		case it:
		case below && e.IsDir():
			faults = append(faults, wipeBelow(dir, at, stays))
		default:
			faults = append(faults, os.RemoveAll(filepath.Join(dir, at)))
		}
	}
	return errors.Join(faults...)
}

// keepPaths are paths that a wipe is to leave, below the state volume: files and folders there, or in the folders that services and users
// keep.
func (s *stateFolders) keepPaths(wanted []string) (list []string, err error) {
	folders, _, err := s.list()
	if err != nil {
		return nil, err
	}
	state := filepath.Dir(s.dir)
	for _, want := range wanted {
		at := path.Clean(want)
		if i := slices.IndexFunc(folders, func(f string) bool { return at == f || strings.HasPrefix(at, f+"/") }); i >= 0 {
			at = path.Join(s.dir, folderName(folders[i]), at[len(folders[i]):])
		}
		inside, ok := strings.CutPrefix(at, state+"/")
		if !ok {
			return nil, fmt.Errorf("--keep %s: nothing of it lasts a reboot: it is neither below %s nor in a folder that `bantam state` lists", want, state)
		}
		above, name, err := filetree.OpenOperand(at)
		if err == nil {
			_, err = above.Lstat(name)
			above.Close()
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("--keep %s is not there", want)
		}
		if err != nil {
			return nil, fmt.Errorf("--keep %s: %w", want, err)
		}
		list = append(list, inside)
	}
	return list, nil
}
