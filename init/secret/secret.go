// Package secret keeps the values that no generation holds: passwords, tokens,
// keys. Each is a file of its name in a folder that only root enters.
//
// A value is in the memory of PID 1 from when it is first asked for, so that a
// service can be started without waiting for a disk. Nothing here puts a value
// into an error.
package secret

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"bantam/atomicfile"
	"bantam/init/filetree"
	"bantam/regular"
	"bantam/system"
)

// Bounds of what is kept, all of which may be in memory at a time.
const (
	MostBytes = 64 << 10 // of one value
	mostNames = 100
)

// ErrNotSet is the error of a secret that nobody has set; it is fs.ErrNotExist.
var ErrNotSet = fmt.Errorf("nobody has set it: %w", fs.ErrNotExist)

// Store is the secrets of a machine. Its methods may be called from any goroutine.
type Store struct {
	dir string // e.g. /state/secrets; it need not be there

	mu     sync.Mutex        // not held over the disk
	values map[string][]byte // as read or written last

	writing sync.Mutex
}

// Open returns the store in a folder, which it makes when the first secret is set.
func Open(dir string) *Store { return &Store{dir: dir, values: map[string][]byte{}} }

// Entry is one secret, without its value.
type Entry struct {
	Name string    `json:"name"`
	Set  time.Time `json:"set"` // when its value was set
}

// Value reads the secret's value, and remembers it for Known.
func (s *Store) Value(name string) ([]byte, error) {
	value, err := s.read(name)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case err == nil:
		s.values[name] = value
	case errors.Is(err, fs.ErrNotExist):
		delete(s.values, name)
	}
	return value, err
}

func (s *Store) read(name string) ([]byte, error) {
	if !system.MayBeSecret(name) {
		return nil, ErrNotSet
	}
	dir, err := s.open()
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	value, err := regular.Read(dir.Path(name), unix.O_NOFOLLOW, MostBytes)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, ErrNotSet
	case err != nil:
		return nil, fmt.Errorf("%s: %w", filepath.Join(s.dir, name), cause(err))
	}
	return value, nil
}

// Known is the value that was read or set last. It asks no disk.
func (s *Store) Known(name string) (value []byte, known bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	value, known = s.values[name]
	return value, known
}

// CheckName says why a secret cannot have a name.
func CheckName(name string) error {
	if system.MayBeSecret(name) {
		return nil
	}
	return fmt.Errorf("%q is not a name for a secret: use lower-case letters, digits and . _ -, starting with a letter or digit, at most %d", name, system.MostSecretName)
}

// Set gives the secret its value, which is on the disk when Set returns nil. On an error it has its old one.
func (s *Store) Set(name string, value []byte) error { return s.set(name, value, false) }

// SetNew is Set for a secret that nobody has set yet; fs.ErrExist says that somebody has.
func (s *Store) SetNew(name string, value []byte) error { return s.set(name, value, true) }

func (s *Store) set(name string, value []byte, new bool) error {
	if err := CheckName(name); err != nil {
		return err
	}
	switch {
	case len(value) == 0:
		return errors.New("there is no value")
	case len(value) > MostBytes:
		return fmt.Errorf("its value has more than %d bytes", MostBytes)
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	dir, err := s.make()
	if err != nil {
		return err
	}
	defer dir.Close()
	if err := atomicfile.RemoveTemps(atomicfile.OS{}, dir.Path("")); err != nil { // they hold values too
		return fmt.Errorf("%s: %w", s.dir, cause(err))
	}
	if all, err := s.List(); err != nil {
		return err
	} else if len(all) >= mostNames && !slices.ContainsFunc(all, func(e Entry) bool { return e.Name == name }) {
		return fmt.Errorf("there are %d secrets, and there can be no more", len(all))
	}
	if _, err := s.read(name); new && !errors.Is(err, ErrNotSet) {
		return cmp.Or(err, fs.ErrExist)
	}
	if err := atomicfile.Write(dir.Path(name), value, 0o600); err != nil {
		return fmt.Errorf("write %s: %w", filepath.Join(s.dir, name), cause(err))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.values[name] = bytes.Clone(value)
	return nil
}

// Remove removes the secret; one that is not set is ErrNotSet.
func (s *Store) Remove(name string) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	if !system.MayBeSecret(name) {
		return ErrNotSet
	}
	dir, err := s.open()
	if err != nil {
		return err
	}
	defer dir.Close()
	err = dir.Unlink(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		err = ErrNotSet
	case err == nil:
		err = atomicfile.OS{}.SyncDir(dir.Path(""))
	}
	if err == nil || errors.Is(err, ErrNotSet) {
		s.mu.Lock()
		delete(s.values, name)
		s.mu.Unlock()
	} else {
		err = fmt.Errorf("remove %s: %w", filepath.Join(s.dir, name), cause(err))
	}
	return err
}

// List is all secrets by name. What is no file of a secret's name is left out.
func (s *Store) List() ([]Entry, error) {
	dir, err := s.open()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	names, err := dir.Names()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.dir, err)
	}
	slices.Sort(names)
	var all []Entry
	for _, name := range names {
		if info, err := dir.Lstat(name); err == nil && info.Mode().IsRegular() && system.MayBeSecret(name) {
			all = append(all, Entry{name, info.ModTime().UTC().Truncate(time.Second)})
		}
	}
	return all, nil
}

// open opens the folder. That it is not there is ErrNotSet.
func (s *Store) open() (filetree.Dir, error) {
	dir, err := filetree.Here.Folder(s.dir, false)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return dir, ErrNotSet
	case err != nil:
		return dir, fmt.Errorf("%s: %w", s.dir, err)
	}
	return dir, nil
}

// make opens the folder, which is root's alone from then on.
func (s *Store) make() (filetree.Dir, error) {
	fresh := filetree.Here.Mkdir(s.dir, 0o700)
	if fresh != nil && !errors.Is(fresh, fs.ErrExist) {
		return -1, fmt.Errorf("mkdir %s: %w", s.dir, fresh)
	}
	dir, err := s.open()
	if err != nil {
		return dir, err
	}
	err = unix.Fchmod(int(dir), 0o700)
	if err == nil && fresh == nil {
		err = atomicfile.OS{}.SyncDir(filepath.Dir(s.dir))
	}
	if err != nil {
		dir.Close()
		return -1, fmt.Errorf("%s: %w", s.dir, cause(err))
	}
	return dir, nil
}

// cause is a file's error without the path, which may be one of /proc.
func cause(err error) error {
	var call *fs.PathError
	if errors.As(err, &call) {
		return call.Err
	}
	return err
}
